import CloudKit
import Foundation
import Testing

/// The service's REST API by hand.
struct RestClient: Sendable {
    let port: Int
    var key = "key"

    func request(_ method: String, _ path: String, _ body: Data = Data(), type: String? = nil) throws -> HTTPReply {
        var headers = ["Authorization": "Bearer \(key)"]
        headers["Content-Type"] = type
        return try RawClient(port: port).exchange(method, "/v1/" + path, headers, body: body)
    }

    static let formType = "multipart/form-data; boundary=\"a+b\""

    static func form(_ file: Data, name: String = "hole.flac", fields: [String: String] = [:]) -> Data {
        var body = Data("ignored\r\n".utf8)
        for (field, value) in fields {
            body += Data("--a+b\r\nContent-Disposition: form-data; name=\"\(field)\"\r\n\r\n\(value)\r\n".utf8)
        }
        let disposition = "Content-Disposition: form-data; name=\"file\"; filename=\"\(name)\""
        body += Data("--a+b\r\n\(disposition)\r\nContent-Type: audio/flac\r\n\r\n".utf8)
        return body + file + Data("\r\n--a+b--\r\n".utf8)
    }

    func upload(_ file: Data, name: String = "hole.flac") throws -> String {
        let reply = try request("POST", "files", Self.form(file, name: name), type: Self.formType)
        guard reply.status == 201, let id = reply.json["id"] as? String else {
            throw RawClient.Failure.handshake("\(reply.status) \(reply.text)")
        }
        return id
    }

    func transcribe(_ file: String, _ more: [String: Any] = [:]) throws -> HTTPReply {
        let own: [String: Any] = [
            "model": "stt-async-v6", "file_id": file, "language_hints": ["en"], "enable_speaker_diarization": true,
            "enable_language_identification": true, "client_reference_id": "BOX",
        ]
        let body = try JSONSerialization.data(withJSONObject: own.merging(more) { $1 })
        return try request("POST", "transcriptions", body)
    }

    /// A new transcription's id.
    func job(_ file: String) throws -> String {
        let reply = try transcribe(file)
        guard reply.status == 201, let id = reply.json["id"] as? String else {
            throw RawClient.Failure.handshake("\(reply.status) \(reply.text)")
        }
        return id
    }

    /// The transcription when it is one of these.
    func wait(_ id: String, for statuses: String...) throws -> [String: Any] {
        let deadline = Date().addingTimeInterval(60)
        while deadline.timeIntervalSinceNow > 0 {
            let reply = try request("GET", "transcriptions/\(id)")
            guard reply.status == 200, let status = reply.json["status"] as? String else {
                throw RawClient.Failure.handshake("\(reply.status) \(reply.text)")
            }
            if statuses.contains(status) { return reply.json }
        }
        throw RawClient.Failure.deadline
    }
}

/// A lesson as the flac command encodes it.
func flac(_ samples: [Int16], in directory: String) throws -> Data {
    let wave = URL(fileURLWithPath: directory + "/\(UUID().uuidString).wav")
    try AudioFile.wave(samples).write(to: wave)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["flac", "--silent", "--force", wave.path, "-o", wave.path + ".flac"]
    try process.run()
    process.waitUntilExit()
    return try Data(contentsOf: URL(fileURLWithPath: wave.path + ".flac"))
}

@Suite struct RestTests {
    private func withRest(
        _ faults: String..., body: @escaping @Sendable (CloudServer, RestClient) throws -> Void
    ) async throws {
        let plan = try FaultPlan(arguments: faults)
        try await withServer({ $0.faults = plan }) { server in
            try await blocking { try body(server, RestClient(port: server.port)) }
        }
    }

