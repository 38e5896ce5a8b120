internal import LinuxRuntime
internal import RecorderCore

extension RecordingIndex {
    /// What became of recordings that were saved just now, or entered.
    @inline(never)
    func recovered(_ outcome: Recovery.Outcome) throws(StoreError) -> [RecoveredRecording] {
        var list: [RecoveredRecording] = []
        for saved in outcome.saved {
            guard let summary = try summary(saved.id) else { continue }
            list.append(
                RecoveredRecording(
                    summary: summary, truncatedBytes: saved.truncatedBytes, lostSamples: saved.lostSamples,
                    damagedFiles: saved.damagedFiles))
        }
        return list
    }
}

/// Saves recordings that ended without a word: their audio files say how long they are.
enum Recovery {
    struct Saved: Equatable {
        var id: RecordingID
        var truncatedBytes: Int64
        var lostSamples: Int64
        var damagedFiles: Int
        /// Whether marks of silence could be read.
        var isMarked = true
    }

    struct Outcome {
        var saved: [Saved] = []
        /// Directories of which no file has a header.
        var unreadable: [RecordingID] = []
        /// The first reason why something could not be saved.
        var failure: StoreError?

        static func + (left: Self, right: Self) -> Self {
            Outcome(
                saved: left.saved + right.saved, unreadable: left.unreadable + right.unreadable,
                failure: left.failure ?? right.failure)
        }
    }

    /// What is left of the files, and what was cut off.
    struct Trimmed {
        var samples: Int64 = 0
        var bytes: Int64 = 0
        var lostSamples: Int64 = 0
        /// Files without a readable header that were kept under another name.
        var damagedFiles = 0
        /// The last file ends as STOP, or the file after it, ends one.
        var isFinished = false
    }

    /// - Parameter spared: the number of a recording that may go on.
    @inline(never)
    static func run(_ layout: StateLayout, _ index: IndexWriter, sparing spared: Int64? = nil) -> Outcome {
        var outcome = Outcome()
        do throws(StoreError) {
            for (number, id) in try index.unsaved() where number != spared {
                index.onProgress()
                do throws(StoreError) {
                    let trimmed = try trim(SegmentFiles(layout, id), trustsFinished: false)
                    let missing = try index.recover(number, samples: trimmed.samples)
                    outcome.saved.append(
                        Saved(
                            id: id, truncatedBytes: trimmed.bytes, lostSamples: max(missing, trimmed.lostSamples),
                            damagedFiles: trimmed.damagedFiles))
                } catch {
                    outcome.failure = outcome.failure ?? error
                }
            }
        } catch {
            outcome.failure = error
        }
        return outcome
    }

    /// Cuts the torn frame off the last file, takes back what its header says of the end, which may be torn as well,
    /// and takes files without a header out of the row: a power cut leaves such a file, but so does a bad sector.
    ///
    /// - Parameter trustsFinished: a file whose header has its length is not read through.
    @inline(never)
    static func trim(_ files: SegmentFiles, trustsFinished: Bool) throws(StoreError) -> Trimmed {
        let end = try files.end(trustsFinished: trustsFinished)
        var trimmed = Trimmed(samples: end.sample, lostSamples: end.damagedSamples, isFinished: end.isFinished)
        guard !(end.isFinished && trustsFinished) else { return trimmed }
        let storage = files.layout.storage
        for segment in try files.numbers() {
            let path = files.layout.segment(segment, of: files.id)
            try onFile { () throws(SystemError) in
                let file = try File(path, .read)
                let bytes = try file.status().bytes
                if let last = end.last, segment == last.segment {
                    let closing = FLACReader.lengthAndMD5Bytes
                    let unknown = [UInt8](repeating: 0, count: closing.count)
                    let isEnded = try file.read(at: closing.lowerBound, limit: closing.count) != unknown
                    guard isEnded || bytes > last.bytes else { return }
                    try storage.perform(.truncate(path, bytes: last.bytes))
                    try storage.perform(.write(path, offset: closing.lowerBound, unknown))
                    try storage.perform(.sync(path))
                    trimmed.bytes += bytes - last.bytes
                    trimmed.lostSamples += end.samples(inBytes: bytes - last.bytes)
                } else if segment > end.last?.segment ?? -1 {
                    trimmed.bytes += bytes
                    trimmed.lostSamples += end.samples(inBytes: bytes)
                    if try setAside(segment, bytes: bytes, of: files) {
                        trimmed.damagedFiles += 1
                    } else {
                        try storage.perform(.remove(path))
                    }
                }
            }
        }
        return trimmed
    }

    /// A file that may hold audio which a person can still get out of it is kept, but for too many.
    ///
    /// - Returns: false when it is not worth it.
    private static func setAside(_ segment: Int, bytes: Int64, of files: SegmentFiles) throws(SystemError) -> Bool {
        guard bytes > AudioJournal.headerAndFrameBytes else { return false }
        let (storage, directory) = (files.layout.storage, files.layout.recording(files.id))
        let names = try FileSystem.list(directory)
        guard names.count(where: SegmentName.isDamaged) < Limits.damagedAudioFiles else { return false }
        var target = SegmentName.damaged(segment)
        while names.contains(target) { target += "+" }
        try storage.perform(.rename(directory + "/" + SegmentName.text(segment), to: directory + "/" + target))
        try storage.perform(.syncDirectory(directory))
        return true
    }
}
