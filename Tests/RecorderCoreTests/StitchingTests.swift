import RecorderCore
import Testing

/// Says a script through sessions that hear it from different places, as the service does.
struct Script {
    struct Word {
        var text: String
        var start: Int64
        var end: Int64
        var voice: String
    }

    var transcript = LiveTranscript()
    var words: [RecorderCore.Word] = []
    var merges: [LiveTranscript.SpeakerMerge] = []
    private var numbers = 0

    /// Words of half a second, one a second.
    static func words(_ texts: String, from second: Int64 = 0, voices: String = "A") -> [Word] {
        let voices = voices.split(separator: " ").map(String.init)
        return texts.split(separator: " ").enumerated().map { index, text in
            let start = (second + Int64(index)) * 1_000 + 200
            return Word(text: String(text), start: start, end: start + 500, voice: voices[index % voices.count])
        }
    }

    /// A session that hears `script` from `base` on, final up to `through`, with times shifted by `jitter`.
    mutating func session(
        _ script: [Word], base: Int64, through: Int64, jitter: Int64 = 0, labels: [String: String] = [:],
        gap: Range<Int64>? = nil, ends: Bool = true
    ) {
        numbers += 1
        let range = gap.map { SampleIndex(milliseconds: $0.lowerBound)..<SampleIndex(milliseconds: $0.upperBound) }
        transcript.open(session: numbers, base: SampleIndex(milliseconds: base), gap: range)
        let tokens = script.filter { $0.start >= base && $0.end <= through }.map { word in
            ServiceToken(
                text: " " + word.text, startMilliseconds: word.start - base + jitter,
                endMilliseconds: word.end - base + jitter, confidence: 1, isFinal: true,
                speaker: labels[word.voice] ?? word.voice, language: "en")
        }
        let message = ServiceMessage(tokens: tokens, finalAudioMilliseconds: through - base)
        words += transcript.receive(message, session: numbers, end: SampleIndex(.max)).words
        guard ends else { return }
        for merge in transcript.close(session: numbers) {
            merges.append(merge)
            for place in words.indices where words[place].speaker == merge.retired {
                words[place].speaker = merge.speaker
            }
        }
    }

    var texts: String { words.sorted { $0.start < $1.start }.map(\.text).joined(separator: " ") }
    var speakers: [Int] { words.sorted { $0.start < $1.start }.map(\.speaker) }
}

@Suite struct `Sessions are stitched` {
    @Test func `a word that the earlier session would have placed later is taken, though it begins before the seam`() {
        let spoken = Script.words("a b c d e f g h")
        var script = Script()
        // The first session is lost when it has heard all of "f" but its last few milliseconds.
        script.session(spoken, base: 0, through: 5_690, jitter: 150)
        script.session(spoken, base: 1_690, through: 8_400, jitter: -170)
        #expect(script.words.map(\.text) == ["a", "b", "c", "d", "e", "f", "g", "h"])
    }

    @Test func `words that two sessions hear stand once, whatever the times say`() {
        for jitter: Int64 in [-300, -50, 0, 50, 300] {
            let spoken = Script.words("one two three four five six seven eight nine ten")
            var script = Script()
            script.session(spoken, base: 0, through: 6_500)
            script.session(spoken, base: 2_000, through: 11_000, jitter: jitter)
            #expect(script.texts == "one two three four five six seven eight nine ten", "jitter \(jitter)")
        }
    }

    @Test func `a word that repeats is counted as often as it was said`() {
        for cut in stride(from: Int64(3_000), through: 9_000, by: 100) {
            let spoken = Script.words("no no no yes yes no no the the no yes no")
            var script = Script()
            script.session(spoken, base: 0, through: cut)
            let base = script.transcript.baseOfNextSession(head: SampleIndex(milliseconds: cut + 1_000)).milliseconds
            script.session(spoken, base: base, through: 13_000, jitter: 90)
            #expect(script.texts == "no no no yes yes no no the the no yes no", "cut at \(cut) ms")
        }
    }

    @Test func `a word in whose middle a session ended is said once and whole`() {
        let whole = Script.words("chalk board")
        var script = Script()
        script.transcript.open(session: 90, base: .zero)
        let half = message([(" cha", 200, 400)], speaker: "A", final: 450)
        #expect(script.transcript.receive(half, session: 90, end: SampleIndex(.max)).words.isEmpty)
        _ = script.transcript.close(session: 90)
        script.session(whole, base: 0, through: 3_000)
        #expect(script.texts == "chalk board")
        #expect(script.transcript.finish().words.isEmpty)
    }

