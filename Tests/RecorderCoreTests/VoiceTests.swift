import Testing

@testable import RecorderCore

/// Voices on the two sides of a gap that was too long to be heard again before the live words.
private struct Gap {
    var script = Script()
    let spoken: [Script.Word]
    let gap: Range<Int64>

    /// What was said before second 20 and after second 100 has its text: the gap is between.
    ///
    /// - Parameter later: milliseconds at which the session behind the gap begins.
    init(voices: String, laterLabels: [String: String], later: Int64 = 96_000) {
        let texts = (0..<130).map { "w\($0)" }.joined(separator: " ")
        spoken = Script.words(texts, voices: voices)
        gap = 20_300..<(later + SampleIndex(Limits.cutWordSamples).milliseconds)
        script.session(spoken, base: 0, through: 20_300)
        script.session(spoken, base: later, through: 130_500, labels: laterLabels)
    }

    /// The power goes, and comes back: what is known is what the journal has.
    mutating func resume() {
        let end = SampleIndex(milliseconds: 130_500)
        let gap = RecorderCore.Gap(
            start: SampleIndex(milliseconds: gap.lowerBound), end: SampleIndex(milliseconds: gap.upperBound),
            reason: "")
        let words = script.words.sorted { $0.start < $1.start }
        script.transcript = LiveTranscript(
            resuming: InterruptedRecording(
                header: Box.header, saved: end, coverage: Coverage(through: end, gaps: [gap]), words: words,
                wordCount: words.count, speakers: Array(Set(words.map(\.speaker)))))
    }

    mutating func fill(labels: [String: String] = [:], from: Int64 = 8_000, to: Int64 = 112_000) {
        script.session(spoken, base: from, through: to, labels: labels, gap: gap)
    }
}

@Suite struct `Voices on both sides of a gap` {
    @Test func `are one speaker each again when the gap has been filled`() {
        var gap = Gap(voices: "T T S", laterLabels: ["T": "2", "S": "1"])
        #expect(Set(gap.script.speakers) == [1, 2, 3, 4])
        gap.fill(labels: ["T": "b", "S": "a"])
        #expect(Set(gap.script.merges.map { [$0.retired, $0.speaker] }) == [[3, 1], [4, 2]])
        #expect(gap.script.speakers == gap.spoken.map { $0.voice == "T" ? 1 : 2 })
        #expect(gap.script.transcript.speakerCount == 2)
    }

    @Test func `a number that was given up goes to the next new voice`() {
        var gap = Gap(voices: "T T S", laterLabels: [:])
        gap.fill()
        let new = Script.words("hello", from: 131, voices: "N")
        gap.script.session(gap.spoken + new, base: 120_000, through: 133_000)
        #expect(gap.script.speakers.last == 3)
        #expect(gap.script.transcript.speakerCount == 3)
    }

    @Test func `keep their numbers when one session heard them as two`() {
        // The second session names one voice with two labels; the first one's "T" can be only one of them.
        var gap = Gap(voices: "T U S", laterLabels: [:])
        gap.fill(labels: ["T": "x", "U": "x"])
        #expect(gap.script.merges.count == 2, "one of T and U, and S: \(gap.script.merges)")
        #expect(gap.script.transcript.speakerCount == 4)
    }

    @Test func `keep their numbers when the journal has them side by side`() {
        var gap = Gap(voices: "T U S", laterLabels: [:])
        gap.resume()
        gap.fill(labels: ["T": "x", "U": "x"])
        #expect(gap.script.merges.count == 2, "one of T and U, and S: \(gap.script.merges)")
        #expect(gap.script.transcript.speakerCount == 4)
    }

    @Test func `are one speaker each again, also when the gap is filled after a power cut`() {
        var gap = Gap(voices: "T T S", laterLabels: ["T": "2", "S": "1"])
        gap.resume()
        gap.fill(labels: ["T": "b", "S": "a"])
        #expect(Set(gap.script.merges.map { [$0.retired, $0.speaker] }) == [[3, 1], [4, 2]])
        #expect(gap.script.transcript.speakerCount == 2)
    }

