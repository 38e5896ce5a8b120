import RecorderCore
import Testing

@Suite struct `Text that people look at` {
    @Test(arguments: [
        ("7B maths/رياضيات 数学 é 👩‍🔬", "7B maths/رياضيات 数学 é 👩‍🔬"), ("", ""), ("a\\b", "a\\b"),
        ("\u{1B}[31mred", "\\u{1b}[31mred"), ("a\nb\r\tc\0d\u{7}", "a\\u{a}b\\u{d}\\u{9}c\\u{0}d\\u{7}"),
        ("\u{7F}\u{85}\u{9B}2J", "\\u{7f}\\u{85}\\u{9b}2J"), ("\u{202E}evil\u{2066}", "\\u{202e}evil\\u{2066}"),
        ("\u{200E}\u{200F}\u{61C}", "\\u{200e}\\u{200f}\\u{61c}"), ("a\u{2028}b\u{2029}", "a\\u{2028}b\\u{2029}"),
        ("\u{FEFF}\u{FFFE}\u{E0041}\u{10FFFF}", "\\u{feff}\\u{fffe}\\u{e0041}\\u{10ffff}"), ("\u{FFFD}", "\u{FFFD}"),
    ])
    func `is shown without what a terminal obeys or what turns text around`(text: String, shown: String) {
        #expect(text.shown == shown)
        #expect(text.shown.shown == shown)
        #expect(text.isPlain == (text == shown))
    }

    @Test func `is one value in the log`() {
        #expect(LogEntry.quoted("7B") == "7B")
        #expect(LogEntry.quoted("7B \"x\" \\") == "\"7B \\\"x\\\" \\\\\"")
        #expect(LogEntry.quoted("a\n<3>forged level=1") == "\"a\\u{a}<3>forged level=1\"")
        #expect(LogEntry.quoted("a\u{85}b\u{202E}") == "a\\u{85}b\\u{202e}")
    }

    @Test(arguments: ["", "7B maths", "رياضيات", " a ", "x=1 \"y\""])
    func `is a label when it can be seen`(label: String) {
        #expect(label.labelMistake == nil)
    }

    @Test(arguments: [
        ("a\nb", "\\u{a}"), ("a\0", "\\u{0}"), ("\u{1B}c", "\\u{1b}"), ("\u{202E}x", "\\u{202e}"), ("  ", "spaces"),
        ("\t", "\\u{9}"),
    ])
    func `is no label else, and is told what is wrong`(label: String, told: String) throws {
        let mistake = try #require(label.labelMistake)
        #expect(mistake.hasPrefix("label: ") && mistake.contains(told) && mistake.isPlain)
    }

    @Test func `stays in files for programs, but for what ends a line`() {
        func word(_ text: String, _ start: Int64) -> Word {
            Word(
                text: text, start: SampleIndex(start), end: SampleIndex(start + 8_000), confidence: 1, speaker: 1,
                language: "en")
        }
        let id = RecordingID(startedAt: WallTime(milliseconds: 1_764_000_000_000), randomHigh: 0, randomLow: 1)
        let header = RecordingHeader(
            id: id, label: "a\nb", startedAt: WallTime(milliseconds: 1_764_000_000_000), clockSynchronised: true)
        let recording = RecordingSummary(
            header: header, state: .saved, samples: 160_000, words: 2, speakers: 1, covered: 160_000,
            interrupted: false)
        let document = TranscriptDocument(
            recording: recording, words: [word("one\n\n2", 0), word("\u{1B}[2J\0\u{202E}ab", 16_000)], gaps: [],
            silences: [])
        // What turns text around beyond its word is in no subtitle, whose lines are cut anywhere.
        let files = [(document.plainText, " [2J \u{202E}ab"), (document.subRip, "[2J ab"), (document.webVTT, "[2J ab")]
        for (text, odd) in files {
            #expect(text.contains("one  2") && text.contains(odd), "\(text)")
            #expect(!text.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" }, "\(text)")
        }
        #expect(document.json.contains("one\\n\\n2") && document.json.contains("\\u001b[2J\\u0000\u{202E}ab"))
    }
}
