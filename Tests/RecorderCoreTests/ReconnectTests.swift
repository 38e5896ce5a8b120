import RecorderCore
import Testing

@Suite struct `Reconnecting` {
    @Test func `six attempts at 0, 1, 2, 4, 8 and 16 s, then red with the recording going on`() throws {
        var box = Box()
        box.goLive()
        let dropped = box.now.adding(milliseconds: 60_000)
        box.happens(.uplink(.closed(session: 1, UplinkFailure(.reset, "reset"))), after: 60_000)
        var attempts = [box.now.milliseconds(since: dropped)]
        for number in 1...6 {
            #expect(box.recorder.phase == .reconnecting(attempt: number))
            let attempt = try #require(box.requestedKey)
            box.happens(.uplink(.keyFailed(attempt: attempt, UplinkFailure(.unreachable, "no route"))))
            guard number < 6 else { break }
            try box.untilDeadline()
            attempts.append(box.now.milliseconds(since: dropped))
        }
        #expect(attempts == [0, 1_000, 3_000, 7_000, 15_000, 31_000])
        #expect(box.recorder.phase == .failed(.transcription("no route")))
        #expect(!box.effects.contains(.capture(.stop)))
        #expect(box.recorder.lesson?.stage == .recording)
    }

    @Test func `after giving up a probe stays red until it is live`() throws {
        var box = Box()
        box.start()
        for number in 1...6 {
            box.happens(.uplink(.keyFailed(attempt: .lesson(number), UplinkFailure(.refused, "refused"))))
            if number < 6 { try box.untilDeadline() }
        }
        let red = box.now
        try box.untilDeadline()
        #expect((60_000...66_000).contains(box.now.milliseconds(since: red)))
        #expect(box.requestedKey == 7)
        #expect(box.recorder.phase == .failed(.transcription("refused")))
        box.happens(.uplink(.key(attempt: 7, Box.key)))
        box.happens(.uplink(.opened(session: 1, tookMilliseconds: 1)))
        #expect(box.recorder.phase == .failed(.transcription("refused")), "nothing has come back yet")
        box.happens(.uplink(.message(session: 1, message([], total: 100))))
        #expect(box.recorder.phase == .live)
    }

    @Test func `a refused token is not tried again`() {
        var box = Box()
        box.start()
        box.happens(.uplink(.keyFailed(attempt: 1, UplinkFailure(.httpStatus(401), "token endpoint: 401"))))
        #expect(box.recorder.phase == .failed(.transcription("token endpoint: 401")))
        #expect(box.recorder.nextDeadline == nil)
        box.happens(.networkChanged("wlan0"))
        #expect(box.requestedKey == nil)
    }

    @Test func `Retry-After is obeyed`() throws {
        var box = Box()
        box.start()
        box.happens(.uplink(.keyFailed(attempt: 1, UplinkFailure(.httpStatus(429, retryAfterSeconds: 30), "busy"))))
        let refused = box.now
        try box.untilDeadline()
        #expect(box.now.milliseconds(since: refused) == 30_000)
        #expect(box.requestedKey == 2)
    }

    @Test func `the network's return starts an attempt at once`() throws {
        var box = Box()
        box.start()
        for number in 1...3 {
            box.happens(.uplink(.keyFailed(attempt: .lesson(number), UplinkFailure(.unreachable, "no route"))))
            if number < 3 { try box.untilDeadline() }
        }
        box.happens(.networkChanged("wlan0"), after: 300)
        #expect(box.requestedKey == 4)
        #expect(box.recorder.phase == .requesting)
    }

    @Test func `while there is no route nothing is sent, and the spare key is kept for its return`() throws {
        var box = Box()
        box.goLive()
        box.happens(.uplink(.key(attempt: 2, Box.key)))
        box.happens(.networkLost("lan0 lost its carrier"), after: 60_000)
        #expect(box.effects.contains(.uplink(.close(session: 1))))
        let lost = box.now
        var attempts: [Int64] = []
        while attempts.count < 4 {
            #expect(box.requestedKey == nil)
            #expect(box.request == nil)
            #expect(box.recorder.phase == .reconnecting(attempt: attempts.count + 2))
            try box.untilDeadline()
            attempts.append(box.now.milliseconds(since: lost))
        }
        #expect(attempts == [1_000, 3_000, 7_000, 15_000])
        box.happens(.networkChanged("default route via lan0 appeared"), after: 1)
        #expect(box.request?.isPrefetchedKey == true)
        #expect(box.recorder.phase == .reconnecting(attempt: 1))
    }

