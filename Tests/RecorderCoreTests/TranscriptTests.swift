import RecorderCore
import Testing

func word(_ text: String, _ start: Int64, _ end: Int64, speaker: Int = 1, language: String = "en") -> Word {
    Word(
        text: text, start: SampleIndex(milliseconds: start), end: SampleIndex(milliseconds: end), confidence: 0.5,
        speaker: speaker, language: language)
}

@Suite struct `Words` {
    @Test func `segments are cut at a change of speaker and at long pauses; version 1 cuts them at a language, too`() {
        let words = [
            word("a", 0, 500), word("b", 600, 900), word("c", 1_000, 1_100, speaker: 2),
            word("d", 1_200, 1_300, speaker: 2, language: "ar"),
            word("e", 9_000, 9_100, speaker: 2, language: "ar"),
        ]
        #expect(Segment.segments(of: words).map(\.text) == ["a b", "c d", "e"])
        #expect(Segment.segments(of: words, splitsLanguages: true).map(\.text) == ["a b", "c", "d", "e"])
    }
}

@Suite struct `Coverage of the recording` {
    func range(_ start: Int64, _ end: Int64) -> Range<SampleIndex> { SampleIndex(start)..<SampleIndex(end) }

    @Test func `ranges that touch become one`() {
        var coverage = Coverage()
        coverage.insert(range(0, 10))
        coverage.insert(range(20, 30))
        coverage.insert(range(40, 50))
        coverage.insert(range(10, 20))
        #expect(coverage.ranges == [range(0, 30), range(40, 50)])
        #expect(coverage.withoutGaps == SampleIndex(30))
        #expect(coverage.end == SampleIndex(50))
        #expect(coverage.samples == 40)
    }

    @Test func `gaps are what is missing before the end`() {
        var coverage = Coverage()
        coverage.insert(range(10, 20))
        coverage.insert(range(30, 40))
        let gaps = coverage.gaps(before: SampleIndex(60), reason: "offline")
        #expect(gaps.map(\.start) == [SampleIndex(0), SampleIndex(20), SampleIndex(40)])
        #expect(gaps.map(\.end) == [SampleIndex(10), SampleIndex(30), SampleIndex(60)])
        #expect(coverage.gaps(before: SampleIndex(15), reason: "").map(\.end) == [SampleIndex(10)])
    }
}

@Suite struct `The live transcript` {
    func spoken(_ text: String, _ start: Int64, _ end: Int64, by speaker: String) -> ServiceToken {
        ServiceToken(
            text: text, startMilliseconds: start, endMilliseconds: end, confidence: 1, isFinal: true,
            speaker: speaker, language: "")
    }

    @Test func `speakers are numbered by first appearance and markers are not text`() {
        var transcript = LiveTranscript()
        transcript.open(session: 1, base: .zero)
        let finals = ServiceMessage(
            tokens: [
                spoken(" a", 0, 1, by: "7"), spoken("<end>", 1, 1, by: "7"), spoken(" b", 2, 3, by: "3"),
                spoken(" c", 4, 5, by: "7"),
            ], finalAudioMilliseconds: 5, totalAudioMilliseconds: 5)
        let update = transcript.receive(finals, session: 1, end: SampleIndex(.max))
        #expect(update.words.map(\.text) == ["a", "b"])
        #expect(update.words.map(\.speaker) == [1, 2])
        #expect(transcript.speakerCount == 2)
    }

    @Test func `a word is final when the next begins, when silence follows, or at the end`() {
        var transcript = LiveTranscript()
        transcript.open(session: 1, base: .zero)
        func receive(_ text: String, _ start: Int64, final: Int64, finished: Bool = false) -> [String] {
            let tokens = text.isEmpty ? [] : [spoken(text, start, start + 100, by: "1")]
            let message = ServiceMessage(tokens: tokens, finalAudioMilliseconds: final, finished: finished)
            return transcript.receive(message, session: 1, end: SampleIndex(milliseconds: 9_000)).words.map(\.text)
        }
        #expect(receive(" cha", 0, final: 150) == [])
        #expect(transcript.coverage.end == .zero, "half a word is not final text")
        #expect(receive("lk", 100, final: 250) == [])
        #expect(receive(" box", 300, final: 400) == ["chalk"])
        #expect(transcript.coverage.end == SampleIndex(milliseconds: 300))
        #expect(receive("", 0, final: 900) == ["box"])
        #expect(transcript.coverage.end == SampleIndex(milliseconds: 900))
        #expect(receive(" end", 1_000, final: 1_100) == [])
        #expect(receive("", 0, final: 1_100, finished: true) == ["end"])
        #expect(transcript.coverage.end == SampleIndex(milliseconds: 9_000))
    }

    @Test func `interim words are replaced by each message`() {
        var transcript = LiveTranscript()
        transcript.open(session: 1, base: .zero)
        func interim(_ text: String) -> ServiceMessage {
            ServiceMessage(tokens: [
                ServiceToken(
                    text: text, startMilliseconds: 0, endMilliseconds: 1, confidence: 1, isFinal: false,
                    speaker: "1", language: "")
            ])
        }
        _ = transcript.receive(interim(" wreck"), session: 1, end: SampleIndex(.max))
        let update = transcript.receive(interim(" recognise"), session: 1, end: SampleIndex(.max))
        #expect(transcript.interim == " recognise")
        #expect(update.words.isEmpty)
    }

    @Test func `a peer cannot make it hold more than its bounds`() {
        var transcript = LiveTranscript()
        transcript.open(session: 1, base: .zero)
        for index in 0..<(Limits.speakers + 600) {
            let start = Int64(index) * 1_000
            let message = message(
                [(" w", start, start + 1)], speaker: "s\(index)", final: start)
            _ = transcript.receive(message, session: 1, end: SampleIndex(.max))
        }
        #expect(transcript.speakerCount == Limits.speakers)
        #expect(transcript.recent.count <= Limits.recentWords)
        #expect(transcript.committedCount <= Limits.committedWords)
    }
}
