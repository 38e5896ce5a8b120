internal import LinuxRuntime
package import RecorderCore

/// Compares recordings with themselves and with the index: every frame's CRC, every completed file's MD5, lengths,
/// places and words. It changes nothing, and works while the daemon records.
package final class Verification {
    /// What was found of one recording.
    package struct Report: Equatable, Sendable {
        package var files = 0
        /// Samples up to the last whole frame.
        package var samples: Int64 = 0
        package var words = 0
        /// Words whose place is outside of the recording: no audio is missing for it.
        package var misplacedWords = 0
        /// What is damaged, and where; none when all is well.
        package var problems: [String] = []
        /// Files without a readable header that were kept beside the others.
        package var damagedFiles: [String] = []
        /// Its end is still being written.
        package var isRunning = false
    }

    private let layout: StateLayout
    private let index: RecordingIndex

    /// - Parameter directory: `box.state_directory`.
    package init(directory: String) throws(StoreError) {
        layout = StateLayout(directory)
        index = try RecordingIndex(directory: directory)
    }

    /// The recordings of the index, oldest first, and then those of which there is only audio.
    package func recordings() throws(StoreError) -> [RecordingID] {
        var ids = try index.recordings().map { $0.header.id }
        for stray in try index.strays() { ids.append(stray.id) }
        return ids
    }

    /// What is wrong with the index as a whole.
    package func indexProblems() throws(StoreError) -> [String] {
        try index.problems()
    }

    /// - Parameter progress: is told a file's place among how many, before it is read.
    package func check(
        _ id: RecordingID, progress: (_ file: Int, _ of: Int) -> Void
    ) throws(StoreError) -> Report {
        let skipped = index.skippedRows
        guard let row = try index.summary(id) else {
            let isReadable = try SegmentFiles(layout, id).header() != nil
            let unreadable = "no file has a readable header; they are kept"
            return Report(
                problems: ["not in the index: " + (isReadable ? "the daemon enters it at its next start" : unreadable)])
        }
        var report = Report(words: row.words, isRunning: row.state == .recording)
        let silences = try index.silences(id)
        let files = SegmentFiles(layout, id)
        report.damagedFiles = try files.damaged()
        let numbers = try files.numbers()
        var expected = 0
        for (place, number) in numbers.enumerated() {
            progress(place + 1, numbers.count)
            defer { expected = number + 1 }
            let isLast = place == numbers.count - 1
            do throws(StoreError) {
                try check(
                    number, of: files, row, silences, isOpen: isLast && report.isRunning, expecting: expected, &report)
            } catch {
                report.problems.append(error.message)
            }
        }
        // Saved, or deleted, while its files were read.
        guard let now = try index.summary(id), now.state == row.state else {
            return Report(files: report.files, samples: report.samples, words: report.words, isRunning: true)
        }
        if !report.isRunning, report.samples != row.samples {
            report.problems.append("\(row.samples) samples by the index, \(report.samples) in the files")
        }
        let (problems, misplaced) = try index.problems(of: row)
        report.problems += problems
        report.misplacedWords = misplaced
        if index.skippedRows > skipped {
            report.problems.append("\(index.skippedRows - skipped) rows of the index are out of bounds")
        }
        for file in try index.packageFiles(id) {
            if let problem = check(file, of: id) { report.problems.append(problem) }
        }
        return report
    }

    /// A file of the package.
    private func check(_ file: UploadPackageFile, of id: RecordingID) -> String? {
        do throws(StoreError) {
            let digest = try FileDigest(layout.recording(id) + "/" + file.name)
            let isSame = try digest.all() == file.sha256
            return isSame ? nil : file.name + ": it is not what was packed for the school"
        } catch {
            return error.message
        }
    }

    /// One file. `report.samples` is the end of the one before.
    private func check(
        _ number: Int, of files: SegmentFiles, _ row: RecordingSummary, _ silences: [SilenceMark], isOpen: Bool,
        expecting expected: Int, _ report: inout Report
    ) throws(StoreError) {
        let name = SegmentName.text(number)
        guard let (reader, tags) = try files.reader(number, checksMD5: true) else {
            if !isOpen { report.problems.append(name + " is no file of this recording") }
            return
        }
        report.files += 1
        var header = tags.header
        header.boot = nil
        if header != row.header { report.problems.append(name + ": its tags and the index differ") }
        let first = tags.firstSample
        let isMarked = silences.contains { $0.start.value <= report.samples && first <= $0.end }
        // Names alone say nothing: what was in a file that vanished may be in the next one.
        if first.value != report.samples, !isMarked {
            if number != expected { report.problems.append("\(name) is there, \(SegmentName.text(expected)) is not") }
            report.problems.append("\(name) begins at sample \(first.value), not \(report.samples)")
        }
        var damage = Damage()
        while try reader.next() { damage.add(frame: reader.blockStart, reader.endSample) }
        if reader.totalSamples > 0 { damage.add(frame: reader.totalSamples, reader.totalSamples) }
        report.samples = first.value + damage.position
        if let start = damage.first {
            let at = first.advanced(by: start).milliseconds
            let lost = SampleIndex(damage.samples).milliseconds
            report.problems.append("\(name): \(lost) ms damaged in \(damage.places) places, the first at \(at) ms")
        } else if reader.totalSamples > 0, !reader.matchesMD5() {
            report.problems.append(name + ": its samples do not have the MD5 of its header")
        } else if reader.totalSamples == 0, !isOpen {
            let bytes = try onFile { () throws(SystemError) in
                try File(layout.segment(number, of: row.header.id), .read).status().bytes
            }
            if bytes > reader.endByte {
                report.problems.append("\(name): \(bytes - reader.endByte) bytes after the last whole frame")
            }
        }
    }

    /// Frames that are missing from a file.
    private struct Damage {
        var position: Int64 = 0
        var first: Int64?
        var places = 0
        var samples: Int64 = 0

        mutating func add(frame start: Int64, _ end: Int64) {
            if start > position {
                first = first ?? position
                places += 1
                samples += start - position
            }
            position = end
        }
    }
}

