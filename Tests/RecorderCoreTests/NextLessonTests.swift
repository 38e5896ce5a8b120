import RecorderCore
import Testing

@Suite struct `The next lesson` {
    private static let next = RecordingHeader(
        id: RecordingID(startedAt: WallTime(milliseconds: 1_790_000_100_000), randomHigh: 3, randomLow: 4),
        label: "8A", startedAt: WallTime(milliseconds: 1_790_000_100_000), clockSynchronised: true,
        boot: BootTime(id: "b", milliseconds: 5_000))
    private static let end = SampleIndex(milliseconds: 5_000)

    private func isRecording(_ header: RecordingHeader, _ box: Box) -> Bool {
        box.recorder.lesson?.header.id == header.id && box.recorder.lesson?.stage == .recording
    }

    @Test func `begins while the service hangs over the last words of the one before`() {
        var box = Box()
        box.goLive()
        box.happens(.stop)
        box.happens(.capture(.stopped(end: Self.end)))
        box.happens(.start(StartRequest(header: Self.next)), after: 1_000)
        #expect(box.recorder.newestRecording == Self.next.id)
        #expect(box.effects.contains(.uplink(.close(session: 1))))
        #expect(box.closing?.end == Self.end)
        #expect(box.closing?.gaps.isEmpty == false, "its last words come later")
        box.happens(.closed(samples: Self.end.value, words: 0), after: 40)
        #expect(isRecording(Self.next, box))
        #expect(box.effects.first == .capture(.start(at: .zero)))
        #expect(box.recorder.ending?.id == Box.header.id)
        #expect(box.recorder.ending?.problem == nil)
        let header = box.recorder.lesson?.header
        #expect(header?.startedAt.milliseconds == Self.next.startedAt.milliseconds + 40, "its first sample's time")
        #expect(header?.boot?.milliseconds == 5_040)
    }

    @Test func `begins when the microphone has given what it still held`() {
        var box = Box(transcription: false)
        box.start()
        box.happens(.stop)
        box.happens(.start(StartRequest(header: Self.next)), after: 50)
        #expect(box.effects == [])
        box.happens(.capture(.stopped(end: Self.end)))
        #expect(box.closing?.end == Self.end)
        box.happens(.closed(samples: Self.end.value, words: 0))
        #expect(isRecording(Self.next, box))
    }

    @Test func `does not wait for a disk that hangs, and what is missing of the last one is told`() throws {
        var box = Box(transcription: false)
        box.start()
        box.happens(.store(.committed(through: SampleIndex(milliseconds: 3_400))))
        box.happens(.stop)
        box.happens(.capture(.stopped(end: SampleIndex(milliseconds: 9_000))))
        box.happens(.store(.failed("No space left on device")))
        box.happens(.start(StartRequest(header: Self.next)))
        let pressed = box.now
        try box.untilDeadline()
        #expect(box.now.milliseconds(since: pressed) == Limits.storeHandOverMilliseconds)
        #expect(isRecording(Self.next, box))
        #expect(box.recorder.ending?.problem == "3.4 of 9.0 s are saved: No space left on device")
        // The end of the last one comes late, when the next one is being closed: it is not that one's.
        box.happens(.stop)
        box.happens(.capture(.stopped(end: Self.end)))
        let all = SampleIndex(milliseconds: 9_000).value
        box.happens(.closed(samples: all, words: 0, of: Box.header.id))
        #expect(box.recorder.isRecording)
        #expect(box.recorder.ending?.id == Box.header.id && box.recorder.ending?.problem == nil)
        box.happens(.closed(samples: Self.end.value, words: 0, of: Self.next.id))
        #expect(box.recorder.ending?.id == Self.next.id && box.recorder.phase == .finished)
    }

    @Test func `waits for a driver that has not ended the last recording, in red, and then begins`() throws {
        var box = Box(transcription: false)
        box.start()
        box.happens(.store(.committed(through: SampleIndex(16_000))))
        box.happens(.stop)
        try box.untilDeadline()
        box.happens(.closed(samples: 16_000, words: 0))
        #expect(box.recorder.phase == .finished)
        box.happens(.start(StartRequest(header: Self.next)))
        #expect(!box.recorder.isRecording, "it would come back into the new one's samples")
        guard case .failed(.microphone) = box.recorder.phase else {
            Issue.record("the light does not tell: \(box.recorder.phase)")
            return
        }
        box.happens(.capture(.stopped(end: Self.end)), after: 5_000)
        #expect(isRecording(Self.next, box))
    }

