internal import LinuxRuntime
internal import RecorderCore

/// Makes the package of a saved recording, in slices: the transcript in two formats, and the manifest with the digest
/// of each file. It leaves out nothing and depends on nothing but the recording: a second time gives the same bytes.
final class Packing {
    private enum Stage {
        case sorting
        case writing(String, TranscriptPieces, PackageFile)
        case digesting(FileDigest)
        case manifest
    }

    private let layout: StateLayout
    private let summary: RecordingSummary
    private let document: TranscriptDocument
    private let words: SavedWords
    private var stage = Stage.sorting
    private var files: [ParcelFile] = []
    /// Files without a digest, in the order in which they go.
    private var undigested: [(name: String, type: String)] = []

    static let transcript = "transcript.json"
    static let subtitles = "transcript.vtt"
    static let manifest = "manifest.json"

    init(_ layout: StateLayout, _ index: RecordingIndex, _ number: Int64, _ id: RecordingID) throws(StoreError) {
        guard let summary = try index.summary(id) else { throw .noRecording(id, directory: layout.directory) }
        self.layout = layout
        self.summary = summary
        document = TranscriptDocument(
            header: summary.header, samples: summary.samples, tokens: [], gaps: try index.gaps(id),
            silences: try index.silences(id), interrupted: summary.interrupted)
        words = try SavedWords(index.database, number)
        for number in try SegmentFiles(layout, id).numbers() {
            undigested.append((SegmentName.text(number), "audio/flac"))
        }
        // A recording of nothing has no directory.
        if undigested.isEmpty {
            try onFile { () throws(SystemError) in try layout.storage.makeDirectories(layout.recording(id)) }
        }
        undigested += [(Self.transcript, "application/json"), (Self.subtitles, "text/vtt")]
    }

    /// A small part of the work.
    /// - Returns: all files, when they are on the medium.
    func step() throws(StoreError) -> [ParcelFile]? {
        switch stage {
        case .sorting:
            try words.sort()
            if words.isSorted { stage = try writing(Self.transcript, JSONPieces(document, words)) }
        case .writing(let name, let pieces, let file):
            if let piece = try pieces.next() {
                try file.append(piece)
            } else {
                try file.finish()
                stage = name == Self.transcript
                    ? try writing(Self.subtitles, SubtitlePieces(words)) : try digesting()
            }
        case .digesting(let digest):
            guard let sum = try digest.next() else { break }
            let done = undigested.removeFirst()
            files.append(ParcelFile(name: done.name, contentType: done.type, bytes: digest.bytes, sha256: sum))
            stage = try digesting()
        case .manifest:
            return try finish()
        }
        return nil
    }

    private func writing(_ name: String, _ pieces: TranscriptPieces) throws(StoreError) -> Stage {
        .writing(name, pieces, try PackageFile(path(name), layout.storage))
    }

    private func digesting() throws(StoreError) -> Stage {
        guard let next = undigested.first else { return .manifest }
        return .digesting(try FileDigest(path(next.name)))
    }

    private func finish() throws(StoreError) -> [ParcelFile] {
        let manifest = ManifestDocument(
            recording: summary, silences: document.silences, coverage: document.coverage, files: files)
        let path = path(Self.manifest)
        let file = try PackageFile(path, layout.storage)
        try file.append(manifest.json + "\n")
        try file.finish()
        let directory = layout.recording(summary.header.id)
        try onFile { () throws(SystemError) in try layout.storage.perform(.syncDirectory(directory)) }
        let digest = try FileDigest(path)
        let sum = try digest.all()
        return files + [
            ParcelFile(name: Self.manifest, contentType: "application/json", bytes: digest.bytes, sha256: sum)
        ]
    }

    private func path(_ name: String) -> String { layout.recording(summary.header.id) + "/" + name }
}
