internal import LinuxRuntime
internal import RecorderCore

/// Recordings whose audio is on the disk and which the index does not know: it was damaged or lost, or could not be
/// written while they were recorded. Their files say what they are (`SegmentTags`).
struct OrphanImport {
    private let layout: StateLayout
    private let index: IndexWriter
    /// An index that was set aside just now.
    private let kept: String?
    /// A recording that is open, or may be opened again.
    private let spared: RecordingID?

    init(_ layout: StateLayout, _ index: IndexWriter, kept: String? = nil, sparing spared: RecordingID? = nil) {
        self.layout = layout
        self.index = index
        self.kept = kept
        self.spared = spared
    }

    /// Enters each of them, in a transaction of its own: what a power cut leaves out comes at the next start.
    @inline(never)
    func run() -> Recovery.Outcome {
        var outcome = Recovery.Outcome()
        var readers: [DamagedIndexReader]?
        do throws(StoreError) {
            for id in try AudioDirectories.list(layout) where id != spared {
                index.onProgress()
                guard try !index.knows(id) else { continue }
                let old = readers ?? DamagedIndexReader.all(in: layout, first: kept)
                readers = old
                do throws(StoreError) {
                    if let saved = try importOrphan(id, old) {
                        outcome.saved.append(saved)
                    } else if try !SegmentFiles(layout, id).areBlank() {
                        outcome.unreadable.append(id)
                    }
                } catch {
                    outcome.failure = outcome.failure ?? error
                }
            }
        } catch {
            outcome.failure = error
        }
        return outcome
    }

    /// Nil when no file has a header: there is nothing to enter, and what is there is kept.
    @inline(never)
    private func importOrphan(
        _ id: RecordingID, _ readers: [DamagedIndexReader]
    ) throws(StoreError) -> Recovery.Saved? {
        let files = SegmentFiles(layout, id)
        guard let header = try files.header() else { return nil }
        let trimmed = try Recovery.trim(files, trustsFinished: true)
        let source = IndexWriter.Source(of: id, in: readers)
        let isMarked = try index.insertOrphan(
            header, samples: trimmed.samples, isFinished: trimmed.isFinished, from: source)
        return Recovery.Saved(
            id: id, truncatedBytes: trimmed.bytes, lostSamples: trimmed.lostSamples,
            damagedFiles: trimmed.damagedFiles, isMarked: isMarked)
    }

    /// This version's own index was taken up again after another version had gone on with its own, which was set aside:
    /// that one knows best what has become of the recordings that both know. Such are forgotten here, and entered anew
    /// by `run`. One that it does not know any more and that has no audio was deleted.
    @inline(never)
    func forgetOutdated() throws(StoreError) {
        guard let kept, let other = DamagedIndexReader(layout.directory + "/" + kept) else { return }
        for (number, id) in try index.all() {
            if let theirs = other.number(of: id), let row = other.row(theirs) {
                guard try index.isOutdated(number, row, isSettled: other.isSettled(theirs)) else { continue }
            } else if try !SegmentFiles(layout, id).numbers().isEmpty {
                continue
            }
            try index.forget(id)
        }
    }
}

extension IndexWriter {
    /// Where a damaged index has the recording.
    struct Source {
        let reader: DamagedIndexReader
        let number: Int64

        /// Nil when none of them knows it.
        init?(of id: RecordingID, in indexes: [DamagedIndexReader]) {
            for index in indexes {
                guard let number = index.number(of: id) else { continue }
                self.init(reader: index, number: number)
                return
            }
            return nil
        }

        private init(reader: DamagedIndexReader, number: Int64) {
            self.reader = reader
            self.number = number
        }
    }

    /// A recording that is still open, in a new index.
    struct Reentered {
        var number: Int64 = 0
        /// What came over: words and what they cover, and the samples that were too quiet or too loud.
        var sequence = 0
        var covered = SampleIndex.zero
        var level: (quiet: Int64, clipped: Int64) = (0, 0)
        /// Every word did.
        var isWhole = false
    }

    /// What came over from a damaged index.
    private struct CopiedRows {
        /// Words, and the rows that they were in.
        var sequence = 0
        var rows = 0
        var covered = SampleIndex.zero
        var gaps: [Gap] = []
        /// Everything that had been there.
        var isWhole = false
        var isMarked = false
    }

    private static let batchWords = 512

    func knows(_ id: RecordingID) throws(StoreError) -> Bool {
        let sql = "SELECT count(*) FROM recording WHERE id = '\(id.text)'"
        return try database.integer(sql, doing: "look for a recording") > 0
    }

    func isEmpty() throws(StoreError) -> Bool {
        try database.integer("SELECT count(*) FROM recording", doing: "look for recordings") == 0
    }

