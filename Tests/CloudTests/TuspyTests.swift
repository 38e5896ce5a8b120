import CloudKit
import Foundation
import Testing

/// Drives tuspy, a client that others wrote and use, against the upload server.
@Suite struct TuspyTests {
    private static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("tus_client.py").path

    private func requireClient() async throws {
        let result = try await blocking { try OfficialClientTests.runPython(["-c", "import tusclient"]) }
        try #require(
            result.status == 0, "the tuspy client is missing: set CHALKBOX_PYTHON to what board/python prints")
    }

    /// - Parameter faults: for the server.
    private func upload(_ faults: [String], _ more: [String] = []) async throws -> CloudRecords {
        try await requireClient()
        let directory = try TemporaryDirectory()
        let file = directory.path + "/audio-0000.flac"
        let bytes = payload(1_000_000)
        try bytes.write(to: URL(fileURLWithPath: file))
        let plan = try FaultPlan(arguments: faults)
        return try await withServer({
            $0.uploadBearer = "school"
            $0.faults = plan
        }) { server in
            let arguments = [
                Self.script, file, "--url", server.uploadURL, "--bearer", "school", "--object",
                "lessons/BOX/audio-0000.flac", "--chunk", "300000",
            ]
            let result = try await blocking { try OfficialClientTests.runPython(arguments + more) }
            try #require(result.status == 0, "\(result.errors)")
            #expect(try await server.object("lessons/BOX/audio-0000.flac") == bytes)
            let log = server.log
            #expect(log.objects.map(\.timesCompleted) == [1])
            let url = String(decoding: result.output, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
            #expect(url == server.uploadURL + (log.uploads.last?.id ?? ""))
            return log
        }
    }

    @Test func `an undisturbed upload is sent once`() async throws {
        #expect(try await upload([]).uploadedBytes == 1_000_000)
    }

    @Test func `a checksum goes with each piece`() async throws {
        let log = try await upload([], ["--checksum"])
        #expect(log.uploads.map(\.patches) == [4])
    }

    @Test func `cuts, lost answers and busy servers delay it only`() async throws {
        let log = try await upload(["patch-cut=70000*3", "patch-lost*1", "patch-status=503*2", "relative-location"])
        #expect(log.exchanges.filter { $0.method == "PATCH" && $0.status == 0 }.count == 4)
        #expect(log.uploads.map(\.receivedBytes) == [1_000_000])
    }
}
