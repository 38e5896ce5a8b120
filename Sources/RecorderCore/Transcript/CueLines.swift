/// Where the lines of a cue end in a text: where Unicode lets a line end (UAX 14), and in what is longer than a line
/// where words meet (as in scripts without spaces), else between letters.
struct CueLines {
    /// Behind the last character of each line.
    private(set) var ends: [Int] = []

    private let text: [Unicode.Scalar]
    private let wordStarts: [Int]
    private let lineStarts: [Bool]
    private let graphemeStarts: [Bool]

    /// As many lines as a cue has.
    init(_ text: [Unicode.Scalar], wordStarts: [Int]) {
        self.text = text
        self.wordStarts = wordStarts
        lineStarts = UnicodeText.lineStarts(in: text)
        graphemeStarts = UnicodeText.graphemeStarts(in: text)
        var isAllowed = true
        while ends.count < Cue.lineCount, (ends.last ?? 0) < text.count {
            let wasAllowed = isAllowed
            let end: Int
            (end, isAllowed) = lineEnd(from: ends.last ?? 0)
            // Rather than tear a word that is longer than a line, the cue ends before it.
            if !isAllowed, wasAllowed, !ends.isEmpty, end < text.count { break }
            ends.append(end)
        }
    }

    /// Whether all of the text has room.
    var isWhole: Bool { ends.last == text.count }

    /// The last place up to `limit` where a cue may end; 0: none.
    func lastStart(upTo limit: Int) -> Int {
        var place = limit
        while place > 0, !lineStarts[place] { place -= 1 }
        if place == 0, graphemeStarts[limit] { place = limit }
        return place
    }

    /// - Returns: whether a line may end there.
    private func lineEnd(from begin: Int) -> (end: Int, isAllowed: Bool) {
        var columns = 0
        // The newest place where a line may begin, words meet, a letter begins.
        var (line, word, letter) = (begin, begin, begin)
        for place in begin..<text.count {
            if place > begin {
                if lineStarts[place] { line = place }
                if graphemeStarts[place] {
                    letter = place
                    if columns * 2 >= Cue.lineColumns, wordStarts.contains(place) { word = place }
                }
            }
            let width = text[place].columns
            // Spaces at its end are not seen.
            if width > 0, columns + width > Cue.lineColumns, !text[place].isSpace {
                if line > begin { return (line, true) }
                return (word > begin ? word : letter > begin ? letter : place, false)
            }
            columns += width
        }
        return (text.count, true)
    }
}
