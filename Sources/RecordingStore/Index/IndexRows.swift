internal import RecorderCore

/// What the rows of the index mean, for whoever reads them.
extension Statement {
    /// Rows of text, start_sample, end_sample, confidence, speaker, language.
    func tokens() throws(StoreError) -> [FinalToken] {
        var list: [FinalToken] = []
        while try step() {
            if let token = token() { list.append(token) }
        }
        return list
    }

    /// Nil for a row that is left out.
    @inline(never)
    func token() -> FinalToken? {
        guard let start = sample(1), let end = sample(2) else { return nil }
        return FinalToken(
            text: text(0), start: start, end: end, confidence: double(3), speaker: Int(clamping: integer(4)),
            language: text(5))
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
