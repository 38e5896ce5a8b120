internal import LinuxRuntime
internal import RecorderCore

/// What can still be read of an index that was moved aside: up to the first page that is damaged, for each recording,
/// and as far as another version has it in the same tables.
final class DamagedIndexReader {
    /// A recording's row.
    struct Row: Equatable {
        var state: RecordingState
        /// Of words.
        var rows: Int
        var covered: Int64
        var interrupted: Bool
    }

    private let database: Database
    private static let doing = "read the damaged index"

    /// Control characters, and bytes that are not UTF-8 and come out as U+FFFD, are another page's.
    private static func isText(_ text: String) -> Bool {
        for scalar in text.unicodeScalars where scalar.value < 0x20 || scalar.value == 0xFFFD { return false }
        return true
    }

    /// Nil when nothing at all can be read.
    init?(_ path: String) {
        // SQLite would delete the log beside an empty one.
        guard let place = FileSystem.place(path), !(place.isRegular && place.bytes == 0) else { return nil }
        do throws(StoreError) {
            database = try Database(path: path, .read)
            try database.execute("PRAGMA cache_size = -256; PRAGMA cell_size_check = ON", doing: Self.doing)
            _ = try database.integer("SELECT count(*) FROM sqlite_schema", doing: Self.doing)
        } catch {
            return nil
        }
    }

    /// Those of a directory, the likeliest first.
    static func all(in layout: StateLayout, first: String?) -> [DamagedIndexReader] {
        let names = (try? FileSystem.list(layout.directory)) ?? []
        return IndexFile.tellers(names, first: first).compactMap { DamagedIndexReader(layout.directory + "/" + $0) }
    }

    /// A recording's number. The table and the index of its names lie in different pages: either will do.
    @inline(never)
    func number(of id: RecordingID) -> Int64? {
        for source in ["recording", "recording NOT INDEXED"] {
            var number: Int64?
            _ = rows("SELECT number FROM \(source) WHERE id = '\(id.text)'") { row in number = row.integer(0) }
            // A damaged tree of names leads to another lesson's row.
            if let number, number > 0, number < 1 << 32, isRow(number, of: id) { return number }
        }
        return nil
    }

    private func isRow(_ number: Int64, of id: RecordingID) -> Bool {
        var isOther = false
        _ = rows("SELECT id FROM recording WHERE number = \(number)") { row in isOther = row.text(0) != id.text }
        return !isOther
    }

    @inline(never)
    func row(_ number: Int64) -> Row? {
        var found: Row?
        _ = rows("SELECT state, tokens, covered, interrupted FROM recording WHERE number = \(number)") { row in
            guard row.types(4) == 0o1111, let state = RecordingState(rawValue: Int(truncatingIfNeeded: row.integer(0)))
            else { return }
            found = Row(
                state: state, rows: Int(row.integer(1)), covered: row.integer(2), interrupted: row.integer(3) == 1)
        }
        return found
    }

    /// The rows of words in their order, each with the coverage that was written beside it.
    /// - Returns: whether the end was reached without damage.
    func words(
        _ number: Int64, samples: Int64, _ body: (WordRow, SampleIndex) throws(StoreError) -> Void
    ) throws(StoreError) -> Bool {
        var refusal: StoreError?
        // Rows come in their order; in a damaged page they may not.
        var next = number * IndexSchema.wordsARecording
        let isWhole = rows(
            """
            SELECT \(Statement.wordColumns), covered, place FROM token
            WHERE place >= \(number * IndexSchema.wordsARecording)
                AND place < \((number + 1) * IndexSchema.wordsARecording) ORDER BY place
            """
        ) { row in
            let word = row.word(SampleIndex(row.integer(1)), SampleIndex(row.integer(2)))
            let place = row.integer(8)
            guard refusal == nil, row.types(8) == 0o31121311, place >= next,
                IndexRules.accepts(word, samples: samples), Self.isText(word.text), Self.isText(word.language)
            else { return }
            next = place + 1
            do throws(StoreError) {
                let covered = SampleIndex(min(samples, max(0, row.integer(7))))
                try body(WordRow(word: word, isJoined: row.integer(6) == 0), covered)
            } catch {
                refusal = error
            }
        }
        if let refusal { throw refusal }
        return isWhole
    }

