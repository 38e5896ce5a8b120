internal import LinuxRuntime
internal import RecorderCore

/// Where a state directory keeps what, and who changes it: `index.sqlite`, `recordings/ULID/audio-NNNN.flac` with the
/// files of the package beside them, `cut/ULID.flac`, and what was once one of them, `index.sqlite.damaged-TIME`,
/// `index.sqlite.format-N` and `audio-NNNN.flac.damaged`.
struct StateLayout: Sendable {
    let directory: String
    /// Makes every change but SQLite's own.
    let storage: Storage

    init(_ directory: String, _ storage: Storage = Storage()) {
        self.directory = directory
        self.storage = storage
    }

    static let indexName = "index.sqlite"
    /// An index that was moved aside; the time follows.
    static let damagedPrefix = "index.sqlite.damaged-"

    /// An index of another format that was set aside when another version of the program took over; its `user_version`
    /// follows. A version that knows the format takes it up again.
    static let formatPrefix = "index.sqlite.format-"

    /// The index is where it may be: beside the audio only while what is in its place can be neither used nor moved.
    var index: String { FileSystem.place(spareIndex) == nil ? usualIndex : spareIndex }
    var usualIndex: String { directory + "/" + Self.indexName }
    var spareIndex: String { recordings + "/" + Self.indexName }
    var recordings: String { directory + "/recordings" }

    /// Clips for the transcription service, for as long as it has not taken them.
    var clips: String { directory + "/cut" }

    @inline(never)
    func clip(_ id: RecordingID) -> String { clips + "/" + id.text + ".flac" }

    @inline(never)
    func recording(_ id: RecordingID) -> String { recordings + "/" + id.text }

    @inline(never)
    func segment(_ number: Int, of id: RecordingID) -> String {
        recording(id) + "/" + SegmentName.text(number)
    }
}

/// The name of a recording's audio file number `n`, from 0: `audio-0000.flac`. Names sort by number up to 9999, which
/// is 69 days of recording.
enum SegmentName {
    private static let prefix = "audio-"
    private static let suffix = ".flac"
    private static let damagedSuffix = ".damaged"

    static func text(_ number: Int) -> String {
        prefix + padded(Int64(number), 4) + suffix
    }

    /// What a file is called whose header could not be read.
    static func damaged(_ number: Int) -> String { text(number) + damagedSuffix }

    /// Whether it was once an audio file.
    static func isDamaged(_ name: String) -> Bool {
        guard name.begins(with: prefix), let (_, rest) = name.cut(at: ".") else { return false }
        return ("." + rest).begins(with: suffix + damagedSuffix)
    }

    /// Nil for a name that `text` does not make.
    static func number(_ name: String) -> Int? {
        guard let digits = name.remainder(after: prefix)?.cut(at: ".")?.before, (4...9).contains(digits.utf8.count),
            let number = Int(digits), number >= 0
        else { return nil }
        return text(number) == name ? number : nil
    }

    /// The numbers among the names of a directory, in order.
    static func numbers(in names: [String]) -> [Int] {
        names.compactMap(number).ordered(by: <)
    }
}

/// How the time line is cut into audio files of equal length.
struct SegmentSizing: Equatable, Sendable {
    let segmentSamples: Int64

    /// The file that holds `sample`.
    func segment(of sample: SampleIndex) -> Int { Int(sample.value / segmentSamples) }

    /// Samples from `sample` to the end of its file, at least 1.
    func room(at sample: SampleIndex) -> Int64 { segmentSamples - sample.value % segmentSamples }
}