    @Test func `without another session the half word is kept`() {
        var transcript = LiveTranscript()
        transcript.open(session: 1, base: .zero)
        _ = transcript.receive(message([(" cha", 200, 400)], final: 450), session: 1, end: SampleIndex(.max))
        _ = transcript.close(session: 1)
        #expect(transcript.finish().words.map(\.text) == ["cha"])
        #expect(transcript.coverage.end == SampleIndex(milliseconds: 400))
    }

    @Test func `another spelling of the same sound is not a second word`() {
        var script = Script()
        script.session(Script.words("it was for the class"), base: 0, through: 5_500)
        script.session(Script.words("it was four the class room"), base: 1_000, through: 7_000, jitter: 40)
        #expect(script.texts == "it was for the class room")
    }

    @Test func `labels of a later session are matched by the speech that both heard`() {
        let spoken = Script.words("a b c d e f g h i j k l", voices: "T T S")
        var script = Script()
        script.session(spoken, base: 0, through: 7_000)
        script.session(spoken, base: 3_000, through: 12_500, labels: ["T": "2", "S": "1"])
        #expect(script.texts == "a b c d e f g h i j k l")
        #expect(script.speakers == [1, 1, 2, 1, 1, 2, 1, 1, 2, 1, 1, 2])
        #expect(script.transcript.speakerCount == 2)
    }

    @Test func `the overlap reaches back to a voice that was silent in the last seconds`() {
        let spoken = Script.words("q1 q2 a b c d e f g h i j", voices: "S S T T T T T T T T T T")
        var script = Script()
        script.session(spoken, base: 0, through: 11_000)
        let base = script.transcript.baseOfNextSession(head: SampleIndex(milliseconds: 12_000))
        #expect(base == .zero, "the first word, and what is before its beginning")
        let far = Script.words("x", from: 40, voices: "T")
        script.session(spoken + far, base: 0, through: 41_500)
        let next = script.transcript.baseOfNextSession(head: SampleIndex(milliseconds: 42_000))
        #expect(next == SampleIndex(milliseconds: 37_500), "voices of long ago do not count: \(next)")
    }

    @Test func `a voice that nobody heard before is a new speaker`() {
        var script = Script()
        script.session(Script.words("a b c d"), base: 0, through: 4_500)
        let more = Script.words("a b c d") + Script.words("new", from: 5, voices: "N")
        script.session(more, base: 0, through: 7_000, labels: ["A": "2", "N": "1"])
        #expect(script.speakers == [1, 1, 1, 1, 2])
    }

    @Test func `what a service says twice or late stands once, at its place`() {
        var transcript = LiveTranscript()
        transcript.open(session: 1, base: .zero)
        func receive(_ words: [(String, Int64, Int64)], final: Int64) -> [Word] {
            transcript.receive(message(words, final: final), session: 1, end: SampleIndex(.max)).words
        }
        var words = receive([(" a", 0, 200), (" c", 800, 900)], final: 1_500)
        words += receive([(" a", 0, 200)], final: 1_600)
        words += receive([(" b", 400, 500), (" d", 1_600, 1_700)], final: 2_500)
        #expect(words.sorted { $0.start < $1.start }.map(\.text) == ["a", "b", "c", "d"])
    }

    @Test func `a gap that is too long is a gap, and is filled from both its edges`() {
        let spoken = Script.words((0..<120).map { "w\($0 % 7)" }.joined(separator: " "))
        var script = Script()
        script.session(spoken, base: 0, through: 20_200)
        let base = script.transcript.baseOfNextSession(head: SampleIndex(milliseconds: 100_400)).milliseconds
        #expect(base == 96_400, "live words come first")
        script.session(spoken, base: base, through: 110_400, jitter: 60, ends: false)
        let gap = script.transcript.gap(before: 2)
        #expect(gap == SampleIndex(milliseconds: 20_200)..<SampleIndex(milliseconds: base + 1_000))
        script.session(
            spoken, base: 16_000, through: base + 5_000, jitter: -80, gap: 20_200..<(base + 1_000))
        #expect(script.texts == spoken.filter { $0.end <= 110_000 }.map(\.text).joined(separator: " "))
        #expect(script.transcript.gap(before: 2) == nil)
        #expect(script.transcript.coverage.ranges.count == 1)
    }
}
