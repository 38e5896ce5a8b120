import RecorderCore
import Testing

/// What a service says is no reason to lose words, to trap, or to be asked without end.
@Suite struct `A service that says odd things` {
    private static let busy = UplinkFailure(.httpStatus(429, retryAfterSeconds: 0), "busy")

    @Test func `Retry-After 0 is obeyed no sooner than the backoff would be`() throws {
        var box = Box()
        box.start()
        var attempts: [Int64] = []
        var attempt: KeyRequestID = 1
        var commits = 0
        let start = box.now
        while box.now.milliseconds(since: start) < 60_000 {
            attempts.append(box.now.milliseconds(since: start))
            box.happens(.uplink(.keyFailed(attempt: attempt, Self.busy)))
            try box.untilDeadline()
            attempt = try #require(box.requestedKey)
            commits += box.effects.count { $0 == .store(.commit) }
        }
        #expect(attempts == [0, 1_000, 3_000, 7_000, 15_000, 31_000, 47_000])
        #expect(commits <= 7)
    }

    @Test func `many attempts in a row make no storm of commits`() throws {
        var box = Box()
        box.goLive()
        var commits = 0
        for _ in 0..<20 {
            box.happens(.networkChanged("address of wlan0 changed"), after: 250)
            box.happens(.uplink(.closed(session: box.request?.id ?? 1, UplinkFailure(.reset, "reset"))), after: 1)
            commits += box.effects.count { $0 == .store(.commit) }
        }
        #expect(commits <= 5, "\(commits) in 5 s")
    }

    @Test func `a Retry-After of a day is capped, and that is told`() throws {
        var box = Box()
        box.start()
        box.happens(.uplink(.keyFailed(attempt: 1, UplinkFailure(.httpStatus(429, retryAfterSeconds: 86_400), "busy"))))
        let refused = box.now
        try box.untilDeadline()
        #expect(box.now.milliseconds(since: refused) == Limits.retryAfterMilliseconds)
        #expect(box.requestedKey == 2)
        #expect(box.log.contains("retry-after asked_s=86400 obeyed_s=600"))
    }

    // MARK: Places

    @Test func `places beyond what was recorded are brought back, and never trap`() {
        for extreme in [Int64.max, Int64.max / 16 + 1, 86_400_000, Int64.min, -1] {
            var box = Box()
            box.goLive()
            box.head = SampleIndex(milliseconds: 10_000)
            var message = message([(" one", 1_000, 1_300), (" two", extreme, extreme)], final: 3_000, total: 3_500)
            message.tokens[1].isFinal = true
            message.tokens.append(message.tokens[1])
            message.tokens[2].isFinal = false
            let effects = box.recorder.receive(.uplink(.message(session: 1, message)), now: box.now, head: box.head)
            message.finalAudioMilliseconds = extreme
            message.totalAudioMilliseconds = extreme
            let more = box.recorder.receive(.uplink(.message(session: 1, message)), now: box.now, head: box.head)
            for case .store(.words(let words, let covered, let gaps)) in effects + more {
                #expect(covered <= box.head)
                #expect(words.allSatisfy { $0.start >= .zero && $0.start <= $0.end && $0.end <= box.head })
                #expect(gaps.allSatisfy { $0.end <= box.head })
            }
        }
    }

    @Test func `a final word behind the lesson's end is within it`() {
        var box = Box()
        box.goLive()
        box.head = SampleIndex(milliseconds: 10_000)
        box.happens(.stop)
        box.happens(.capture(.stopped(end: box.head)))
        let late = message([(" last", 9_900, 14_000)], finished: true)
        let effects = box.recorder.receive(.uplink(.message(session: 1, late)), now: box.now, head: box.head)
        let ends = effects.flatMap { effect -> [SampleIndex] in
            if case .store(.words(let words, _, _)) = effect { words.map(\.end) } else { [] }
        }
        #expect(ends == [box.head])
    }

    @Test func `what was odd in a message is counted`() {
        var box = Box()
        box.goLive()
        var odd = message([(" one", 0, 900)], final: 1_000, total: 1_000)
        odd.oddTokens = 2
        odd.oddPositions = 3
        box.happens(.uplink(.message(session: 1, odd)))
        #expect(box.effects.contains(.reached(.serviceTokens, count: 2)))
        #expect(box.effects.contains(.reached(.servicePositions, count: 3)))
    }

    // MARK: Text

