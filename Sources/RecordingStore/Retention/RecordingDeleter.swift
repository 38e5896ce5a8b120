internal import LinuxRuntime
internal import RecorderCore

/// Deletes a recording so that a power cut at any moment leaves either all of it or nothing that is not cleared away
/// at the next start: its directory gets another name, which is the mark; then the files go, then the row, then the
/// directory.
struct RecordingDeleter {
    private let layout: StateLayout
    private let index: IndexWriter

    static let mark = ".removed"

    init(_ layout: StateLayout, _ index: IndexWriter) {
        self.layout = layout
        self.index = index
    }

    /// What may go, by `Retention`.
    func plan(
        _ uploaded: [RecordingSummary], policy: RetentionPolicy, now: WallTime?
    ) throws(StoreError) -> [Retention.Deletion] {
        var candidates: [Retention.Candidate] = []
        for recording in uploaded {
            let id = recording.header.id
            candidates.append(
                Retention.Candidate(
                    id: id, state: recording.state, startedAt: recording.header.startedAt,
                    clockSynchronised: recording.header.clockSynchronised,
                    bytes: try SegmentFiles(layout, id).bytes()))
        }
        guard !candidates.isEmpty else { return [] }
        let free = try onFile { () throws(SystemError) in try FileSystem.freeBytes(at: layout.directory) }
        return Retention.plan(candidates, policy: policy, freeBytes: free, now: now)
    }

    func delete(_ id: RecordingID) throws(StoreError) {
        do throws(SystemError) {
            try layout.storage.perform(.rename(layout.recording(id), to: layout.recording(id) + Self.mark))
            try layout.storage.perform(.syncDirectory(layout.recordings))
        } catch {
            // A row whose files are gone already goes all the same.
            guard error.number == SystemError.noSuchFile else { throw .file(error) }
        }
        try finish(id)
    }

    /// Finishes what a power cut interrupted.
    /// - Parameter told: whose, and how many bytes.
    func finishAll(_ told: (RecordingID, Int64) -> Void) throws(StoreError) {
        let names = try onFile { () throws(SystemError) in try FileSystem.list(layout.recordings) }
        for name in names {
            guard let (text, rest) = name.cut(at: "."), "." + rest == Self.mark, let id = RecordingID(text) else {
                continue
            }
            let bytes = try SegmentFiles.bytes(in: layout.recordings + "/" + name)
            try finish(id)
            told(id, bytes)
        }
    }

    @inline(never)
    private func finish(_ id: RecordingID) throws(StoreError) {
        let directory = layout.recording(id) + Self.mark
        do throws(SystemError) {
            for name in try FileSystem.list(directory) { try layout.storage.perform(.remove(directory + "/" + name)) }
            try layout.storage.perform(.syncDirectory(directory))
        } catch {
            guard error.number == SystemError.noSuchFile else { throw .file(error) }
        }
        try index.forget(id)
        try onFile { () throws(SystemError) in
            try layout.storage.perform(.remove(directory))
            // So that the space is free when it is asked for next.
            try layout.storage.perform(.syncDirectory(layout.recordings))
        }
    }
}

extension IndexWriter {
    /// Deletes a recording's row and its words.
    @inline(never)
    func forget(_ id: RecordingID) throws(StoreError) {
        let doing = "delete a recording"
        let number = try database.integer("SELECT number FROM recording WHERE id = '\(id.text)'", doing: doing)
        guard number > 0 else { return }
        let first = number * IndexSchema.wordsARecording
        try database.transaction(doing: doing) { () throws(StoreError) in
            try database.execute(
                """
                DELETE FROM token WHERE place >= \(first) AND place < \(first + IndexSchema.wordsARecording);
                DELETE FROM recording WHERE number = \(number)
                """, doing: doing)
        }
        database.checkpoint()
    }
}
