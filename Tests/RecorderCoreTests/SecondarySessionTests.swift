import RecorderCore
import Testing

extension Box {
    /// The number of the session that the last effects opened, answered as live.
    mutating func sessionGoesLive() {
        guard let request else {
            Issue.record("no session was opened: \(effects)")
            return
        }
        opens(request.id, after: 20)
    }

    mutating func keyComes() {
        guard let attempt = requestedKey else {
            Issue.record("no key was asked for: \(effects)")
            return
        }
        happens(.uplink(.key(attempt: attempt, Box.key)), after: 20)
    }
}

@Suite struct `Beside a live session` {
    @Test func `a changed network makes a successor before the old session is given up`() {
        var box = Box()
        box.goLive()
        box.happens(.networkChanged("default route via wlan1"), after: 5_000)
        #expect(box.recorder.phase == .live)
        #expect(!box.effects.contains(.uplink(.close(session: 1))))
        box.keyComes()
        #expect(box.request?.id == 2)
        box.happens(.uplink(.message(session: 1, message([(" still", 4_000, 4_300)], final: 5_000))))
        #expect(box.effects.contains { if case .words = $0 { true } else { false } })
        box.happens(.uplink(.opened(session: 2, tookMilliseconds: 30)))
        #expect(!box.effects.contains(.uplink(.close(session: 1))), "nothing has come back in the new one yet")
        #expect(box.recorder.phase == .live)
        box.happens(.uplink(.message(session: 2, message([], total: 100))))
        #expect(box.effects.contains(.uplink(.close(session: 1))))
        #expect(box.recorder.phase == .live)
        box.happens(.uplink(.message(session: 1, message([(" ghost", 6_000, 6_300)], final: 9_000))))
        #expect(box.effects == [], "what the old session says late is not heard")
    }

    @Test func `a spare key is at hand, and is used once`() {
        var box = Box()
        box.goLive()
        box.happens(.uplink(.key(attempt: 2, Box.key)), after: 50)
        box.happens(.uplink(.closed(session: 1, UplinkFailure(.reset, "reset"))), after: 10_000)
        #expect(box.request?.isPrefetchedKey == true, "\(box.effects)")
        box.sessionGoesLive()
        #expect(box.requestedKey == 3)
        box.happens(.uplink(.closed(session: 2, UplinkFailure(.reset, "reset"))), after: 10_000)
        #expect(box.effects.contains(.uplink(.cancelKey(attempt: 3))), "it may be on a dead way")
        #expect(box.requestedKey == 4)
    }

    @Test func `a spare key that has grown old is replaced, and one that is refused costs one attempt`() throws {
        var box = Box()
        box.goLive()
        let key = SessionKey(secret: "s", webSocketURL: "", lifetimeMilliseconds: 120_000)
        box.happens(.uplink(.key(attempt: 2, key)))
        let fetched = box.now
        try box.untilDeadline()
        #expect(box.now.milliseconds(since: fetched) == 60_000)
        #expect(box.requestedKey == 3)
        box.happens(.uplink(.key(attempt: 3, key)))
        box.happens(.uplink(.closed(session: 1, UplinkFailure(.reset, "reset"))), after: 10_000)
        box.happens(.uplink(.closed(session: 2, UplinkFailure(.httpStatus(401), "refused"))), after: 30)
        #expect(box.recorder.phase == .reconnecting(attempt: 2))
        try box.untilDeadline()
        box.keyComes()
        box.happens(.uplink(.closed(session: 3, UplinkFailure(.httpStatus(401), "refused"))), after: 30)
        #expect(box.recorder.phase == .failed(.transcription("refused")), "a fresh key that is refused is fatal")
    }

    @Test func `a session that is ended because its key expired is followed by one with a fresh key`() {
        var box = Box()
        box.goLive()
        box.happens(.uplink(.message(session: 1, message([(" one", 0, 900)], final: 2_000))))
        box.happens(.uplink(.closed(session: 1, UplinkFailure(.message(code: 401), "expired"))), after: 10_000)
        #expect(box.recorder.phase == .reconnecting(attempt: 1))
        box.keyComes()
        #expect(box.request?.id == 2)
    }

