internal import LinuxRuntime
internal import RecorderCore

/// The index's write side, for the store thread: prepared statements, one transaction a commit.
final class IndexWriter {
    /// What one commit adds.
    struct Batch {
        var words: [Word] = []
        var covered = SampleIndex.zero
        var silences: [SilenceMark] = []
        /// Speakers whose saved words are another's: before `words`, which know it already.
        var merges: [(retired: Int, speaker: Int)] = []
        /// What has no text, of what is before the last that has, when that has changed.
        var gaps: [Gap] = []
        var hasNewGaps = false
        /// STOP was pressed.
        var isStopped = false
        /// Of the microphone's level, since the last one that was written.
        var quietSamples: Int64 = 0
        var clippedSamples: Int64 = 0
        var measured: MeasuredSound?

        /// Whether there is anything that a power cut must not take. Coverage alone is not: it can be found again.
        var isEmpty: Bool {
            words.isEmpty && silences.isEmpty && merges.isEmpty && !hasNewGaps && !isStopped
                && quietSamples + clippedSamples < Limits.levelSamples && !isMeasured
        }

        private var isMeasured: Bool {
            if case .some = measured { true } else { false }
        }
    }

    private(set) var database: Database
    private var prepared: Prepared
    /// Called in the course of what may take long.
    var onProgress: () -> Void = {}

    fileprivate static let doing = "save the recording"

    init(_ database: Database) throws(StoreError) {
        prepared = try Prepared(database)
        self.database = database
    }

    /// What is committed is on the medium only for as long as the file is where it was made.
    func checkPlace() throws(StoreError) {
        if database.hasMoved { throw .vanished(file: database.path) }
    }

    /// Makes the file anew, in place of one that was deleted or moved: all of it is still to be had from that.
    @inline(never)
    func renew(_ layout: StateLayout) throws(StoreError) {
        let path = layout.index
        try onFile { () throws(SystemError) in try layout.storage.makeDirectories(layout.recordings) }
        // Another's, or a log that would be taken for the new one's.
        let file = IndexFile(layout, now: Clock.wall)
        let log = try file.clear()
        let copy = try database.prepare("VACUUM INTO ?", doing: "make the index anew")
        copy.bind(1, path)
        try copy.run()
        // SQLite does not sync it. And it is to be closed before SQLite opens it (sqlite.org/howtocorrupt.html, 2.2).
        try onFile { () throws(SystemError) in
            try layout.storage.perform(.sync(path))
            layout.storage.close(path)
            try layout.storage.perform(.syncDirectory(layout.directory))
        }
        try use(try IndexSchema.open(path, .write))
        if let log { file.remove(log) }
    }

    /// Goes on with another file.
    func use(_ new: Database) throws(StoreError) {
        new.shortenWait()
        prepared = try Prepared(new)
        database = new
    }

    /// Into a file that is damaged nothing is written any more.
    func check() throws(StoreError) {
        guard database.fault.isEmpty else { throw database.damaged(database.fault) }
    }

    /// Adds a recording and answers its number.
    func begin(_ header: RecordingHeader) throws(StoreError) -> Int64 {
        prepared.insertRecording.bind(1, header.id.text)
        prepared.insertRecording.bind(2, header.label)
        prepared.insertRecording.bind(3, header.startedAt.milliseconds)
        prepared.insertRecording.bind(4, header.clockSynchronised)
        prepared.insertRecording.bind(5, Int64(RecordingState.recording.rawValue))
        defer { prepared.insertRecording.reset() }
        // The row is committed when the statement has been run to its end.
        let number = try prepared.insertRecording.step() ? prepared.insertRecording.integer(0) : 0
        _ = try prepared.insertRecording.step()
        return try valid(number)
    }

    /// - Parameter sequence: the number of the batch's first word in the recording.
    func append(_ batch: Batch, to recording: Int64, sequence: Int) throws(StoreError) {
        try database.transaction(doing: Self.doing) { () throws(StoreError) in
            try insert(batch, recording, sequence)
        }
    }

    /// Writes the last batch, and that the recording is saved.
    @inline(never)
    func close(
        _ batch: Batch, _ recording: Int64, sequence: Int, samples: Int64, gaps: [Gap],
        interrupted: Bool
    ) throws(StoreError) {
        try database.transaction(doing: Self.doing) { () throws(StoreError) in
            try insert(batch, recording, sequence)
            try save(
                recording, state: .saved, samples: samples, covered: batch.covered, gaps: gaps,
                interrupted: interrupted)
        }
        database.checkpoint()
    }