    @Test func `a probe goes out although the network is said to be lost`() throws {
        var box = Box()
        box.happens(.networkLost("lan0 lost its carrier"))
        box.start()
        #expect(box.requestedKey == nil)
        while case .reconnecting = box.recorder.phase { try box.untilDeadline() }
        #expect(box.recorder.phase == .failed(.transcription("lan0 lost its carrier")))
        try box.untilDeadline()
        #expect(box.requestedKey == 1)
    }

    @Test func `a successor on its way does not outlive the network`() {
        var box = Box()
        box.goLive()
        box.happens(.uplink(.key(attempt: 2, Box.key)))
        box.happens(.networkChanged("address of lan0 changed"), after: 60_000)
        #expect(box.request?.id == 2)
        box.happens(.networkLost("lan0 lost its carrier"), after: 100)
        #expect(box.effects.contains(.uplink(.close(session: 1))))
        #expect(box.effects.contains(.uplink(.close(session: 2))))
        #expect(box.recorder.phase == .reconnecting(attempt: 2))
    }

    @Test func `a gap that takes the spare key has another one fetched`() throws {
        var box = Box()
        box.goLive()
        box.happens(.uplink(.key(attempt: 2, Box.key)))
        box.happens(.uplink(.closed(session: 1, UplinkFailure(.reset, "reset"))), after: 20_000)
        box.happens(.uplink(.closed(session: 2, UplinkFailure(.refused, "refused"))))
        box.head = SampleIndex(milliseconds: 100_000)
        try box.untilDeadline()
        box.happens(.uplink(.key(attempt: 3, Box.key)))
        box.happens(.uplink(.opened(session: 3, tookMilliseconds: 1)))
        box.happens(.uplink(.key(attempt: 4, Box.key)))
        try box.untilDeadline()
        #expect(box.request?.isPrefetchedKey == true)
        #expect(box.request?.end != nil)
        box.happens(.uplink(.opened(session: 4, tookMilliseconds: 1)))
        #expect(box.requestedKey == 5)
    }

    @Test func `the next session hears the end of the last again, and no word comes twice`() {
        var box = Box()
        box.goLive()
        let words: [(String, Int64, Int64)] = [(" one", 1_000, 1_300), (" two", 8_000, 8_400), (" three", 9_000, 9_400)]
        box.happens(.uplink(.message(session: 1, message(words, final: 10_000, total: 11_000))))
        box.happens(.uplink(.closed(session: 1, UplinkFailure(.reset, "reset"))), after: 20_000)
        box.happens(.uplink(.key(attempt: 3, Box.key)))
        #expect(box.request?.id == 2)
        let base: Int64 = 6_000
        #expect(box.request?.base == SampleIndex(milliseconds: base))
        box.happens(.uplink(.opened(session: 2, tookMilliseconds: 1)))
        let again: [(String, Int64, Int64)] = [
            (" Two,", 2_050, 2_400), (" three", 2_950, 3_380), (" four", 4_200, 4_500), (" five", 5_000, 5_100),
        ]
        box.happens(.uplink(.message(session: 2, message(again, speaker: "9", final: 5_200))))
        guard case .store(.words(let words, let covered, _))? = box.effects.first else {
            Issue.record("nothing stored: \(box.effects)")
            return
        }
        #expect(words.map(\.text) == ["four"])
        #expect(words.map(\.start) == [SampleIndex(milliseconds: base + 4_200)])
        #expect(words.map(\.speaker) == [1], "the overlap did not tell whose label 9 is")
        #expect(covered == SampleIndex(milliseconds: base + 5_000))
    }