    @Test func `an old session rolls over without a gap`() throws {
        var box = Box()
        box.goLive()
        box.happens(.uplink(.keyFailed(attempt: 2, UplinkFailure(.httpStatus(500), "busy"))))
        while box.request == nil {
            try box.untilDeadline()
            #expect(box.recorder.phase == .live)
            guard let attempt = box.requestedKey else { continue }
            let isOld = box.now.milliseconds >= 1_000_000 + 55 * 60_000
            box.happens(isOld ? .uplink(.key(attempt: attempt, Box.key)) : .uplink(.keyFailed(
                attempt: attempt, UplinkFailure(.httpStatus(500), "busy"))))
        }
        #expect(box.now.milliseconds == 1_000_000 + 55 * 60_000)
        box.sessionGoesLive()
        #expect(box.effects.contains(.uplink(.close(session: 1))))
        #expect(box.log.contains { $0.hasPrefix("roll-over session=1") })
    }

    @Test func `a successor that fails leaves the light green and is tried again`() throws {
        var box = Box()
        box.goLive()
        box.happens(.networkChanged("address"), after: 5_000)
        let attempt = try #require(box.requestedKey)
        box.happens(.uplink(.keyFailed(attempt: attempt, UplinkFailure(.refused, "refused"))))
        #expect(box.recorder.phase == .live)
        try box.untilDeadline()
        #expect(box.requestedKey != nil)
    }

    @Test func `when the old session dies first the successor on its way is attempt one`() {
        var box = Box()
        box.goLive()
        box.happens(.networkChanged("address"), after: 5_000)
        box.keyComes()
        box.happens(.uplink(.closed(session: 1, UplinkFailure(.stalled, "dead"))))
        #expect(box.recorder.phase == .reconnecting(attempt: 1))
        #expect(!box.effects.contains { if case .uplink(.open) = $0 { true } else { false } })
        box.opens(2)
        #expect(box.recorder.phase == .live)
    }

    @Test func `a successor that opens and does nothing does not replace the session that works`() throws {
        var box = Box()
        box.goLive()
        box.happens(.networkChanged("address"), after: 5_000)
        box.keyComes()
        box.happens(.uplink(.opened(session: 2, tookMilliseconds: 10)))
        box.happens(.uplink(.closed(session: 2, UplinkFailure(.stalled, "silent"))), after: 3_000)
        #expect(!box.effects.contains(.uplink(.close(session: 1))))
        #expect(box.recorder.phase == .live)
        try box.untilDeadline()
        #expect(box.requestedKey != nil, "it is tried again")
    }

    @Test func `a successor that has not come on yet is all there is when the old session dies`() {
        var box = Box()
        box.goLive()
        box.happens(.networkChanged("address"), after: 5_000)
        box.keyComes()
        box.happens(.uplink(.opened(session: 2, tookMilliseconds: 10)))
        box.happens(.uplink(.closed(session: 1, UplinkFailure(.stalled, "dead"))))
        #expect(box.recorder.phase == .reconnecting(attempt: 1))
        let words = message([(" on", 0, 200), (" and", 300, 400)], final: 2_000, total: 2_000)
        box.happens(.uplink(.message(session: 2, words)))
        #expect(box.recorder.phase == .live)
        #expect(box.recorder.lesson?.transcript.wordCount == 2)
    }

    @Test func `a lost network ends the session at once, and its return is the time for an attempt`() throws {
        var box = Box()
        box.goLive()
        box.happens(.networkLost("eth0 lost its carrier"), after: 5_000)
        #expect(box.effects.contains(.uplink(.close(session: 1))))
        #expect(box.requestedKey == nil, "there is no route")
        #expect(box.log.contains { $0.hasPrefix("attempt n=1 of=6 in_ms=0") })
        #expect(box.recorder.phase == .reconnecting(attempt: 2))
        let lost = box.now
        try box.untilDeadline()
        #expect(box.now.milliseconds(since: lost) == 1_000)
        box.happens(.networkChanged("eth0 has its carrier"), after: 200)
        #expect(box.requestedKey != nil)
        #expect(box.recorder.phase == .reconnecting(attempt: 1))
        let back = box.now
        box.happens(.networkChanged("eth0 has another address"), after: 100)
        #expect(box.requestedKey == nil, "attempts keep their distance")
        try box.untilDeadline()
        #expect(box.now.milliseconds(since: back) == 250)
        #expect(box.requestedKey != nil)
    }

