internal import LinuxRuntime
internal import RecorderCore

/// Makes the package of a saved recording, in slices: the transcript in two formats, and the manifest with the digest
/// of each file. It leaves out nothing and depends on nothing but the recording: a second time gives the same bytes.
final class PackageBuilder {
    private enum Stage {
        case sorting
        case writing(String, ChunkedTranscriptWriter, AtomicFileWriter)
        case digesting(FileDigest)
        case manifest
    }

    private let layout: StateLayout
    private let summary: RecordingSummary
    private let gaps: [Gap]
    private let silences: [SilenceMark]
    private let words: PagedWords
    private var stage = Stage.sorting
    /// In the order in which they go; so many have their digest.
    private var files: [UploadPackageFile] = []
    private var digested = 0

    static let transcript = "transcript.json"
    static let subtitles = "transcript.vtt"
    static let manifest = "manifest.json"

    init(_ layout: StateLayout, _ index: RecordingIndex, _ number: Int64, _ id: RecordingID) throws(StoreError) {
        guard let summary = try index.summary(id) else { throw .noRecording(id, directory: layout.directory) }
        self.layout = layout
        self.summary = summary
        gaps = try index.gaps(id)
        silences = try index.silences(id)
        words = try PagedWords(index.database, number)
        for number in try SegmentFiles(layout, id).numbers() { add(SegmentName.text(number), "audio/flac") }
        // A recording of nothing has no directory.
        if files.isEmpty {
            try onFile { () throws(SystemError) in try layout.storage.makeDirectories(layout.recording(id)) }
        }
        add(Self.transcript, "application/json")
        add(Self.subtitles, "text/vtt")
    }

    @inline(never)
    private func add(_ name: String, _ type: String) {
        files.append(UploadPackageFile(name: name, contentType: type, bytes: 0, sha256: ""))
    }

    /// A small part of the work.
    /// - Returns: all files, when they are on the medium.
    func step() throws(StoreError) -> [UploadPackageFile]? {
        switch stage {
        case .sorting:
            try words.sort()
            if words.isSorted {
                stage = try writing(Self.transcript, ChunkedJSONWriter(summary, gaps, silences, words))
            }
        case .writing(let name, let chunks, let file):
            if let chunk = try chunks.next() {
                try file.append(chunk)
            } else {
                try file.finish()
                stage = name == Self.transcript
                    ? try writing(Self.subtitles, ChunkedSubtitleWriter(words, isWebVTT: true)) : try digesting()
            }
        case .digesting(let digest):
            guard let sum = try digest.next() else { break }
            setDigest(digest.bytes, sum)
            stage = try digesting()
        case .manifest:
            return try finish()
        }
        return nil
    }

    private func writing(_ name: String, _ chunks: ChunkedTranscriptWriter) throws(StoreError) -> Stage {
        .writing(name, chunks, try AtomicFileWriter(path(name), layout.storage))
    }

    private func digesting() throws(StoreError) -> Stage {
        guard digested < files.count else { return .manifest }
        return .digesting(try FileDigest(path(files[digested].name)))
    }

    @inline(never)
    private func setDigest(_ bytes: Int64, _ sum: String) {
        files[digested].bytes = bytes
        files[digested].sha256 = sum
        digested += 1
    }

    private func finish() throws(StoreError) -> [UploadPackageFile] {
        let manifest = ManifestDocument(
            recording: summary, silences: silences, coverage: summary.coverage(gaps), files: files)
        let path = path(Self.manifest)
        let file = try AtomicFileWriter(path, layout.storage)
        try file.append(manifest.json + "\n")
        try file.finish()
        let directory = layout.recording(summary.header.id)
        try onFile { () throws(SystemError) in try layout.storage.perform(.syncDirectory(directory)) }
        let digest = try FileDigest(path)
        add(Self.manifest, "application/json")
        let sum = try digest.all()
        setDigest(digest.bytes, sum)
        return files
    }

    private func path(_ name: String) -> String { layout.recording(summary.header.id) + "/" + name }
}