    private static func half(_ value: UInt32) -> String {
        String(Character(Unicode.Scalar(SurrogateHalf.first + value - 0xD800)!))
    }

    private func texts(_ pieces: [[(String, Int64, Int64)]]) -> [String] {
        var box = Box()
        box.goLive()
        var texts: [String] = []
        for words in pieces {
            box.happens(.uplink(.message(session: 1, message(words, final: words.last?.2 ?? 0))))
            for case .words(let words) in box.effects { texts += words.map(\.text) }
        }
        box.happens(.uplink(.message(session: 1, message([(" end", 9_000, 9_100)], final: 9_900))))
        for case .words(let words) in box.effects { texts += words.map(\.text) }
        return texts
    }

    @Test func `halves of an emoji are joined where they meet, and else shown as missing`() {
        let (high, low) = (Self.half(0xD83D), Self.half(0xDE00))
        #expect(texts([[(" ok" + high, 0, 500), (low + "!", 500, 900)]]) == ["ok😀!", "end"])
        // The second half may come a message later.
        #expect(texts([[(" ok" + high, 0, 500)], [(low, 500, 900)]]) == ["ok😀", "end"])
        #expect(texts([[(" a" + high, 0, 500), (" b", 600, 900)]]) == ["a\u{FFFD}", "b", "end"])
        #expect(texts([[(" a" + low + high, 0, 500)]]) == ["a\u{FFFD}\u{FFFD}", "end"])
        #expect(texts([[(" a" + high + high + low, 0, 500)]]) == ["a\u{FFFD}😀", "end"])
    }

    @Test func `a second that ends each session is left behind after the second time`() throws {
        var box = Box()
        box.goLive()
        box.head = SampleIndex(milliseconds: 20_000)
        box.happens(.uplink(.message(session: 1, message([(" one", 8_000, 8_400)], final: 10_000, total: 12_000))))
        let bad = UplinkFailure(.messageMalformed, "not JSON")
        box.happens(.uplink(.closed(session: 1, bad)), after: 20_000)
        box.happens(.uplink(.key(attempt: try #require(box.requestedKey), Box.key)))
        let second = try #require(box.request)
        #expect(second.base == SampleIndex(milliseconds: 6_000))
        box.happens(.uplink(.opened(session: second.id, tookMilliseconds: 1)))
        box.happens(.uplink(.message(session: second.id, message([], total: 6_200))))
        box.happens(.uplink(.closed(session: second.id, bad)), after: 5_000)
        if box.requestedKey == nil { try box.untilDeadline() }
        box.happens(.uplink(.key(attempt: try #require(box.requestedKey), Box.key)))
        let third = try #require(box.request)
        #expect((12_500...14_000).contains(third.base.milliseconds), "\(third.base.milliseconds)")
        #expect(box.log.contains { $0.hasPrefix("skip from_ms=10000 to_ms=") })
        // Nor does any later session go back there.
        box.happens(.uplink(.opened(session: third.id, tookMilliseconds: 1)))
        let next = message([(" two", 2_000, 2_400)], final: 3_000, total: 3_500)
        box.happens(.uplink(.message(session: third.id, next)))
        box.happens(.uplink(.closed(session: third.id, UplinkFailure(.reset, "reset"))), after: 5_000)
        if box.requestedKey == nil { try box.untilDeadline() }
        if let attempt = box.requestedKey { box.happens(.uplink(.key(attempt: attempt, Box.key))) }
        #expect(try #require(box.request).base >= third.base)
    }

    @Test func `two bad messages at different places skip nothing`() throws {
        var box = Box()
        box.goLive()
        let bad = UplinkFailure(.messageMalformed, "not JSON")
        box.happens(.uplink(.message(session: 1, message([], final: 10_000, total: 12_000))))
        box.happens(.uplink(.closed(session: 1, bad)), after: 20_000)
        box.happens(.uplink(.key(attempt: try #require(box.requestedKey), Box.key)))
        let second = try #require(box.request)
        box.happens(.uplink(.opened(session: second.id, tookMilliseconds: 1)))
        box.happens(.uplink(.message(session: second.id, message([], final: 30_000, total: 32_000))))
        box.happens(.uplink(.closed(session: second.id, bad)), after: 30_000)
        box.happens(.uplink(.key(attempt: try #require(box.requestedKey), Box.key)))
        #expect(try #require(box.request).base < SampleIndex(milliseconds: 36_000))
        #expect(!box.log.contains { $0.hasPrefix("skip") })
    }
}