    @Test(arguments: ["wav", "flac"])
    func `a file is transcribed, and nothing of it stays`(format: String) async throws {
        let lesson = ToneLesson(.seconds(20), speakers: 2, seed: 31)
        let directory = try TemporaryDirectory()
        let file = format == "wav" ? AudioFile.wave(lesson.samples) : try flac(lesson.samples, in: directory.path)
        try await withRest { server, rest in
            let id = try rest.upload(file, name: "hole.\(format)")
            let record = try #require(server.log.files.first)
            #expect(record.bytes == file.count && record.filename == "hole.\(format)")
            let job = try rest.job(id)
            let done = try rest.wait(job, for: "completed", "error")
            #expect(done["status"] as? String == "completed", "\(done)")
            #expect(done["audio_duration_ms"] as? Int == 20_000)
            #expect(done["file_id"] as? String == id)
            let transcript = try rest.request("GET", "transcriptions/\(job)/transcript").json
            #expect(transcript["id"] as? String == job)
            #expect(transcript["text"] as? String == " " + lesson.text)
            let tokens = transcript["tokens"] as? [[String: Any]] ?? []
            #expect(tokens.map { $0["text"] as? String ?? "" }.joined() == " " + lesson.text)
            let starts = stride(from: 0, to: tokens.count, by: 2).map { tokens[$0]["start_ms"] as? Int }
            #expect(starts == lesson.words.map { $0.startSample / 16 })
            let speakers = lesson.words.flatMap { ["\($0.speaker)", "\($0.speaker)"] }
            #expect(tokens.map { $0["speaker"] as? String } == speakers)
            #expect(tokens.allSatisfy { $0["language"] as? String == "en" && $0["confidence"] is Double })
            #expect(server.log.leftUndeleted == 2)
            for path in ["transcriptions/\(job)", "files/\(id)"] {
                #expect(try rest.request("DELETE", path).status == 204)
                #expect(try rest.request("DELETE", path).status == 404)
                #expect(try rest.request("GET", path).json["error_type"] as? String != nil)
            }
            #expect(server.log.leftUndeleted == 0)
        }
    }

    @Test func `real speech is transcribed too`() async throws {
        let name = "/usr/share/pocketsphinx/test/data/librivox/sense_and_sensibility_01_austen_64kb-0880.wav"
        let file = try Data(contentsOf: URL(fileURLWithPath: name))
        try await withServer({
            $0.recogniser = .pocketSphinx(modelDirectory: RecogniserKind.debianModelDirectory)
        }) { server in
            let text = try await blocking {
                let rest = RestClient(port: server.port)
                let job = try rest.job(rest.upload(file, name: "speech.wav"))
                _ = try rest.wait(job, for: "completed", "error")
                return try rest.request("GET", "transcriptions/\(job)/transcript").json["text"] as? String
            }
            #expect(text?.contains("young") == true, "\(text ?? "nothing")")
        }
    }

    @Test func `each transcription numbers the speakers in another way when that is asked for`() async throws {
        let lesson = ToneLesson(.words(8), speakers: 2, seed: 32)
        try await withRest("permute-speakers") { _, rest in
            let id = try rest.upload(AudioFile.wave(lesson.samples), name: "a.wav")
            let labels = try (0..<2).map { _ in
                let job = try rest.job(id)
                _ = try rest.wait(job, for: "completed")
                let tokens = try rest.request("GET", "transcriptions/\(job)/transcript").json["tokens"]
                return (tokens as? [[String: Any]])?.first?["speaker"] as? String
            }
            #expect(labels == ["1", "2"])
        }
    }

    @Test func `a form is understood however it is cut`() throws {
        // Almost the boundary, again and again.
        let file = Data(String(repeating: "\r\n--a+", count: 20).utf8) + payload(100)
        let form = RestClient.form(file, fields: ["client_reference_id": "BOX"])
        for step in 1...form.count {
            var multipart = try Multipart(contentType: RestClient.formType)
            var parts: [(name: String, fileName: String?, bytes: Data)] = []
            var ends = 0
            for start in stride(from: 0, to: form.count, by: step) {
                for event in try multipart.feed(form[start..<min(start + step, form.count)]) {
                    switch event {
                    case .begin(let part): parts.append((part.name, part.fileName, Data()))
                    case .bytes(let bytes): parts[parts.count - 1].bytes += bytes
                    case .end: ends += 1
                    }
                }
            }
            #expect(multipart.isWhole && ends == 2)
            #expect(parts.map(\.name) == ["client_reference_id", "file"])
            #expect(parts.map(\.fileName) == [nil, "hole.flac"])
            #expect(parts.map(\.bytes) == [Data("BOX".utf8), file], "in pieces of \(step)")
        }
    }

