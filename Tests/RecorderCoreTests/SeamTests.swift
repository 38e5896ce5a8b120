import RecorderCore
import Testing

/// Where sessions meet: cases that the simulator found.
@Suite struct `The seam between sessions` {
    var transcript = LiveTranscript()
    var words: [Word] = []

    mutating func hear(
        _ said: [(String, Int64, Int64)], session: Int, speaker: String = "1", final: Int64
    ) {
        let update = transcript.receive(
            message(said, speaker: speaker, final: final), session: session, end: SampleIndex(.max))
        words += update.words
    }

    @Test mutating func `of words said twice in a row none comes twice when the next session places them later`() {
        transcript.open(session: 1, base: .zero)
        hear(
            [
                (" left", 200, 500), (" no", 908, 1_133), (" no", 1_254, 1_408), (" no", 1_502, 1_744),
                (" no", 1_994, 2_167), (" yes", 2_401, 2_561),
            ], session: 1, final: 3_100)
        _ = transcript.close(session: 1)
        transcript.open(session: 2, base: .zero)
        hear(
            [
                (" no", 1_089, 1_314), (" no", 1_418, 1_572), (" no", 1_652, 1_894), (" no", 2_163, 2_336),
                (" yes", 2_564, 2_724), (" so", 3_200, 3_400), (" and", 4_000, 4_200),
            ], session: 2, final: 5_000)
        #expect(words.map(\.text) == ["left", "no", "no", "no", "no", "yes", "so", "and"])
    }

    @Test mutating func `a word before its twin is kept when only the twin was heard before`() {
        transcript.open(session: 1, base: .zero)
        hear([(" one", 100, 400)], session: 1, final: 1_000)
        _ = transcript.close(session: 1)
        // The live text went on behind a gap; a word of it is the twin of the gap's last.
        transcript.open(session: 2, base: SampleIndex(milliseconds: 79_000))
        hear([(" no", 1_309, 1_550), (" right", 2_000, 2_300)], session: 2, final: 4_000)
        let gap = SampleIndex(milliseconds: 1_000)..<SampleIndex(milliseconds: 80_000)
        transcript.open(session: 3, base: .zero, gap: gap)
        hear(
            [(" one", 100, 400), (" no", 79_950, 80_100), (" no", 80_290, 80_530), (" right", 80_980, 81_280)],
            session: 3, final: 82_000)
        #expect(words.sorted { $0.start < $1.start }.map(\.text) == ["one", "no", "no", "right"])
    }

    @Test mutating func `a gap's last word is asked for again when its session ended before its twin was whole`() {
        transcript.open(session: 1, base: .zero)
        hear([(" one", 100, 400)], session: 1, final: 1_000)
        _ = transcript.close(session: 1)
        transcript.open(session: 2, base: SampleIndex(milliseconds: 79_000))
        hear([(" of", 1_265, 1_416), (" right", 2_000, 2_300)], session: 2, final: 4_000)
        let gap = SampleIndex(milliseconds: 1_000)..<SampleIndex(milliseconds: 80_000)
        transcript.open(session: 3, base: .zero, gap: gap)
        hear([(" of", 79_965, 80_180), (" of", 80_360, 80_500)], session: 3, final: 80_700)
        _ = transcript.close(session: 3)
        #expect(transcript.coverage.ranges.first?.upperBound == SampleIndex(milliseconds: 79_965))
    }

    @Test mutating func `a word is not taken for the one before it that both sessions have`() {
        transcript.open(session: 1, base: .zero)
        hear([(" of", 661, 871), (" of ", 991, 1_195)], session: 1, final: 1_200)
        _ = transcript.close(session: 1)
        transcript.open(session: 2, base: .zero)
        hear(
            [(" of", 470, 680), (" of", 810, 1_014), (" no", 1_076, 1_240), (" yes", 2_000, 2_200)], session: 2,
            final: 3_000)
        #expect(words.map(\.text) == ["of", "of", "no", "yes"])
    }

    @Test mutating func `a voice is known by a word that was recognised, wherever the session places it`() {
        transcript.open(session: 1, base: .zero)
        hear([(" a", 614, 767)], session: 1, final: 1_368)
        _ = transcript.close(session: 1)
        transcript.open(session: 2, base: .zero)
        hear([(" a", 457, 610), (" of", 1_406, 1_600)], session: 2, speaker: "7", final: 2_200)
        #expect(words.map(\.speaker) == [1, 1])
    }

