internal import RecorderCore

/// A row of the table `token`: a word, or a piece of one, which an older version kept as the service sent it (decision
/// words-are-journalled).
struct WordRow {
    /// The row's text without the space that begins a word.
    var word: Word
    /// It belongs to the word of the row before.
    var isJoined: Bool
}

extension [Word] {
    /// - Parameter row: the next one of the table. Spaces that an older version kept are no word.
    @inline(never)
    mutating func add(_ row: WordRow) {
        guard !row.word.text.isEmpty else { return }
        guard row.isJoined, var word = last else {
            append(row.word)
            return
        }
        word.text += row.word.text
        word.end = Swift.max(word.end, row.word.end)
        word.confidence = Swift.min(word.confidence, row.word.confidence)
        self[count - 1] = word
    }
}

/// What the rows of the index mean, for whoever reads them.
extension Statement {
    static let wordColumns = "text, start_sample, end_sample, confidence, speaker, language, begins_word"

    /// Rows of `wordColumns`.
    @inline(never)
    func words() throws(StoreError) -> [Word] {
        var list: [Word] = []
        while try step() {
            if let row = wordRow() { list.add(row) }
        }
        return list
    }

    /// Nil for a row that is left out.
    @inline(never)
    func wordRow() -> WordRow? {
        guard let start = sample(1), let end = sample(2) else { return nil }
        return WordRow(word: word(start, end), isJoined: integer(6) == 0)
    }

    /// A word of a row of `wordColumns`, at the place that the row has for it.
    @inline(never)
    func word(_ start: SampleIndex, _ end: SampleIndex) -> Word {
        Word(
            text: text(0).trimmingSpaces, start: start, end: end, confidence: double(3),
            speaker: Int(clamping: integer(4)), language: text(5))
    }

    /// `IndexSchema.measuredColumns`, from column `first` on.
    @inline(never)
    func measured(from first: Int32) -> MeasuredSound {
        MeasuredSound(
            loudestTenths: number(first), quietestTenths: number(first + 1), driftPartsPerMillion: number(first + 2))
    }

    /// Rows of start_sample, end_sample, reason.
    func gaps() throws(StoreError) -> [Gap] {
        var list: [Gap] = []
        while try step() {
            if let start = sample(0), let end = sample(1) { list.append(Gap(start: start, end: end, reason: text(2))) }
        }
        return list
    }
}
