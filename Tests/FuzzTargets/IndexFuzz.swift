import Glibc
import LinuxRuntime
import RecorderCore
import WireJSON

@testable import RecordingStore

/// The SQLite index: what `recordings` and `export` make of it, then what the daemon does with it when it starts and
/// records.
enum IndexFuzz {
    private static let layout: StateLayout = {
        let layout = StateLayout(Scratch.directory + "/index")
        do throws(SystemError) {
            try FileSystem.makeDirectories(layout.recordings, mode: 0o700)
        } catch {
            fatalError(error.message)
        }
        return layout
    }()

    static func run(_ bytes: [UInt8]) throws {
        for ending in ["-wal", "-shm", "-journal"] { unlink(layout.index + ending) }
        Scratch.write(bytes, to: layout.index)
        do {
            try export()
        } catch let error as StoreError {
            try expect(!error.message.isEmpty, "an error without a message")
        }
        do throws(StoreError) {
            try record()
        } catch {
            try expect(!error.message.isEmpty, "an error without a message")
        }
    }

    private static func export() throws {
        let index = try RecordingIndex(directory: layout.directory)
        for recording in try index.recordings() {
            try expect(
                (0...recording.samples).contains(recording.covered), "\(recording.covered) of \(recording.samples)")
            let id = recording.header.id
            // SQLite looks names up in a tree of their own: a damaged one finds nothing, or another recording.
            _ = try index.summary(id)
            let document = try index.document(of: recording)
            _ = document.plainText
            _ = document.subRip
            _ = document.webVTT
            _ = try JSONValue.parse(document.json, limitBytes: .max)
        }
    }

    private static func record() throws(StoreError) {
        let database = try IndexSchema.open(layout.index, .write)
        let index = try IndexWriter(database)
        _ = Recovery.run(layout, index)
        let start = WallTime(milliseconds: 1_795_507_300_000)
        let id = RecordingID(startedAt: start, randomHigh: 1, randomLow: 2)
        let header = RecordingHeader(id: id, label: "7B maths", startedAt: start, clockSynchronised: true)
        let number = try index.begin(header)
        let word = Word(
            text: "Hello", start: SampleIndex(1_600), end: SampleIndex(3_200), confidence: 0.9, speaker: 1,
            language: "en")
        let batch = IndexWriter.Batch(words: [word], covered: SampleIndex(3_200))
        try index.append(batch, to: number, sequence: 0)
        try index.close(
            IndexWriter.Batch(), number, sequence: 1, samples: 16_000, gaps: [], interrupted: false)
    }
}
