internal import RecorderCore

/// A recording that ended without STOP and that may go on: what the journal knows of it.
struct LeftOpen: Sendable {
    /// Its row in the index.
    let number: Int64
    let interruption: Interruption
    /// Tokens in the index.
    let sequence: Int
    let nextFile: Int
    let holes: [Gap]

    /// The newest recording, if it was neither saved nor stopped and has audio; what was torn is cut off.
    static func find(_ layout: StateLayout, _ index: IndexWriter) throws(StoreError) -> LeftOpen? {
        guard let (number, id) = try index.unsaved().last, try index.isNewest(number),
            try !index.wasStopped(number)
        else { return nil }
        let files = SegmentFiles(layout, id)
        guard var header = try files.header() else { return nil }
        let trimmed = try Recovery.trim(files, trustsFinished: false)
        header.boot = try files.newestBoot()
        try index.cutSilences(of: number, at: trimmed.samples)
        let words = WordAssembler.words(of: try index.newestTokens(of: number, limit: Limits.settledWords))
        let recording = InterruptedRecording(
            header: header, saved: SampleIndex(trimmed.samples),
            coverage: try index.coverage(of: number, samples: trimmed.samples), words: words,
            wordCount: try index.words(of: number), speakers: try index.speakers(of: number))
        return LeftOpen(
            number: number,
            interruption: Interruption(
                recording: recording, truncatedBytes: trimmed.bytes, lostSamples: trimmed.lostSamples,
                damagedFiles: trimmed.damagedFiles),
            sequence: try index.sequence(of: number), nextFile: (try files.numbers().last ?? -1) + 1,
            holes: try index.holes(of: number))
    }
}

extension IndexWriter {
    private static let reading = "read an interrupted recording"

    private static func part(_ recording: Int64) -> String {
        "token WHERE place >= \(recording * IndexSchema.tokensARecording) "
            + "AND place < \((recording + 1) * IndexSchema.tokensARecording)"
    }

    func isNewest(_ recording: Int64) throws(StoreError) -> Bool {
        try database.integer("SELECT max(number) FROM recording", doing: Self.reading) == recording
    }

    func words(of recording: Int64) throws(StoreError) -> Int {
        let sql = "SELECT ifnull(sum(begins_word), 0) FROM " + Self.part(recording)
        return Int(clamping: try database.integer(sql, doing: Self.reading))
    }

    /// The number of the next token.
    func sequence(of recording: Int64) throws(StoreError) -> Int {
        let sql = "SELECT ifnull(max(place) + 1, \(recording * IndexSchema.tokensARecording)) FROM "
        let next = try database.integer(sql + Self.part(recording), doing: Self.reading)
        return Int(next - recording * IndexSchema.tokensARecording)
    }

    func speakers(of recording: Int64) throws(StoreError) -> [Int] {
        let sql = "SELECT DISTINCT speaker FROM \(Self.part(recording)) AND speaker > 0"
        let statement = try database.prepare(sql, doing: Self.reading)
        var list: [Int] = []
        while try statement.step() { list.append(Int(clamping: statement.integer(0))) }
        return list
    }

    /// In the order in which they came.
    func newestTokens(of recording: Int64, limit: Int) throws(StoreError) -> [FinalToken] {
        let statement = try database.prepare(
            """
            SELECT text, start_sample, end_sample, confidence, speaker, language
            FROM \(Self.part(recording)) ORDER BY place DESC LIMIT \(limit)
            """, doing: Self.reading)
        return try statement.tokens().reversed()
    }

    /// What has no text, of what is before the last that has: by start.
    @inline(never)
    func holes(of recording: Int64) throws(StoreError) -> [Gap] {
        try database.prepare(
            "SELECT start_sample, end_sample, reason FROM gap WHERE recording = \(recording) ORDER BY start_sample",
            doing: Self.reading
        ).gaps()
    }

    /// What has its final text. With holes, its end is known by the last word alone; a hole that was closed without a
    /// word is known by the recording's row.
    func coverage(of recording: Int64, samples: Int64) throws(StoreError) -> Coverage {
        let holes = try holes(of: recording)
        let part = Self.part(recording)
        let column = holes.isEmpty ? "(SELECT covered FROM \(part) ORDER BY place DESC LIMIT 1)"
            : "(SELECT max(end_sample) FROM \(part))"
        let end = try database.integer(
            "SELECT max(covered, ifnull(\(column), 0)) FROM recording WHERE number = \(recording)", doing: Self.reading)
        return Coverage(through: SampleIndex(max(0, min(samples, end))), holes: holes)
    }

    /// Marks of samples that were not saved are not true any more.
    func cutSilences(of recording: Int64, at samples: Int64) throws(StoreError) {
        try database.execute(
            """
            DELETE FROM silence WHERE recording = \(recording) AND start_sample >= \(samples);
            UPDATE silence SET end_sample = min(end_sample, \(samples)) WHERE recording = \(recording)
            """, doing: Self.reading)
    }
}
