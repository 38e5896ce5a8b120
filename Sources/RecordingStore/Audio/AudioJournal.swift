internal import LinuxRuntime
internal import RecorderCore

/// The audio of one recording on its way to the flash: encodes, and rolls the files.
///
/// Every operation may be repeated after it failed, and then goes on where it stopped: `encoded` says which sample is
/// wanted next.
final class AudioJournal {
    private let layout: StateLayout
    private let header: RecordingHeader
    private let sizing: SegmentSizing
    private let anchor: () -> ClockReference
    private var writer: FLACWriter?
    private var writerStart = SampleIndex.zero
    private var hasDirectory = false
    /// The number of the next file, when files of an interrupted recording are there: names go on, and a file's tags
    /// say where it begins.
    private var nextFile: Int?
    private var lastFile = -1

    /// The next sample that `append` takes.
    private(set) var encoded = SampleIndex.zero
    /// Samples before this are on the medium, in whole frames.
    private(set) var saved = SampleIndex.zero

    /// Encoded bytes that are not kept back until the next commit: some 8 s of loud noise.
    private static let pendingBytes = 256 << 10
    /// More than one save ever writes, which is what a power cut may leave in disorder: a second of samples, as they
    /// are, may come on top.
    static let longestSaveBytes: Int64 = 320 << 10
    /// No header with its comments and one frame of noise take more.
    static let headerAndFrameBytes: Int64 = 4 << 10

    /// - Parameters:
    ///   - anchor: tells when the newest sample was recorded.
    ///   - end: goes on behind what is on the medium, when there is something.
    ///   - nextFile: see there; nil for a new recording.
    init(
        _ layout: StateLayout, _ header: RecordingHeader, _ sizing: SegmentSizing,
        anchor: @escaping () -> ClockReference,
        after end: SampleIndex = .zero, nextFile: Int? = nil
    ) {
        self.anchor = anchor
        self.layout = layout
        self.header = header
        self.sizing = sizing
        self.nextFile = nextFile
        encoded = end
        saved = end
    }

    /// Makes the directory and the first file, unless they are there.
    func prepare() throws(StoreError) {
        if !hasDirectory {
            try onFile { () throws(SystemError) in
                try layout.storage.makeDirectories(layout.recording(header.id))
                try layout.storage.perform(.syncDirectory(layout.recordings))
            }
            hasDirectory = true
        }
        if writer == nil { writer = try makeFile() }
    }

    /// Goes on in another file when the one that was written has vanished: with the first sample that is in none of the
    /// files that are left, or the first that is still to be had.
    ///
    /// - Returns: where the audio on the disk ends now; before `encoded` when something is lost.
    @inline(never)
    func restart(oldest: SampleIndex) throws(StoreError) -> SampleIndex {
        let files = SegmentFiles(layout, header.id)
        let end = SampleIndex(try files.end(trustsFinished: true).sample)
        nextFile = max(try files.numbers().last ?? -1, lastFile) + 1
        writer = nil
        hasDirectory = false
        encoded = max(end, min(encoded, oldest))
        saved = encoded
        return end
    }

    /// The file that takes the sample `encoded`.
    private func currentWriter() throws(StoreError) -> FLACWriter {
        if let writer, !writer.isFinished { return writer }
        try save()
        // The encoder's memory goes before the next one takes as much.
        writer = nil
        let next = try makeFile()
        writer = next
        return next
    }

    @inline(never)
    private func makeFile() throws(StoreError) -> FLACWriter {
        let segment = nextFile ?? sizing.segment(of: encoded)
        lastFile = segment
        // Unless this works, it is looked for again.
        hasDirectory = false
        let tags = SegmentTags(header: header, firstSample: encoded, segment: segment, anchor: anchor())
        let writer = try FLACWriter(
            path: layout.segment(segment, of: header.id), layout.storage, blockSamples: Limits.flacBlockSamples,
            comments: tags.comments)
        try onFile { () throws(SystemError) in
            try layout.storage.perform(.syncDirectory(layout.recording(header.id)))
        }
        hasDirectory = true
        writerStart = encoded
        if nextFile != nil { nextFile = segment + 1 }
        return writer
    }

    /// Takes samples. After a failure `encoded` says how many.
    func append(_ samples: UnsafeBufferPointer<Int16>) throws(StoreError) {
        var done = 0
        while done < samples.count {
            let writer = try currentWriter()
            let count = Int(min(Int64(samples.count - done), sizing.room(at: encoded)))
            try unsafe writer.encode(UnsafeBufferPointer(rebasing: samples[done..<done + count]))
            done += count
            encoded = encoded.advanced(by: Int64(count))
            if sizing.room(at: encoded) == sizing.segmentSamples { try writer.finish() }
            if writer.isFinished || writer.pendingBytes >= Self.pendingBytes { try save() }
        }
    }

    /// Puts every whole frame on the medium, and looks whether it is found there.
    @inline(never)
    func save() throws(StoreError) {
        guard let writer else { return }
        do throws(StoreError) {
            try writer.save()
        } catch {
            guard writer.isInPlace else { throw .vanished(file: writer.path) }
            throw error
        }
        guard writer.isInPlace else { throw .vanished(file: writer.path) }
        saved = writerStart.advanced(by: writer.savedSamples)
    }

    /// Ends the last file and puts all of it on the medium.
    func finish() throws(StoreError) {
        try writer?.finish()
        try save()
    }
}