    @Test func `a form's fields and an empty file are taken`() async throws {
        try await withRest { _, rest in
            let form = RestClient.form(Data(), fields: ["client_reference_id": "BOX", "other": ""])
            let reply = try rest.request("POST", "files", form, type: RestClient.formType)
            #expect(reply.status == 201)
            #expect(reply.json["size"] as? Int == 0)
            #expect(reply.json["client_reference_id"] as? String == "BOX")
        }
    }

    @Test func `bad requests are refused in the service's shape`() async throws {
        try await withRest { _, rest in
            func location(_ reply: HTTPReply) -> String? {
                (reply.json["validation_errors"] as? [[String: Any]])?.first?["location"] as? String
            }
            let stranger = RestClient(port: rest.port, key: "wrong")
            let refused = try stranger.request("GET", "files")
            #expect(refused.status == 401)
            #expect(refused.json["status_code"] as? Int == 401)
            #expect(refused.json["error_type"] as? String == "unauthenticated")
            #expect(refused.json["request_id"] is String && refused.json["message"] is String)
            let form = RestClient.form(Data("x".utf8))
            #expect(try location(rest.request("POST", "files", form, type: "text/plain")) == "header.content-type")
            let half = form.prefix(form.count - 8)
            #expect(try location(rest.request("POST", "files", half, type: RestClient.formType)) == "body")
            let empty = Data("--a+b--\r\n".utf8)
            #expect(try location(rest.request("POST", "files", empty, type: RestClient.formType)) == "body.file")
            let id = try rest.upload(Data("no audio".utf8))
            #expect(try location(rest.transcribe(id, ["model": "stt-rt-v6"])) == "body.model")
            #expect(try location(rest.transcribe(id, ["language_hints": ["english"]])) == "body.language_hints")
            #expect(try location(rest.transcribe(id, ["model": 5])) == "body.model")
            #expect(try location(rest.request("POST", "transcriptions", Data("{}".utf8))) == "body.model")
            #expect(try location(rest.request("POST", "transcriptions", Data("[".utf8))) == "body")
            #expect(try rest.transcribe("nothing").json["error_type"] as? String == "file_not_found")
            #expect(try rest.request("GET", "transcriptions/nothing").status == 404)
            #expect(try rest.request("PUT", "files").status == 405)
            #expect(try location(rest.request("GET", "files?limit=0")) == "query.limit")
            // What is no audio is told by the transcription.
            let failed = try rest.wait(rest.job(id), for: "error")
            #expect(failed["error_type"] as? String == "invalid_audio_file")
        }
    }

    @Test func `damaged and foreign FLAC files are errors`() async throws {
        let directory = try TemporaryDirectory()
        let good = try flac(ToneLesson(.words(3), seed: 33).samples, in: directory.path)
        var damaged = good
        damaged[damaged.count / 2] ^= 0x40
        let path = directory.path + "/x.flac"
        for (file, isGood) in [(good, true), (damaged, false), (good.dropLast(100), false), (good.prefix(30), false)] {
            try Data(file).write(to: URL(fileURLWithPath: path))
            #expect(((try? AudioFile.samples(path: path)) != nil) == isGood)
        }
    }

    @Test func `lists come in pages`() async throws {
        try await withRest { _, rest in
            let ids = try (0..<3).map { _ in try rest.upload(Data("x".utf8)) }
            let first = try rest.request("GET", "files?limit=2").json
            #expect((first["files"] as? [[String: Any]])?.map { $0["id"] as? String } == [ids[0], ids[1]])
            let cursor = try #require(first["next_page_cursor"] as? String)
            let second = try rest.request("GET", "files?limit=2&cursor=\(cursor)").json
            #expect((second["files"] as? [[String: Any]])?.map { $0["id"] as? String } == [ids[2]])
            #expect(second["next_page_cursor"] == nil)
            let count = try rest.request("GET", "files/count").json
            #expect(count["total"] as? Int == 3)
        }
    }

