import Foundation
import OwnThread
import PeerKit
import RecorderCore
import Testing
import WebTransport

@testable import SchoolUpload

/// What talks over sockets runs one after the other, so that the time limits hold on a loaded machine.
@Suite(.ownThread, .serialized) enum UploadTests {}

/// One recording's directory, and calls that upload it.
final class UploadFixture {
    static let recording = RecordingID("01JD0000000000000000000000")!

    let directory = NSTemporaryDirectory() + "chalkbox-uploads-" + UUID().uuidString
    let audio: [UInt8]
    let runner: CallRunner
    var settings: UploadSettings

    init(_ change: (inout UploadSettings) -> Void = { _ in }, bytes: Int = 100_000) throws {
        let folder = directory + "/" + Self.recording.text
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        audio = (0..<bytes).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        try Data(audio).write(to: URL(filePath: folder + "/audio-0000.flac"))
        try Data(#"{"files":[]}"#.utf8).write(to: URL(filePath: folder + "/manifest.json"))
        settings = UploadSettings(recordings: directory)
        change(&settings)
        runner = try CallRunner(suite: "uploads")
    }

    deinit {
        try? FileManager.default.removeItem(atPath: directory)
    }

    func file(_ url: String? = nil) -> UploadPackageFile {
        UploadPackageFile(
            name: "audio-0000.flac", contentType: "audio/flac", bytes: Int64(audio.count),
            sha256: String(repeating: "0", count: 64), url: url)
    }

    func begin(_ request: UploadRequest) -> UploadCall {
        let call = UploadCall(request, settings)
        #expect(runner.client.send(call))
        return call
    }

    /// Nil after 40 s.
    func ask(_ request: UploadRequest) -> UploadAnswer? {
        let call = UploadCall(request, settings)
        return runner.run(call) ? call.answer : nil
    }
}

extension UploadAnswer {
    var failure: UplinkFailure? {
        if case .failed(let failure) = self { failure } else { nil }
    }
}
