import CloudKit
import Foundation
import Testing

@Suite struct TusTests {
    private func withTus(
        _ configure: (inout CloudConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (TusClient) throws -> Void
    ) async throws {
        try await withServer(configure) { server in
            let client = TusClient(port: server.port)
            try await blocking { try body(client) }
        }
    }

    @Test func `the server says what it can do`() async throws {
        try await withTus { tus in
            let reply = try RawClient(port: tus.port).exchange("OPTIONS", "/files/")
            #expect(reply.status == 204)
            #expect(reply.headers["tus-version"] == "1.0.0")
            #expect(reply.headers["tus-extension"] == "creation,expiration,checksum,termination")
            #expect(reply.headers["tus-max-size"] == "5368709120")
            #expect(reply.headers["tus-checksum-algorithm"] == "sha1,sha256")
        }
    }

    @Test func `an upload in pieces becomes an object, once`() async throws {
        let bytes = payload(300_000)
        try await withServer { server in
            let tus = TusClient(port: server.port)
            let path = try await blocking {
                let created = try tus.create("BOX/audio-0000.flac", length: bytes.count)
                #expect(created.status == 201)
                #expect(created.headers["location"]?.hasPrefix("http://school.test/files/") == true)
                #expect(created.headers["upload-expires"]?.hasSuffix(" GMT") == true)
                let path = try #require(URL(string: created.headers["location"] ?? "")?.path)
                let first = try tus.patch(path, at: 0, bytes.prefix(100_000))
                #expect(first.status == 204)
                #expect(first.headers["upload-offset"] == "100000")
                let head = try tus.request("HEAD", path)
                #expect(head.status == 200)
                #expect(head.headers["upload-offset"] == "100000")
                #expect(head.headers["upload-length"] == "300000")
                #expect(head.headers["cache-control"] == "no-store")
                #expect(head.headers["upload-metadata"] == TusClient.metadata("BOX/audio-0000.flac"))
                #expect(try tus.patch(path, at: 100_000, bytes.dropFirst(100_000)).status == 204)
                #expect(try tus.offset(path) == 300_000)
                return path
            }
            #expect(try await server.object("lessons/BOX/audio-0000.flac") == bytes)
            let record = try #require(server.log.objects.first)
            #expect(record.name == "lessons/BOX/audio-0000.flac")
            #expect(record.bytes == 300_000)
            #expect(record.contentType == "audio/flac")
            #expect(record.timesCompleted == 1)
            #expect(server.log.uploadedBytes == 300_000)
            let upload = try #require(server.log.uploads.first)
            #expect(path == "/files/\(upload.id)")
            #expect(upload.isComplete && upload.patches == 2 && upload.receivedBytes == 300_000)
        }
    }

    @Test func `the digest is that of the bytes`() async throws {
        try await withServer { server in
            let tus = TusClient(port: server.port)
            try await blocking {
                _ = try tus.patch(tus.path("x/abc", length: 3), at: 0, Data("abc".utf8))
                _ = try tus.path("x/empty", length: 0)
            }
            // FIPS 180-4's own example, and the digest of nothing.
            let digests = server.log.objects.map(\.sha256)
            #expect(
                digests == [
                    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                ])
        }
    }

    @Test func `what came before the connection died is kept`() async throws {
        let bytes = payload(200_000)
        try await withServer { server in
            let tus = TusClient(port: server.port)
            let path = try await blocking {
                let path = try tus.path("x/cut", length: bytes.count)
                try tus.patchPartly(path, at: 0, bytes.prefix(120_000), of: bytes.count)
                return path
            }
            try await blocking { _ = try waitForLog(server) { $0.uploads.last?.patches == 1 } }
            try await blocking {
                let offset = try #require(try tus.offset(path))
                #expect(offset == 120_000)
                #expect(try tus.patch(path, at: offset, bytes.dropFirst(offset)).status == 204)
            }
            #expect(try await server.object("lessons/x/cut") == bytes)
            let cut = try #require(server.log.exchanges.first { $0.method == "PATCH" })
            #expect(cut.status == 0)
            #expect(cut.bodyBytes == 120_000)
        }
    }

