internal import RecorderCore

/// The index's write side, for the store thread: prepared statements, one transaction a commit.
final class IndexWriter {
    /// What one commit adds.
    struct Batch {
        var tokens: [FinalToken] = []
        var covered = SampleIndex.zero
        var silences: [SilenceMark] = []
        /// Speakers whose saved tokens are another's: before `tokens`, which know it already.
        var merges: [(retired: Int, speaker: Int)] = []
        /// What has no text, of what is before the last that has, when that has changed.
        var holes: [Gap] = []
        var hasNewHoles = false
        /// STOP was pressed.
        var isStopped = false
        /// Of the microphone's level, since the last one that was written.
        var quietSamples: Int64 = 0
        var clippedSamples: Int64 = 0

        /// Whether there is anything that a power cut must not take. Coverage alone is not: it can be found again.
        var isEmpty: Bool {
            tokens.isEmpty && silences.isEmpty && merges.isEmpty && !hasNewHoles && !isStopped
                && quietSamples + clippedSamples < Limits.levelSamples
        }
    }

    let database: Database
    private let insertRecording: Statement
    private let insertToken: Statement
    private let insertSilence: Statement
    private let insertGap: Statement
    private let deleteGaps: Statement
    private let saveStop: Statement
    private let saveCovered: Statement
    private let mergeSpeaker: Statement
    private let saveRecording: Statement

    private static let doing = "save the recording"

    init(_ database: Database) throws(StoreError) {
        self.database = database
        insertRecording = try database.prepare(
            """
            INSERT INTO recording (id, label, started_at_ms, clock_synchronised, state, interrupted)
            VALUES (?, ?, ?, ?, ?, 1) RETURNING number
            """, doing: "begin a recording")
        insertToken = try database.prepare(
            "INSERT INTO token VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", doing: Self.doing)
        // The recorder hands back the marks that the store itself reported: the same mark is the same row.
        insertSilence = try database.prepare(
            """
            INSERT INTO silence VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE
            SET end_sample = max(end_sample, excluded.end_sample)
            """, doing: Self.doing)
        insertGap = try database.prepare("INSERT OR REPLACE INTO gap VALUES (?, ?, ?, ?)", doing: Self.doing)
        deleteGaps = try database.prepare("DELETE FROM gap WHERE recording = ?", doing: Self.doing)
        saveStop = try database.prepare("UPDATE recording SET interrupted = 0 WHERE number = ?", doing: Self.doing)
        saveCovered = try database.prepare(
            "UPDATE recording SET covered = max(covered, ?2) WHERE number = ?1", doing: Self.doing)
        mergeSpeaker = try database.prepare(
            "UPDATE token SET speaker = ?2 WHERE speaker = ?1 AND place >= ?3 AND place < ?4", doing: Self.doing)
        saveRecording = try database.prepare(
            """
            WITH part AS (SELECT * FROM token WHERE place >= ?6 AND place < ?7)
            UPDATE recording SET state = ?2, samples = ?3, interrupted = ?4, covered = min(?3, max(?5, covered)),
                settled = NOT EXISTS (SELECT 1 FROM gap WHERE recording = ?1),
                tokens = (SELECT count(*) FROM part),
                words = (SELECT ifnull(sum(begins_word), 0) FROM part),
                speakers = (SELECT count(DISTINCT speaker) FROM part WHERE speaker > 0)
            WHERE number = ?1
            """, doing: Self.doing)
    }

    /// Adds a recording and answers its number.
    func begin(_ header: RecordingHeader) throws(StoreError) -> Int64 {
        insertRecording.bind(1, header.id.text)
        insertRecording.bind(2, header.label)
        insertRecording.bind(3, header.startedAt.milliseconds)
        insertRecording.bind(4, header.clockSynchronised)
        insertRecording.bind(5, Int64(RecordingState.recording.rawValue))
        defer { insertRecording.reset() }
        // The row is committed when the statement has been run to its end.
        let number = try insertRecording.step() ? insertRecording.integer(0) : 0
        _ = try insertRecording.step()
        return try valid(number)
    }

    /// - Parameters:
    ///   - sequence: the number of the batch's first token in the recording.
    ///   - counter: the words so far; it is left alone when the transaction fails.
    func append(
        _ batch: Batch, to recording: Int64, sequence: Int, counter: inout WordCounter
    ) throws(StoreError) {
        var updated = counter
        try database.transaction(doing: Self.doing) { () throws(StoreError) in
            try insert(batch, recording, sequence, &updated)
        }
        counter = updated
    }

    /// Writes the last batch, and that the recording is saved.
    func close(
        _ batch: Batch, _ recording: Int64, sequence: Int, counter: WordCounter, samples: Int64, gaps: [Gap],
        interrupted: Bool
    ) throws(StoreError) {
        var updated = counter
        try database.transaction(doing: Self.doing) { () throws(StoreError) in
            try insert(batch, recording, sequence, &updated)
            try save(
                recording, state: .saved, samples: samples, covered: batch.covered, gaps: gaps,
                interrupted: interrupted)
        }
        database.checkpoint()
    }

