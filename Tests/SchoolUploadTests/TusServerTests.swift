import Foundation
import PeerKit
import RecorderCore
import Testing
import WebTransport

@testable import SchoolUpload

private let recording = UploadFixture.recording

extension UploadTests {
    /// Against a tus server that others wrote (tuspyserver). `Tests/run` names the Python that has it.
    @Suite(.enabled(if: ProcessInfo.processInfo.environment["CHALKBOX_PYTHON"] != nil)) struct TusServerTests {
        @Test func `an upload that is interrupted goes on where the server has it`() throws {
            let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "tus_server.py").path
            let objects = NSTemporaryDirectory() + "chalkbox-objects-" + UUID().uuidString
            try FileManager.default.createDirectory(atPath: objects, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: objects) }
            let server = Process()
            let output = Pipe()
            server.executableURL = URL(filePath: ProcessInfo.processInfo.environment["CHALKBOX_PYTHON"] ?? "")
            server.arguments = [script, objects]
            server.standardOutput = output
            try server.run()
            defer {
                // It would wait for the connection that the test has cut.
                kill(server.processIdentifier, SIGKILL)
                server.waitUntilExit()
            }
            let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
            let port = try #require(Int(line.trimmingCharacters(in: .whitespacesAndNewlines)))
            let fixture = try UploadFixture(
                {
                    $0.url = "http://127.0.0.1:\(port)/files"
                    $0.kilobitsPerSecond = 16_000
                }, bytes: 3_000_000)
            guard case .created(let url) = fixture.ask(.create(recording, fixture.file())) else {
                Issue.record("not created")
                return
            }
            let file = fixture.file(url)
            #expect(fixture.ask(.offset(recording, file)) == .offset(0, length: 3_000_000))
            #expect(fixture.ask(.send(recording, file, from: 0, count: 500_000)) == .sent(offset: 500_000))
            let cut = fixture.begin(.send(recording, file, from: 500_000, count: 2_500_000))
            let moved = fixture.runner.wait {
                if case .progress(let call, let bytes) = $0, call === cut, bytes > 0 { bytes } else { nil }
            }
            #expect(moved != nil)
            #expect(fixture.runner.client.cancel(cut))
            try finish(fixture, file, notBefore: 500_000)
            let name = try #require(url.split(separator: "/").last.map(String.init))
            #expect(try Data(contentsOf: URL(filePath: objects + "/" + name)) == Data(fixture.audio))
        }

        /// The server may still be taking what came before the cut: it has a lock then (423), or its offset moves
        /// (409).
        private func finish(_ fixture: UploadFixture, _ file: UploadPackageFile, notBefore: Int64) throws {
            for _ in 0..<200 {
                var answer = fixture.ask(.offset(recording, file))
                if case .offset(let offset, _) = answer {
                    #expect((notBefore..<file.bytes).contains(offset), "\(offset)")
                    answer = fixture.ask(.send(recording, file, from: offset, count: file.bytes - offset))
                }
                if answer == .sent(offset: file.bytes) { return }
                let kind = answer?.failure?.cause
                guard kind == .service(.httpStatus(409)) || kind == .service(.httpStatus(423)) else { break }
            }
            throw Missing()
        }

        private struct Missing: Error {}
    }
}