    @Test func `wrong requests are refused, each with its status`() async throws {
        try await withTus { tus in
            let path = try tus.path("x/a", length: 100)
            let bytes = payload(40)
            #expect(try tus.patch(path, at: 5, bytes).status == 409)
            #expect(try tus.patch(path, at: 0, bytes, ["Content-Type": "text/plain"]).status == 415)
            #expect(try tus.patch(path, at: 0, bytes, ["Upload-Offset": "-1"]).status == 400)
            #expect(try tus.patch(path, at: 0, bytes, ["Tus-Resumable": "0.2.2"]).headers["tus-version"] == "1.0.0")
            #expect(try tus.patch(path, at: 0, bytes, ["Tus-Resumable": "0.2.2"]).status == 412)
            #expect(try RawClient(port: tus.port).exchange("HEAD", path).status == 412)
            #expect(try tus.patch(path, at: 0, payload(101)).status == 413)
            #expect(try tus.patch(path + "x", at: 0, bytes).status == 404)
            #expect(try tus.request("HEAD", "/files/nothing").status == 404)
            #expect(try tus.request("GET", path).status == 405)
            #expect(try tus.offset(path) == 0)
            #expect(try tus.create("x/b", length: 0, ["Upload-Length": "many"]).status == 400)
            #expect(try tus.create("x/b", length: 5_368_709_121).status == 413)
            for bad in [
                "", "bucketName", "bucketName bGVzc29ucw==", "bucketName !,objectName eA==",
                TusClient.metadata("../x"), TusClient.metadata("/x"), TusClient.metadata("a//b"),
                TusClient.metadata(bucket: "..", "x"), TusClient.metadata(bucket: "a/b", "x"),
                TusClient.metadata("x") + ",objectName eA==", TusClient.metadata("x\u{0}"),
                TusClient.metadata(String(repeating: "a", count: 256)), TusClient.metadata("x") + ",,",
            ] {
                #expect(try tus.create("", length: 1, ["Upload-Metadata": bad]).status == 400, "\(bad)")
            }
        }
    }

    @Test func `refusals say why`() async throws {
        try await withTus { tus in
            let reply = try tus.create("", length: 1, ["Upload-Metadata": "bucketName bGVzc29ucw=="])
            #expect(reply.json["message"] as? String == "Upload-Metadata: objectName is missing")
            #expect(reply.json["statusCode"] as? String == "400")
            #expect(reply.headers["tus-resumable"] == "1.0.0")
        }
    }

    @Test func `a checksum is checked, and what fails it is forgotten`() async throws {
        let bytes = payload(100)
        try await withServer { server in
            let tus = TusClient(port: server.port)
            let path = try await blocking {
                let path = try tus.path("x/sum", length: 103)
                // FIPS 180-4's example "abc".
                let right = ["Upload-Checksum": "sha1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0="]
                #expect(try tus.patch(path, at: 0, Data("abc".utf8), right).status == 204)
                #expect(try tus.patch(path, at: 3, bytes, right).status == 460)
                #expect(try tus.offset(path) == 3)
                for bad in ["sha1", "crc7 AAAA", "sha1 !"] {
                    #expect(try tus.patch(path, at: 3, bytes, ["Upload-Checksum": bad]).status == 400)
                }
                let client = try RawClient(port: tus.port)
                let headers = TusClient.patchHeaders(3).merging(right) { $1 }
                try client.begin("PATCH", path, headers, body: bytes.prefix(50), announcing: 100)
                return path
            }
            // Bytes that can no more be checked do not count.
            try await blocking { _ = try waitForLog(server) { $0.uploads.last?.patches == 3 } }
            try await blocking {
                let offset = try tus.offset(path)
                #expect(offset == 3)
                #expect(try tus.patch(path, at: 3, bytes).status == 204)
            }
            #expect(try await server.object("lessons/x/sum") == Data("abc".utf8) + bytes)
        }
    }

    @Test func `a second PATCH of an upload waits its turn`() async throws {
        let bytes = payload(100)
        try await withTus { tus in
            let path = try tus.path("x/lock", length: 100)
            let first = try RawClient(port: tus.port)
            try first.begin("PATCH", path, TusClient.patchHeaders(0), body: bytes.prefix(30), announcing: 100)
            try tus.wait(path, for: 30)
            #expect(try tus.patch(path, at: 30, bytes.dropFirst(30)).status == 423)
            #expect(try tus.request("DELETE", path).status == 423)
            try first.send(bytes.dropFirst(30))
            #expect(try first.reply().status == 204)
        }
    }

