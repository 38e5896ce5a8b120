import RecorderCore
import Testing

/// Subtitles that people can read.
@Suite struct `Cues` {
    private func cues(_ words: [Word]) -> [Cue] { Cue.cues(of: Segment.segments(of: words)) }

    /// Words one after the other, each of `milliseconds`.
    private func said(_ texts: [String], milliseconds: Int64 = 300, speaker: Int = 1) -> [Word] {
        texts.enumerated().map { place, text in
            word(text, Int64(place) * milliseconds, Int64(place + 1) * milliseconds - 20, speaker: speaker)
        }
    }

    private static func letters(_ text: String) -> [Unicode.Scalar] {
        text.unicodeScalars.filter { !$0.isSpace && $0 != "\0" }
    }

    /// What holds of all cues, whatever is said.
    private func check(_ cues: [Cue], of words: [Word], _ comment: String = "") {
        for cue in cues {
            #expect((1...2).contains(cue.lines.count), "\(comment) \(cue)")
            for line in cue.lines {
                #expect(UnicodeText.columns(of: line) <= 42 && !Self.letters(line).isEmpty, "\(comment) \(cue)")
            }
            let samples = cue.end.samples(since: cue.start)
            #expect(samples >= Cue.shortestSamples && samples <= Cue.longestSamples, "\(comment) \(cue)")
        }
        #expect(zip(cues, cues.dropFirst()).allSatisfy { $0.end <= $1.start }, "\(comment)")
        let shown = cues.map { $0.lines.joined() }.joined()
        #expect(Self.letters(shown) == Self.letters(words.map(\.text).joined()), "\(comment)")
    }

