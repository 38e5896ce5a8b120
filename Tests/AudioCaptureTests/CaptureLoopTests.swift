import RecorderCore
import Testing

@testable import AudioCapture

private func numbered(_ range: Range<Int>) -> [Int16] { range.map(numberedSample) }

private func mark(_ start: Int64, _ end: Int64, _ reason: SilenceMark.Reason) -> CaptureEvent {
    .silence(SilenceMark(start: SampleIndex(start), end: SampleIndex(end), reason: reason))
}

struct CaptureLoopTests {
    @Test func `a quiet lesson is every sample, once`() throws {
        let lesson = try ScriptedLesson.run(Array(repeating: .period, count: 50) + [.stop(after: 100)])
        #expect(lesson.changes == [.started(realtime: false), .stopped(end: SampleIndex(51 * 1_600))])
        #expect(lesson.events.count - lesson.changes.count == 5, "the level of each second")
        #expect(lesson.samples == numbered(0..<51 * 1_600))
        #expect(lesson.overruns == 0)
    }

    @Test func `STOP between two periods keeps the samples up to that moment`() throws {
        // The device holds 40 ms more at STOP, and goes on: the recording ends at STOP.
        let lesson = try ScriptedLesson.run([.period, .period, .stop(after: 40)])
        #expect(lesson.end == 240 * 16)
        #expect(lesson.samples == numbered(0..<240 * 16))
    }

    @Test func `a reader that comes late loses nothing`() throws {
        let lesson = try ScriptedLesson.run([.period, .late(1_900), .period, .stop(after: 100)])
        #expect(lesson.silences == [])
        #expect(lesson.samples == numbered(0..<2_200 * 16))
    }