    @Test func `is called off by STOP before it began, and refused twice`() {
        var box = Box(transcription: false)
        box.start()
        box.happens(.stop)
        box.happens(.start(StartRequest(header: Self.next)))
        #expect(box.recorder.isStoppable)
        box.happens(.start(StartRequest(header: Self.next)))
        guard case .refused(_, .busy)? = box.effects.first else {
            Issue.record("begun twice: \(box.effects)")
            return
        }
        box.happens(.stop)
        #expect(!box.recorder.isStoppable)
        box.happens(.capture(.stopped(end: Self.end)))
        box.happens(.closed(samples: Self.end.value, words: 0))
        #expect(box.recorder.phase == .finished)
    }
}

@Suite struct `What is saved` {
    @Test func `is told to be missing when the disk does not take it, in red, until it does`() throws {
        var box = Box(transcription: false)
        box.start()
        box.happens(.store(.committed(through: SampleIndex(milliseconds: 3_400))))
        box.happens(.store(.failed("No space left on device")))
        box.happens(.stop)
        #expect(box.recorder.phase == .failed(.disk("No space left on device")), "also while it is finishing")
        box.happens(.capture(.stopped(end: SampleIndex(milliseconds: 9_000))))
        try box.untilDeadline()
        let problem = "3.4 of 9.0 s are saved: No space left on device"
        #expect(box.recorder.phase == .failed(.disk(problem)))
        #expect(box.recorder.ending?.problem == problem)
        #expect(Lamps(phase: box.recorder.phase, hasAmber: true) == Lamps(red: .doubleBlink))
        #expect(box.log.contains { $0.hasPrefix("stop id=") && $0.contains("missing=\"\(problem)\"") })
        box.happens(.closed(samples: SampleIndex(milliseconds: 9_000).value, words: 0), after: 60_000)
        #expect(box.recorder.phase == .finished)
        #expect(box.recorder.ending?.problem == nil)
    }

    @Test func `is less than what was recorded: told, although the disk says that it is done`() {
        var box = Box(transcription: false)
        box.start()
        box.happens(.stop)
        box.happens(.capture(.stopped(end: SampleIndex(milliseconds: 9_000))))
        box.happens(.closed(samples: SampleIndex(milliseconds: 8_000).value, words: 0))
        #expect(box.recorder.ending?.problem?.hasPrefix("8.0 of 9.0 s are saved") == true)
    }

    @Test func `is told with what has no sound, also when its end comes late`() throws {
        var box = Box(transcription: false)
        box.start()
        box.happens(.stop)
        box.happens(.capture(.stopped(end: SampleIndex(48_000))))
        let sound = RecordedSound(silenceSamples: 48_000, quietSamples: 16_000)
        var late = box
        box.happens(.closed(samples: 48_000, words: 0, sound: sound))
        #expect(box.recorder.ending?.sound == sound && box.recorder.phase == .finished)
        try late.untilDeadline()
        #expect(late.recorder.ending?.sound == RecordedSound() && late.recorder.ending?.problem != nil)
        late.happens(.closed(samples: 48_000, words: 0, of: Box.header.id, sound: sound))
        #expect(late.recorder.ending?.sound == sound && late.recorder.ending?.problem == nil)
    }

    @Test func `a START that finds no room is red for half a minute, and START is possible again`() throws {
        var box = Box(transcription: false)
        box.happens(.start(StartRequest(header: Box.header, spaceRefusal: "full")))
        #expect(box.recorder.phase == .failed(.disk("full")))
        let pressed = box.now
        try box.untilDeadline()
        #expect(box.now.milliseconds(since: pressed) == 30_000)
        #expect(box.recorder.phase == .idle)
        box.happens(.start(StartRequest(header: Box.header)))
        #expect(box.recorder.isRecording)
    }
}
