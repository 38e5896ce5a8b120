internal import CUnistring

/// Unicode's rules, as libunistring has them. Its functions are pure, so the core may call them: they know neither a
/// locale, as the encoding is given, nor anything that was before (decision unicode-from-libunistring).
package enum UnicodeText {
    /// What people see as one letter each: extended grapheme clusters (UAX 29).
    @inline(never)
    package static func graphemes(of text: String) -> [String] {
        let scalars = Array(text.unicodeScalars)
        let begins = graphemeStarts(in: scalars)
        var graphemes: [String] = []
        var grapheme = ""
        for place in scalars.indices {
            if begins[place], !grapheme.isEmpty {
                graphemes.append(grapheme)
                grapheme = ""
            }
            grapheme.unicodeScalars.append(scalars[place])
        }
        if !grapheme.isEmpty { graphemes.append(grapheme) }
        return graphemes
    }

    /// Whether a grapheme cluster begins at each place of a text.
    package static func graphemeStarts(in text: [Unicode.Scalar]) -> [Bool] {
        unsafe marks(text) { unsafe u32_grapheme_breaks($0, $1, $2) }.map { $0 != 0 }
    }

    /// Whether a grapheme cluster begins between two characters, as far as these two tell.
    static func isGraphemeStart(_ character: Unicode.Scalar, after last: Unicode.Scalar) -> Bool {
        uc_is_grapheme_break(last.value, character.value)
    }

    /// Whether a line may begin at each place of a text (UAX 14). Letters of ambiguous width are taken as narrow ones.
    /// Where the rules ask for a dictionary (Thai, Lao, Khmer, Burmese), a line may begin behind spaces only.
    package static func lineStarts(in text: [Unicode.Scalar]) -> [Bool] {
        unsafe marks(text) { unsafe u32_possible_linebreaks_v2($0, $1, "UTF-8", $2) }
            .map { $0 == CChar(UC_BREAK_POSSIBLE) }
    }

    @inline(never)
    private static func marks(
        _ text: [Unicode.Scalar], _ find: (UnsafePointer<UInt32>, Int, UnsafeMutablePointer<CChar>) -> Void
    ) -> [CChar] {
        let characters = text.map { $0.value }
        var marks = [CChar](repeating: 0, count: text.count)
        unsafe characters.withUnsafeBufferPointer { characters in
            unsafe marks.withUnsafeMutableBufferPointer { marks in
                guard let first = characters.baseAddress, let mark = marks.baseAddress, !text.isEmpty else { return }
                unsafe find(first, text.count, mark)
            }
        }
        return marks
    }

    /// The columns that a text takes in a font of fixed width (UAX 11): a wide letter takes two, a mark none.
    package static func columns(of text: String) -> Int {
        text.unicodeScalars.reduce(0) { $0 + $1.columns }
    }

    /// The same for texts that differ in case, in width or in how letters and marks are put together only: full case
    /// folding, then NFKC.
    @inline(never)
    package static func folded(_ text: String) -> String {
        let bytes = Array(text.utf8)
        var count = 0
        return unsafe bytes.withUnsafeBufferPointer { bytes in
            guard let folded = unsafe chalk_casefold(bytes.baseAddress, bytes.count, &count) else { return text }
            defer { unsafe free(folded) }
            return unsafe String(decoding: UnsafeBufferPointer(start: folded, count: count), as: UTF8.self)
        }
    }
}

extension Unicode.Scalar {
    /// Space of any width, tabs and line ends (White_Space): the no-break space and the ideographic one as well.
    package var isSpace: Bool { uc_is_property_white_space(value) }

    /// In a font of fixed width: 2 for a wide letter, 0 for a mark and for what is not seen.
    package var columns: Int { max(0, unsafe Int(uc_width(value, "UTF-8"))) }

    /// Of general category P.
    package var isPunctuation: Bool { chalk_is_punctuation(value) }

    /// It belongs to the letter before it: of general category M, or a joiner.
    package var isMark: Bool { value >= 0x300 && (value == 0x200D || chalk_is_mark(value)) }

    /// An opening bracket or quotation mark (general categories Ps and Pi): it belongs to what follows.
    var isOpening: Bool { chalk_is_opening(value) }

    /// Of a script that is written without spaces between words (UAX 14: classes ID, CJ and SA; UAX 29 leaves their
    /// words to dictionaries), by its name in Scripts.txt. Marks that several of them share, such as the long vowel,
    /// have none; UAX 29 counts them as Katakana.
    var isUnspaced: Bool {
        // None of them is before Thai.
        guard value >= 0xE00 else { return false }
        if uc_wordbreak_property(value) == Int32(WBP_KATAKANA) { return true }
        guard let script = unsafe uc_script(value) else { return false }
        switch unsafe String(cString: script.pointee.name) {
        case "Han", "Hiragana", "Katakana", "Bopomofo", "Thai", "Lao", "Khmer", "Myanmar", "Tai_Le", "New_Tai_Lue",
            "Tai_Tham", "Tai_Viet", "Javanese", "Balinese", "Yi":
            return true
        default:
            return false
        }
    }

    /// Of a script that runs from right to left (UAX 9, bidirectional classes R and AL), or from left to right (L);
    /// nil: neither, as digits and punctuation.
    package var isRightToLeft: Bool? {
        switch uc_bidi_class(value) {
        case Int32(UC_BIDI_L): false
        case Int32(UC_BIDI_R), Int32(UC_BIDI_AL): true
        default: nil
        }
    }
}