    /// Enters a recording as saved, with the words that a damaged index still has. What they do not cover is a gap, so
    /// that it can be transcribed again.
    ///
    /// - Returns: whether the marks of silence are known. The audio does not tell silence that the box put there from a
    ///   microphone's, and to look for it would take as long as to decode everything.
    @inline(never)
    func insertOrphan(
        _ header: RecordingHeader, samples: Int64, isFinished: Bool, from source: Source?
    ) throws(StoreError) -> Bool {
        let row = source.flatMap { $0.reader.row($0.number) }
        var isMarked = false
        try database.transaction(doing: Self.entering) { () throws(StoreError) in
            let number = try begin(header)
            var copied = CopiedRows()
            if let source { copied = try copy(source, row, to: number, samples: samples) }
            isMarked = copied.isMarked
            var state = RecordingState.saved
            if let row, row.state == .uploaded { state = .uploaded }
            var package: [UploadPackageFile] = []
            if copied.isWhole, let source {
                package = source.reader.packageFiles(source.number)
                // What has arrived need not be sent again.
                if !package.isEmpty, let row { state = row.state }
            }
            if !copied.isWhole, copied.covered.value < samples {
                copied.gaps = copied.gaps.filter { $0.end <= copied.covered }
                copied.gaps.append(
                    Gap(start: copied.covered, end: SampleIndex(samples), reason: Self.indexLost))
            }
            try save(
                number, state: state, samples: samples, covered: copied.covered, gaps: copied.gaps,
                interrupted: row.map { $0.interrupted || $0.state == .recording } ?? !isFinished)
            try insert(package, of: number)
            guard let source, copied.isWhole, source.reader.isSettled(source.number) || !package.isEmpty else {
                return
            }
            try database.execute("UPDATE recording SET settled = 1 WHERE number = \(number)", doing: Self.entering)
        }
        database.checkpoint()
        return isMarked
    }

    /// Enters a recording that is still open. Of words behind the first that cannot be read none comes over: all that
    /// is said there is heard again.
    ///
    /// - Parameter rows: so many were written.
    @inline(never)
    func reenter(_ header: RecordingHeader, rows: Int, from source: Source?) throws(StoreError) -> Reentered {
        var new = Reentered(isWhole: rows == 0)
        if let source {
            var count = 0
            let isRead = try source.reader.words(source.number, samples: Limits.recordingSamples) {
                (_, covered) throws(StoreError) in
                count += 1
                new.covered = max(new.covered, covered)
            }
            new.isWhole = rows == 0 || (isRead && count == rows)
            new.level = source.reader.level(source.number)
        }
        try database.transaction(doing: Self.entering) { () throws(StoreError) in
            new.number = try begin(header)
            guard let source else { return }
            let copied = try copy(
                source, nil, to: new.number, samples: Limits.recordingSamples,
                before: new.isWhole ? SampleIndex(.max) : new.covered)
            new.sequence = copied.sequence
        }
        return new
    }

    static let indexLost = "index lost"
    private static let entering = "enter a recording"

    /// Every recording.
    func all() throws(StoreError) -> [(number: Int64, id: RecordingID)] {
        try list("SELECT number, id FROM recording")
    }

    /// Whether another index, which was made of this one, has gone on since.
    @inline(never)
    func isOutdated(_ recording: Int64, _ row: DamagedIndexReader.Row, isSettled: Bool) throws(StoreError) -> Bool {
        try database.integer(
            """
            SELECT \(row.state.rawValue) > state OR (\(row.state.rawValue) = state
                AND (\(row.rows) > tokens OR \(isSettled ? 1 : 0) > settled))
            FROM recording WHERE number = \(recording)
            """, doing: Self.entering) == 1
    }

    private func copy(
        _ source: Source, _ row: DamagedIndexReader.Row?, to number: Int64, samples: Int64,
        before limit: SampleIndex = SampleIndex(.max)
    ) throws(StoreError) -> CopiedRows {
        let (marks, hasMarks) = source.reader.silences(source.number, samples: samples)
        var batch = Batch(silences: marks)
        var copied = CopiedRows()
        let hasWords = try source.reader.words(source.number, samples: samples) {
            (row, covered) throws(StoreError) in
            guard row.word.end <= limit else { return }
            if batch.words.count >= Self.batchWords, !row.isJoined {
                try insert(batch, number, copied.sequence)
                copied.sequence += batch.words.count
                batch = Batch(covered: batch.covered)
            }
            batch.words.add(row)
            batch.covered = max(batch.covered, covered)
            copied.rows += 1
        }
        (batch.quietSamples, batch.clippedSamples) = source.reader.level(source.number)
        batch.measured = source.reader.measured(source.number)
        try insert(batch, number, copied.sequence)
        copied.sequence += batch.words.count
        let (gaps, hasGaps) = source.reader.gaps(source.number, samples: samples)
        copied.gaps = gaps
        copied.isMarked = hasMarks
        copied.covered = batch.covered
        if let row, row.state != .recording, hasMarks, hasWords, hasGaps, row.rows == copied.rows {
            copied.isWhole = true
            copied.covered = SampleIndex(row.covered)
        }
        return copied
    }
}