    @Test func `lines end where Unicode lets them`() {
        func lines(_ text: String) -> [[String]] { cues(said([text], milliseconds: 5_000)).map(\.lines) }
        #expect(lines("原理和它在教室里的应用，今天我们来看一看这个问题，然后再做练习。") == [
            ["原理和它在教室里的应用，今天我们来看一看这", "个问题，然后再做练习。"]
        ])
        // No line begins with a full stop, or ends with an opening quotation mark.
        #expect(lines("一二三四五六七八九十一二三四五六七八九十一。后") == [["一二三四五六七八九十一二三四五六七八九十", "一。后"]])
        #expect(lines("one two three four five six seven well-known words") == [
            ["one two three four five six seven well-", "known words"]
        ])
        // What is kept together is not torn for being near the end.
        let kept = "3\u{A0}456\u{A0}km"
        #expect(lines("The distance that light takes is about " + kept + " or so") == [
            ["The distance that light takes is about", kept + " or so"]
        ])
    }

    @Test func `a word longer than a line is torn between letters, or where the service's tokens meet`() {
        let family = "👩‍👩‍👧"
        let families = cues(said([String(repeating: family, count: 30)], milliseconds: 4_000))
        for line in families.flatMap(\.lines) { #expect(line.allSatisfy { String($0) == family }) }
        check(families, of: said([String(repeating: family, count: 30)]))
        // The cue before does not end with the beginning of such a word.
        let after = cues(said(["short", String(repeating: "x", count: 60)], milliseconds: 1_000))
        let long = [String(repeating: "x", count: 42), String(repeating: "x", count: 18)]
        #expect(after.map(\.lines) == [["short"], long])
    }

    @Test func `a word of 10,000 letters is shown over its time`() throws {
        let words = said(["before", String(repeating: "ab", count: 5_000), "after"], milliseconds: 60_000)
        let cues = cues(words)
        check(cues, of: words)
        #expect(cues.count >= 120)
        #expect(cues.last?.lines == ["after"])
        // Its last letters began right before, and are seen first.
        let start = try #require(cues.last).start.milliseconds
        #expect(start >= 120_000 && start <= 120_700)
        #expect(cues[60].start.milliseconds > 80_000 && cues[60].start.milliseconds < 100_000)
    }

    @Test func `speakers who begin together are seen one after the other`() {
        let words = [
            word("Yes, that is what I meant.", 1_000, 4_000), word("No, it was not!", 1_000, 3_800, speaker: 2),
            word("Hm.", 1_000, 1_000, speaker: 3),
        ]
        let cues = cues(words)
        check(cues, of: words)
        #expect(cues.map(\.start.milliseconds) == [1_000, 1_700, 2_000])
        #expect(cues.map(\.end.milliseconds) == [1_700, 2_000, 2_700])
    }

    @Test func `a token without time gets some, up to the next one`() {
        let words = [
            word("One.", 0, 0), word("Two.", 5_000, 5_000), word("Three.", 5_400, 5_400, speaker: 2),
            word("Four.", 9_000, 8_000),
        ]
        let cues = cues(words)
        check(cues, of: words)
        #expect(cues.map(\.start.milliseconds) == [0, 5_000, 5_400, 9_000])
        #expect(cues.map(\.end.milliseconds) == [700, 5_400, 6_100, 9_700])
    }

    @Test func `what is long to read stays while nobody speaks`() {
        let text = "Photosynthesis needs light, water and air."
        let words = [
            word(text, 0, 1_000), word("Yes.", 60_000, 60_500), word(text, 70_000, 70_500),
            word("No.", 70_900, 71_900, speaker: 2),
        ]
        let cues = cues(words)
        #expect(cues.map(\.end.milliseconds) == [2_470, 60_700, 70_900, 71_900])
        #expect(cues.map(\.isFast) == [false, false, true, false])
    }

    @Test func `an hour of Chinese without spaces is cut into cues of two lines`() {
        let tokens = (0..<2_000).map { ["今天", "我", "们来", "看", "一", "下这个", "，", "问题"][$0 % 8] }
        let words = said(tokens, milliseconds: 250)
        let cues = cues(words)
        check(cues, of: words)
        for line in cues.flatMap(\.lines) { #expect(line.unicodeScalars.first != "，", "\(line)") }
    }

    @Test func `72 Arabic words with English terms make few cues, shown from right to left`() {
        let words = said((0..<72).map { $0 % 6 == 0 ? "DNA" : ["هذا", "هو", "الدرس", "اليوم", "عن"][$0 % 5] })
        let cues = cues(words)
        check(cues, of: words)
        #expect(cues.count <= 8 && cues.allSatisfy { $0.isRightToLeft })
        for line in SubRip.text(of: cues[0], number: 1).split(separator: "\n").dropFirst(2) {
            #expect(line.unicodeScalars.first == "\u{202B}" && line.unicodeScalars.last == "\u{202C}")
        }
        let mixed = self.cues(said(["He", "said", "السلام", "and", "left"]))[0]
        #expect(WebVTT.text(of: mixed).hasSuffix("<v Speaker 1>\u{202A}He said السلام and left\u{202C}\n\n"))
        // What would end the embedding is left out.
        #expect(self.cues(said(["a\u{202E}\u{202C}\u{2069}b"]))[0].lines == ["ab"])
    }

    @Test func `nothing that is said breaks a file`() {
        let odd = [
            "a\n\nb", "\u{0}", "-->", "00:00:01,000 --> 00:00:02,000", "\r\n", "WEBVTT", "NOTE", "\u{85}x", "&amp;",
            "<v", "12",
        ]
        let words = said(odd)
        for text in 0...1 {
            let file = Self.file(cues(words), isWebVTT: text == 1)
            #expect(file.components(of: " --> ") == cues(words).count, "\(file)")
            #expect(!file.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" || $0.value == 0x85 }, "\(file)")
            let blocks = file.split(separator: "\n\n", omittingEmptySubsequences: true)
            #expect(blocks.count == cues(words).count + (text == 1 ? 1 : 0), "\(file)")
        }
        #expect(cues(said(["\u{0}\n", " ", "\u{3000}"])).isEmpty)
    }

    private static func file(_ cues: [Cue], isWebVTT: Bool) -> String {
        (isWebVTT ? WebVTT.head : "")
            + cues.enumerated().map { isWebVTT ? WebVTT.text(of: $1) : SubRip.text(of: $1, number: $0 + 1) }.joined()
    }

    @Test(arguments: 0..<400) func `whatever is said keeps the rules`(seed: UInt64) {
        var chance = Numbers(seed: seed)
        let pool = [
            "the", "well-known", "photosynthesis", "«oui»", "3.14", "DNA", "原理", "和", "，", "今天我们来看一看",
            "ครับ", "สวัสดี", "الدرس،", "اليوم", "e\u{301}te\u{301}", "😀👩‍🔬", "a\u{A0}b", "—", "...", "한국", "नमस्ते",
            " ", "\u{0}",
            String(repeating: "長", count: 60), String(repeating: "x", count: 100), String(repeating: "ไ", count: 130),
        ]
        var words: [Word] = []
        var time: Int64 = 0
        for _ in 0..<chance.upTo(120) {
            let length = [0, 10, 80, 300, 900, 9_000][chance.upTo(6)]
            let text = pool[chance.upTo(pool.count)]
            words.append(word(text, time, time + Int64(length), speaker: chance.upTo(10) == 0 ? 2 : 1))
            time += [0, Int64(length), Int64(length), 200, 4_000][chance.upTo(5)]
        }
        let cues = cues(words)
        check(cues, of: words, "seed \(seed)")
        checkLines(cues, words, "seed \(seed)")
    }

    /// Where a line ends and Unicode would not let it, there is no other place on it.
    private func checkLines(_ cues: [Cue], _ words: [Word], _ comment: String) {
        for cue in cues where cue.lines.count == 2 {
            let text = Array(cue.lines.joined().unicodeScalars)
            let place = cue.lines[0].unicodeScalars.count
            let spaced = Array(cue.lines.joined(separator: " ").unicodeScalars)
            let starts = UnicodeText.lineStarts(in: text)
            if UnicodeText.lineStarts(in: spaced)[place + 1] || starts[place] { continue }
            #expect(!starts[..<place].contains(true), "\(comment) \(cue)")
        }
    }
}

/// Numbers that a seed makes (SplitMix64).
private struct Numbers {
    var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 }

    mutating func upTo(_ limit: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((mixed ^ (mixed >> 31)) % UInt64(limit))
    }
}

extension String {
    fileprivate func components(of text: String) -> Int { ranges(of: text).count }
}
