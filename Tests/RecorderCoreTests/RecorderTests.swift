import RecorderCore
import Testing

@Suite struct `The recorder` {
    @Test func `START records before it asks for a token`() {
        var box = Box()
        box.happens(.start(StartRequest(header: Box.header)))
        #expect(
            box.effects == [.capture(.start(at: .zero)), .store(.open(Box.header)), .uplink(.requestKey(attempt: 1))])
        #expect(box.recorder.phase == .requesting)
        box.happens(.uplink(.key(attempt: 1, Box.key)))
        #expect(box.recorder.phase == .connecting)
        #expect(box.request?.base == .zero)
        box.happens(.uplink(.opened(session: 1, tookMilliseconds: 40)))
        #expect(box.recorder.phase == .connecting, "nothing has come back yet")
        box.happens(.uplink(.message(session: 1, message([], total: 120))))
        #expect(box.recorder.phase == .starting, "no sample has come yet")
        box.happens(.capture(.started(realtime: true)))
        #expect(box.recorder.phase == .live)
    }

    @Test func `a microphone that does not come is red within a second, and green when it is there`() throws {
        var box = Box()
        box.happens(.start(StartRequest(header: Box.header)))
        box.happens(.capture(.deviceLost(reason: "no such device")))
        #expect(box.recorder.phase == .failed(.microphone("no such device")))
        box.happens(.uplink(.key(attempt: 1, Box.key)))
        box.opens(1)
        #expect(box.recorder.phase == .failed(.microphone("no such device")))
        box.happens(.capture(.started(realtime: true)))
        #expect(box.recorder.phase == .live)
        #expect(box.log.contains("microphone state=back"))
    }

    @Test func `a microphone whose driver says nothing at all is red, too`() throws {
        var box = Box(transcription: false)
        box.happens(.start(StartRequest(header: Box.header)))
        #expect(box.recorder.phase == .starting)
        #expect(Lamps(phase: .starting, hasAmber: false) == Lamps(green: .blink))
        let pressed = box.now
        try box.untilDeadline()
        #expect(box.now.milliseconds(since: pressed) == Limits.microphoneOpenMilliseconds)
        guard case .failed(.microphone) = box.recorder.phase else {
            Issue.record("not red: \(box.recorder.phase)")
            return
        }
    }

    @Test func `a service that opens sessions and does nothing is never live`() throws {
        var box = Box()
        box.start()
        box.happens(.uplink(.key(attempt: 1, Box.key)))
        for number in 1...12 {
            let session = SessionID.lesson(number)
            box.happens(.uplink(.opened(session: session, tookMilliseconds: 5)))
            #expect(box.recorder.phase != .live)
            box.happens(.uplink(.message(session: session, message([]))))
            #expect(box.recorder.phase != .live, "an answer without progress")
            if number > 6 { #expect(box.recorder.phase == .failed(.transcription("silent"))) }
            box.happens(.uplink(.closed(session: session, UplinkFailure(.stalled, "silent"))), after: 3_000)
            while box.request == nil {
                try box.untilDeadline()
                if box.requestedKey != nil { box.keyComes() }
            }
        }
    }

    @Test func `a second START is refused in every phase of a lesson that is recorded`() {
        func refuses(_ box: Box) -> Bool {
            var box = box
            let before = box.recorder
            box.happens(.start(StartRequest(header: Box.header)))
            guard case .refused(_, .busy)? = box.effects.first, box.effects.count == 1 else { return false }
            return box.recorder == before
        }
        var box = Box()
        box.start()
        #expect(refuses(box))
        box.happens(.uplink(.key(attempt: 1, Box.key)))
        #expect(refuses(box))
        box.opens(1)
        #expect(refuses(box))
        box.happens(.uplink(.closed(session: 1, UplinkFailure(.reset, "reset"))), after: 20_000)
        #expect(refuses(box))
        box.happens(.uplink(.keyFailed(attempt: 3, UplinkFailure(.httpStatus(401), "401"))))
        #expect(box.recorder.phase == .failed(.transcription("401")))
        #expect(refuses(box))
    }

    @Test func `no room on the disk refuses START and records nothing`() {
        var box = Box()
        box.happens(.start(StartRequest(header: Box.header, spaceRefusal: "disk: full")))
        #expect(box.effects == [.refused(why: "disk: full", code: .noSpace)])
        #expect(box.recorder.phase == .failed(.disk("disk: full")), "who pressed the button sees it")
    }

    @Test func `STOP without a lesson is refused`() {
        var box = Box()
        box.happens(.stop)
        #expect(box.effects == [.refused(why: "nothing is being recorded", code: .notRecording)])
    }

    @Test func `STOP while live waits for the last word and then saves`() {
        var box = Box()
        box.goLive()
        let end = SampleIndex(milliseconds: 5_000)
        box.happens(.stop)
        #expect(box.effects == [.capture(.stop), .store(.stopped), .uplink(.cancelKey(attempt: 2))])
        #expect(box.recorder.phase == .finishing)
        box.happens(.capture(.stopped(end: end)))
        #expect(box.effects == [.store(.commit), .uplink(.finish(session: 1, end: end))])
        box.happens(.uplink(.message(session: 1, message([(" good", 100, 300)], final: 4_000, total: 5_000))))
        box.happens(.uplink(.message(session: 1, message([(" bye", 400, 600)], total: 5_000, finished: true))))
        #expect(box.closing?.end == end)
        #expect(box.closing?.gaps == [])
        box.happens(.closed(samples: end.value, words: 2))
        #expect(box.recorder.phase == .finished)
        box.happens(.start(StartRequest(header: Box.header)))
        #expect(box.recorder.phase == .requesting)
    }

    @Test func `the last words are awaited for twenty seconds and no longer`() throws {
        var box = Box()
        box.goLive()
        box.happens(.stop)
        box.happens(.capture(.stopped(end: SampleIndex(milliseconds: 5_000))))
        let stopped = box.now
        try box.untilDeadline()
        #expect(box.now.milliseconds(since: stopped) == 20_000)
        #expect(box.effects.contains(.uplink(.close(session: 1))))
        #expect(box.closing?.gaps.count == 1)
    }

    @Test func `STOP in requesting and connecting still transcribes what was said`() {
        for tokenFirst in [true, false] {
            var box = Box()
            box.start()
            if tokenFirst { box.happens(.uplink(.key(attempt: 1, Box.key))) }
            box.happens(.stop)
            box.happens(.capture(.stopped(end: SampleIndex(milliseconds: 700))))
            #expect(box.closing == nil)
            if !tokenFirst { box.happens(.uplink(.key(attempt: 1, Box.key))) }
            box.happens(.uplink(.opened(session: 1, tookMilliseconds: 5)))
            #expect(box.effects.contains(.uplink(.finish(session: 1, end: SampleIndex(milliseconds: 700)))))
            box.happens(.uplink(.message(session: 1, message([], finished: true))))
            #expect(box.closing?.gaps == [])
        }
    }

    @Test func `STOP while reconnecting is carried out at once`() {
        var box = Box()
        box.goLive()
        box.happens(.uplink(.closed(session: 1, UplinkFailure(.reset, "reset by peer"))))
        #expect(box.recorder.phase == .reconnecting(attempt: 2))
        box.happens(.stop)
        box.happens(.capture(.stopped(end: SampleIndex(milliseconds: 900))))
        #expect(box.closing?.gaps == [
            Gap(start: .zero, end: SampleIndex(milliseconds: 900), reason: "reset by peer")
        ])
    }

    @Test func `STOP while failed saves`() {
        var box = Box()
        box.start()
        box.happens(.uplink(.keyFailed(attempt: 1, UplinkFailure(.httpStatus(402), "quota"))))
        box.happens(.stop)
        box.happens(.capture(.stopped(end: SampleIndex(milliseconds: 900))))
        #expect(box.closing?.end == SampleIndex(milliseconds: 900))
    }

    @Test func `a second STOP is refused`() {
        var box = Box()
        box.goLive()
        box.happens(.stop)
        box.happens(.stop)
        guard case .refused(_, .busy)? = box.effects.first else {
            Issue.record("not refused: \(box.effects)")
            return
        }
    }

    @Test func `a capture thread that does not stop is not waited for`() throws {
        var box = Box()
        box.start()
        box.happens(.uplink(.keyFailed(attempt: 1, UplinkFailure(.httpStatus(401), "401"))))
        box.happens(.store(.committed(through: SampleIndex(16_000))))
        box.happens(.stop)
        try box.untilDeadline()
        #expect(box.closing?.end == SampleIndex(16_000))
        box.happens(.closed(samples: 16_000, words: 0))
        #expect(box.recorder.phase == .finished)
    }

    @Test func `without transcription the light is solid and nothing is asked of the network`() {
        var box = Box(transcription: false)
        box.start()
        #expect(box.recorder.phase == .live)
        #expect(box.requestedKey == nil)
        box.happens(.stop)
        box.happens(.capture(.stopped(end: SampleIndex(milliseconds: 900))))
        #expect(box.closing?.gaps == [])
    }

    @Test func `a lost microphone is red at once, and green when it is back`() {
        var box = Box()
        box.goLive()
        box.happens(.capture(.deviceLost(reason: "unplugged")))
        #expect(box.recorder.phase == .failed(.microphone("unplugged")))
        #expect(Lamps(phase: box.recorder.phase, hasAmber: true).red == .doubleBlink)
        box.happens(.capture(.deviceBack))
        #expect(box.recorder.phase == .live)
    }

    @Test func `lost samples are journalled and counted`() {
        var box = Box()
        box.goLive()
        let mark = SilenceMark(start: SampleIndex(1_600), end: SampleIndex(3_200), reason: .overrun)
        box.happens(.capture(.silence(mark)))
        #expect(box.effects == [.store(.silence(mark))])
        #expect(box.recorder.lesson?.overruns == 1)
        #expect(box.recorder.lesson?.lostSamples == 1_600)
        #expect(box.log.last == "silence lost_ms=100 at_ms=100 reason=overrun")
    }

    @Test func `a full disk is red while the transcript goes on`() {
        var box = Box()
        box.goLive()
        box.happens(.store(.failed("No space left")))
        #expect(box.recorder.phase == .failed(.disk("No space left")))
        box.happens(.uplink(.message(session: 1, message([(" yes", 0, 100)], final: 2_000))))
        #expect(box.recorder.lesson?.transcript.coverage.end == SampleIndex(milliseconds: 2_000))
        box.happens(.store(.recovered))
        #expect(box.recorder.phase == .live)
    }

    @Test func `phases are logged with their reason`() {
        var box = Box()
        box.goLive()
        box.happens(.uplink(.closed(session: 1, UplinkFailure(.closedEarly, "closed by peer"))))
        #expect(box.log.contains("phase from=live to=reconnecting attempt=2/6 reason=\"closed by peer\""))
    }
}