    /// The last of a recording's changes, within a transaction. Gaps, silences and words end with its samples, which
    /// may be fewer than were told of.
    func save(
        _ recording: Int64, state: RecordingState, samples: Int64, covered: SampleIndex, gaps: [Gap],
        interrupted: Bool
    ) throws(StoreError) {
        let end = SampleIndex(samples)
        let within = gaps.filter { $0.start < end }
        try replaceGaps(
            within.map { Gap(start: $0.start, end: min($0.end, end), reason: $0.reason) }, of: recording)
        try cutSilences(of: recording, at: samples)
        // Words that were placed after what became the end.
        prepared.boundWords.bind(1, samples)
        prepared.boundWords.bind(2, recording * IndexSchema.wordsARecording)
        prepared.boundWords.bind(3, (recording + 1) * IndexSchema.wordsARecording)
        try prepared.boundWords.run()
        prepared.saveRecording.bind(1, recording)
        prepared.saveRecording.bind(2, Int64(state.rawValue))
        prepared.saveRecording.bind(3, samples)
        prepared.saveRecording.bind(4, interrupted)
        prepared.saveRecording.bind(5, covered.value)
        prepared.saveRecording.bind(6, recording * IndexSchema.wordsARecording)
        prepared.saveRecording.bind(7, (recording + 1) * IndexSchema.wordsARecording)
        try prepared.saveRecording.run()
    }

    /// Marks of samples that were not saved are not true any more.
    func cutSilences(of recording: Int64, at samples: Int64) throws(StoreError) {
        try database.execute(
            """
            DELETE FROM silence WHERE recording = \(recording) AND start_sample >= \(samples);
            UPDATE silence SET end_sample = min(end_sample, \(samples)) WHERE recording = \(recording)
            """, doing: Self.doing)
    }

    private func replaceGaps(_ gaps: [Gap], of recording: Int64) throws(StoreError) {
        prepared.deleteGaps.bind(1, recording)
        try prepared.deleteGaps.run()
        for gap in gaps {
            prepared.insertGap.bind(1, recording)
            prepared.insertGap.bind(2, gap.start.value)
            prepared.insertGap.bind(3, gap.end.value)
            prepared.insertGap.bind(4, gap.reason)
            try prepared.insertGap.run()
        }
    }

    /// The recordings that a power cut, or a disk that was full to the end, left unsaved.
    func unsaved() throws(StoreError) -> [(number: Int64, id: RecordingID)] {
        try list("SELECT number, id FROM recording WHERE state = 1")
    }

    @inline(never)
    func list(_ sql: String) throws(StoreError) -> [(number: Int64, id: RecordingID)] {
        let statement = try database.prepare(sql, doing: Self.doing)
        var list: [(number: Int64, id: RecordingID)] = []
        while try statement.step() {
            let number = try valid(statement.integer(0))
            if let id = RecordingID(statement.text(1)) { list.append((number: number, id: id)) }
        }
        return list
    }

    private func valid(_ number: Int64) throws(StoreError) -> Int64 {
        guard (0..<IndexSchema.recordings).contains(number) else {
            throw database.damaged("it holds a recording number \(number)")
        }
        return number
    }

    /// Where a recording should end whose audio the disk refuses. Nobody else reads `samples` before it is saved.
    @inline(never)
    func noteEnd(_ recording: Int64, _ end: SampleIndex) throws(StoreError) {
        let sql = "UPDATE recording SET samples = \(end.value) WHERE number = \(recording) AND state = 1"
        try database.execute(sql, doing: Self.doing)
    }

    /// Saves a recording that ended without STOP after `samples`, as its audio files say. One that should have more
    /// counts as interrupted, also after STOP.
    ///
    /// - Returns: samples that STOP could not save.
    @inline(never)
    func recover(_ recording: Int64, samples: Int64) throws(StoreError) -> Int64 {
        let missing = min(max(0, try value("samples", of: recording) - samples), Limits.recordingSamples)
        let coverage = try coverage(of: recording, samples: samples)
        try close(
            Batch(covered: coverage.withoutGaps), recording, sequence: 0, samples: samples,
            gaps: coverage.gaps(before: SampleIndex(samples), reason: "interrupted"),
            interrupted: try !wasStopped(recording) || missing > 0)
        return missing
    }

    func wasStopped(_ recording: Int64) throws(StoreError) -> Bool {
        try value("interrupted", of: recording) == 0
    }

    @inline(never)
    private func value(_ column: String, of recording: Int64) throws(StoreError) -> Int64 {
        try database.integer("SELECT \(column) FROM recording WHERE number = \(recording)", doing: Self.doing)
    }