    @Test func `a gap is filled beside the live session, once that is stable`() throws {
        var box = Box()
        box.goLive()
        box.happens(.uplink(.key(attempt: 2, Box.key)))
        box.happens(.uplink(.message(session: 1, message([(" one", 0, 900)], final: 10_000))))
        box.head = SampleIndex(milliseconds: 100_000)
        box.happens(.uplink(.closed(session: 1, UplinkFailure(.reset, "reset"))), after: 90_000)
        #expect(box.request?.base == SampleIndex(milliseconds: 96_000), "live words come first")
        box.sessionGoesLive()
        let live = box.now
        box.happens(.uplink(.key(attempt: 3, Box.key)))
        box.happens(.uplink(.message(session: 2, message([(" two", 2_000, 2_500)], final: 3_000))))
        try box.untilDeadline()
        #expect(box.now.milliseconds(since: live) == 3_000)
        let request = try #require(box.request)
        #expect(request.base == .zero, "where the voice was last heard")
        #expect(request.end == SampleIndex(milliseconds: 112_000), "so far that the voices behind it are heard")
        box.sessionGoesLive()
        box.happens(.uplink(.message(session: 3, message([(" mid", 44_000, 44_500)], final: 97_000))))
        box.happens(.uplink(.message(session: 3, message([], finished: true))))
        #expect(box.effects.contains(.uplink(.close(session: 3))))
        #expect(box.recorder.lesson?.transcript.coverage.ranges.count == 1)
        #expect(box.recorder.lesson?.transcript.wordCount == 3)
        #expect(box.recorder.phase == .live)
    }

    @Test func `the last words are asked for again when the connection is lost after STOP`() {
        var box = Box()
        box.goLive()
        box.happens(.stop)
        box.happens(.capture(.stopped(end: SampleIndex(milliseconds: 5_000))))
        box.happens(.uplink(.closed(session: 1, UplinkFailure(.reset, "reset"))), after: 5_000)
        #expect(box.closing == nil)
        box.keyComes()
        box.sessionGoesLive()
        #expect(box.effects.contains(.uplink(.finish(session: 2, end: SampleIndex(milliseconds: 5_000)))))
        box.happens(.uplink(.message(session: 2, message([(" bye", 400, 600)], finished: true))))
        #expect(box.closing?.gaps == [])
    }

    @Test func `a service that cuts off a session that hurries is followed in real time`() {
        var box = Box()
        box.goLive()
        box.head = SampleIndex(milliseconds: 30_000)
        box.happens(.uplink(.closed(session: 1, UplinkFailure(.reset, "reset"))), after: 30_000)
        box.keyComes()
        #expect(box.request?.catchUpRate == 1.5)
        box.sessionGoesLive()
        box.happens(.uplink(.closed(session: 2, UplinkFailure(.message(code: 408), "too fast"))), after: 4_000)
        box.keyComes()
        #expect(box.request?.catchUpRate == 1)
    }
}

@Suite struct `Expiry times` {
    @Test func `RFC 3339 is read as it is written`() {
        let time = WallTime(rfc3339: "2026-11-24T08:00:00.250Z")
        #expect(time?.rfc3339 == "2026-11-24T08:00:00.250Z")
        #expect(WallTime(rfc3339: "2026-11-24T09:30:00+01:30") == WallTime(rfc3339: "2026-11-24T08:00:00Z"))
        #expect(WallTime(rfc3339: "2024-02-29t23:59:60.123456z")?.rfc3339 == "2024-03-01T00:00:00.123Z")
        let day = "2026-11-24"
        for wrong in ["", "2026", day, "2026-13-01T00:00:00Z", day + "T08:00:00", day + "T08:00:00Zx"] {
            #expect(WallTime(rfc3339: wrong) == nil, "\(wrong)")
        }
    }
}
