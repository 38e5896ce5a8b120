import Foundation
import RecorderCore
import Testing

@testable import AudioCapture

private let card = PCMParameters(
    framesPerSecond: 48_000, format: .s32, channels: 2, periodFrames: 4_800, bufferFrames: 96_000)
private let odd = PCMParameters(
    framesPerSecond: 44_100, format: .s24packed, channels: 1, periodFrames: 4_410, bufferFrames: 88_200)

/// A click each second of the device's own time.
private func clicks(_ rate: Int64) -> (Int64, Int) -> Double { { frame, _ in frame % rate == rate / 2 ? 0.9 : 0 } }

private func mark(_ start: Int64, _ end: Int64, _ reason: SilenceMark.Reason) -> CaptureEvent {
    .silence(SilenceMark(start: SampleIndex(start), end: SampleIndex(end), reason: reason))
}

/// The capture loop with a sound card of its own rate.
struct NativeDeviceTests {
    private func places(_ lesson: ScriptedLesson) -> [Int64] {
        lesson.samples.indices.filter { index in
            let value = lesson.samples[index]
            guard value > 5_000 else { return false }
            let around = lesson.samples[max(0, index - 3)...min(lesson.samples.count - 1, index + 3)]
            return value == around.max()
        }.map(Int64.init)
    }

    @Test(arguments: [card, odd])
    func `a quiet lesson is as long as its time, and its clicks are in their places`(
        parameters: PCMParameters
    ) throws {
        let lesson = try ScriptedLesson.run(
            Array(repeating: .period, count: 100) + [.stop(after: 40)], parameters,
            signal: clicks(Int64(parameters.framesPerSecond)))
        #expect(lesson.changes == [.started(realtime: false), .stopped(end: SampleIndex(10_040 * 16))])
        #expect(lesson.end == 10_040 * 16)
        let places = places(lesson)
        #expect(places.count == 10)
        for (second, place) in places.enumerated() { #expect(abs(place - Int64(second) * 16_000 - 8_000) <= 1) }
    }

    @Test func `an overrun is filled with what was lost, and what follows is in its place`() throws {
        let steps = Array(repeating: ScriptedHost.Step.period, count: 10)
        let lesson = try ScriptedLesson.run(
            steps + [.overrun(2_517)] + steps + [.stop(after: 0)], card, signal: clicks(48_000))
        #expect(lesson.events.filter { if case .silence = $0 { true } else { false } }
            == [mark(16_000, 3_517 * 16, .overrun)])
        #expect(lesson.samples[16_000..<3_517 * 16].allSatisfy { $0 == 0 })
        // The device's own count begins where it was read to; its second click is half a second behind the silence.
        let places = places(lesson)
        #expect(places.count == 2)
        #expect(abs(places[0] - 8_000) <= 1)
        #expect(abs(places[1] - (3_517 * 16 + 8_000)) <= 1)
        #expect(lesson.end == 4_517 * 16)
    }

    @Test func `a card that is unplugged loses none of the samples that it gave`() throws {
        let lesson = try ScriptedLesson.run(
            [.period, .period, .absent(650), .period, .stop(after: 50)], card, signal: { frame, _ in
                frame >= 9_570 && frame < 9_573 ? 0.9 : 0
            })
        #expect(lesson.changes == [
            .started(realtime: false), .deviceLost(errno: 19), mark(3_200, 900 * 16, .deviceLost), .deviceBack,
            .stopped(end: SampleIndex(1_050 * 16)),
        ])
        // 27 frames before its end: still in the filter when the card went.
        #expect(abs(Int(lesson.samples[3_190]) + Int(lesson.samples[3_191])) > 9_000)
    }

    @Test func `a hundred overruns leave the duration true`() throws {
        let once: [ScriptedHost.Step] = [.period, .late(130), .overrun(2_017), .period]
        let lesson = try ScriptedLesson.run(
            Array(repeating: once, count: 100).flatMap { $0 } + [.stop(after: 50)], card, signal: clicks(48_000))
        #expect(lesson.overruns == 100)
        #expect(lesson.end == (100 * 2_347 + 50) * 16)
    }

    @Test func `a card that goes in the moment of STOP leaves the lesson as long as it was`() throws {
        let lesson = try ScriptedLesson.run(
            [.period, .stop(after: 0), .fails(errno: 19, after: 20)], card, signal: clicks(48_000))
        #expect(lesson.events.last == .stopped(end: SampleIndex(100 * 16)))
    }

    @Test(arguments: [(80_000, 51_840), (-81_250, 44_100), (0, 48_000), (10_000, 48_480)])
    func `the device's clock is measured`(partsPerMillion: Int64, rate: Int) throws {
        let lesson = try ScriptedLesson.run(
            Array(repeating: .period, count: 700) + [.stop(after: 0)], card, partsPerMillion: partsPerMillion,
            signal: { _, _ in 0 })
        let clock = try #require(lesson.clocks.last)
        #expect(clock.measuredRate == rate)
        #expect(clock.milliseconds >= 50_000)
    }

    @Test func `a constant in the samples is taken off, and not a bit of the others`() throws {
        let lesson = try ScriptedLesson.run(
            Array(repeating: .period, count: 60) + [.stop(after: 0)], signal: { frame, _ in
                (1_000 + (frame % 2 == 0 ? 500 : -500)) / 32_768
            })
        #expect(lesson.samples[..<16_000].allSatisfy { $0 == 1_500 || $0 == 500 })
        #expect(lesson.samples[48_000...].allSatisfy { abs($0) == 500 })
    }

    @Test func `channels that are faulty are told once, and how loud each is`() throws {
        let lesson = try ScriptedLesson.run(
            Array(repeating: .period, count: 60) + [.stop(after: 0)], card, signal: { frame, channel in
                channel == 0 ? 0.25 * sin(Double(frame) / 20) : 0
            })
        #expect(lesson.changes == [
            .started(realtime: false), .channels(ChannelFaults(dead: 2)), .stopped(end: SampleIndex(6_000 * 16)),
        ])
        #expect(lesson.channels.map(\.level.peakTenths) == [-120, CaptureLevel.silenceTenths])
    }

    @Test func `a channel that the card does not have is told, and all are mixed`() throws {
        let lesson = try ScriptedLesson.run(
            [.period, .period, .stop(after: 0)], card, channel: .one(3), signal: { frame, _ in
                0.25 * sin(Double(frame) / 20)
            })
        #expect(lesson.changes.contains(.channels(ChannelFaults(isMissing: true))))
        #expect(try #require(lesson.samples.max()) > 8_000)
    }
}
