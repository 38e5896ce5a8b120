import RecorderCore
import Testing

/// What the core asks libunistring: a version of it that answers otherwise is noticed here.
@Suite struct `Unicode's rules` {
    @Test(arguments: [
        ("", []), ("abc", ["a", "b", "c"]), ("e\u{301}x", ["e\u{301}", "x"]), ("\r\n", ["\r\n"]),
        ("👩‍🔬🇩🇪🇫🇷", ["👩‍🔬", "🇩🇪", "🇫🇷"]), ("بَت", ["بَ", "ت"]), ("한국", ["한", "국"]), ("นี้", ["นี้"]),
        ("नमस्ते", ["न", "म", "स्", "ते"]), ("妈妈", ["妈", "妈"]),
    ])
    func `letters are what people see as one`(text: String, graphemes: [String]) {
        // As bytes: `==` takes what is put together differently for the same.
        #expect(UnicodeText.graphemes(of: text).map { Array($0.utf8) } == graphemes.map { Array($0.utf8) })
        #expect(UnicodeText.graphemes(of: text).joined().utf8.elementsEqual(text.utf8))
    }

    @Test(arguments: [
        ("", 0), ("abc é", 5), ("e\u{301}", 1), ("原理，", 6), ("ｱ", 1), ("Ａ", 2), ("ภาษาไทย", 7), ("นี้", 1), ("한국", 4),
        ("بَت", 2), ("😀", 2), ("\u{0}\u{200B}\u{200F}", 0), ("\u{3000}", 2),
    ])
    func `wide letters take two columns and marks none`(text: String, columns: Int) {
        #expect(UnicodeText.columns(of: text) == columns)
    }

    /// The parts of a text between which a line may end.
    private func parts(_ text: String) -> [String] {
        let scalars = Array(text.unicodeScalars)
        var parts: [String] = [""]
        for (place, begins) in UnicodeText.lineStarts(in: scalars).enumerated() {
            if begins { parts.append("") }
            parts[parts.count - 1].unicodeScalars.append(scalars[place])
        }
        return parts
    }

    @Test(arguments: [
        ("one two", ["one ", "two"]), ("well-known", ["well-", "known"]), ("a\u{A0}b", ["a\u{A0}b"]),
        ("«\u{A0}oui\u{A0}» !", ["«\u{A0}oui\u{A0}» !"]), ("3.14%", ["3.14%"]), ("原理和，它", ["原", "理", "和，", "它"]),
        ("（中文）。", ["（中", "文）。"]), ("がっこう", ["がっ", "こ", "う"]), ("CPU应用", ["CPU", "应", "用"]),
        ("ภาษาไทย ดี", ["ภาษาไทย ", "ดี"]), ("الدرس، اليوم", ["الدرس، ", "اليوم"]), ("👩‍🔬👩‍🔬", ["👩‍🔬", "👩‍🔬"]),
        ("한국 사람", ["한", "국 ", "사", "람"]),
    ])
    func `lines begin where UAX 14 allows`(text: String, expected: [String]) {
        #expect(parts(text) == expected)
    }

    @Test(arguments: [
        ("", ""), ("Straße", "strasse"), ("ÀÉ", "àé"), ("e\u{301}", "é"), ("ＡＢＣ", "abc"), ("ｱ", "ア"), ("ΣΑΣ", "σασ"),
        ("Ω", "ω"), ("İ", "i̇"), ("ﷺ", "صلى الله عليه وسلم"), ("妈", "妈"),
    ])
    func `case and width are folded`(text: String, folded: String) {
        #expect(UnicodeText.folded(text).utf8.elementsEqual(folded.utf8), "\(UnicodeText.folded(text))")
    }

    @Test func `punctuation and spaces are every script's`() {
        for scalar in "،؟。«»…„“-–—!'।、「」·".unicodeScalars { #expect(scalar.isPunctuation, "\(scalar)") }
        for scalar in "a1+妈 \u{301}€".unicodeScalars { #expect(!scalar.isPunctuation, "\(scalar)") }
        for scalar in " \t\n\u{A0}\u{3000}\u{2009}\u{2028}\u{202F}".unicodeScalars { #expect(scalar.isSpace) }
        for scalar in "a\u{200B}\u{200D}\u{FEFF}".unicodeScalars { #expect(!scalar.isSpace) }
    }

    @Test func `letters know their direction`() {
        #expect("aé妈".unicodeScalars.allSatisfy { $0.isRightToLeft == false })
        #expect("بא".unicodeScalars.allSatisfy { $0.isRightToLeft == true })
        #expect("1 .٣".unicodeScalars.allSatisfy { $0.isRightToLeft == nil })
    }
}
