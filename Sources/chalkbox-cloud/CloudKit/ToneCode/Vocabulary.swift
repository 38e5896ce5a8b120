/// The text of each word number: a pronounceable word of five letters, distinct for all 65 536 of them.
///
/// The letters are proquints (D. Wilkerson, "A Proposal for Proquints", arXiv:0901.4016): consonant, vowel,
/// consonant, vowel, consonant carry 4, 2, 4, 2 and 4 bits. The number is first multiplied by an odd constant, so
/// that neighbours in a lesson do not look alike.
package enum Vocabulary {
    private static let consonants: [Character] = Array("bdfghjklmnprstvz")
    private static let vowels: [Character] = Array("aiou")
    /// Odd, so that it has an inverse modulo 65 536; 40 503 is the 16-bit golden-ratio multiplier (Knuth 6.4).
    private static let spread: UInt16 = 40_503
    private static let spreadInverse: UInt16 = inverse(of: spread)

    /// The word for a number.
    package static func text(of index: UInt16) -> String {
        let bits = Int(index &* spread)
        return String([
            consonants[bits >> 12], vowels[bits >> 10 & 3], consonants[bits >> 6 & 15], vowels[bits >> 4 & 3],
            consonants[bits & 15],
        ])
    }

    /// The number of a word, if it is one of the vocabulary.
    package static func index(of text: String) -> UInt16? {
        let letters = Array(text)
        guard letters.count == 5 else { return nil }
        var bits: UInt16 = 0
        for (place, letter) in letters.enumerated() {
            let isConsonant = place % 2 == 0
            guard let digit = (isConsonant ? consonants : vowels).firstIndex(of: letter) else { return nil }
            bits = bits << (isConsonant ? 4 : 2) | UInt16(digit)
        }
        return bits &* spreadInverse
    }

    /// The word cut in two, as a real service cuts words into sub-word tokens; the first begins with a space.
    package static func tokens(of index: UInt16) -> (first: String, second: String) {
        let word = text(of: index)
        return (" " + word.prefix(2), String(word.dropFirst(2)))
    }

    /// The word in Chinese characters, which need no spaces: three, each from a range of its own, with 6, 5 and 5 bits.
    package static func han(of index: UInt16) -> String {
        let bits = UInt32(index &* spread)
        let scalars = [0x4E10 + bits >> 10, 0x5200 + bits >> 5 & 31, 0x6210 + bits & 31]
        return String(String.UnicodeScalarView(scalars.compactMap(Unicode.Scalar.init)))
    }

    /// That word in tokens of one to three characters, cut in another way in another session.
    package static func hanTokens(of index: UInt16, session: Int) -> [String] {
        let cuts = [[3], [1, 2], [2, 1], [1, 1, 1]][(Int(index) &* 7 &+ session) & 3]
        var rest = Array(han(of: index).unicodeScalars)[...]
        return cuts.map { count in
            defer { rest = rest.dropFirst(count) }
            return String(String.UnicodeScalarView(rest.prefix(count)))
        }
    }

    /// Newton's iteration doubles the number of right bits each time.
    private static func inverse(of odd: UInt16) -> UInt16 {
        var inverse = odd
        for _ in 0..<4 { inverse = inverse &* (2 &- odd &* inverse) }
        return inverse
    }
}