    @Test func `a client that vanished in mid-PATCH does not hold its upload`() async throws {
        let bytes = payload(100)
        try await withTus({ $0.uploadIdleMilliseconds = 500 }) { tus in
            let path = try tus.path("x/idle", length: 100)
            let first = try RawClient(port: tus.port)
            try first.begin("PATCH", path, TusClient.patchHeaders(0), body: bytes.prefix(30), announcing: 100)
            #expect(throws: RawClient.Failure.self) { try first.reply() }
            #expect(try tus.patch(path, at: 30, bytes.dropFirst(30)).status == 204)
        }
    }

    @Test func `an object is replaced only when that is asked for`() async throws {
        try await withServer { server in
            let tus = TusClient(port: server.port)
            try await blocking {
                _ = try tus.patch(tus.path("x/twice", length: 3), at: 0, Data("one".utf8))
                #expect(try tus.create("x/twice", length: 3).status == 409)
                let second = try tus.path("x/twice", length: 3, ["x-upsert": "true"])
                _ = try tus.patch(second, at: 0, Data("two".utf8))
            }
            #expect(try await server.object("lessons/x/twice") == Data("two".utf8))
            #expect(server.log.objects.map(\.timesCompleted) == [2])
        }
    }

    @Test func `uploads are deleted, and expire`() async throws {
        try await withServer({ $0.uploadLifeSeconds = 0 }) { server in
            let tus = TusClient(port: server.port)
            let status = try await blocking { try tus.request("HEAD", tus.path("x/late", length: 3)).status }
            #expect(status == 410)
        }
        try await withTus { tus in
            let path = try tus.path("x/deleted", length: 3)
            #expect(try tus.request("DELETE", path).status == 204)
            #expect(try tus.request("HEAD", path).status == 410)
            #expect(try tus.request("DELETE", path).status == 410)
        }
    }

    @Test func `only who has the secret may upload`() async throws {
        try await withTus({
            $0.uploadBearer = "school"
            $0.bearer = "token"
        }) { tus in
            let secrets: [String?] = [nil, "wrong", "token", "school"]
            let statuses = try secrets.map { secret in
                try tus.create("x/a", length: 1, secret.map { ["Authorization": "Bearer \($0)"] } ?? [:]).status
            }
            #expect(statuses == [401, 401, 403, 201])
        }
    }

    @Test func `one connection serves many requests, and one refused in mid-body`() async throws {
        try await withTus { tus in
            let client = try RawClient(port: tus.port)
            let headers = ["Tus-Resumable": "1.0.0", "Upload-Metadata": TusClient.metadata("x/many")]
            let created = try client.exchange("POST", "/files/", headers.merging(["Upload-Length": "6"]) { $1 })
            let path = try #require(URL(string: created.headers["location"] ?? "")?.path)
            for (offset, text) in [(0, "abc"), (3, "def")] {
                let reply = try client.exchange("PATCH", path, TusClient.patchHeaders(offset), body: Data(text.utf8))
                #expect(reply.status == 204)
            }
            #expect(try client.exchange("HEAD", path, ["Tus-Resumable": "1.0.0"]).headers["upload-offset"] == "6")
            // The answer comes before the body has ended, and the connection ends with the body.
            try client.begin("PATCH", path, TusClient.patchHeaders(0), body: payload(10), announcing: 20)
            let refused = try client.reply()
            #expect(refused.status == 409)
            #expect(refused.headers["connection"] == "close")
            try client.send(payload(10))
            #expect(throws: RawClient.Failure.self) { try client.reply() }
        }
    }

    @Test func `methods may be named in a header`() async throws {
        try await withTus { tus in
            let path = try tus.path("x/override", length: 3)
            let headers = TusClient.patchHeaders(0).merging(["X-HTTP-Method-Override": "PATCH"]) { $1 }
            #expect(try tus.request("POST", path, headers, body: Data("abc".utf8)).status == 204)
        }
    }
}
