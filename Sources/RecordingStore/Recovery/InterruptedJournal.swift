internal import RecorderCore

/// A recording that ended without STOP and that may go on: what the journal knows of it.
struct InterruptedJournal: Sendable {
    /// Its row in the index.
    let number: Int64
    let interruption: Interruption
    /// Rows of words in the index.
    let sequence: Int
    let nextFile: Int
    let gaps: [Gap]

    /// The newest recording, if it was neither saved nor stopped and has audio; what was torn is cut off.
    @inline(never)
    static func find(_ layout: StateLayout, _ index: IndexWriter) throws(StoreError) -> InterruptedJournal? {
        guard let (number, id) = try index.unsaved().last, try index.isNewest(number),
            try !index.wasStopped(number)
        else { return nil }
        let files = SegmentFiles(layout, id)
        guard let header = try files.header() else { return nil }
        let trimmed = try Recovery.trim(files, trustsFinished: false)
        try index.cutSilences(of: number, at: trimmed.samples)
        let sequence = try index.sequence(of: number)
        let gaps = try index.gaps(of: number)
        // What is said last is compared, and shown to who begins to follow; of the rest, what is near a gap.
        let newest = max(0, sequence - Limits.recentWords)
        let near = try index.words(
            near: gaps, of: number, before: newest, limit: Limits.committedWords - Limits.recentWords)
        let words = near + (try index.words(of: number, from: newest))
        let recording = InterruptedRecording(
            header: header, saved: SampleIndex(trimmed.samples),
            coverage: try index.coverage(of: number, samples: trimmed.samples),
            words: words.ordered { $0.start < $1.start }, wordCount: try index.wordCount(of: number),
            speakers: try index.speakers(of: number), anchor: try files.newestAnchor())
        return InterruptedJournal(
            number: number,
            interruption: Interruption(
                recording: recording, truncatedBytes: trimmed.bytes, lostSamples: trimmed.lostSamples,
                damagedFiles: trimmed.damagedFiles),
            sequence: sequence, nextFile: (try files.numbers().last ?? -1) + 1, gaps: gaps)
    }
}

extension IndexWriter {
    private static let reading = "read an interrupted recording"

    private static func part(_ recording: Int64) -> String {
        "token WHERE place >= \(recording * IndexSchema.wordsARecording) "
            + "AND place < \((recording + 1) * IndexSchema.wordsARecording)"
    }

    func isNewest(_ recording: Int64) throws(StoreError) -> Bool {
        try database.integer("SELECT max(number) FROM recording", doing: Self.reading) == recording
    }

    func wordCount(of recording: Int64) throws(StoreError) -> Int {
        let sql = "SELECT ifnull(sum(begins_word), 0) FROM " + Self.part(recording)
        return Int(clamping: try database.integer(sql, doing: Self.reading))
    }

    /// The number of the next word.
    func sequence(of recording: Int64) throws(StoreError) -> Int {
        let sql = "SELECT ifnull(max(place) + 1, \(recording * IndexSchema.wordsARecording)) FROM "
        let next = try database.integer(sql + Self.part(recording), doing: Self.reading)
        return Int(next - recording * IndexSchema.wordsARecording)
    }

    func speakers(of recording: Int64) throws(StoreError) -> [Int] {
        let sql = "SELECT DISTINCT speaker FROM \(Self.part(recording)) AND speaker > 0"
        let statement = try database.prepare(sql, doing: Self.reading)
        var list: [Int] = []
        while try statement.step() { list.append(Int(clamping: statement.integer(0))) }
        return list
    }

    private static let wordColumns = "SELECT \(Statement.wordColumns) FROM "

    /// Those from number `sequence` on, in the order in which they came.
    func words(of recording: Int64, from sequence: Int) throws(StoreError) -> [Word] {
        let first = recording * IndexSchema.wordsARecording + Int64(sequence)
        return try database.prepare(
            "\(Self.wordColumns)\(Self.part(recording)) AND place >= \(first) ORDER BY place", doing: Self.reading
        ).words()
    }

    /// The words that a session which fills a gap hears again, or may hear: the first gaps first.
    ///
    /// - Parameter sequence: the number of the first word that does not count.
    func words(
        near gaps: [Gap], of recording: Int64, before sequence: Int, limit: Int
    ) throws(StoreError) -> [Word] {
        let end = recording * IndexSchema.wordsARecording + Int64(sequence)
        var words: [Word] = []
        // One that ends where the next begins has given its words already.
        var done = Int64(-1)
        for gap in gaps {
            onProgress()
            for edge in [gap.start.value, gap.end.value] where words.count < limit {
                let start = max(done + 1, edge - Limits.comparedSamples)
                done = max(done, edge + Limits.comparedSamples)
                let near = try database.prepare(
                    """
                    \(Self.wordColumns)\(Self.part(recording)) AND place < \(end)
                    AND start_sample BETWEEN \(start) AND \(done) ORDER BY place LIMIT \(limit - words.count)
                    """, doing: Self.reading)
                words += try near.words()
            }
        }
        return words
    }

    /// What has no text, of what is before the last that has: by start.
    @inline(never)
    func gaps(of recording: Int64) throws(StoreError) -> [Gap] {
        try database.prepare(
            "SELECT start_sample, end_sample, reason FROM gap WHERE recording = \(recording) ORDER BY start_sample",
            doing: Self.reading
        ).gaps()
    }

    /// What has its final text. With gaps, its end is known by the last word alone; a gap that was closed without a
    /// word is known by the recording's row.
    func coverage(of recording: Int64, samples: Int64) throws(StoreError) -> Coverage {
        let gaps = try gaps(of: recording)
        let part = Self.part(recording)
        let column = gaps.isEmpty ? "(SELECT covered FROM \(part) ORDER BY place DESC LIMIT 1)"
            : "(SELECT max(end_sample) FROM \(part))"
        let end = try database.integer(
            "SELECT max(covered, ifnull(\(column), 0)) FROM recording WHERE number = \(recording)", doing: Self.reading)
        return Coverage(through: SampleIndex(max(0, min(samples, end))), gaps: gaps)
    }
}
