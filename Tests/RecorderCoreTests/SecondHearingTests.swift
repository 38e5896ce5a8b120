import Testing

@testable import RecorderCore

/// A lesson in which B is silent over a drop.
private struct Drop {
    var script = Script()
    let spoken: [Script.Word]

    /// - Parameters:
    ///   - silence: seconds from B's last words to the next ones, T speaks meanwhile; the drop is 6 s before its end.
    ///   - later: who speaks then.
    init(silence: Int64 = 34, later: String = "B", labels: [String: String] = ["B": "2", "T": "1"]) {
        var spoken = Script.words("a1 a2 a3 a4 a5 a6 a7 a8", voices: "T B")
        for second in 8..<(8 + silence) { spoken += Script.words("t\(second)", from: second, voices: "T") }
        spoken += Script.words("b1 b2 b3 b4 b5 b6", from: 8 + silence, voices: later)
        self.spoken = spoken
        let drop = (2 + silence) * 1_000 + 750
        script.session(spoken, base: 0, through: drop)
        let base = script.transcript.overlapped(SampleIndex(milliseconds: drop))
        script.session(spoken, base: base.milliseconds, through: (14 + silence) * 1_000 + 500, labels: labels)
    }

    mutating func hearAgain(labels: [String: String] = ["B": "x", "T": "y"], through: Int64 = 47_000) throws {
        let next = script.transcript.nextSecondHearing()
        let base = try #require(next).milliseconds
        script.session(spoken, base: base, through: through, labels: labels, gap: base..<base)
    }
}

@Suite struct `A second hearing` {
    @Test func `gives a speaker who was silent over a drop the number from before`() throws {
        var drop = Drop()
        #expect(Set(drop.script.speakers) == [1, 2, 3])
        #expect(drop.script.transcript.wantsSecondHearing)
        let words = drop.script.words.count
        let coverage = drop.script.transcript.coverage
        try drop.hearAgain()
        #expect(drop.script.merges.map { [$0.retired, $0.speaker] } == [[3, 2]])
        #expect(drop.script.speakers == drop.spoken.map { $0.voice == "T" ? 1 : 2 })
        #expect(drop.script.words.count == words, "it gives no words")
        #expect(drop.script.transcript.coverage == coverage)
        #expect(!drop.script.transcript.wantsSecondHearing)
        #expect(drop.script.transcript.speakerCount == 2)
    }

    @Test func `begins before the speaker's newest words, up to five minutes back`() {
        var drop = Drop()
        // "a4", "a6" and "a8" take a second and a half, and four seconds are before them.
        #expect(drop.script.transcript.nextSecondHearing() == .zero)
        var late = Drop(silence: 300)
        #expect(late.script.transcript.nextSecondHearing() == .zero)
    }

    @Test func `is not asked for when the speaker was silent for too long`() {
        var drop = Drop(silence: 330)
        #expect(Set(drop.script.speakers) == [1, 2, 3])
        #expect(drop.script.transcript.nextSecondHearing() == nil)
        #expect(!drop.script.transcript.wantsSecondHearing, "nor is it again")
    }

    @Test func `leaves somebody new their number, and is not repeated`() throws {
        var drop = Drop(later: "N")
        try drop.hearAgain(labels: [:])
        #expect(drop.script.merges.isEmpty)
        #expect(Set(drop.script.speakers) == [1, 2, 3])
        #expect(!drop.script.transcript.wantsSecondHearing)
    }

    @Test func `that takes all for one voice merges none`() throws {
        var drop = Drop()
        try drop.hearAgain(labels: ["B": "x", "T": "x"])
        #expect(drop.script.merges.isEmpty)
    }

    @Test func `that is lost before it has heard three words of the new speaker is made anew, three times`() throws {
        var drop = Drop()
        for _ in 0..<3 { try drop.hearAgain(through: 44_100) }
        #expect(drop.script.merges.isEmpty)
        #expect(drop.script.transcript.nextSecondHearing() == nil)
    }

    @Test func `is not asked for when one session has heard everybody`() {
        var script = Script()
        script.session(Script.words("a b c d e f g h i j k l", voices: "T B N"), base: 0, through: 12_500)
        #expect(script.transcript.speakerCount == 3)
        #expect(!script.transcript.wantsSecondHearing)
    }