extension RecordingIndex {
    private static let checking = "check the index"

    /// SQLite's own check of every page, and words of no recording.
    fileprivate func problems() throws(StoreError) -> [String] {
        var list: [String] = []
        let check = try database.prepare("PRAGMA integrity_check(8)", doing: Self.checking)
        while try check.step() {
            if check.text(0) != "ok" { list.append(check.text(0)) }
        }
        let strays = try database.integer(
            """
            SELECT count(*) FROM token
            WHERE place / \(IndexSchema.wordsARecording) NOT IN (SELECT number FROM recording)
            """, doing: Self.checking)
        if strays > 0 { list.append("\(strays) words of no recording") }
        return list
    }

    /// Words, silences and gaps of a recording that are out of their bounds or missing.
    fileprivate func problems(of row: RecordingSummary) throws(StoreError) -> (list: [String], misplaced: Int) {
        let isSaved = row.state != .recording
        let end = isSaved ? row.samples : Int64.max / 2
        var list: [String] = []
        let words = try words(of: row.header.id, end: end)
        if words.wrong > 0 { list.append("\(words.wrong) words are impossible") }
        if words.span != words.rows { list.append("words are missing: \(words.rows) of \(words.span)") }
        if isSaved, words.rows != words.noted || words.count != row.words {
            list.append("\(words.count) words, \(row.words) by the recording's row")
        }
        let marks = try silences(row.header.id).filter { $0.start >= $0.end || $0.end.value > end }.count
        let gaps = try gaps(row.header.id).filter { $0.start >= $0.end || $0.end.value > end }.count
        if marks + gaps > 0 { list.append("\(marks + gaps) silences or gaps are outside of the recording") }
        return (list, words.misplaced)
    }

    /// Rows of words, those that cannot be, those after the recording's end, the room between the first possible and
    /// the last, the words that they make, and how many rows there are by the recording's own.
    private func words(
        of id: RecordingID, end: Int64
    ) throws(StoreError) -> (rows: Int, wrong: Int, misplaced: Int, span: Int, count: Int, noted: Int) {
        let start = try database.integer(
            "SELECT number FROM recording WHERE id = '\(id.text)'", doing: Self.checking)
            * IndexSchema.wordsARecording
        let statement = try database.prepare(
            """
            SELECT count(*), total(start_sample < 0 OR start_sample > end_sample OR confidence NOT BETWEEN 0 AND 1),
                total(end_sample > \(end + IndexRules.slackSamples)),
                ifnull(max(place) + 1 - \(start), 0), total(begins_word),
                (SELECT tokens FROM recording WHERE id = '\(id.text)')
            FROM token WHERE place >= \(start) AND place < \(start + IndexSchema.wordsARecording)
            """, doing: Self.checking)
        defer { statement.reset() }
        guard try statement.step() else { return (0, 0, 0, 0, 0, 0) }
        return (
            Int(statement.integer(0)), Int(statement.integer(1)), Int(statement.integer(2)), Int(statement.integer(3)),
            Int(statement.integer(4)), Int(statement.integer(5))
        )
    }
}
