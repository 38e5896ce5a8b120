import RecorderCore
import Testing

@testable import SpeechUplink

private func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(milliseconds: milliseconds) }
private func sample(_ value: Int64) -> SampleIndex { SampleIndex(value) }

/// A session under virtual time: what was sent when.
private struct Run {
    var pacer: SessionPacer
    var now: Int64
    var frames: [(at: Int64, range: Range<SampleIndex>)] = []
    var keepalives: [Int64] = []
    var finishedAt: Int64?
    var looks = 0

    init(base: Int64 = 0, rate: Double = 1.5, now: Int64 = 0) {
        pacer = SessionPacer(base: sample(base), now: at(now), catchUpRate: rate)
        self.now = now
    }

    /// - Parameter head: the ring's head at a time.
    mutating func run(until end: Int64, head: (Int64) -> Int64) {
        while now <= end {
            switch pacer.next(now: at(now), head: sample(head(now))) {
            case .send(let range):
                frames.append((now, range))
                pacer.didSend(through: range.upperBound, now: at(now))
            case .keepalive:
                keepalives.append(now)
                pacer.didSendKeepalive(now: at(now))
            case .finish:
                finishedAt = now
                pacer.didSendFinish()
            case .wait(let until):
                looks += 1
                guard let until else { return }
                precondition(until.milliseconds > now)
                now = until.milliseconds
            }
        }
    }

    /// Every frame begins where the last one ended and is 100 ms long, but for the last.
    func isSeamless(from base: Int64) -> Bool {
        var next = sample(base)
        for (index, frame) in frames.enumerated() {
            guard frame.range.lowerBound == next else { return false }
            let count = frame.range.upperBound.samples(since: frame.range.lowerBound)
            guard count == 1_600 || (index == frames.count - 1 && count > 0 && count < 1_600) else { return false }
            next = frame.range.upperBound
        }
        return true
    }
}

/// The microphone's periods: 1600 samples at each 100 ms after `phase`.
private func live(_ phase: Int64 = 0, from start: Int64 = 0) -> (Int64) -> Int64 {
    { now in start + max(0, (now - phase) / 100) * 1_600 }
}

@Test(arguments: [0, 1, 7, 50, 99] as [Int64])
func `live audio goes out within 20 ms of its period`(phase: Int64) {
    var run = Run()
    run.run(until: 60_000, head: live(phase))
    #expect(run.frames.count >= 598)
    #expect(run.isSeamless(from: 0))
    let delays = run.frames.dropFirst(5).map { $0.at - ($0.range.upperBound.value / 16 + phase) }
    #expect(delays.max()! <= 20)
    #expect(delays.min()! >= 0)
    #expect(run.looks <= 60 * 12)
}

@Test(arguments: [99, 101] as [Int64])
func `a microphone whose clock is a hundredth off is followed`(period: Int64) {
    var run = Run()
    run.run(until: 120_000) { $0 / period * 1_600 }
    #expect(run.isSeamless(from: 0))
    #expect(run.pacer.sentThrough.value >= (120_000 / period - 2) * 1_600)
    #expect(run.looks <= 120 * 13)
}

@Test func `behind, two seconds go out at once and the rest at the catch-up rate`() {
    var run = Run()
    run.run(until: 60_000) { 20 * 16_000 + $0 * 16 }
    #expect(run.isSeamless(from: 0))
    let burst = run.frames.prefix { $0.at == 0 }.count
    #expect(burst == 20)
    // 18 s behind after the burst, gained at half a second a second: level after 36 s.
    let level = run.frames.first { 320_000 + $0.at * 16 - $0.range.upperBound.value < 3_200 }
    #expect(level.map { $0.at > 35_000 && $0.at < 37_500 } == true)
}

@Test(arguments: [1.0, 1.5, 3.0])
func `no stretch of time carries more than its share and one burst`(rate: Double) {
    var run = Run(rate: rate)
    // A stall of 9 s in the middle: the next look comes late.
    run.run(until: 10_000) { 100 * 16_000 + $0 * 16 }
    run.now = 19_000
    run.run(until: 40_000) { 100 * 16_000 + $0 * 16 }
    for (index, first) in run.frames.enumerated() {
        var sum: Int64 = 0
        for frame in run.frames[index...].prefix(400) {
            sum += frame.range.upperBound.samples(since: frame.range.lowerBound)
            let share = Double(frame.at - first.at) * 16 * rate
            #expect(Double(sum) <= share + Double(Limits.burstSamples) + 1)
        }
    }
}

@Test(arguments: [0.0, -1, 0.5])
func `a rate below 1 counts as 1`(rate: Double) {
    var run = Run(rate: rate)
    run.run(until: 10_000, head: live())
    #expect(run.pacer.sentThrough.value >= 158_000)
}

@Test func `without audio there is a keepalive every 5 s and few looks`() {
    var run = Run(base: 4_000)
    run.run(until: 21_000) { _ in 4_500 }
    #expect(run.frames.isEmpty)
    #expect(run.keepalives == [5_000, 10_000, 15_000, 20_000])
    #expect(run.looks <= 21 * 12)
}

@Test func `a keepalive is not needed while audio flows`() {
    var run = Run()
    run.run(until: 30_000, head: live())
    #expect(run.keepalives.isEmpty)
}

@Test func `audio that comes back after a silence goes out`() {
    var run = Run()
    run.run(until: 40_000) { $0 < 20_000 ? 0 : ($0 - 20_000) / 100 * 1_600 }
    #expect(run.keepalives.count == 3 || run.keepalives.count == 4)
    #expect(run.isSeamless(from: 0))
    #expect(run.pacer.sentThrough.value >= 19 * 16_000)
}

@Test func `finish sends to the sample, a short frame last, and then nothing`() {
    var run = Run(base: 1_000)
    run.pacer.finish(at: sample(1_000 + 3 * 1_600 + 77))
    run.run(until: 30_000) { _ in 99_999 }
    #expect(run.isSeamless(from: 1_000))
    #expect(run.frames.map { $0.range.upperBound.samples(since: $0.range.lowerBound) } == [1_600, 1_600, 1_600, 77])
    #expect(run.finishedAt == 0)
    #expect(run.keepalives.isEmpty)
    #expect(run.pacer.next(now: at(60_000), head: sample(99_999)) == .wait(until: nil))
}

@Test func `finish waits for audio that is still to come`() {
    var run = Run()
    run.pacer.finish(at: sample(20_000))
    run.run(until: 10_000, head: live())
    #expect(run.isSeamless(from: 0))
    #expect(run.pacer.sentThrough == sample(20_000))
    #expect(run.finishedAt.map { $0 >= 1_200 && $0 <= 1_320 } == true)
}

@Test func `finish before what was sent already comes at once`() {
    var run = Run()
    run.run(until: 1_000, head: live())
    run.pacer.finish(at: sample(100))
    #expect(run.pacer.next(now: at(1_000), head: sample(16_000)) == .finish)
}

@Test func `an empty session is finished without a frame`() {
    var run = Run(base: 500)
    run.pacer.finish(at: sample(500))
    run.run(until: 100) { _ in 500 }
    #expect(run.frames.isEmpty)
    #expect(run.finishedAt == 0)
}

@Test func `a head before the base or a clock that stands still does no harm`() {
    var run = Run(base: 50_000)
    run.run(until: 3_000) { 16 * $0 }
    #expect(run.frames.isEmpty)
    var pacer = SessionPacer(base: sample(0), now: at(1_000), catchUpRate: 1.5)
    #expect(pacer.next(now: at(900), head: sample(1_600)) == .send(sample(0)..<sample(1_600)))
}
