import RecorderCore
import Testing

/// Where the session that fills a gap meets the one that went on behind it.
@Suite struct `The end of a gap` {
    private static let gap = SampleIndex(milliseconds: 10_000)..<SampleIndex(milliseconds: 82_800)

    /// A transcript whose live text goes on at 82.8 s with `words`.
    private static func transcript(_ words: [(String, Int64, Int64)]) -> LiveTranscript {
        var transcript = LiveTranscript()
        transcript.open(session: 1, base: .zero)
        _ = transcript.receive(message([(" one ", 9_000, 9_400)], final: 10_000), session: 1, end: SampleIndex(.max))
        _ = transcript.close(session: 1)
        let base: Int64 = 81_800
        transcript.open(session: 2, base: SampleIndex(milliseconds: base))
        let heard = words.map { ($0.0, $0.1 - base, $0.2 - base) }
        _ = transcript.receive(message(heard, final: 9_000), session: 2, end: SampleIndex(.max))
        return transcript
    }

    @Test func `a word that is said twice there stands twice, however the sessions place it`() {
        var transcript = Self.transcript([
            (" and,", 82_813, 82_978), (" and", 83_019, 83_256), (" yes", 83_551, 83_708),
        ])
        transcript.open(session: 3, base: .zero, gap: Self.gap)
        let heard = message(
            [
                (" mid", 50_000, 50_400), (" and,", 82_692, 82_857), (" and", 82_910, 83_147),
                (" yes", 83_420, 83_580), (" done", 95_000, 95_400),
            ], speaker: "2", final: 97_000)
        let update = transcript.receive(heard, session: 3, end: SampleIndex(.max))
        #expect(update.words.map(\.text) == ["mid"])
        #expect(transcript.coverage.ranges.count == 1)
    }

    @Test func `a word that begins there and is not whole yet keeps the gap open`() {
        var transcript = Self.transcript([(" yes", 83_551, 83_708)])
        transcript.open(session: 3, base: .zero, gap: Self.gap)
        let half = message([(" mid", 50_000, 50_400), (" so", 82_814, 82_980)], speaker: "2", final: 83_250)
        #expect(transcript.receive(half, session: 3, end: SampleIndex(.max)).words.map(\.text) == ["mid"])
        _ = transcript.close(session: 3)
        #expect(transcript.gap(before: 2)?.upperBound == Self.gap.upperBound, "nobody has its text")
        transcript.open(session: 4, base: SampleIndex(milliseconds: 78_000), gap: transcript.gap(before: 2))
        let whole = message([(" so", 4_800, 4_970), (" yes", 5_540, 5_700)], speaker: "2", final: 9_000)
        #expect(transcript.receive(whole, session: 4, end: SampleIndex(.max)).words.map(\.text) == ["so"])
        #expect(transcript.gap(before: 2) == nil)
    }
}
