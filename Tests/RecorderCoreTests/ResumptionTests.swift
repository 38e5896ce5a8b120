import RecorderCore
import Testing

@Suite struct `An interrupted lesson` {
    /// Recorded for ten minutes from boot "a" at 100 s.
    private static func recording(boot: BootTime? = BootTime(id: "a", milliseconds: 100_000)) -> InterruptedRecording {
        var header = Box.header
        header.boot = boot
        return InterruptedRecording(
            header: header, saved: SampleIndex(milliseconds: 600_000), coverage: Coverage(), words: [], wordCount: 0,
            speakers: [])
    }

    /// What is decided so long after the last sample.
    private func decision(
        away: Int64, boot: BootTime, isSynchronised: Bool = false, agreesWithRTC: Bool = false, seconds: Int = 120,
        _ recording: InterruptedRecording
    ) -> Resumption {
        let wall = WallTime(milliseconds: recording.header.startedAt.milliseconds + 600_000 + away)
        let now = ClockReading(wall: wall, isSynchronised: isSynchronised, agreesWithRTC: agreesWithRTC, boot: boot)
        return Resumption.decide(recording, now: now, seconds: seconds)
    }

    @Test func `asks the clock twice a second until it is known, and no more when somebody pressed`() {
        var wait = ResumptionWait(Self.recording(), seconds: 120)
        var asked = 0
        func decide(_ time: Int64, boot: BootTime, isPressed: Bool = false) -> ResumptionWait.Step {
            wait.decide(isPressed: isPressed, at: MonotonicTime(milliseconds: time)) {
                asked += 1
                let wall = WallTime(milliseconds: Box.header.startedAt.milliseconds)
                return ClockReading(wall: wall, isSynchronised: false, boot: boot)
            }
        }
        let unknown = BootTime(id: "b", milliseconds: 9_000)
        #expect(decide(1_000, boot: unknown) == .wait)
        #expect(decide(1_499, boot: unknown) == .wait && asked == 1)
        #expect(wait.nextDeadline == MonotonicTime(milliseconds: 1_500))
        let same = BootTime(id: "a", milliseconds: 703_000)
        #expect(decide(1_500, boot: same) == .resume(Self.recording(), at: SampleIndex(milliseconds: 603_000)))
        #expect(wait.nextDeadline == nil && decide(2_000, boot: same) == .wait && asked == 2)

        wait = ResumptionWait(Self.recording(), seconds: 120)
        #expect(decide(3_000, boot: unknown, isPressed: true) == .wait && wait.nextDeadline == nil)
        wait = ResumptionWait(Self.recording(), seconds: 0)
        #expect(decide(4_000, boot: unknown) == .close)
    }

