import CloudKit
import Foundation
import Testing

/// Drives the speech service's own Python client, unchanged, against the stand-in.
@Suite struct OfficialClientTests {
    private static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("soniox_client.py").path
    private static let python = ProcessInfo.processInfo.environment["CHALKBOX_PYTHON"] ?? "python3"

    private struct Token: Decodable {
        var text: String
        var start_ms: Int
        var end_ms: Int
        var speaker: String
        var language: String
    }

    struct Result {
        var status: Int32
        var output: Data
        var errors: String
    }

    static func runPython(_ arguments: [String], environment: [String: String] = [:]) throws -> Result {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [python] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let directory = try TemporaryDirectory()
        let output = directory.path + "/out"
        let errors = directory.path + "/err"
        for path in [output, errors] { try Data().write(to: URL(fileURLWithPath: path)) }
        process.standardOutput = FileHandle(forWritingAtPath: output)
        process.standardError = FileHandle(forWritingAtPath: errors)
        try process.run()
        process.waitUntilExit()
        return Result(
            status: process.terminationStatus, output: try Data(contentsOf: URL(fileURLWithPath: output)),
            errors: try String(contentsOfFile: errors, encoding: .utf8))
    }

    static func requireClient() async throws {
        let result = try await blocking { try Self.runPython(["-c", "import soniox"]) }
        try #require(
            result.status == 0,
            """
            The official client is missing from '\(Self.python)'. Install it with: python3 -m venv DIR && \
            DIR/bin/pip install soniox, and set CHALKBOX_PYTHON=DIR/bin/python
            """)
    }

    @Test func `the official client gets the whole transcript`() async throws {
        try await Self.requireClient()
        let directory = try TemporaryDirectory()
        let lesson = ToneLesson(.seconds(30), speakers: 2, seed: 21)
        let file = directory.path + "/lesson.wav"
        try AudioFile.wave(lesson.samples).write(to: URL(fileURLWithPath: file))
        try await withServer { server in
            let arguments = [Self.script, file, "--url", server.webSocketURL, "--key", "key", "--speed", "10"]
            let result = try await blocking { try Self.runPython(arguments) }
            try #require(result.status == 0, "\(result.errors)")
            let tokens = try JSONDecoder().decode([Token].self, from: result.output)
            #expect(tokens.map(\.text).joined() == " " + lesson.text)
            let starts = stride(from: 0, to: tokens.count, by: 2).map { tokens[$0].start_ms }
            #expect(starts == lesson.words.map { $0.startSample / 16 })
            #expect(tokens.map(\.speaker) == lesson.words.flatMap { ["\($0.speaker)", "\($0.speaker)"] })
            let record = try await closedSession(server)
            #expect(record.clientReferenceID == "official-client")
            #expect(record.audioBytes == 960_000)
            #expect(record.closeReason == "finished")
        }
    }

    @Test func `the official client trusts the server through its authority, and only then`() async throws {
        try await Self.requireClient()
        let directory = try TemporaryDirectory()
        let authority = try await blocking { try ThrowawayAuthority(directory: directory.path) }
        let lesson = ToneLesson(.words(8), seed: 22)
        let file = directory.path + "/lesson.raw"
        try lesson.samples.withUnsafeBytes { Data($0) }.write(to: URL(fileURLWithPath: file))
        try await withServer({
            $0.tls = .init(certificateFile: authority.certificateFile, keyFile: authority.keyFile)
            $0.bearer = "school"
        }) { server in
            #expect(server.tokenURL.hasPrefix("https://") && server.webSocketURL.hasPrefix("wss://"))
            let arguments = [
                Self.script, file, "--url", server.webSocketURL, "--token-url", server.tokenURL, "--bearer", "school",
                "--speed", "20",
            ]
            let trusting = try await blocking {
                try Self.runPython(arguments, environment: ["SSL_CERT_FILE": authority.authorityFile])
            }
            try #require(trusting.status == 0, "\(trusting.errors)")
            let tokens = try JSONDecoder().decode([Token].self, from: trusting.output)
            #expect(tokens.map(\.text).joined() == " " + lesson.text)
            let doubting = try await blocking { try Self.runPython(arguments) }
            #expect(doubting.status != 0)
            #expect(doubting.errors.contains("CERTIFICATE_VERIFY_FAILED"))
        }
    }
}

/// A directory that goes with its owner.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("CloudTests-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
