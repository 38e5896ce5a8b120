internal import LinuxRuntime
package import RecorderCore

/// The journal's read side, for the command line. It works in another process than the daemon's, while that records.
package final class RecordingIndex {
    private let layout: StateLayout
    private(set) var database: Database

    private static let doing = "read the recordings"
    /// A saved recording's row has its counts; a running one's are counted, and its coverage stands by its last word.
    /// Marks of silence may overlap.
    private static let columns = """
        SELECT id, label, started_at_ms, clock_synchronised, state, samples,
            iif(state > 1, words, (SELECT ifnull(sum(begins_word), 0) FROM \(part))),
            iif(state > 1, speakers, (SELECT count(DISTINCT speaker) FROM \(part) AND speaker > 0)),
            \(covered),
            interrupted, settled, (SELECT count(*) FROM gap WHERE recording = number),
            (SELECT total(end_sample - start_sample) FROM gap WHERE recording = number),
            (SELECT total(bytes) FROM parcel_file WHERE recording = number),
            (SELECT total(bytes) FROM parcel_file WHERE recording = number AND is_sent = 1),
            \(silence("iif(state > 1, samples, stop)")), \(silence(covered))
        """
    private static let covered =
        "iif(state > 1, covered, ifnull((SELECT covered FROM \(part) ORDER BY place DESC LIMIT 1), 0))"

    private static func silence(_ end: String) -> String {
        """
        (SELECT total(max(0, min(stop, \(end)) - start)) FROM (SELECT end_sample AS stop, max(start_sample,
            ifnull(max(end_sample) OVER (ORDER BY start_sample ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
            ) AS start FROM silence WHERE recording = number))
        """
    }

    /// `level` may not be there yet (`IndexSchema.level`).
    @inline(never)
    private func columns() throws(StoreError) -> String {
        let tables = try database.integer(
            "SELECT total(iif(name = 'level', 1, 2)) FROM sqlite_schema WHERE name IN ('level', 'measured')",
            doing: Self.doing)
        let (hasLevel, isMeasured) = (tables & 1 != 0, tables & 2 != 0)
        return Self.columns + (hasLevel ? ", quiet, clipped" : ", 0, 0")
            + (isMeasured ? ", " + IndexSchema.measuredColumns : ", NULL, NULL, NULL") + " FROM recording"
            + (hasLevel ? " LEFT JOIN level ON number = level.recording" : "")
            + (isMeasured ? " LEFT JOIN measured ON number = measured.recording" : "")
    }

    /// A word that an older version let in after a recording's end is at its end.
    static func bounded(_ column: String) -> String {
        "iif(state > 1 AND \(column) > samples + \(IndexRules.slackSamples), samples, \(column))"
    }

    /// The words of the recording `number`.
    static let part = """
        token WHERE place >= number * \(IndexSchema.wordsARecording)
        AND place < (number + 1) * \(IndexSchema.wordsARecording)
        """

    /// - Parameter directory: `box.state_directory`.
    package init(directory: String) throws(StoreError) {
        layout = StateLayout(directory)
        database = try IndexSchema.open(layout.index, .read)
    }

    /// For the store thread: nobody is waited for.
    func shortenWait() { database.shortenWait() }

    /// After the file was made anew.
    func reopen() throws(StoreError) {
        database = try IndexSchema.open(layout.index, .read)
        database.shortenWait()
    }

    /// Reads a recording's row back, as everybody else does: from the file, not from what the writer remembers.
    @inline(never)
    func checkRow(of id: RecordingID) throws(StoreError) {
        let sql = "SELECT count(*) FROM recording WHERE id = '\(id.text)'"
        guard try database.integer(sql, doing: Self.doing) > 0 else {
            throw database.damaged("the row of \(id.text) is gone")
        }
    }

    /// Rows that were left out so far, because what they hold is possible nowhere.
    package var skippedRows: Int { database.skippedRows }

    /// Every recording, oldest first.
    package func recordings() throws(StoreError) -> [RecordingSummary] {
        try list(columns() + " ORDER BY started_at_ms, id")
    }

    /// Directories with audio that are not in the index, and whether it can be read.
    @inline(never)
    package func strays() throws(StoreError) -> [(id: RecordingID, isReadable: Bool)] {
        var list: [(id: RecordingID, isReadable: Bool)] = []
        for id in try AudioDirectories.list(layout) {
            let files = SegmentFiles(layout, id)
            let rows = try database.integer("SELECT count(*) FROM recording WHERE id = '\(id.text)'", doing: Self.doing)
            guard rows == 0, try !files.areBlank() else { continue }
            list.append((id, try files.header() != nil))
        }
        return list
    }

    /// Saved recordings of which no audio file is there any more, oldest first: somebody deleted or moved them.
    @inline(never)
    package func withoutAudio() throws(StoreError) -> [RecordingID] {
        var list: [RecordingID] = []
        let statement = try database.prepare(
            "SELECT id FROM recording WHERE state > 1 AND samples > 0 ORDER BY number", doing: Self.doing)
        while try statement.step() {
            guard let id = RecordingID(statement.text(0)), let files = try? SegmentFiles(layout, id).numbers(),
                files.isEmpty, !FileSystem.isThere(layout.recording(id) + RecordingDeleter.mark)
            else { continue }
            list.append(id)
        }
        return list
    }

    /// Those that are safe elsewhere.
    func uploaded() throws(StoreError) -> [RecordingSummary] {
        try list(columns() + " WHERE state = \(RecordingState.uploaded.rawValue)")
    }

    /// What the newest recordings took, silence and all; nil when there are none to speak of.
    package func bytesAMinute() throws(StoreError) -> Int64? {
        let minute = 60 * SampleIndex.samplesPerSecond
        let statement = try database.prepare(
            """
            SELECT id, samples FROM recording WHERE state > 1 AND samples >= \(minute)
            ORDER BY number DESC LIMIT \(Limits.measuredRecordings)
            """, doing: Self.doing)
        // A statement that is left open keeps the log from being emptied.
        defer { statement.reset() }
        var (bytes, samples): (Int64, Int64) = (0, 0)
        while try statement.step() {
            guard let id = RecordingID(statement.text(0)), let length = statement.sample(1) else { continue }
            bytes += try SegmentFiles(layout, id).bytes()
            samples += length.value
        }
        guard bytes > 0, samples > 0 else { return nil }
        return min(max(bytes * minute / samples, Limits.leastBytesAMinute), Limits.mostBytesAMinute)
    }

    private func list(_ sql: String) throws(StoreError) -> [RecordingSummary] {
        let statement = try database.prepare(sql, doing: Self.doing)
        var list: [RecordingSummary] = []
        while try statement.step() {
            if let summary = try summary(statement) { list.append(summary) }
        }
        return list
    }

    /// One recording; nil when the index does not know it.
    @inline(never)
    package func summary(_ id: RecordingID) throws(StoreError) -> RecordingSummary? {
        let statement = try database.prepare(columns() + " WHERE id = ?", doing: Self.doing)
        statement.bind(1, id.text)
        guard try statement.step() else { return nil }
        let found = try summary(statement)
        // A damaged tree of names leads to another lesson's row.
        guard found?.header.id == id else {
            throw database.damaged("the row of \(id.text) is another recording's")
        }
        return found
    }

    /// The final words in the order in which they came.
    package func words(_ id: RecordingID) throws(StoreError) -> [Word] {
        let statement = try database.prepare(
            """
            SELECT text, \(Self.bounded("start_sample")), \(Self.bounded("end_sample")), confidence, speaker, language,
                begins_word
            FROM recording JOIN \(Self.part) AND id = ? ORDER BY place
            """, doing: Self.doing)
        statement.bind(1, id.text)
        return try statement.words()
    }

    /// Its number in the index; 0: it has none.
    func number(of id: RecordingID) throws(StoreError) -> Int64 {
        let statement = try database.prepare("SELECT number FROM recording WHERE id = ?", doing: Self.doing)
        statement.bind(1, id.text)
        return try statement.step() ? statement.integer(0) : 0
    }

    /// What the microphone did not deliver, by start.
    @inline(never)
    package func silences(_ id: RecordingID) throws(StoreError) -> [SilenceMark] {
        let statement = try select("silence", id)
        var list: [SilenceMark] = []
        while try statement.step() {
            guard let reason = SilenceMark.Reason(rawValue: Int(statement.integer(2))),
                let start = statement.sample(0), let end = statement.sample(1)
            else { continue }
            list.append(SilenceMark(start: start, end: end, reason: reason))
        }
        return list
    }

    /// What has no final text, by start; known once the recording is saved.
    @inline(never)
    package func gaps(_ id: RecordingID) throws(StoreError) -> [Gap] {
        try select("gap", id).gaps()
    }

    /// Whole, for the exports.
    @inline(never)
    package func document(of recording: RecordingSummary) throws(StoreError) -> TranscriptDocument {
        let id = recording.header.id
        return TranscriptDocument(
            recording: recording, words: try words(id), gaps: try gaps(id), silences: try silences(id))
    }

    private func select(_ table: String, _ id: RecordingID) throws(StoreError) -> Statement {
        let statement = try database.prepare(
            """
            SELECT start_sample, end_sample, reason FROM \(table)
            WHERE recording = (SELECT number FROM recording WHERE id = ?) ORDER BY start_sample
            """, doing: Self.doing)
        statement.bind(1, id.text)
        return statement
    }

    private func summary(_ row: Statement) throws(StoreError) -> RecordingSummary? {
        guard let id = RecordingID(row.text(0)), let state = RecordingState(rawValue: Int(row.integer(4))) else {
            return nil
        }
        let header = RecordingHeader(
            id: id, label: row.text(1), startedAt: WallTime(milliseconds: row.integer(2)),
            clockSynchronised: row.integer(3) == 1)
        // The audio files know how long it is when the row does not.
        let saved = state == .recording ? nil : row.sample(5)?.value
        let samples: Int64
        if let saved { samples = saved } else { samples = try SegmentFiles(layout, id).end().sample }
        var summary = RecordingSummary(
            header: header, state: state, samples: samples, words: Int(row.integer(6)),
            speakers: Int(row.integer(7)), covered: min(row.sample(8)?.value ?? 0, samples),
            interrupted: row.integer(9) == 1 && state != .recording)
        summary.silenceSamples = min(max(0, row.integer(15)), samples)
        summary.coveredSound = summary.covered - min(max(0, row.integer(16)), summary.covered, summary.silenceSamples)
        summary.quietSamples = min(max(0, row.integer(17)), samples)
        summary.clippedSamples = min(max(0, row.integer(18)), samples)
        summary.measured = row.measured(from: 19)
        guard state != .recording else { return summary }
        summary.isTextSettled = row.integer(10) == 1
        summary.gaps = Int(clamping: row.integer(11))
        summary.gapSamples = min(max(0, row.integer(12)), samples)
        summary.packageBytes = max(0, row.integer(13))
        summary.sentBytes = min(max(0, row.integer(14)), summary.packageBytes)
        if summary.gaps > 0 {
            // Text behind a gap counts as well. Rows that are left out here are counted by who asks for them.
            let skipped = database.skippedRows
            summary.coveredSound = summary.coverage(try gaps(id)).samples(outside: try silences(id))
            database.skippedRows = skipped
        }
        return summary
    }
}
