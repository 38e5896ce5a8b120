internal import RecorderCore

/// A row of the table `token`: a unit of text, or a piece of a word, which an older version kept as the service sent it
/// (decision words-are-journalled).
struct WordRow {
    /// Begins the text of a unit that has no space before it (U+2060, word joiner); others begin with a space. Older
    /// versions read it as a word.
    static let joiner = "\u{2060}"

    /// The row's text without what links it to the one before.
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
        word.take(row.word)
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
        let word = word(start, end)
        return WordRow(word: word, isJoined: integer(6) == 0 && word.link == .spaced)
    }

    /// A word of a row of `wordColumns`, at the place that the row has for it.
    @inline(never)
    func word(_ start: SampleIndex, _ end: SampleIndex) -> Word {
        let text = text(0)
        let unit = text.remainder(after: WordRow.joiner)
        let link: WordLink = unit == nil ? .spaced : integer(6) == 0 ? .part : .joined
        return Word(
            text: unit ?? text.trimmingSpaces, start: start, end: end, confidence: double(3),
            speaker: Int(clamping: integer(4)), language: self.text(5), link: link)
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
