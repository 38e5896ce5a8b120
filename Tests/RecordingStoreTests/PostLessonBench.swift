import Foundation
import RecorderCore
import Testing

@testable import LinuxRuntime
@testable import RecordingStore

/// What the loop does with saved recordings, a command and its answer at a time.
extension StoreBench {
    static let both = PostLessonPolicy(transcribes: true, uploads: true)

    @discardableResult func ask(
        _ command: PostLessonCommand, _ matches: (PostLessonEvent) -> Bool
    ) throws -> PostLessonEvent {
        #expect(store.send(.postLesson(command)))
        return try waitPostLesson(matches)
    }

    @discardableResult func waitPostLesson(_ matches: (PostLessonEvent) -> Bool) throws -> PostLessonEvent {
        let event = try wait { if case .postLesson(let event) = $0 { matches(event) } else { false } }
        guard case .postLesson(let saved) = event else { throw Missing() }
        return saved
    }

    func nextPackage(
        skipping skipped: [RecordingID] = []
    ) throws -> (package: UploadPackage?, waiting: Int, bytesLeft: Int64) {
        let event = try ask(.nextPackage(skipping: skipped)) { if case .package = $0 { true } else { false } }
        guard case .package(let package, let waiting, let left) = event else { throw Missing() }
        return (package, waiting, left)
    }

    func nextText() throws -> GapsToFill? {
        let event = try ask(.nextText) { if case .text = $0 { true } else { false } }
        guard case .text(let text) = event else { throw Missing() }
        return text
    }

    func settle(_ id: RecordingID, reason: String = "") throws {
        try ask(.settleText(id, reason: reason)) { $0 == .textSettled(id) }
    }

    /// The package's way to the school, without a school.
    func upload(_ package: UploadPackage) throws {
        let id = package.recording
        for file in package.files {
            let url = "https://school.example/files/" + file.name
            for isSent in [false, true] {
                try ask(.packageFile(id, name: file.name, url: url, isSent: isSent)) {
                    $0 == .packageNoted(id, name: file.name)
                }
            }
        }
        try ask(.packageDone(id)) { $0 == .packageNoted(id, name: "") }
    }

    /// A lesson of `samples` with these words.
    @discardableResult func lesson(
        _ number: UInt64, samples: Int, _ words: [Word], covered: SampleIndex? = nil, gaps: [Gap] = []
    ) throws -> RecordingID {
        ring.reset()
        let id = try open(StoreBench.header(number))
        while ring.head.value < samples {
            feed(min(500_000, samples - Int(ring.head.value)))
            try commit()
        }
        _ = store.send(.words(words, covered: covered ?? words.last?.end ?? .zero))
        _ = try close(gaps: gaps)
        return id
    }
}

/// A recording's files as the tests look at them.
struct SavedFiles {
    let directory: String

    func path(_ id: RecordingID, _ name: String) -> String { directory + "/recordings/\(id.text)/" + name }

    func text(_ id: RecordingID, _ name: String) throws -> String {
        try String(contentsOfFile: path(id, name), encoding: .utf8)
    }

    func names(_ id: RecordingID) throws -> [String] { try FileSystem.list(directory + "/recordings/" + id.text) }

    /// What `chalkbox export` writes.
    func export(_ id: RecordingID) throws -> TranscriptDocument {
        let index = try RecordingIndex(directory: directory)
        return try index.document(of: try #require(try index.summary(id)))
    }

    /// That the package is whole, and tells of what is there.
    func expectPackage(_ package: UploadPackage) throws {
        let id = package.recording
        let document = try export(id)
        #expect(try text(id, "transcript.json") == document.json + "\n")
        #expect(try text(id, "transcript.vtt") == document.webVTT)
        let audio = try names(id).filter { $0.hasSuffix(".flac") }
        #expect(package.files.map(\.name) == audio + ["transcript.json", "transcript.vtt", "manifest.json"])
        for file in package.files {
            #expect(try fileBytes(path(id, file.name)) == file.bytes)
            #expect(run("echo '\(file.sha256)  \(path(id, file.name))' | sha256sum --check --status"), "\(file.name)")
        }
        let summary = try #require(try RecordingIndex(directory: directory).summary(id))
        let manifest = ManifestDocument(
            recording: summary, silences: document.silences, coverage: document.coverage,
            files: package.files.dropLast())
        #expect(try text(id, "manifest.json") == manifest.json + "\n")
        #expect(try names(id).allSatisfy { !$0.hasSuffix(".part") })
    }
}