    @Test func `an overrun is filled with exactly what was lost, and marked`() throws {
        let lesson = try ScriptedLesson.run([.period, .period, .overrun(2_500), .period, .period, .stop(after: 100)])
        #expect(
            lesson.events == [
                .started(realtime: false), mark(200 * 16, 2_700 * 16, .overrun), .stopped(end: SampleIndex(3_000 * 16)),
            ])
        #expect(lesson.overruns == 1)
        #expect(Array(lesson.samples[..<3_200]) == numbered(0..<3_200))
        #expect(lesson.samples[3_200..<43_200].allSatisfy { $0 == 0 })
        #expect(Array(lesson.samples[43_200...]) == numbered(3_200..<8_000))
    }

    @Test func `a hundred overruns leave the duration true`() throws {
        let once: [ScriptedHost.Step] = [.period, .late(130), .overrun(2_017), .period]
        let lesson = try ScriptedLesson.run(Array(repeating: once, count: 100).flatMap { $0 } + [.stop(after: 50)])
        #expect(lesson.overruns == 100)
        #expect(abs(lesson.end - lesson.elapsedMilliseconds * 16) <= 10 * 16)
        #expect(lesson.end == (100 * 2_347 + 50) * 16)
    }

    @Test func `a suspended machine is an overrun`() throws {
        let lesson = try ScriptedLesson.run([.period, .fails(errno: 86, after: 5_000), .period, .stop(after: 100)])
        #expect(lesson.silences == [SilenceMark(start: SampleIndex(1_600), end: SampleIndex(81_600), reason: .overrun)])
    }

    @Test func `an unplugged microphone is silence until it is back`() throws {
        let lesson = try ScriptedLesson.run([.period, .absent(650), .period, .period, .stop(after: 100)])
        // Attempts after 100, 300 and 700 ms: the third finds it.
        #expect(
            lesson.events == [
                .started(realtime: false), .deviceLost(errno: 19), mark(1_600, 800 * 16, .deviceLost), .deviceBack,
                .stopped(end: SampleIndex(1_100 * 16)),
            ])
        #expect(lesson.openings == 4)
        #expect(Array(lesson.samples[(800 * 16)...]) == numbered(0..<4_800))
    }

    @Test func `away for a minute: told once, silence each second, and true time when it is back`() throws {
        let lesson = try ScriptedLesson.run([.period, .absent(60_000), .period, .stop(after: 100)])
        #expect(lesson.events.filter { $0 == .deviceLost(errno: 19) }.count == 1)
        #expect(lesson.events.filter { $0 == .deviceBack }.count == 1)
        #expect(lesson.silences.count == 62)
        for (mark, next) in zip(lesson.silences, lesson.silences.dropFirst()) { #expect(mark.end == next.start) }
        #expect(lesson.silences.dropLast().allSatisfy { $0.end.samples(since: $0.start) == 16_000 })
        #expect(lesson.end == lesson.elapsedMilliseconds * 16)
        #expect(lesson.openings < 20)
    }

    @Test func `STOP while the microphone is away ends at once, with true duration`() throws {
        let lesson = try ScriptedLesson.run([.period, .absent(600_000), .stop(after: 12_345)])
        #expect(lesson.end == 12_445 * 16)
        #expect(lesson.elapsedMilliseconds == 12_445)
        #expect(lesson.events.last == .stopped(end: SampleIndex(12_445 * 16)))
    }

    @Test func `a microphone that is absent at START is lost, and its recording begins at START`() throws {
        let lesson = try ScriptedLesson.run([.absent(250), .period, .stop(after: 100)])
        #expect(
            lesson.events == [
                .deviceLost(errno: 19), mark(0, 300 * 16, .deviceLost), .started(realtime: false),
                .stopped(end: SampleIndex(500 * 16)),
            ])
        #expect(lesson.errors == [.open(device: "scripted", errno: 19, detail: "")])
    }

    @Test func `a device that stalls is re-opened`() throws {
        let lesson = try ScriptedLesson.run([.period, .stalls, .period, .stop(after: 100)])
        #expect(lesson.events[1] == .deviceLost(errno: 110))
        #expect(lesson.openings == 2)
        #expect(lesson.end == lesson.elapsedMilliseconds * 16)
    }

    @Test func `a device that gives nothing for a second is told as lost, and keeps its samples`() throws {
        let lesson = try ScriptedLesson.run([.period, .late(0), .late(0), .pauses(1_500), .period, .stop(after: 100)])
        #expect(lesson.changes.contains(.deviceLost(errno: 110)))
        #expect(lesson.changes.contains(.deviceBack))
        #expect(lesson.errors == [.silent(device: "scripted", milliseconds: Limits.microphoneStallMilliseconds)])
        #expect(lesson.openings == 1)
        #expect(lesson.silences == [])
    }

    @Test func `a device that always wakes and never delivers is given up, not spun on`() throws {
        let lesson = try ScriptedLesson.run(
            [.period] + Array(repeating: .spurious, count: 601) + [.period, .stop(after: 100)])
        #expect(lesson.events.contains(.deviceLost(errno: 110)))
        #expect(lesson.openings == 2)
        #expect(lesson.elapsedMilliseconds >= 3_000)
        #expect(lesson.end == lesson.elapsedMilliseconds * 16)
    }

    @Test func `an overrun whose restart fails is a lost device`() throws {
        let lesson = try ScriptedLesson.run(
            [.period, .startsFail(errno: 5, count: 1), .overrun(2_100), .period, .stop(after: 100)])
        #expect(lesson.events[1] == .deviceLost(errno: 5))
        #expect(lesson.openings == 2)
        #expect(lesson.end == lesson.elapsedMilliseconds * 16)
    }

    @Test func `overruns without a sample between them are a lost device`() throws {
        let lesson = try ScriptedLesson.run(
            [.period] + Array(repeating: .overrun(1), count: 4) + [.period, .stop(after: 100)])
        #expect(lesson.overruns == 3)
        #expect(lesson.events.contains(.deviceLost(errno: 32)))
        #expect(lesson.end == lesson.elapsedMilliseconds * 16)
    }

    @Test func `a failure while STOP drains leaves marked silence, not a shorter recording`() throws {
        let lesson = try ScriptedLesson.run([.period, .stop(after: 0), .fails(errno: 19, after: 20)])
        #expect(lesson.events.last == .stopped(end: SampleIndex(100 * 16)))
        let other = try ScriptedLesson.run([.period, .overrun(2_500), .stop(after: 0), .fails(errno: 19, after: 20)])
        #expect(other.end == 2_600 * 16)
        #expect(other.silences.map(\.end) == [SampleIndex(2_600 * 16)])
    }
}
