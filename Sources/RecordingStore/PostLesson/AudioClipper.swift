internal import LinuxRuntime
internal import RecorderCore

/// Makes a FLAC file of a part of a saved recording, in slices.
final class AudioClipper {
    private struct Work {
        let writer: FLACWriter
        let replay: JournalReplay
        var position: SampleIndex
    }

    private let layout: StateLayout
    private let sizing: SegmentSizing
    private var request: (id: RecordingID, range: Range<SampleIndex>)?
    private var work: Work?
    private var retry = DiskRetry()

    init(_ layout: StateLayout, _ sizing: SegmentSizing) {
        self.layout = layout
        self.sizing = sizing
    }

    /// What a crash left: it is made anew when it is wanted.
    static func clear(_ layout: StateLayout) {
        for name in (try? FileSystem.list(layout.clips)) ?? [] {
            _ = try? layout.storage.perform(.remove(layout.clips + "/" + name))
        }
    }

    func ask(_ id: RecordingID, _ range: Range<SampleIndex>) {
        request = (id, range)
        work = nil
        retry.reset()
    }

    func remove(_ id: RecordingID) {
        if request?.id == id { request = nil }
        work = nil
        _ = try? layout.storage.perform(.remove(layout.clip(id)))
    }

    /// A lesson begins; it is begun anew afterwards.
    func pause() {
        work = nil
    }

    func due(isRecording: Bool) -> MonotonicTime? {
        request == nil || isRecording ? nil : retry.due
    }

    func step() throws(StoreError) -> PostLessonEvent? {
        guard let request else { return nil }
        guard var work else {
            work = try begin(request.id, request.range)
            return nil
        }
        guard case .audio(_, _, let samples)? = try work.replay.step() else { return nil }
        let count = min(Int64(samples.count), request.range.upperBound.samples(since: work.position))
        try unsafe samples.withUnsafeBufferPointer { (block) throws(StoreError) in
            try unsafe work.writer.encode(UnsafeBufferPointer(rebasing: block[..<Int(count)]))
        }
        work.position = work.position.advanced(by: count)
        if work.writer.pendingBytes >= Limits.pieceBytes { try work.writer.save() }
        self.work = work
        guard count == 0 || work.position >= request.range.upperBound else {
            work.replay.read(session: .backfill(0), from: work.position)
            return nil
        }
        try work.writer.finish()
        try work.writer.save()
        let path = layout.clip(request.id)
        let bytes = try onFile { () throws(SystemError) in try File(path, .read).status().bytes }
        let isEmpty = work.position == request.range.lowerBound
        self.work = nil
        self.request = nil
        retry.succeeded()
        return .clipMade(request.id, path: path, bytes: isEmpty ? 0 : bytes)
    }

    /// - Returns: whether it is news.
    func failed() -> Bool {
        work = nil
        return retry.failed()
    }

    private func begin(_ id: RecordingID, _ range: Range<SampleIndex>) throws(StoreError) -> Work {
        try onFile { () throws(SystemError) in try layout.storage.makeDirectories(layout.clips) }
        // Nothing in it says whose lesson it is: it goes to the service.
        let writer = try FLACWriter(
            path: layout.clip(id), layout.storage, blockSamples: AudioExport.blockSamples, comments: [])
        let replay = JournalReplay(layout, id, sizing)
        replay.read(session: .backfill(0), from: range.lowerBound)
        return Work(writer: writer, replay: replay, position: range.lowerBound)
    }
}