    @inline(never)
    func insert(_ batch: Batch, _ recording: Int64, _ sequence: Int) throws(StoreError) {
        for merge in batch.merges {
            prepared.mergeSpeaker.bind(1, Int64(merge.retired))
            prepared.mergeSpeaker.bind(2, Int64(merge.speaker))
            prepared.mergeSpeaker.bind(3, recording * IndexSchema.wordsARecording)
            prepared.mergeSpeaker.bind(4, (recording + 1) * IndexSchema.wordsARecording)
            try prepared.mergeSpeaker.run()
        }
        for (offset, word) in batch.words.enumerated() {
            prepared.insertWord.bind(1, recording * IndexSchema.wordsARecording + Int64(sequence + offset))
            prepared.insertWord.bind(2, (word.link == .spaced ? " " : WordRow.joiner) + word.text)
            prepared.insertWord.bind(3, word.start.value)
            prepared.insertWord.bind(4, word.end.value)
            prepared.insertWord.bind(5, word.confidence)
            prepared.insertWord.bind(6, Int64(word.speaker))
            prepared.insertWord.bind(7, word.language)
            prepared.insertWord.bind(8, word.isCounted)
            prepared.insertWord.bind(9, offset == batch.words.count - 1 ? batch.covered.value : 0)
            try prepared.insertWord.run()
        }
        if batch.isStopped {
            prepared.saveStop.bind(1, recording)
            try prepared.saveStop.run()
        }
        if batch.hasNewGaps {
            try replaceGaps(batch.gaps, of: recording)
            prepared.saveCovered.bind(1, recording)
            prepared.saveCovered.bind(2, batch.covered.value)
            try prepared.saveCovered.run()
        }
        for mark in batch.silences {
            prepared.insertSilence.bind(1, recording)
            prepared.insertSilence.bind(2, mark.start.value)
            prepared.insertSilence.bind(3, mark.end.value)
            prepared.insertSilence.bind(4, Int64(mark.reason.rawValue))
            try prepared.insertSilence.run()
        }
        if let measured = batch.measured { try write(measured, of: recording) }
        guard batch.quietSamples + batch.clippedSamples > 0 else { return }
        try database.execute(IndexSchema.level, doing: Self.doing)
        let level = try database.prepare(IndexSchema.addLevel, doing: Self.doing)
        level.bind(1, recording)
        level.bind(2, batch.quietSamples)
        level.bind(3, batch.clippedSamples)
        try level.run()
    }

    private func write(_ measured: MeasuredSound, of recording: Int64) throws(StoreError) {
        func value(_ number: Int?) -> String { number.map { String($0) } ?? "NULL" }
        let values = value(measured.loudestTenths) + ", " + value(measured.quietestTenths) + ", "
            + value(measured.driftPartsPerMillion)
        try database.execute(
            IndexSchema.measured + "; INSERT OR REPLACE INTO measured VALUES (" + String(recording) + ", " + values
                + ")", doing: Self.doing)
    }
}

/// Statements that are run again and again.
private final class Prepared {
    let insertRecording: Statement
    let insertWord: Statement
    let insertSilence: Statement
    let insertGap: Statement
    let deleteGaps: Statement
    let saveStop: Statement
    let saveCovered: Statement
    let mergeSpeaker: Statement
    let boundWords: Statement
    let saveRecording: Statement

    @inline(never)
    init(_ database: Database) throws(StoreError) {
        insertRecording = try database.prepare(
            """
            INSERT INTO recording (id, label, started_at_ms, clock_synchronised, state, interrupted)
            VALUES (?, ?, ?, ?, ?, 1) RETURNING number
            """, doing: "begin a recording")
        insertWord = try database.prepare(
            "INSERT INTO token VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", doing: IndexWriter.doing)
        // The recorder hands back the marks that the store itself reported: the same mark is the same row.
        insertSilence = try database.prepare(
            """
            INSERT INTO silence VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE
            SET end_sample = max(end_sample, excluded.end_sample)
            """, doing: IndexWriter.doing)
        insertGap = try database.prepare("INSERT OR REPLACE INTO gap VALUES (?, ?, ?, ?)", doing: IndexWriter.doing)
        deleteGaps = try database.prepare("DELETE FROM gap WHERE recording = ?", doing: IndexWriter.doing)
        saveStop = try database.prepare(
            "UPDATE recording SET interrupted = 0 WHERE number = ?", doing: IndexWriter.doing)
        saveCovered = try database.prepare(
            "UPDATE recording SET covered = max(covered, ?2) WHERE number = ?1", doing: IndexWriter.doing)
        mergeSpeaker = try database.prepare(
            "UPDATE token SET speaker = ?2 WHERE speaker = ?1 AND place >= ?3 AND place < ?4", doing: IndexWriter.doing)
        boundWords = try database.prepare(
            """
            UPDATE token SET start_sample = min(start_sample, ?1), end_sample = ?1
            WHERE place >= ?2 AND place < ?3 AND end_sample > ?1 + \(IndexRules.slackSamples)
            """, doing: IndexWriter.doing)
        saveRecording = try database.prepare(
            """
            WITH part AS (SELECT * FROM token WHERE place >= ?6 AND place < ?7)
            UPDATE recording SET state = ?2, samples = ?3, interrupted = ?4, covered = min(?3, max(?5, covered)),
                settled = NOT EXISTS (SELECT 1 FROM gap WHERE recording = ?1),
                tokens = (SELECT count(*) FROM part),
                words = (SELECT ifnull(sum(begins_word), 0) FROM part),
                speakers = (SELECT count(DISTINCT speaker) FROM part WHERE speaker > 0)
            WHERE number = ?1
            """, doing: IndexWriter.doing)
    }
}