    @Test mutating func `of words said in a row none is passed over before the sessions' placing was compared`() {
        transcript.open(session: 1, base: .zero)
        hear([(" yes", 535, 695), (" yes", 873, 1_063), (" yes ", 1_177, 1_371)], session: 1, final: 1_400)
        _ = transcript.close(session: 1)
        transcript.open(session: 2, base: .zero)
        hear(
            [(" yes", 742, 902), (" yes", 1_078, 1_268), (" yes", 1_362, 1_556), (" the", 1_805, 1_900)],
            session: 2, final: 2_600)
        #expect(words.map(\.text) == ["yes", "yes", "yes", "the"])
    }

    @Test mutating func `a word before what is to be heard gives way to its twin`() {
        transcript.open(session: 1, base: .zero)
        hear([(" one", 100, 400)], session: 1, final: 1_000)
        _ = transcript.close(session: 1)
        transcript.open(session: 2, base: SampleIndex(milliseconds: 79_000))
        hear([(" of", 766, 955), (" of ", 1_281, 1_486)], session: 2, final: 1_500)
        _ = transcript.close(session: 2)
        transcript.open(session: 3, base: SampleIndex(milliseconds: 76_000))
        hear([(" of", 3_911, 4_100), (" of", 4_427, 4_632), (" it", 4_899, 5_100)], session: 3, final: 6_000)
        #expect(words.map(\.text) == ["one", "of", "it"])
    }

    @Test mutating func `in a gap a word is not taken for the twin with which the live text begins`() {
        transcript.open(session: 1, base: .zero)
        hear([(" one ", 100, 400)], session: 1, final: 1_000)
        _ = transcript.close(session: 1)
        transcript.open(session: 2, base: SampleIndex(milliseconds: 79_000))
        hear(
            [(" of", 996, 1_194), (" of", 1_390, 1_546), (" of", 1_790, 1_950), (" it", 2_100, 2_300)],
            session: 2, final: 4_000)
        let gap = SampleIndex(milliseconds: 1_000)..<SampleIndex(milliseconds: 80_000)
        transcript.open(session: 3, base: .zero, gap: gap)
        hear([(" one ", 100, 400)], session: 3, final: 79_750)
        hear(
            [(" of", 79_620, 79_860), (" of", 80_020, 80_218), (" of", 80_400, 80_556), (" of", 80_800, 80_960)],
            session: 3, final: 82_000)
        #expect(words.sorted { $0.start < $1.start }.map(\.text) == ["one", "of", "of", "of", "of", "it"])
    }

    @Test mutating func `a gap's edges are remembered however long the live session goes on`() {
        transcript.open(session: 1, base: .zero)
        hear([(" one", 100, 400), (" two ", 600, 900)], session: 1, final: 1_000)
        _ = transcript.close(session: 1)
        transcript.open(session: 2, base: SampleIndex(milliseconds: 79_000))
        for second in Int64(2)..<1_202 {
            hear([(" w\(second)", second * 1_000, second * 1_000 + 300)], session: 2, final: second * 1_000 + 600)
        }
        #expect(transcript.committedCount <= Limits.committedWords)
        words = []
        let gap = SampleIndex(milliseconds: 1_000)..<SampleIndex(milliseconds: 80_000)
        transcript.open(session: 3, base: .zero, gap: gap)
        hear(
            [(" one", 100, 400), (" two", 700, 1_000), (" three", 1_500, 1_800)], session: 3, speaker: "7",
            final: 3_000)
        #expect(words.map(\.text) == ["three"])
        #expect(words.map(\.speaker) == [1])
    }

    /// CASES C16: the coverage stood still where all words were alike, and what was saved came twice later.
    @Test(arguments: [Int64(-120), 0, 120])
    mutating func `coverage goes on with a word that is said again and again`(_ shift: Int64) {
        let said = (0..<100).map { Int64($0) * 400 + 200 }
        transcript.open(session: 1, base: .zero)
        hear(said.prefix(37).map { (" no", $0, $0 + 250) }, session: 1, final: 15_000)
        _ = transcript.close(session: 1)
        let base = transcript.baseOfNextSession(head: SampleIndex(milliseconds: 15_000)).milliseconds
        transcript.open(session: 2, base: SampleIndex(milliseconds: base))
        for start in said where start >= base + 150 {
            let place = start - base + shift
            hear([(" no", place, place + 250)], session: 2, final: place + 350)
            #expect(start < 18_000 || transcript.coverage.end.milliseconds > start - 2_500)
        }
        hear([], session: 2, final: 45_000 - base)
        #expect(words.count == said.count)
        #expect(transcript.coverage.gaps(before: SampleIndex(milliseconds: 39_000), reason: "").isEmpty)
    }