    @Test func `is possible after ten minutes of other words behind the drop`() {
        var drop = Drop(silence: 280)
        let base = drop.script.transcript.nextSecondHearing()?.milliseconds ?? -1
        #expect(base == 0)
        for start in stride(from: Int64(294), to: 1_000, by: 50) {
            let more = (start..<(start + 50)).map { Script.words("m\($0)", from: $0, voices: "T")[0] }
            drop.script.session(drop.spoken + more, base: start * 1_000 - 10_000, through: start * 1_000 + 50_000)
        }
        #expect(drop.script.transcript.committedCount <= Limits.committedWords)
        drop.script.session(drop.spoken, base: base, through: 300_000, labels: ["B": "x"], gap: base..<base)
        #expect(drop.script.merges.map { [$0.retired, $0.speaker] } == [[3, 2]])
    }

    @Test func `goes on for others whom it can know, and ends behind the last`() {
        var drop = Drop()
        let base = drop.script.transcript.nextSecondHearing()?.milliseconds ?? -1
        let spoken = Script.words("c1 c2 c3 c4", from: 50, voices: "N")
        drop.script.session(spoken, base: 46_000, through: 54_500)
        #expect(drop.script.transcript.newSpeakers.map(\.number) == [3, 4])
        let start = SampleIndex(milliseconds: base)
        drop.script.transcript.open(session: 9, base: start, gap: start..<start)
        func said(_ words: [Script.Word], _ label: String, _ final: Int64) -> ServiceMessage {
            message(words.map { (" " + $0.text, $0.start - base, $0.end - base) }, speaker: label, final: final - base)
        }
        let b = drop.spoken.filter { $0.voice == "B" }
        _ = drop.script.transcript.receive(said(b, "x", 46_500), session: 9, end: SampleIndex(.max))
        var known = drop.script.transcript.compareVoices(session: 9)
        #expect(known.merges.map { [$0.retired, $0.speaker] } == [[3, 2]])
        #expect(!known.isDone)
        _ = drop.script.transcript.receive(said(spoken, "z", 56_000), session: 9, end: SampleIndex(.max))
        known = drop.script.transcript.compareVoices(session: 9)
        #expect(known.merges.isEmpty && known.isDone)
        #expect(drop.script.transcript.newSpeakers.isEmpty)
    }

    @Test func `never merges whom a session has told apart, however long ago`() {
        var apart = SpeakersApart()
        apart.add(1, 2)
        apart.add(3, 4)
        apart.rename(4, to: 1)
        #expect(apart.contains(2, 1) && apart.contains(3, 1))
        #expect(!apart.contains(4, 3) && !apart.contains(2, 3))
        #expect(apart.contains(0, 1), "what nobody said is nobody's")
    }
}

@Suite struct `Beside a live session, a second hearing` {
    /// B speaks at 1 and at 36 s, T in between; the connection is lost at 30 s.
    private static func box(_ settings: RecorderSettings = RecorderSettings(
        transcription: true, reconnect: ReconnectPolicy(jitterMilliseconds: 0))
    ) -> Box {
        var box = Box(settings: settings)
        box.goLive()
        box.happens(.uplink(.key(attempt: 2, Box.key)))
        box.happens(.uplink(.message(session: 1, message(Self.four(1_000, "b"), speaker: "2"))), after: 5_000)
        for second in Int64(4)..<30 {
            let word = [(" t\(second)", second * 1_000, second * 1_000 + 500)]
            box.happens(.uplink(.message(session: 1, message(word, final: second * 1_000 + 800))), after: 1_000)
        }
        box.happens(.uplink(.closed(session: 1, UplinkFailure(.reset, "reset"))))
        box.sessionGoesLive()
        box.happens(.uplink(.key(attempt: 3, Box.key)))
        let base = box.recorder.lesson?.uplink.session?.base.milliseconds ?? 0
        let again = [(" t28", 28_000 - base, 28_500 - base), (" t29", 29_000 - base, 29_500 - base)]
        box.happens(.uplink(.message(session: 2, message(again, final: 31_000 - base))))
        let back = message(four(36_000 - base, "c"), speaker: "2", final: 40_000 - base, total: 40_000 - base)
        box.happens(.uplink(.message(session: 2, back)), after: 8_000)
        return box
    }

    private static func four(_ start: Int64, _ name: String) -> [(String, Int64, Int64)] {
        (0..<4).map { (" \(name)\($0)", start + $0 * 600, start + $0 * 600 + 500) }
    }

