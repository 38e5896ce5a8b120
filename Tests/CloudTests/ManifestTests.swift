import CloudKit
import Foundation
import Testing

@Suite struct ManifestTests {
    // FIPS 180-4's own example.
    private static let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

    private struct File: Encodable {
        var name: String
        var contentType = "audio/flac"
        var bytes = 3
        var sha256 = ManifestTests.abc
    }

    private struct Manifest: Encodable {
        var format = "chalkbox-manifest"
        var version = 1
        var id = "BOX"
        var label = "3B"
        var startedAt = "2026-09-01T08:00:00.123Z"
        var clockSynchronised = true
        var durationMs = 2_700_000
        var sampleRate = 16_000
        var speakers = 2
        var words = 100
        var coveredMs = 2_700_000
        var interrupted = false
        var xruns = 0
        var lostMs = 0
        var files = [File(name: "audio-0000.flac"), File(name: "transcript.json")]

        var json: Data {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            return (try? encoder.encode(self)) ?? Data()
        }
    }

    private static func send(
        _ tus: TusClient, _ body: Data, key: String? = "BOX", _ headers: [String: String] = [:]
    ) throws -> HTTPReply {
        let own = key.map { ["Idempotency-Key": $0] } ?? [:]
        return try RawClient(port: tus.port).exchange(
            "POST", "/api/lessons", own.merging(headers) { $1 }, body: body)
    }

    private static func upload(_ tus: TusClient, _ name: String, bucket: String = "lessons") throws {
        let metadata = ["Upload-Metadata": TusClient.metadata(bucket: bucket, name)]
        let path = try tus.path(name, length: 3, metadata)
        _ = try tus.patch(path, at: 0, Data("abc".utf8))
    }

    @Test func `a lesson is taken once when all its files are there`() async throws {
        try await withServer { server in
            let tus = TusClient(port: server.port)
            try await blocking {
                let early = try Self.send(tus, Manifest().json)
                #expect(early.status == 409)
                #expect(early.json["missing"] as? [String] == ["audio-0000.flac", "transcript.json"])
                try Self.upload(tus, "BOX/audio-0000.flac")
                try Self.upload(tus, "OTHER/transcript.json")
                #expect(try Self.send(tus, Manifest().json).json["missing"] as? [String] == ["transcript.json"])
                try Self.upload(tus, "2026/BOX/transcript.json", bucket: "texts")
                #expect(try Self.send(tus, Manifest().json).status == 201)
                #expect(try Self.send(tus, Manifest().json).status == 200)
            }
            let lesson = try #require(server.log.lessons.first)
            #expect(lesson.id == "BOX" && lesson.files == 2 && lesson.bytes == 6)
            #expect(lesson.timesReceived == 2)
            #expect(lesson.idempotencyKeys == ["BOX"])
            #expect(try await server.manifest(of: "BOX") == String(decoding: Manifest().json, as: UTF8.self))
            #expect(try await blocking { try Self.send(tus, Manifest().json, key: "other").status } == 201)
            #expect(server.log.lessons.map(\.idempotencyKeys) == [["BOX", "other"]])
            let stranger = Manifest(id: "BOX2").json
            #expect(try await blocking { try Self.send(tus, stranger, key: "other").status } == 422)
        }
    }

    @Test func `a file of another length or content is missing`() async throws {
        try await withServer { server in
            let tus = TusClient(port: server.port)
            try await blocking {
                try Self.upload(tus, "BOX/audio-0000.flac")
                try Self.upload(tus, "BOX/transcript.json")
                var manifest = Manifest()
                manifest.files[0].bytes = 4
                #expect(try Self.send(tus, manifest.json).json["missing"] as? [String] == ["audio-0000.flac"])
                manifest = Manifest()
                manifest.files[1].sha256 = String(repeating: "0", count: 64)
                #expect(try Self.send(tus, manifest.json).json["missing"] as? [String] == ["transcript.json"])
            }
            #expect(server.log.lessons.isEmpty)
        }
    }