    /// The last of a recording's changes, within a transaction.
    func save(
        _ recording: Int64, state: RecordingState, samples: Int64, covered: SampleIndex, gaps: [Gap],
        interrupted: Bool
    ) throws(StoreError) {
        try replaceGaps(gaps, of: recording)
        saveRecording.bind(1, recording)
        saveRecording.bind(2, Int64(state.rawValue))
        saveRecording.bind(3, samples)
        saveRecording.bind(4, interrupted)
        saveRecording.bind(5, covered.value)
        saveRecording.bind(6, recording * IndexSchema.tokensARecording)
        saveRecording.bind(7, (recording + 1) * IndexSchema.tokensARecording)
        try saveRecording.run()
    }

    private func replaceGaps(_ gaps: [Gap], of recording: Int64) throws(StoreError) {
        deleteGaps.bind(1, recording)
        try deleteGaps.run()
        for gap in gaps {
            insertGap.bind(1, recording)
            insertGap.bind(2, gap.start.value)
            insertGap.bind(3, gap.end.value)
            insertGap.bind(4, gap.reason)
            try insertGap.run()
        }
    }

    /// The recordings that a power cut, or a disk that was full to the end, left unsaved.
    func unsaved() throws(StoreError) -> [(number: Int64, id: RecordingID)] {
        let statement = try database.prepare("SELECT number, id FROM recording WHERE state = 1", doing: Self.doing)
        var list: [(number: Int64, id: RecordingID)] = []
        while try statement.step() {
            let number = try valid(statement.integer(0))
            if let id = RecordingID(statement.text(1)) { list.append((number: number, id: id)) }
        }
        return list
    }

    private func valid(_ number: Int64) throws(StoreError) -> Int64 {
        guard (0..<IndexSchema.recordings).contains(number) else {
            throw .damagedIndex(file: database.path, reason: "it holds a recording number \(number)")
        }
        return number
    }

    /// Saves a recording that ended without STOP after `samples`, as its audio files say.
    func recover(_ recording: Int64, samples: Int64) throws(StoreError) {
        let coverage = try coverage(of: recording, samples: samples)
        try cutSilences(of: recording, at: samples)
        try close(
            Batch(covered: coverage.withoutHoles), recording, sequence: 0, counter: WordCounter(), samples: samples,
            gaps: coverage.gaps(before: SampleIndex(samples), reason: "interrupted"),
            interrupted: try !wasStopped(recording))
    }

    func wasStopped(_ recording: Int64) throws(StoreError) -> Bool {
        let sql = "SELECT interrupted FROM recording WHERE number = \(recording)"
        return try database.integer(sql, doing: Self.doing) == 0
    }

    @inline(never)
    func insert(
        _ batch: Batch, _ recording: Int64, _ sequence: Int, _ counter: inout WordCounter
    ) throws(StoreError) {
        for merge in batch.merges {
            mergeSpeaker.bind(1, Int64(merge.retired))
            mergeSpeaker.bind(2, Int64(merge.speaker))
            mergeSpeaker.bind(3, recording * IndexSchema.tokensARecording)
            mergeSpeaker.bind(4, (recording + 1) * IndexSchema.tokensARecording)
            try mergeSpeaker.run()
        }
        for (offset, token) in batch.tokens.enumerated() {
            insertToken.bind(1, recording * IndexSchema.tokensARecording + Int64(sequence + offset))
            insertToken.bind(2, token.text)
            insertToken.bind(3, token.start.value)
            insertToken.bind(4, token.end.value)
            insertToken.bind(5, token.confidence)
            insertToken.bind(6, Int64(token.speaker))
            insertToken.bind(7, token.language)
            insertToken.bind(8, counter.begins(token))
            insertToken.bind(9, offset == batch.tokens.count - 1 ? batch.covered.value : 0)
            try insertToken.run()
        }
        if batch.isStopped {
            saveStop.bind(1, recording)
            try saveStop.run()
        }
        if batch.hasNewHoles {
            try replaceGaps(batch.holes, of: recording)
            saveCovered.bind(1, recording)
            saveCovered.bind(2, batch.covered.value)
            try saveCovered.run()
        }
        for mark in batch.silences {
            insertSilence.bind(1, recording)
            insertSilence.bind(2, mark.start.value)
            insertSilence.bind(3, mark.end.value)
            insertSilence.bind(4, Int64(mark.reason.rawValue))
            try insertSilence.run()
        }
        guard batch.quietSamples + batch.clippedSamples > 0 else { return }
        try database.execute(IndexSchema.level, doing: Self.doing)
        let level = try database.prepare(IndexSchema.addLevel, doing: Self.doing)
        level.bind(1, recording)
        level.bind(2, batch.quietSamples)
        level.bind(3, batch.clippedSamples)
        try level.run()
    }
}

/// Which tokens begin a word, by the same rule as the transcript's words (`WordAssembler`): a token that begins with
/// a space, comes from another speaker, or follows none.
struct WordCounter: Equatable, Sendable {
    private var assembler = WordAssembler()

    @inline(never)
    mutating func begins(_ token: FinalToken) -> Bool {
        let openBefore = isOpen
        let completed = assembler.receive(token) != nil
        // Words begun so far are those completed and the one that is open.
        return (completed ? 1 : 0) + (isOpen ? 1 : 0) > (openBefore ? 1 : 0)
    }

    private var isOpen: Bool {
        var copy = assembler
        return copy.finish() != nil
    }
}
