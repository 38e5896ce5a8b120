internal import RecorderCore

/// A recording that is not yet at the school.
struct WaitingRecording {
    var number: Int64
    var id: RecordingID
    /// No text will come any more.
    var isSettled: Bool
    var isPacked: Bool
    /// Of a package: bytes of files that are not sent.
    var bytesLeft: Int64
}

extension IndexWriter {
    private static let packing = "note a package"
    private static let texting = "note the text of a recording"

    /// What is saved and not uploaded, oldest first.
    @inline(never)
    func waiting() throws(StoreError) -> [WaitingRecording] {
        let statement = try database.prepare(
            """
            SELECT number, id, settled,
                EXISTS (SELECT 1 FROM parcel_file WHERE recording = number),
                (SELECT total(bytes) FROM parcel_file WHERE recording = number AND is_sent = 0)
            FROM recording WHERE state IN (2, 3) ORDER BY number
            """, doing: Self.packing)
        var list: [WaitingRecording] = []
        while try statement.step() {
            guard let id = RecordingID(statement.text(1)) else { continue }
            list.append(
                WaitingRecording(
                    number: statement.integer(0), id: id, isSettled: statement.integer(2) == 1,
                    isPacked: statement.integer(3) == 1, bytesLeft: statement.integer(4)))
        }
        return list
    }

    // MARK: The package

    /// From now on the recording has a package, and its text does not change.
    func enter(_ files: [UploadPackageFile], of recording: Int64) throws(StoreError) {
        try database.transaction(doing: Self.packing) { () throws(StoreError) in
            try database.execute(
                """
                DELETE FROM parcel_file WHERE recording = \(recording);
                UPDATE recording SET settled = 1 WHERE number = \(recording)
                """, doing: Self.packing)
            try insert(files, of: recording)
        }
    }

    /// Within a transaction.
    func insert(_ files: [UploadPackageFile], of recording: Int64) throws(StoreError) {
        for (position, file) in files.enumerated() {
            try change(
                """
                INSERT INTO parcel_file (recording, position, bytes, is_sent, name, content_type, sha256, url)
                VALUES (\(recording), \(position), \(file.bytes), \(file.isSent ? 1 : 0), ?, ?, ?, ?)
                """, [file.name, file.contentType, file.sha256, file.url ?? ""])
        }
    }

    func note(_ id: RecordingID, file name: String, url: String?, isSent: Bool) throws(StoreError) {
        try database.transaction(doing: Self.packing) { () throws(StoreError) in
            try change(
                """
                UPDATE parcel_file SET is_sent = \(isSent ? 1 : 0), url = ?
                WHERE recording = (SELECT number FROM recording WHERE id = ?) AND name = ?
                """, [url ?? "", id.text, name])
            try advance(id, from: "2", to: .uploading)
        }
    }

    func noteUploaded(_ id: RecordingID) throws(StoreError) {
        try advance(id, from: "2, 3", to: .uploaded)
    }

    private func advance(_ id: RecordingID, from old: String, to new: RecordingState) throws(StoreError) {
        try change(
            """
            UPDATE recording SET state = \(new.rawValue) WHERE id = ? AND state IN (\(old))
                AND EXISTS (SELECT 1 FROM parcel_file WHERE recording = number)
            """, [id.text])
    }

    /// Runs a statement with texts for its parameters.
    @inline(never)
    private func change(_ sql: String, _ texts: [String]) throws(StoreError) {
        let statement = try database.prepare(sql, doing: Self.packing)
        for (place, text) in texts.enumerated() { statement.bind(Int32(place + 1), text) }
        try statement.run()
    }

    // MARK: The text

    /// The row of a recording whose text may still change; nil when it may not.
    @inline(never)
    func unsettled(_ id: RecordingID) throws(StoreError) -> Int64? {
        let number = try database.integer(
            "SELECT number FROM recording WHERE id = '\(id.text)' AND state = 2 AND settled = 0", doing: Self.texting)
        return number > 0 ? number : nil
    }

    /// At a start nobody fills gaps: what has none, here or at the service, is settled.
    func settleFilled() throws(StoreError) {
        for one in try waiting() where !one.isSettled {
            let jobs = try database.integer(
                """
                SELECT count(*) FROM recording
                WHERE number = \(one.number) AND (job_file != '' OR job_transcription != '')
                """, doing: Self.texting)
            if jobs == 0, try gaps(of: one.number).isEmpty { try settle(one.number, reason: "") }
        }
    }

