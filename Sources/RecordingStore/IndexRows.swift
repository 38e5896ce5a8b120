internal import RecorderCore

/// What the rows of the index mean, for whoever reads them.
extension Statement {
    /// Rows of text, start_sample, end_sample, confidence, speaker, language.
    func tokens() throws(StoreError) -> [FinalToken] {
        var list: [FinalToken] = []
        while try step() { list.append(try token()) }
        return list
    }

    @inline(never)
    func token() throws(StoreError) -> FinalToken {
        FinalToken(
            text: text(0), start: try sample(1), end: try sample(2), confidence: double(3),
            speaker: Int(clamping: integer(4)), language: text(5))
    }

    /// Rows of start_sample, end_sample, reason.
    func gaps() throws(StoreError) -> [Gap] {
        var list: [Gap] = []
        while try step() { list.append(Gap(start: try sample(0), end: try sample(1), reason: text(2))) }
        return list
    }
}
