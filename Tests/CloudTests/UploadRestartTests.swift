import CloudKit
import Foundation
import Testing

/// The command as a process of its own, which is killed and started again.
@Suite struct UploadRestartTests {
    /// A port that is free now, and stays so for a server that takes it soon.
    private final class Server {
        let process = Process()
        let port: Int

        init(directory: String, port: Int, arguments: [String] = []) throws {
            let program = ProcessInfo.processInfo.environment["CHALKBOX_CLOUD"] ?? ""
            try #require(
                FileManager.default.isExecutableFile(atPath: program), "CHALKBOX_CLOUD names no program: run Tests/run")
            process.executableURL = URL(fileURLWithPath: program)
            process.arguments = [
                "serve", "--port", "\(port)", "--objects", directory + "/school", "--control", directory + "/control",
            ] + arguments
            let output = Pipe()
            process.standardOutput = output
            try process.run()
            let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
            let found = line.firstMatch(of: /listening port=(\d+)/).flatMap { Int($0.1) }
            self.port = try #require(found, "it does not listen: \(line)")
        }

        func kill() {
            Foundation.kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }

        deinit { if process.isRunning { kill() } }
    }

    private static func log(_ directory: String) throws -> [String: Any] {
        let text = try ControlClient.request(socket: directory + "/control", "GET", "/log")
        return try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] ?? [:]
    }

    @Test func `uploads and objects survive a server that is killed`() async throws {
        let directory = try TemporaryDirectory()
        let bytes = payload(500_000)
        try await blocking {
            var server = try Server(directory: directory.path, port: 0)
            let tus = TusClient(port: server.port)
            _ = try tus.patch(tus.path("BOX/whole", length: 3), at: 0, Data("abc".utf8))
            let path = try tus.path("BOX/audio-0000.flac", length: bytes.count)
            var offset = 0
            // Killed in the middle of a PATCH, three times.
            for end in [150_000, 250_000, 400_000] {
                let client = try RawClient(port: server.port)
                let headers = TusClient.patchHeaders(offset)
                try client.begin(
                    "PATCH", path, headers, body: bytes[offset..<end], announcing: bytes.count - offset)
                try tus.wait(path, for: end)
                server.kill()
                server = try Server(directory: directory.path, port: server.port)
                offset = try #require(try tus.offset(path))
                #expect(offset == end)
            }
            let checked = TusClient.patchHeaders(offset).merging(["Upload-Checksum": "sha1 AAAA"]) { $1 }
            let client = try RawClient(port: server.port)
            try client.begin("PATCH", path, checked, body: bytes[offset..<offset + 10], announcing: 1_000)
            try tus.wait(path, for: offset + 10)
            server.kill()
            server = try Server(directory: directory.path, port: server.port)
            #expect(try tus.offset(path) == offset, "what was not checked does not count")
            #expect(try tus.patch(path, at: offset, bytes.dropFirst(offset)).status == 204)
            server.kill()
            server = try Server(directory: directory.path, port: server.port)
            #expect(try tus.offset(path) == bytes.count)
            #expect(try tus.create("BOX/whole", length: 3).status == 409)
            let stored = directory.path + "/school/objects/lessons/BOX/audio-0000.flac"
            #expect(try Data(contentsOf: URL(fileURLWithPath: stored)) == bytes)
            let log = try Self.log(directory.path)
            #expect(log["object_bytes"] as? Int == bytes.count + 3)
            #expect(log["uploaded_bytes"] is Int && log["left_undeleted"] as? Int == 0)
            let objects = try Self.log(directory.path)["objects"] as? [[String: Any]] ?? []
            #expect(objects.map { $0["times_completed"] as? Int } == [1, 1])
            let uploads = try Self.log(directory.path)["uploads"] as? [[String: Any]] ?? []
            #expect(uploads.map { $0["received_bytes"] as? Int } == [3, bytes.count + 10])
        }
    }

    @Test func `a lesson that was taken is taken after a kill too`() async throws {
        let directory = try TemporaryDirectory()
        // FIPS 180-4's own example.
        let manifest = Data(
            """
            {"format":"chalkbox-manifest","version":1,"id":"BOX","startedAt":"2026-09-01T08:00:00Z","durationMs":1,\
            "files":[{"name":"a","contentType":"x/y","bytes":3,\
            "sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}]}
            """.utf8)
        try await blocking {
            var server = try Server(directory: directory.path, port: 0)
            let tus = TusClient(port: server.port)
            _ = try tus.patch(tus.path("BOX/a", length: 3), at: 0, Data("abc".utf8))
            server.kill()
            for status in [201, 200] {
                server = try Server(directory: directory.path, port: server.port)
                let client = try RawClient(port: server.port)
                let reply = try client.exchange("POST", "/api/lessons", ["Idempotency-Key": "BOX"], body: manifest)
                #expect(reply.status == status)
                server.kill()
            }
        }
    }

    @Test func `a big upload takes no memory`() async throws {
        let directory = try TemporaryDirectory()
        let length = 200_000_000
        try await blocking {
            let server = try Server(directory: directory.path, port: 0)
            let tus = TusClient(port: server.port)
            let path = try tus.path("BOX/big", length: length)
            let client = try RawClient(port: server.port)
            let piece = payload(1_000_000)
            try client.begin("PATCH", path, TusClient.patchHeaders(0), announcing: length)
            for _ in 0..<200 { try client.send(piece) }
            #expect(try client.reply().status == 204)
            let status = try String(contentsOfFile: "/proc/\(server.process.processIdentifier)/status", encoding: .utf8)
            let peak = status.firstMatch(of: /VmHWM:\s+(\d+) kB/).flatMap { Int($0.1) }
            #expect(try #require(peak) < 120_000)
        }
    }
}
