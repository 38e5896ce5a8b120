/// How the pieces of text that a service sends make units (decision units-of-text). A service's tokens are sub-words; a
/// space at the beginning of one says that a word begins. Languages that write no spaces have none, so each token, or
/// each grapheme cluster where sessions are compared, stands for itself.
enum TextUnit {
    /// Whether a piece that comes without a space belongs to the unit that ends with `text`: the rest of a grapheme
    /// cluster, punctuation, or the next syllable of a word.
    static func goesOn(_ piece: String, after text: String) -> Bool {
        guard let first = piece.unicodeScalars.first, let last = text.unicodeScalars.last else { return true }
        if first.isMark || !UnicodeText.isGraphemeStart(first, after: last) { return true }
        if first.isPunctuation && !first.isOpening || last.isOpening { return true }
        guard !first.isUnspaced, let letter = lastLetter(text) else { return !first.isUnspaced }
        return !letter.isUnspaced
    }

    /// Nothing in it is a letter, a digit or a symbol.
    static func isPunctuation(_ text: String) -> Bool {
        for scalar in text.unicodeScalars where !scalar.isPunctuation && !scalar.isMark {
            return false
        }
        return true
    }

    /// Whether the text begins in a script that is written without spaces.
    static func isUnspaced(_ text: String) -> Bool {
        for scalar in text.unicodeScalars where !scalar.isPunctuation {
            return scalar.isUnspaced
        }
        return false
    }

    /// What stands alone, with the marks and the punctuation that belong to it: the text without the spaces at its
    /// ends, or each grapheme cluster of a script without spaces. NBSP and U+3000 are spaces as well.
    /// - Returns: the units, and whether a space stands before each; and whether one stands at the end.
    static func units(of text: String) -> (units: [(text: String, isSpaced: Bool)], endsWithSpace: Bool) {
        let scalars = Array(text.unicodeScalars)
        guard scalars.contains(where: { $0.isUnspaced }) else {
            guard let first = scalars.firstIndex(where: { !$0.isSpace }),
                let last = scalars.lastIndex(where: { !$0.isSpace })
            else { return ([], !scalars.isEmpty) }
            var word = ""
            for scalar in scalars[first...last] { word.unicodeScalars.append(scalar) }
            return ([(word, first > 0)], last < scalars.count - 1)
        }
        var units: [(text: String, isSpaced: Bool)] = []
        var isSpaced = false
        for cluster in UnicodeText.graphemes(of: text) {
            if let first = cluster.unicodeScalars.first, first.isSpace {
                isSpaced = true
            } else if !isSpaced, let last = units.last, goesOn(cluster, after: last.text) {
                units[units.count - 1].text += cluster
            } else {
                units.append((cluster, isSpaced))
                isSpaced = false
            }
        }
        return (units, isSpaced)
    }

    /// The share that a unit has of the time in which so many were said.
    static func time(
        of place: Int, in count: Int, from start: SampleIndex, to end: SampleIndex
    ) -> (start: SampleIndex, end: SampleIndex) {
        let length = end.samples(since: start)
        func edge(_ place: Int) -> SampleIndex { start.advanced(by: length * Int64(place) / Int64(count)) }
        return (edge(place), edge(place + 1))
    }

    private static func lastLetter(_ text: String) -> Unicode.Scalar? {
        var last: Unicode.Scalar?
        for scalar in text.unicodeScalars where !scalar.isMark && !scalar.isPunctuation { last = scalar }
        return last
    }
}
