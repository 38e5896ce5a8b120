import Foundation
import LinuxRuntime
import PeerKit
import RecorderCore
import Testing
import WebTransport

@testable import Uploader

/// What talks over sockets runs one after the other, so that the time limits hold on a loaded machine.
@Suite(.serialized) enum UploadTests {}

/// An uploader with one recording's directory, and its events so far.
final class UploaderFixture {
    static let recording = RecordingID("01JD0000000000000000000000")!

    let directory = NSTemporaryDirectory() + "chalkbox-uploads-" + UUID().uuidString
    let notifier: EventNotifier
    let thread: TransportThread
    let client: UploadClient
    let audio: [UInt8]
    private(set) var events: [UploaderEvent] = []
    private var number = 0
    /// Last, so that it goes last.
    private let turn = LWSContextLock("uploads")

    init(_ change: (inout UploaderSettings) -> Void = { _ in }, bytes: Int = 100_000) throws {
        let folder = directory + "/" + Self.recording.text
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        audio = (0..<bytes).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        try Data(audio).write(to: URL(filePath: folder + "/audio-0000.flac"))
        try Data(#"{"files":[]}"#.utf8).write(to: URL(filePath: folder + "/manifest.json"))
        var settings = UploaderSettings(recordings: directory)
        change(&settings)
        notifier = try EventNotifier()
        thread = try TransportThread(log: Log(threshold: .error))
        client = UploadClient(settings: settings, thread: thread, notifier: notifier)
    }

    deinit {
        thread.shutdown()
        try? FileManager.default.removeItem(atPath: directory)
    }

    func file(_ url: String? = nil) -> ParcelFile {
        ParcelFile(
            name: "audio-0000.flac", contentType: "audio/flac", bytes: Int64(audio.count),
            sha256: String(repeating: "0", count: 64), url: url)
    }

    /// Gives the request's number.
    func begin(_ request: UploadRequest) -> Int {
        number += 1
        #expect(client.send(.upload(number, request)))
        return number
    }

    func ask(_ request: UploadRequest) -> UploadAnswer? {
        let wanted = begin(request)
        return wait { if case .uploaded(wanted, let answer) = $0 { answer } else { nil } }
    }

    func ask(_ request: TranscriptionRequest) -> TranscriptionAnswer? {
        number += 1
        let wanted = number
        #expect(client.send(.transcribe(wanted, request)))
        return wait { if case .transcribed(wanted, let answer) = $0 { answer } else { nil } }
    }

    /// The first event that matches; nil after 40 s.
    func wait<T>(_ match: (UploaderEvent) -> T?) -> T? {
        let deadline = Clock.now.adding(milliseconds: 40_000)
        var seen = 0
        while true {
            while seen < events.count {
                if let found = match(events[seen]) { return found }
                seen += 1
            }
            guard Poll.readable(notifier.fileDescriptor, until: deadline) else { return nil }
            notifier.drain()
            events += client.takeEvents()
        }
    }
}

extension UploadAnswer {
    var failure: UplinkFailure? {
        if case .failed(let failure) = self { failure } else { nil }
    }
}