    @Test func `goes on at its exact place when only the recorder was away, whatever the clock says`() {
        let boot = BootTime(id: "a", milliseconds: 703_000)
        for wall: Int64 in [3_000, -86_400_000, 86_400_000] {
            #expect(
                decision(away: wall, boot: boot, Self.recording()) == .resume(at: SampleIndex(milliseconds: 603_000)))
        }
        let late = BootTime(id: "a", milliseconds: 820_001)
        #expect(decision(away: 3_000, boot: late, Self.recording()) == .close)
    }

    @Test func `goes on after a power blip when the clock is right`() {
        let boot = BootTime(id: "b", milliseconds: 9_000)
        for recording in [Self.recording(), Self.recording(boot: nil)] {
            let place = Resumption.resume(at: SampleIndex(milliseconds: 620_000))
            #expect(decision(away: 20_000, boot: boot, isSynchronised: true, recording) == place)
            #expect(decision(away: 20_000, boot: boot, agreesWithRTC: true, recording) == place)
            #expect(decision(away: 120_001, boot: boot, isSynchronised: true, recording) == .close)
            #expect(decision(away: 120_001, boot: boot, recording) == .close)
        }
    }

    @Test func `waits for a clock that was only restored, and never goes on by it`() {
        // Off over night: the clock shows the minute before the power went, and the time since the boot.
        for since: Int64 in [5_000, 60_000, 119_000] {
            let boot = BootTime(id: "b", milliseconds: since)
            #expect(decision(away: since - 30_000, boot: boot, Self.recording()) == .wait)
            #expect(decision(away: since - 1, boot: boot, Self.recording()) == .wait)
        }
        let boot = BootTime(id: "b", milliseconds: 130_000)
        #expect(decision(away: 100_000, boot: boot, Self.recording()) == .close, "too late, whatever the clock says")
        let set = BootTime(id: "b", milliseconds: 40_000)
        #expect(decision(away: 50_400_000, boot: set, isSynchronised: true, Self.recording()) == .close)
    }

    @Test func `does not go on by a clock that was noted after the recorder had died`() {
        // It died, the machine was shut down a minute later, and is started the next day.
        let boot = BootTime(id: "b", milliseconds: 20_000)
        #expect(decision(away: 80_000, boot: boot, Self.recording()) == .wait)
        let later = BootTime(id: "b", milliseconds: 121_000)
        #expect(decision(away: 81_000, boot: later, Self.recording()) == .close)
        #expect(decision(away: 86_400_000, boot: boot, isSynchronised: true, Self.recording()) == .close)
    }

    @Test func `counts from its newest moment, when the clock was set in the lesson`() {
        // The clock was an hour slow at START; the file that began after eight minutes has the right time.
        var recording = Self.recording()
        let set = recording.header.startedAt.milliseconds + 3_600_000 + 480_000
        recording.anchor = ClockReference(
            sample: SampleIndex(milliseconds: 480_000), wall: WallTime(milliseconds: set), isSynchronised: true,
            boot: BootTime(id: "a", milliseconds: 580_000))
        let boot = BootTime(id: "b", milliseconds: 9_000)
        #expect(
            decision(away: 3_620_000, boot: boot, isSynchronised: true, recording)
                == .resume(at: SampleIndex(milliseconds: 620_000)))
        #expect(decision(away: 3_720_001, boot: boot, isSynchronised: true, recording) == .close)
        let same = BootTime(id: "a", milliseconds: 703_000)
        #expect(decision(away: 0, boot: same, recording) == .resume(at: SampleIndex(milliseconds: 603_000)))
    }

    @Test func `never goes on when the configuration says so`() {
        let boot = BootTime(id: "a", milliseconds: 701_000)
        #expect(decision(away: 1_000, boot: boot, seconds: 0, Self.recording()) == .close)
    }

    @Test func `goes on with its words, its speakers and its time line`() throws {
        var recording = Self.recording()
        let heard = (0..<20).map { place in
            let start = SampleIndex(milliseconds: 580_000 + Int64(place) * 1_000)
            return Word(
                text: "w\(place)", start: start, end: start.advanced(by: 8_000), confidence: 1,
                speaker: place % 2 == 0 ? 3 : 1, language: "en")
        }
        recording.words = heard
        recording.wordCount = 900
        recording.speakers = [1, 3]
        recording.coverage = Coverage(through: SampleIndex(milliseconds: 599_800), gaps: [])
        var box = Box()
        let place = SampleIndex(milliseconds: 610_000)
        box.happens(.resume(recording, at: place))
        #expect(
            box.effects == [.capture(.start(at: place)), .store(.reopen(at: place)), .uplink(.requestKey(attempt: 1))])
        #expect(box.log.first == "resume id=\(Box.header.id.text) at_ms=610000 away_ms=10000 words=900")
        #expect(box.recorder.lesson?.header.startedAt == Box.header.startedAt)
        box.head = place
        box.keyComes()
        let base = try #require(box.request?.base)
        #expect(base < SampleIndex(milliseconds: 596_000), "what was heard last is heard again")
        box.sessionGoesLive()
        let again = message(
            [(" w18", 598_000 - base.milliseconds, 598_500 - base.milliseconds)], speaker: "B", final: 598_700)
        box.happens(.uplink(.message(session: 1, again)))
        let more = message(
            [(" new", 612_000 - base.milliseconds, 612_500 - base.milliseconds)], speaker: "B",
            final: 616_000 - base.milliseconds)
        box.happens(.uplink(.message(session: 1, more)))
        #expect(box.recorder.lesson?.transcript.wordCount == 901)
        let last = try #require(box.recorder.lesson?.transcript.recent.last)
        #expect(last.text == "new" && last.speaker == 3)
        #expect(box.recorder.lesson?.transcript.speakerCount == 2)
        box.happens(.uplink(.message(session: 1, message(
            [(" hi", 618_000 - base.milliseconds, 618_500 - base.milliseconds)], speaker: "C",
            final: 622_000 - base.milliseconds))))
        #expect(box.recorder.lesson?.transcript.recent.last?.speaker == 2, "the number that nobody has")
    }

    @Test func `is not begun while another one is recorded`() {
        var box = Box()
        box.start()
        box.happens(.resume(Self.recording(), at: SampleIndex(milliseconds: 610_000)))
        #expect(box.effects == [])
    }

    @Test func `has the coverage that its gaps leave`() {
        let gap = Gap(start: SampleIndex(100), end: SampleIndex(200), reason: "")
        let coverage = Coverage(through: SampleIndex(1_000), gaps: [gap])
        #expect(coverage.ranges == [SampleIndex(0)..<SampleIndex(100), SampleIndex(200)..<SampleIndex(1_000)])
        #expect(coverage.gaps(before: coverage.end, reason: "") == [gap])
        #expect(Coverage(through: SampleIndex(150), gaps: [gap]).end == SampleIndex(100))
    }
}