    @Test func `each step fails on demand`() async throws {
        let wave = AudioFile.wave(ToneLesson(.words(2), seed: 34).samples)
        try await withRest(
            "rest-file-status=429*1", "rest-create-status=500*1", "rest-poll-status=503*1",
            "rest-transcript-status=500*1", "rest-delete-status=500*1", "retry-after=3", "retry-after-5xx=4"
        ) { server, rest in
            let limited = try rest.request("POST", "files", RestClient.form(wave), type: RestClient.formType)
            #expect(limited.status == 429 && limited.headers["retry-after"] == "3")
            let id = try rest.upload(wave)
            #expect(try rest.transcribe(id).status == 500)
            let job = try rest.job(id)
            let busy = try rest.request("GET", "transcriptions/\(job)")
            #expect(busy.status == 503 && busy.headers["retry-after"] == "4")
            _ = try rest.wait(job, for: "completed")
            #expect(try rest.request("GET", "transcriptions/\(job)/transcript").status == 500)
            #expect(try rest.request("GET", "transcriptions/\(job)/transcript").status == 200)
            #expect(try rest.request("DELETE", "files/\(id)").status == 500)
            #expect(server.log.leftUndeleted == 2)
        }
    }

    @Test func `transcriptions fail, hang, take their time and are answered with rubbish`() async throws {
        let wave = AudioFile.wave(ToneLesson(.words(2), seed: 35).samples)
        try await withRest(
            "rest-fails*1", "rest-malformed-json*1", "rest-wrong-types*1", "rest-file-cut=100*1", "rest-create-lost*1"
        ) { server, rest in
            #expect(throws: RawClient.Failure.self) { try rest.upload(wave) }
            let id = try rest.upload(wave)
            #expect(throws: RawClient.Failure.self) { try rest.job(id) }
            let lost = try #require(server.log.transcriptions.first?.id)
            let failed = try rest.wait(lost, for: "error")
            #expect(failed["error_message"] as? String == "The transcription failed.")
            let job = try rest.job(id)
            _ = try rest.wait(job, for: "completed")
            let path = "transcriptions/\(job)/transcript"
            #expect(try rest.request("GET", path).json.isEmpty)
            #expect(try rest.request("GET", path).json["text"] as? String == nil)
            #expect(try rest.request("GET", path).json["text"] is String)
            server.faults = try FaultPlan(arguments: ["rest-delay-ms=200"])
            let slow = try rest.job(id)
            #expect(try rest.request("GET", "transcriptions/\(slow)").json["status"] as? String == "queued")
            _ = try rest.wait(slow, for: "processing")
            _ = try rest.wait(slow, for: "completed")
            server.faults = try FaultPlan(arguments: ["rest-hangs*1"])
            let hung = try rest.job(id)
            _ = try rest.wait(hung, for: "processing")
            #expect(try rest.request("DELETE", "transcriptions/\(hung)").status == 409)
            #expect(try rest.request("GET", "transcriptions/\(hung)/transcript").status == 409)
        }
    }

    @Test(arguments: ["wav", "flac"])
    func `the official client's asynchronous API gets the whole transcript`(format: String) async throws {
        try await OfficialClientTests.requireClient()
        let directory = try TemporaryDirectory()
        let lesson = ToneLesson(.seconds(30), speakers: 2, seed: 36)
        let file = directory.path + "/lesson." + format
        let bytes = format == "wav" ? AudioFile.wave(lesson.samples) : try flac(lesson.samples, in: directory.path)
        try bytes.write(to: URL(fileURLWithPath: file))
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("soniox_rest.py")
        try await withServer { server in
            let arguments = [script.path, file, "--url", server.restURL, "--key", "key"]
            let result = try await blocking { try OfficialClientTests.runPython(arguments) }
            try #require(result.status == 0, "\(result.errors)")
            let got = try #require(JSONSerialization.jsonObject(with: result.output) as? [String: Any])
            #expect(got["status"] as? String == "queued")
            #expect(got["listed"] as? Bool == true)
            #expect(got["duration_ms"] as? Int == 30_000)
            #expect(got["text"] as? String == " " + lesson.text)
            #expect((got["tokens"] as? [Any])?.count == 2 * lesson.words.count)
            #expect(got["gone"] as? String == "transcription_not_found")
            #expect(got["left"] as? Int == 0)
            #expect(server.log.leftUndeleted == 0)
            #expect(server.log.transcriptions.map(\.languageHints) == [["en", "ar"]])
        }
    }
}
