import RecorderCore
import Testing

@testable import AudioCapture

private func time(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(milliseconds: milliseconds) }

struct LostSampleEstimatorTests {
    @Test func `an undisturbed stream is expected where it is`() {
        var estimator = LostSampleEstimator(position: SampleIndex(1_600), at: time(5_100))
        for period in 1...100 {
            estimator.observe(position: SampleIndex(1_600 * Int64(period + 1)), at: time(5_100 + 100 * Int64(period)))
        }
        #expect(estimator.expectedPosition(at: time(15_100)) == SampleIndex(1_600 * 101))
        #expect(estimator.expectedPosition(at: time(16_100)) == SampleIndex(1_600 * 111))
    }

    @Test func `a reader that comes late does not make samples look lost`() {
        var estimator = LostSampleEstimator(position: .zero, at: time(0))
        for period in 1...50 {
            // Every fifth wake-up sees the chunk that came up to 90 ms ago.
            let late: Int64 = period % 5 == 0 ? 90 : 0
            estimator.observe(position: SampleIndex(1_600 * Int64(period)), at: time(100 * Int64(period) + late))
        }
        let expected = estimator.expectedPosition(at: time(6_000)).value
        #expect(abs(expected - 96_000) <= 16)
    }

    @Test(arguments: [-500.0, -50, 50, 500])
    func `a clock that drifts by parts per million is followed for an hour`(partsPerMillion: Double) {
        var estimator = LostSampleEstimator(position: .zero, at: time(0))
        let rate = 16 * (1 + partsPerMillion / 1e6)
        for period in 1...36_000 {
            let milliseconds = 100 * Int64(period)
            estimator.observe(position: SampleIndex(Int64(Double(milliseconds) * rate)), at: time(milliseconds))
        }
        let end = Double(3_600_000) * rate
        #expect(abs(Double(estimator.expectedPosition(at: time(3_600_000)).value) - end) <= 16)
    }
}

struct ReopenBackoffTests {
    @Test func `attempts come after 100 ms, doubling up to the cap`() {
        var backoff = ReopenBackoff(lostAt: time(0))
        var attempts: [Int64] = []
        for now in stride(from: Int64(0), through: 30_000, by: 10) where backoff.takeAttempt(at: time(now)) {
            attempts.append(now)
        }
        #expect(attempts == [100, 300, 700, 1_500, 3_100, 6_300, 11_300, 16_300, 21_300, 26_300])
    }

    @Test func `silence is due each second`() {
        var backoff = ReopenBackoff(lostAt: time(0))
        let due = (0...50).map { Int64($0) * 100 }.filter { backoff.takeSilence(at: time($0)) }
        #expect(due == [1_000, 2_000, 3_000, 4_000, 5_000])
    }

    @Test func `the deadline is the soonest of what is due`() {
        var backoff = ReopenBackoff(lostAt: time(0))
        #expect(backoff.nextDeadline == time(100))
        var now: Int64 = 0
        while now < 60_000 {
            let deadline = backoff.nextDeadline
            #expect(deadline.milliseconds > now)
            now = deadline.milliseconds
            let did = (backoff.takeAttempt(at: deadline), backoff.takeSilence(at: deadline))
            #expect(did.0 || did.1)
        }
    }
}

struct LevelMeterTests {
    private func second(_ samples: [Int16]) -> LevelMeter.Second? {
        var meter = LevelMeter()
        var last: LevelMeter.Second?
        samples.withUnsafeBufferPointer { samples in
            for start in stride(from: 0, to: samples.count, by: 1_600) {
                last = meter.add(.init(rebasing: samples[start..<min(start + 1_600, samples.count)])) ?? last
            }
        }
        return last
    }

    @Test func `full scale is 0 dBFS, both ways`() throws {
        let square = (0..<16_000).map { Int16($0 % 2 == 0 ? Int16.min : Int16.max) }
        let level = CaptureLevel(try #require(second(square)))
        #expect(level == CaptureLevel(peakTenths: 0, rmsTenths: 0))
    }

    @Test func `a tenth of full scale is -20 dBFS`() throws {
        let square = (0..<16_000).map { Int16($0 % 2 == 0 ? 3_277 : -3_277) }
        #expect(CaptureLevel(try #require(second(square))) == CaptureLevel(peakTenths: -200, rmsTenths: -200))
    }

    @Test func `a run of three samples at full scale is clipping, however the seconds fall; two are a peak`() throws {
        var samples = [Int16](repeating: 0, count: 32_000)
        for place in [100, 101, 5_000, 5_001, 5_002, 5_003, 15_998, 15_999, 16_000, 20_000] { samples[place] = .max }
        for place in [9_000, 9_001, 9_002] { samples[place] = .min }
        var meter = LevelMeter()
        var clipped: [Int] = []
        samples.withUnsafeBufferPointer { samples in
            for start in stride(from: 0, to: samples.count, by: 1_600) {
                if let second = meter.add(.init(rebasing: samples[start..<(start + 1_600)])) {
                    clipped.append(second.clipped)
                }
            }
        }
        #expect(clipped == [2, 1])
    }

    @Test func `silence has its own value, not minus infinity`() throws {
        #expect(CaptureLevel(try #require(second([Int16](repeating: 0, count: 16_000)))) == .silence)
    }

    @Test func `less than a second is not measured yet`() {
        #expect(second([Int16](repeating: 100, count: 15_999)) == nil)
    }
}

struct EventRingTests {
    private static let every: [CaptureEvent] = [
        .started(realtime: true), .started(realtime: false),
        .silence(SilenceMark(start: SampleIndex(7), end: SampleIndex(9), reason: .deviceLost)),
        .silence(SilenceMark(start: SampleIndex(1 << 40), end: SampleIndex(1 << 41), reason: .overrun)),
        .deviceLost(errno: 19), .level(CaptureLevel(peakTenths: -1_200, rmsTenths: -903), clipped: 4), .deviceBack,
        .channels(ChannelFaults(dead: 0x81, inverted: 2, isMissing: true)), .channels(ChannelFaults()),
        .clock(DeviceClock(nominalRate: 192_000, partsPerMillion: -80_000, milliseconds: 1 << 40)),
        .stopped(end: SampleIndex(1 << 50)),
    ]

    @Test func `every event comes out as it went in, in order`() {
        let ring = EventRing(capacity: 16)
        for event in Self.every { ring.push(event) }
        #expect(Self.every.map { _ in ring.pop() } == Self.every)
        #expect(ring.pop() == nil)
    }

    @Test func `what does not fit is counted, and what is there stays`() {
        let ring = EventRing(capacity: 4)
        for number in 0..<10 { ring.push(.deviceLost(errno: Int32(number))) }
        #expect(ring.refused == 6)
        #expect(ring.pop() == .deviceLost(errno: 0))
        ring.push(.deviceBack)
        #expect([ring.pop(), ring.pop(), ring.pop(), ring.pop(), ring.pop()]
            == [.deviceLost(errno: 1), .deviceLost(errno: 2), .deviceLost(errno: 3), .deviceBack, nil])
    }
}