    @Test func `what an old session says late is not heard`() {
        var box = Box()
        box.goLive()
        box.happens(.uplink(.closed(session: 1, UplinkFailure(.reset, "reset"))), after: 20_000)
        box.happens(.uplink(.message(session: 1, message([(" ghost", 0, 900)], final: 1_000))))
        #expect(box.effects == [])
        box.happens(.uplink(.opened(session: 1, tookMilliseconds: 1)))
        #expect(box.effects == [.uplink(.close(session: 1))])
    }

    @Test func `an answer to an earlier token request is not used`() throws {
        var box = Box()
        box.start()
        try box.untilDeadline()
        #expect(box.recorder.phase == .reconnecting(attempt: 2))
        try box.untilDeadline()
        #expect(box.requestedKey == 2)
        box.happens(.uplink(.key(attempt: 1, Box.key)))
        #expect(box.request == nil)
    }

    @Test func `an attempt that fails for what was before the network came back is made again at once`() throws {
        var box = Box()
        box.goLive()
        box.happens(.networkLost("eth0 lost its carrier"), after: 20_000)
        box.happens(.networkChanged("default route via eth0 appeared"), after: 2_600)
        let unreachable = UplinkFailure(.unreachable, "No route to host")
        box.happens(.uplink(.keyFailed(attempt: try #require(box.requestedKey), unreachable)), after: 900)
        let again = try #require(box.requestedKey)
        #expect(box.recorder.phase == .reconnecting(attempt: 2))
        // Once; then the delays are kept as always.
        box.happens(.uplink(.keyFailed(attempt: again, unreachable)), after: 300)
        #expect(box.requestedKey == nil)
        #expect(box.recorder.phase == .reconnecting(attempt: 3))
        let failed = box.now
        try box.untilDeadline()
        #expect(box.now.milliseconds(since: failed) == 2_000)
        #expect(box.requestedKey != nil)
    }

    @Test func `a session that may not hurry is replaced in time by one that may`() throws {
        var box = Box()
        box.goLive()
        box.head = SampleIndex(milliseconds: 30_000)
        box.happens(.uplink(.closed(session: 1, UplinkFailure(.message(code: 500), "internal error"))), after: 30_000)
        box.happens(.uplink(.key(attempt: try #require(box.requestedKey), Box.key)))
        #expect(box.request?.catchUpRate == 1)
        box.opens(2)
        let live = box.now
        // No key in advance, so that the next is asked for.
        box.happens(.uplink(.keyFailed(attempt: try #require(box.requestedKey), UplinkFailure(.timeout, "timeout"))))
        while box.requestedKey == nil { try box.untilDeadline() }
        #expect(box.now.milliseconds(since: live) == Limits.realTimePaceMilliseconds)
        box.happens(.uplink(.key(attempt: try #require(box.requestedKey), Box.key)))
        #expect(box.request?.catchUpRate == 1.5)
        #expect(box.recorder.phase == .live)
        box.opens(3)
        #expect(box.effects.contains(.uplink(.close(session: 2))))
        #expect(box.recorder.phase == .live)
    }

    @Test func `after STOP a session keeps to real time only when it can come to the end`() throws {
        for (lag, rate) in [(Int64(10_000), 1.0), (30_000, 1.5)] {
            var box = Box()
            box.goLive()
            box.head = SampleIndex(milliseconds: lag)
            box.happens(.stop, after: lag)
            box.happens(.capture(.stopped(end: box.head)))
            box.happens(.uplink(.closed(session: 1, UplinkFailure(.closedEarly, "finished early"))), after: 100)
            box.happens(.uplink(.key(attempt: try #require(box.requestedKey), Box.key)))
            #expect(box.request?.catchUpRate == rate, "\(lag) ms behind")
        }
    }

    @Test func `startedAt and the words survive a reconnect`() {
        var box = Box()
        box.goLive()
        box.happens(.uplink(.message(session: 1, message([(" one", 0, 900), (" two", 900, 1_000)], final: 2_000))))
        let before = box.recorder.lesson
        box.happens(.uplink(.closed(session: 1, UplinkFailure(.reset, "reset"))), after: 20_000)
        #expect(box.recorder.lesson?.header == before?.header)
        #expect(box.recorder.lesson?.transcript.wordCount == 2)
    }
}