    @Test func `waits until that one is stable, and merges the numbers`() throws {
        var box = Self.box()
        let since = try #require(box.recorder.lesson?.uplink.primary.since)
        #expect(box.recorder.lesson?.transcript.speakerCount == 3)
        try box.untilDeadline()
        #expect(box.now.milliseconds(since: since) == 10_000)
        let request = try #require(box.request)
        #expect(request.base == .zero)
        #expect(request.end == nil)
        box.sessionGoesLive()
        #expect(box.log.contains { $0 == "speaker compare session=3 from_ms=0" })
        #expect(box.requestedKey != nil, "the live session may be lost")
        let words = Self.four(1_000, "b") + Self.four(36_000, "c")
        box.happens(.uplink(.message(session: 3, message(words, speaker: "7", final: 38_500))))
        #expect(box.effects == [], "what follows the last word tells that it is whole")
        box.happens(.uplink(.message(session: 3, message([], final: 39_500))))
        #expect(box.effects.contains(.store(.mergeSpeaker(3, into: 1))))
        #expect(box.effects.contains(.uplink(.close(session: 3))))
        #expect(box.recorder.lesson?.uplink.hasSecondary == false)
        #expect(box.recorder.lesson?.transcript.speakerCount == 2)
    }

    @Test func `is no reason for STOP to wait`() throws {
        var box = Self.box()
        try box.untilDeadline()
        box.sessionGoesLive()
        box.happens(.stop)
        #expect(box.effects.contains(.uplink(.close(session: 3))))
        box.happens(.capture(.stopped(end: SampleIndex(milliseconds: 60_000))))
        box.happens(.uplink(.message(session: 2, message([], finished: true))))
        #expect(box.closing != nil)
    }

    @Test func `yields to a successor, and comes again`() throws {
        var box = Self.box()
        try box.untilDeadline()
        box.sessionGoesLive()
        box.happens(.networkChanged("default route via wlan1"), after: 1_000)
        #expect(box.effects.contains(.uplink(.close(session: 3))))
        #expect(box.recorder.lesson?.uplink.secondary?.isSuccessor == true)
        if box.request == nil { box.keyComes() }
        box.sessionGoesLive()
        #expect(box.recorder.lesson?.uplink.hasSecondary == false)
        let opened = box.now
        while box.request == nil {
            box.happens(.uplink(.message(session: 4, message([], total: 40_000))))
            try box.untilDeadline()
            if box.requestedKey != nil { box.keyComes() }
        }
        #expect(box.now.milliseconds(since: opened) >= 10_000)
        #expect(box.recorder.lesson?.uplink.secondary?.fillsGap == false)
    }

    @Test func `that fails leaves its place, and comes again after a slow probe's time`() throws {
        var box = Self.box()
        try box.untilDeadline()
        let failed = box.now
        let busy = UplinkFailure(.message(code: 429, type: .connectionsReached), "no place")
        box.happens(.uplink(.closed(session: 3, busy)))
        #expect(box.recorder.lesson?.uplink.hasSecondary == false)
        #expect(box.recorder.phase == .live)
        while box.request == nil {
            box.happens(.uplink(.message(session: 2, message([], total: 50_000))))
            try box.untilDeadline()
            if box.requestedKey != nil { box.keyComes() }
        }
        #expect(box.now.milliseconds(since: failed) >= 60_000)
    }

    @Test func `waits while a gap is to be filled`() throws {
        var box = Self.box()
        box.head = SampleIndex(milliseconds: 140_000)
        box.happens(.uplink(.closed(session: 2, UplinkFailure(.reset, "reset"))), after: 1_000)
        if box.request == nil { box.keyComes() }
        box.sessionGoesLive()
        while box.recorder.lesson?.uplink.hasSecondary != true { try box.untilDeadline() }
        #expect(box.recorder.lesson?.uplink.secondary?.fillsGap == true)
    }

    @Test func `can be turned off, and has its number in a lesson`() throws {
        let policy = ReconnectPolicy(jitterMilliseconds: 0)
        var box = Self.box(RecorderSettings(transcription: true, reconnect: policy, hearsAgain: false))
        for _ in 0..<3 { try box.untilDeadline() }
        #expect(box.recorder.lesson?.uplink.secondHearings == 0)
        box = Self.box()
        for _ in 0..<3 where box.recorder.lesson?.uplink.hasSecondary == false { try box.untilDeadline() }
        #expect(box.recorder.lesson?.uplink.secondHearings == 1)
    }
}