    @Test mutating func `letters stay in their order where the next session places them earlier`() {
        transcript.open(session: 1, base: .zero)
        hear([("先", 0, 200), ("生", 200, 400), ("校", 400, 560), ("た", 560, 700)], session: 1, final: 700)
        _ = transcript.close(session: 1)
        transcript.open(session: 2, base: .zero)
        hear(
            [("先", 0, 60), ("生", 60, 240), ("校", 240, 380), ("た", 385, 540), ("し", 545, 700)], session: 2,
            final: 1_000)
        hear([("た", 1_200, 1_400)], session: 2, final: 3_000)
        #expect(words.sorted { $0.start < $1.start }.map(\.text).joined() == "先生校たした")
    }

    @Test mutating func `none of a row of the same letter is lost, or comes twice`() {
        for last in 5...8 {
            transcript = LiveTranscript()
            words = []
            let said = (0..<9).map { Int64($0) * 170 + 2_000 }
            transcript.open(session: 1, base: .zero)
            hear(
                [("分", 1_500, 1_700)] + said.prefix(last).map { ("哈", $0, $0 + 160) }, session: 1,
                final: said[last - 1] + 160)
            _ = transcript.close(session: 1)
            transcript.open(session: 2, base: .zero)
            hear(
                [("分", 1_440, 1_650)] + said.map { ("哈", $0 - 80, $0 + 80) } + [("水", 3_600, 3_800)], session: 2,
                final: 5_000)
            hear([], session: 2, final: 8_000)
            #expect(words.map(\.text).joined() == "分哈哈哈哈哈哈哈哈哈水")
        }
    }

    @Test mutating func `at the last word of all, places that differ by more and more are no trap`() {
        transcript.open(session: 1, base: .zero)
        hear([(" a", 10_300, 10_500), (" b", 10_850, 11_050), (" no ", 11_250, 11_450)], session: 1, final: 11_450)
        _ = transcript.close(session: 1)
        transcript.open(session: 2, base: SampleIndex(milliseconds: 7_450))
        let last = message(
            [(" a", 2_550, 2_750), (" b", 2_950, 3_150), (" know", 3_350, 3_550)], final: 4_000, total: 4_000,
            finished: true)
        words += transcript.receive(last, session: 2, end: SampleIndex(milliseconds: 11_450)).words
        #expect(words.map(\.text) == ["a", "b", "no"])
    }

    @Test mutating func `what was final is kept when the sessions after it say nothing`() {
        transcript.open(session: 1, base: .zero)
        hear([(" one ", 100, 400), (" hel", 10_000, 10_300)], session: 1, final: 10_350)
        _ = transcript.close(session: 1)
        transcript.open(session: 2, base: SampleIndex(milliseconds: 5_000))
        _ = transcript.close(session: 2)
        words += transcript.finish().words
        #expect(words.map(\.text) == ["one", "hel"])
    }

    @Test mutating func `a word that waited for what follows is kept at the end`() {
        transcript.open(session: 1, base: .zero)
        hear([(" one ", 9_000, 9_300), (" no ", 9_600, 9_800)], session: 1, final: 10_000)
        _ = transcript.close(session: 1)
        transcript.open(session: 2, base: SampleIndex(milliseconds: 6_000))
        hear([(" one", 3_000, 3_300), (" no", 3_590, 3_790), (" no", 3_840, 4_150)], session: 2, final: 4_200)
        _ = transcript.close(session: 2)
        words += transcript.finish().words
        #expect(words.map(\.text) == ["one", "no", "no"])
    }

    @Test mutating func `a word that two sessions spell otherwise is there once`() {
        transcript.open(session: 1, base: .zero)
        hear(
            [(" yes", 20_979, 21_132), (" photosynthesis", 21_509, 21_866), (" Photosynthesis,", 22_247, 22_512)],
            session: 1, final: 22_600)
        hear([], session: 1, final: 23_100)
        _ = transcript.close(session: 1)
        transcript.open(session: 2, base: SampleIndex(milliseconds: 10_000))
        hear(
            [
                (" yes", 11_010, 11_160), (" photo", 11_514, 11_633), (" synthesis", 11_633, 11_890),
                (" photo", 12_220, 12_308), (" synthesis", 12_308, 12_500), (" and", 13_579, 13_700),
            ], session: 2, final: 16_000)
        #expect(words.map(\.text) == ["yes", "photosynthesis", "Photosynthesis,", "and"])
    }
}