    @Test func `are one speaker each again, though the gap ends in the middle of a word`() {
        // The word at 97.2 to 97.7 s belongs to what comes behind the gap, which ends at 97.35 s.
        var gap = Gap(voices: "T T S", laterLabels: ["T": "2", "S": "1"], later: 96_350)
        #expect(gap.script.words.contains { $0.text == "w97" && $0.speaker == 3 })
        gap.resume()
        gap.fill(labels: ["T": "b", "S": "a"])
        #expect(Set(gap.script.merges.map { [$0.retired, $0.speaker] }) == [[3, 1], [4, 2]])
    }

    @Test func `are not taken for one because of one word`() {
        // The session that fills the gap is lost behind the first word after it.
        var gap = Gap(voices: "T T S", laterLabels: ["T": "2", "S": "1"])
        gap.fill(labels: ["T": "b", "S": "a"], to: 98_200)
        #expect(gap.script.merges.isEmpty)
        gap.fill(labels: ["T": "b", "S": "a"], from: 85_000)
        #expect(Set(gap.script.merges.map { [$0.retired, $0.speaker] }) == [[3, 1], [4, 2]])
    }

    @Test func `are not known when they are silent near the gap`() {
        // S speaks at its beginning only, T all the time.
        let voices = "S " + [String](repeating: "T", count: 129).joined(separator: " ")
        var gap = Gap(voices: voices, laterLabels: [:])
        gap.fill()
        #expect(gap.script.merges.map(\.retired) == [3])
        #expect(Set(gap.script.speakers) == [1, 2])
    }

    @Test func `the session that fills a gap hears enough of what follows, and no more than the lesson`() throws {
        var box = Box()
        box.goLive()
        box.happens(.uplink(.key(attempt: 2, Box.key)))
        box.head = SampleIndex(milliseconds: 10_000)
        box.happens(.uplink(.message(session: 1, message([(" one", 100, 900)], final: 10_000))), after: 10_000)
        box.happens(.networkLost("eth0 lost its carrier"))
        box.head = SampleIndex(milliseconds: 90_000)
        box.happens(.networkChanged("eth0"), after: 80_000)
        if box.request == nil { box.keyComes() }
        box.sessionGoesLive()
        let live = try #require(box.recorder.lesson?.uplink.session)
        #expect(live.base == SampleIndex(milliseconds: 86_000))
        for _ in 0..<20 where box.request == nil {
            try box.untilDeadline()
            if box.requestedKey != nil { box.keyComes() }
        }
        let gap = try #require(box.request)
        #expect(gap.end == SampleIndex(milliseconds: 87_000).advanced(by: Limits.longestOverlapSamples))
        box.sessionGoesLive()
        box.happens(.stop)
        box.happens(.capture(.stopped(end: SampleIndex(milliseconds: 95_000))))
        #expect(box.effects.contains(.uplink(.finish(session: gap.id, end: SampleIndex(milliseconds: 95_000)))))
    }

    @Test func `voices beyond those that are kept are counted`() {
        var box = Box()
        box.goLive()
        box.head = SampleIndex(milliseconds: 200_000)
        var counted: Int64 = 0
        for voice in 1...(Limits.speakers + 3) {
            let at = Int64(voice) * 1_000
            let words = [(" a", at, at + 300), (" b", at + 400, at + 700)]
            box.happens(.uplink(.message(session: 1, message(words, speaker: "v\(voice)", final: at + 900))))
            for case .reached(.speakers, let count) in box.effects { counted += count }
        }
        #expect(box.recorder.lesson?.transcript.speakerCount == Limits.speakers)
        #expect(counted >= 5, "\(counted) words of three voices")
    }
}