    /// No text will come any more.
    @inline(never)
    func isSettled(_ number: Int64) -> Bool {
        var isSettled = false
        _ = rows("SELECT settled FROM recording WHERE number = \(number)") { row in isSettled = row.integer(0) == 1 }
        return isSettled
    }

    /// The package for the school; none when there is none, or not all of it can be read.
    @inline(never)
    func packageFiles(_ number: Int64) -> [UploadPackageFile] {
        var files: [UploadPackageFile] = []
        let isWhole = rows(RecordingIndex.packageColumns + "WHERE recording = \(number) ORDER BY position") { row in
            files.append(row.packageFile())
        }
        return isWhole ? files : []
    }

    func silences(_ number: Int64, samples: Int64) -> (marks: [SilenceMark], isWhole: Bool) {
        var marks: [SilenceMark] = []
        let isWhole = rows(Self.select("silence", number)) { row in
            let start = row.integer(0)
            let end = min(row.integer(1), samples)
            guard start >= 0, start < end,
                let reason = SilenceMark.Reason(rawValue: Int(truncatingIfNeeded: row.integer(2)))
            else { return }
            marks.append(SilenceMark(start: SampleIndex(start), end: SampleIndex(end), reason: reason))
        }
        return (marks, isWhole)
    }

    func gaps(_ number: Int64, samples: Int64) -> (gaps: [Gap], isWhole: Bool) {
        var gaps: [Gap] = []
        let isWhole = rows(Self.select("gap", number)) { row in
            let start = row.integer(0)
            let end = min(row.integer(1), samples)
            guard start >= 0, start < end else { return }
            gaps.append(Gap(start: SampleIndex(start), end: SampleIndex(end), reason: row.text(2)))
        }
        return (gaps, isWhole)
    }

    @inline(never)
    func level(_ number: Int64) -> (quiet: Int64, clipped: Int64) {
        var level: (quiet: Int64, clipped: Int64) = (0, 0)
        _ = rows("SELECT quiet, clipped FROM level WHERE recording = \(number)") { row in
            level = (row.integer(0) & IndexSchema.levelMask, row.integer(1) & IndexSchema.levelMask)
        }
        return level
    }

    /// Nil: nothing was measured, or it cannot be read.
    @inline(never)
    func measured(_ number: Int64) -> MeasuredSound? {
        var measured: MeasuredSound?
        _ = rows("SELECT \(IndexSchema.measuredColumns) FROM measured WHERE recording = \(number)") { row in
            measured = row.measured(from: 0)
        }
        return measured
    }

    private static func select(_ table: String, _ number: Int64) -> String {
        "SELECT start_sample, end_sample, reason FROM \(table) WHERE recording = \(number) ORDER BY start_sample"
    }

    /// - Returns: whether the last row was reached without damage.
    private func rows(_ sql: String, _ body: (Statement) -> Void) -> Bool {
        do throws(StoreError) {
            let statement = try database.prepare(sql, doing: Self.doing)
            defer { statement.reset() }
            while try statement.step() { body(statement) }
            return true
        } catch {
            return false
        }
    }
}

/// What an index may hold, beyond what its tables can check.
enum IndexRules {
    /// The last frame of a recording that the power ended may have been cut off under its words.
    static let slackSamples = 2 * Limits.flacBlockSamples
    /// Words may be told of this much more than the last commit knew.
    static let aheadSamples = 4 * SampleIndex.samplesPerSecond
    private static let textBytes = 4_096
    private static let languageBytes = 64

    static func accepts(_ word: Word, samples: Int64) -> Bool {
        word.start.value >= 0 && word.start <= word.end && word.end.value <= samples + slackSamples
            && word.confidence >= 0 && word.confidence <= 1 && (0...Limits.speakers).contains(word.speaker)
            && word.text.utf8.count <= textBytes && word.language.utf8.count <= languageBytes
    }
}