    /// - Parameter gaps: all that is without text from now on.
    @inline(never)
    func addText(
        _ words: [Word], covered: SampleIndex, gaps: [Gap], to recording: Int64
    ) throws(StoreError) {
        let samples = try database.integer(
            "SELECT samples FROM recording WHERE number = \(recording)", doing: Self.texting)
        var batch = Batch(words: words.map { $0.bounded(by: SampleIndex(samples)) }, covered: covered)
        batch.gaps = gaps
        batch.hasNewGaps = true
        try database.transaction(doing: Self.texting) { () throws(StoreError) in
            try insert(batch, recording, try sequence(of: recording))
            try database.execute(
                """
                UPDATE recording SET tokens = tokens + \(words.count), words = words + \(words.count)
                WHERE number = \(recording)
                """, doing: Self.texting)
        }
    }

    func mergeSavedSpeaker(_ retired: Int, into speaker: Int, of recording: Int64) throws(StoreError) {
        let first = recording * IndexSchema.wordsARecording
        try change(
            """
            UPDATE token SET speaker = \(speaker) WHERE speaker = \(retired)
                AND place >= \(first) AND place < \(first + IndexSchema.wordsARecording)
            """, [])
    }

    /// No text will come any more.
    func settle(_ recording: Int64, reason: String) throws(StoreError) {
        try change(
            """
            UPDATE recording SET settled = 1, settled_reason = ?,
                covered = max(covered, ifnull((SELECT min(start_sample) FROM gap WHERE recording = number), samples)),
                speakers = (SELECT count(DISTINCT speaker) FROM \(RecordingIndex.part) AND speaker > 0)
            WHERE number = \(recording)
            """, [reason])
    }

    func noteJob(_ id: RecordingID, _ job: TranscriptionJob) throws(StoreError) {
        try change(
            "UPDATE recording SET job_file = ?, job_transcription = ? WHERE id = ?",
            [job.file, job.transcription, id.text])
    }

    /// The oldest recording whose text is not settled: it has gaps, or what the service holds of it is to be deleted
    /// there.
    func nextText(_ summaries: RecordingIndex) throws(StoreError) -> GapsToFill? {
        for one in try waiting() where !one.isSettled {
            let gaps = try gaps(of: one.number)
            guard let summary = try summaries.summary(one.id) else { continue }
            let statement = try database.prepare(
                "SELECT job_file, job_transcription FROM recording WHERE number = \(one.number)", doing: Self.texting)
            defer { statement.reset() }
            guard try statement.step() else { continue }
            let saved = SampleIndex(summary.samples)
            let words = try words(
                near: gaps, of: one.number, before: sequence(of: one.number), limit: Limits.committedWords)
            return GapsToFill(
                recording: InterruptedRecording(
                    header: summary.header, saved: saved, coverage: Coverage(through: saved, gaps: gaps),
                    words: words.ordered { $0.start < $1.start }, wordCount: summary.words,
                    speakers: try speakers(of: one.number)),
                gaps: gaps, job: TranscriptionJob(file: statement.text(0), transcription: statement.text(1)))
        }
        return nil
    }
}

extension RecordingIndex {
    static let packageColumns = "SELECT name, content_type, bytes, sha256, url, is_sent FROM parcel_file "

    /// The package's files in the order in which they go; none when there is no package.
    func packageFiles(_ id: RecordingID) throws(StoreError) -> [UploadPackageFile] {
        let statement = try database.prepare(
            Self.packageColumns + "WHERE recording = (SELECT number FROM recording WHERE id = ?) ORDER BY position",
            doing: "read a package")
        statement.bind(1, id.text)
        var files: [UploadPackageFile] = []
        while try statement.step() { files.append(statement.packageFile()) }
        return files
    }
}

extension Statement {
    /// A row of `RecordingIndex.packageColumns`.
    @inline(never)
    func packageFile() -> UploadPackageFile {
        let url = text(4)
        return UploadPackageFile(
            name: text(0), contentType: text(1), bytes: integer(2), sha256: text(3), url: url.isEmpty ? nil : url,
            isSent: integer(5) == 1)
    }
}