    @Test func `a wrong manifest is told what is wrong`() async throws {
        var bad: [(Manifest, String)] = []
        func wrong(_ reason: String, _ change: (inout Manifest) -> Void) {
            var manifest = Manifest()
            change(&manifest)
            bad.append((manifest, reason))
        }
        wrong("format is not chalkbox-manifest") { $0.format = "x" }
        wrong("version is not 1") { $0.version = 2 }
        wrong("id is no name of a recording") { $0.id = "../x" }
        wrong("startedAt is no RFC 3339 time") { $0.startedAt = "yesterday" }
        wrong("durationMs is negative") { $0.durationMs = -1 }
        wrong("files are none or too many") { $0.files = [] }
        wrong("files has a name twice") { $0.files[1].name = $0.files[0].name }
        wrong("files.[0].sha256 is not 64 lower-case hexadecimal digits") { $0.files[0].sha256 = "ABC" }
        wrong("files.[1].bytes is negative") { $0.files[1].bytes = -1 }
        let cases = bad.map { ($0.0.json, $0.1) } + [
            (Data("[".utf8), "the manifest is not JSON"), (Data("{}".utf8), "format is missing"),
            (Data(#"{"format":5}"#.utf8), "format has the wrong type"),
        ]
        try await withServer { server in
            let tus = TusClient(port: server.port)
            for (body, reason) in cases {
                let reply = try await blocking { try Self.send(tus, body) }
                #expect(reply.status == 400)
                #expect(reply.json["message"] as? String == reason)
            }
            #expect(try await blocking { try Self.send(tus, Manifest().json, key: nil).status } == 400)
            let get = try await blocking { try RawClient(port: tus.port).exchange("GET", "/api/lessons").status }
            #expect(get == 405)
        }
    }

    @Test func `manifests need the uploads' secret, and suffer their own faults`() async throws {
        let plan = try FaultPlan(
            arguments: ["manifest-status=503*1", "retry-after-5xx=4", "manifest-missing=1*1", "manifest-lost*1"])
        try await withServer({
            $0.uploadBearer = "school"
            $0.faults = plan
        }) { server in
            let headers = ["Authorization": "Bearer school"]
            let tus = TusClient(port: server.port, more: headers)
            try await blocking {
                let refused = try Self.send(tus, Manifest().json)
                #expect(refused.status == 401)
                try Self.upload(tus, "BOX/audio-0000.flac")
                try Self.upload(tus, "BOX/transcript.json")
                let busy = try Self.send(tus, Manifest().json, headers)
                #expect(busy.status == 503)
                #expect(busy.headers["retry-after"] == "4")
                let missing = try Self.send(tus, Manifest().json, headers)
                #expect(missing.json["missing"] as? [String] == ["audio-0000.flac"])
                #expect(throws: RawClient.Failure.self) { try Self.send(tus, Manifest().json, headers) }
                #expect(try Self.send(tus, Manifest().json, headers).status == 200)
            }
            #expect(server.log.lessons.map(\.idempotencyKeys) == [["BOX"]])
        }
    }

    @Test func `a client certificate is demanded when there is an authority for it`() async throws {
        let directory = try TemporaryDirectory()
        let authority = try await blocking { try ThrowawayAuthority(directory: directory.path) }
        let client = try await blocking { try authority.issueClient(directory: directory.path, name: "box") }
        let script = """
            import http.client, ssl, sys
            context = ssl.create_default_context(cafile=sys.argv[2])
            if len(sys.argv) > 3: context.load_cert_chain(sys.argv[3], sys.argv[4])
            connection = http.client.HTTPSConnection("127.0.0.1", int(sys.argv[1]), context=context)
            connection.request("OPTIONS", "/files/")
            print(connection.getresponse().status)
            """
        try await withServer({
            $0.tls = .init(certificateFile: authority.certificateFile, keyFile: authority.keyFile)
            $0.clientAuthorityFile = authority.authorityFile
        }) { server in
            #expect(server.uploadPort != server.port)
            #expect(server.uploadURL == "https://127.0.0.1:\(server.uploadPort)/files/")
            func options(_ port: Int, _ more: [String]) async throws -> OfficialClientTests.Result {
                let arguments = ["-c", script, "\(port)", authority.authorityFile] + more
                return try await blocking { try OfficialClientTests.runPython(arguments) }
            }
            let known = try await options(server.uploadPort, [client.certificateFile, client.keyFile])
            #expect(String(decoding: known.output, as: UTF8.self) == "204\n", "\(known.errors)")
            let unknown = try await options(server.uploadPort, [])
            #expect(unknown.status != 0)
            let elsewhere = try await options(server.port, [])
            #expect(String(decoding: elsewhere.output, as: UTF8.self) == "404\n", "\(elsewhere.errors)")
        }
    }
}
