import Foundation
import LinuxRuntime
import RecorderCore
import Testing

@testable import AudioCapture

/// `audio.standby` and `audio.pre_roll_seconds`.
struct StandbyTests {
    private func periods(_ count: Int) -> [ScriptedHost.Step] { Array(repeating: .period, count: count) }

    private func numbered(_ range: Range<Int>) -> [Int16] { range.map(numberedSample) }

    @Test func `what was heard before START is thrown away, and the first sample is that of START`() throws {
        let lesson = try ScriptedLesson.run(
            periods(2) + [.start(after: 40)] + periods(5) + [.stop(after: 50)], standsBy: true)
        #expect(lesson.openings == 1)
        #expect(
            lesson.changes == [
                .standby(.open), .standby(.off), .started(realtime: false), .stopped(end: SampleIndex(550 * 16)),
            ])
        #expect(lesson.samples == numbered(240 * 16..<790 * 16))
    }

    @Test func `the newest second before START begins the recording, without a seam`() throws {
        let lesson = try ScriptedLesson.run(
            periods(30) + [.start(after: 40)] + periods(5) + [.stop(after: 50)], standsBy: true, preRollSeconds: 1)
        #expect(lesson.samples == numbered(2_040 * 16..<3_590 * 16))
        #expect(lesson.end == 1_550 * 16)
        #expect(lesson.silences == [])
    }

    @Test func `less than that is kept when the device was opened a moment ago`() throws {
        let lesson = try ScriptedLesson.run(
            [.period, .start(after: 40), .period, .stop(after: 50)], standsBy: true, preRollSeconds: 10)
        #expect(lesson.samples == numbered(0..<290 * 16))
    }

    @Test func `a lesson begins with nothing of the one before`() throws {
        let lesson = try ScriptedLesson.run(
            periods(3) + [.start(after: 0)] + periods(4) + [.pause(after: 30)] + periods(2) + [.start(after: 10)]
                + periods(3) + [.stop(after: 0)], standsBy: true, preRollSeconds: 2)
        #expect(lesson.openings == 1)
        // STOP came after 730 ms.
        #expect(lesson.samples == numbered(730 * 16..<1_240 * 16))
    }

    @Test func `a lesson that goes on after an interruption has no room for it`() throws {
        let ring = SampleRing()
        let shared = try CaptureSharedState(ring: ring, notifier: EventNotifier())
        let host = ScriptedHost(shared: shared, periods(3) + [.stop(after: 100)])
        shared.standsBy = true
        let loop = CaptureLoop(shared: shared, host: host, preRollSeconds: 2)
        for _ in 0..<3 { loop.standBy() }
        #expect(shared.preRoll == 4_800)
        host.start(at: SampleIndex(50_000))
        loop.run()
        #expect(shared.preRoll == 0)
        var samples = [Int16](repeating: 0, count: 1_600)
        samples.withUnsafeMutableBufferPointer { _ = ring.read(from: SampleIndex(50_000), into: $0) }
        #expect(samples == numbered(4_800..<6_400))
    }

    /// The device's own rate is not the recording's: what waits in the resampler at START follows in its place.
    @Test(arguments: [44_100, 48_000, 96_000])
    func `a converted stream goes on over START`(_ rate: Int) throws {
        let parameters = PCMParameters(
            framesPerSecond: rate, format: .s32, channels: 2, periodFrames: rate / 10, bufferFrames: rate * 2)
        func tone(_ seconds: Double) -> Double { 0.5 * sin(2 * .pi * 440 * seconds) }
        let lesson = try ScriptedLesson.run(
            periods(20) + [.start(after: 40)] + periods(10) + [.stop(after: 30)], parameters, standsBy: true,
            preRollSeconds: 1
        ) { frame, _ in tone(Double(frame) / Double(rate)) }
        #expect(abs(lesson.end - 2_030 * 16) <= 80, "\(lesson.end)")
        #expect(lesson.silences == [])
        // The tone's phase tells when the first sample was: a second before START, but for what waits in the resampler.
        let began = try #require((-100...100).map { 1.04 + Double($0) / 16_000 }.min {
            deviation(lesson.samples, $0, tone) < deviation(lesson.samples, $1, tone)
        })
        #expect(abs(began - 1.04) < 0.006, "\(began)")
        #expect(deviation(lesson.samples, began, tone) < 100)
    }

    /// The greatest, from 100 ms on, of full scale 32768.
    private func deviation(_ samples: [Int16], _ began: Double, _ tone: (Double) -> Double) -> Double {
        stride(from: 1_600, to: samples.count - 1_600, by: 1).map {
            abs(Double(samples[$0]) - 32_768 * tone(began + Double($0) / 16_000))
        }.max() ?? 0
    }

    @Test func `what an overrun tore is forgotten`() throws {
        let lesson = try ScriptedLesson.run(
            periods(3) + [.overrun(2_500)] + periods(2) + [.start(after: 0), .period, .stop(after: 0)], standsBy: true,
            preRollSeconds: 5)
        #expect(lesson.samples == numbered(300 * 16..<600 * 16))
        #expect(lesson.overruns == 0, "of a lesson none was lost")
    }

    @Test func `a microphone that is away is told once, tried again, and told when it is there`() throws {
        let lesson = try ScriptedLesson.run([.absent(3_500)] + periods(2) + [.stop(after: 0)], standsBy: true)
        #expect(lesson.changes == [.standby(.away), .standby(.open)])
        #expect(lesson.openings == 5, "at once, and after 1, 2, 3 and 4 s")
        #expect(lesson.errors == [.open(device: "scripted", errno: 19, detail: "")])
    }

    @Test func `one that fails in standby is closed and opened again`() throws {
        let lesson = try ScriptedLesson.run(
            periods(2) + [.fails(errno: 19, after: 10)] + periods(2) + [.start(after: 0), .period, .stop(after: 0)],
            standsBy: true, preRollSeconds: 5)
        #expect(
            lesson.changes == [
                .standby(.open), .standby(.away), .standby(.open), .standby(.off), .started(realtime: false),
                .stopped(end: SampleIndex(300 * 16)),
            ])
        #expect(lesson.samples == numbered(0..<300 * 16), "nothing from before")
    }

    @Test func `a lesson whose START finds it away is told, as ever`() throws {
        let ring = SampleRing()
        let shared = try CaptureSharedState(ring: ring, notifier: EventNotifier())
        let host = ScriptedHost(shared: shared, [.absent(1_500), .period, .stop(after: 100)])
        shared.standsBy = true
        let loop = CaptureLoop(shared: shared, host: host, preRollSeconds: 2)
        loop.standBy()
        host.start(at: .zero)
        loop.run()
        var events: [CaptureEvent] = []
        while let event = shared.events.pop() { events.append(event) }
        #expect(Array(events.prefix(3)) == [.standby(.away), .standby(.off), .deviceLost(errno: 19)])
        #expect(events.contains(.started(realtime: false)))
    }

    @Test func `what is given out or forgotten is not in memory any more`() {
        let preRoll = PreRoll(capacity: 1_000)
        var given: [Int16] = []
        numbered(0..<2_300).withUnsafeBufferPointer { preRoll.append($0) }
        #expect(preRoll.count == 1_000)
        preRoll.take(limit: 300) { given += Array($0) }
        #expect(given == numbered(1_300..<2_300))
        #expect(preRoll.count == 0)
        preRoll.take(limit: 300) { _ in Issue.record("nothing is left") }
    }
}
