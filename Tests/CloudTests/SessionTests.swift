import CloudKit
import Foundation
import Testing

/// A server for one test; it is stopped when the body ends.
func withServer<Value>(
    _ configure: (inout CloudConfiguration) -> Void = { _ in }, _ body: (CloudServer) async throws -> Value
) async throws -> Value {
    var configuration = CloudConfiguration()
    configuration.apiKeys = ["key"]
    // Other tests compute meanwhile: a client that waits for its turn is not one that has gone.
    configuration.idleTimeoutMilliseconds = 600_000
    configure(&configuration)
    let server = try await CloudServer.start(configuration)
    do {
        let value = try await body(server)
        try await server.stop()
        return value
    } catch {
        try? await server.stop()
        throw error
    }
}

let request = """
    {"model":"stt-rt-v6","audio_format":"pcm_s16le","sample_rate":16000,"num_channels":1,"language_hints":["en","ar"],\
    "enable_speaker_diarization":true,"enable_language_identification":true,"client_reference_id":"01JTEST"}
    """

func stream(_ samples: [Int16], to client: RawClient, frame: Int = 1_600) throws {
    for start in stride(from: 0, to: samples.count, by: frame) {
        try client.send(samples: Array(samples[start..<min(start + frame, samples.count)]))
    }
}

func tokens(_ messages: [[String: Any]], final: Bool = true) -> [[String: Any]] {
    messages.flatMap { $0["tokens"] as? [[String: Any]] ?? [] }.filter { $0["is_final"] as? Bool == final }
}

func text(_ tokens: [[String: Any]]) -> String {
    tokens.compactMap { $0["text"] as? String }.joined()
}

/// The record of a session, once the server has noted its end.
func closedSession(_ server: CloudServer, _ number: Int = 1) async throws -> SessionRecord {
    try await blocking {
        let records = try waitForLog(server) {
            $0.sessions.count >= number && $0.sessions[number - 1].closeReason != nil
        }
        return records.sessions[number - 1]
    }
}

/// The server's log once it is as wanted.
@discardableResult
func waitForLog(_ server: CloudServer, _ isWanted: (CloudRecords) -> Bool) throws -> CloudRecords {
    guard let records = server.waitForLog(seconds: 60, isWanted) else { throw RawClient.Failure.deadline }
    return records
}

@Suite struct SessionTests {
    @Test func `a lesson is transcribed, finished and closed, and its bytes are logged`() async throws {
        let lesson = ToneLesson(.seconds(20), seed: 2)
        try await withServer { server in
            let port = server.port
            let summary = try await blocking {
                let client = try RawClient.webSocket(port: port, key: "key")
                try client.send(text: request)
                try stream(lesson.samples, to: client, frame: 1_111)
                try client.send(text: #"{"type":"finish"}"#)
                let messages = try client.messagesUntilClose()
                let finals = tokens(messages)
                let times = stride(from: 0, to: finals.count, by: 2).map { finals[$0]["start_ms"] as? Int ?? -1 }
                let last = messages.last ?? [:]
                #expect(last["finished"] as? Bool == true)
                #expect(last["total_audio_proc_ms"] as? Int == 20_000)
                #expect(last["final_audio_proc_ms"] as? Int == 20_000)
                #expect(!tokens(messages, final: false).isEmpty)
                #expect(finals.allSatisfy { $0["language"] as? String == "en" })
                return (text(finals), times, finals.compactMap { $0["speaker"] as? String })
            }
            #expect(summary.0 == " " + lesson.text)
            #expect(summary.1 == lesson.words.map { $0.startSample / 16 })
            #expect(summary.2 == lesson.words.flatMap { ["\($0.speaker)", "\($0.speaker)"] })
            let record = try await closedSession(server)
            #expect(record.closeReason == "finished")
            #expect(record.clientReferenceID == "01JTEST")
            #expect(record.audioBytes == 640_000)
            #expect(record.ranges.first?.bytes.lowerBound == 0)
            for (range, next) in zip(record.ranges, record.ranges.dropFirst()) {
                #expect(range.bytes.upperBound == next.bytes.lowerBound)
            }
        }
    }

    @Test func `samples cut in the middle and empty frames at the end are understood`() async throws {
        let lesson = ToneLesson(.words(5), seed: 2)
        try await withServer { server in
            let port = server.port
            let heard = try await blocking {
                let client = try RawClient.webSocket(port: port, key: nil)
                try client.send(text: request.replacing(#"{"model""#, with: #"{"api_key":"key","model""#))
                let bytes = lesson.samples.withUnsafeBytes { Data($0) }
                for start in stride(from: 0, to: bytes.count, by: 999) {
                    try client.send(frame: 2, bytes[start..<min(start + 999, bytes.count)])
                }
                try client.send(frame: 2, Data())
                return text(tokens(try client.messagesUntilClose()))
            }
            #expect(heard == " " + lesson.text)
            let record = try await closedSession(server)
            #expect(record.configuration?.contains("stt-rt-v6") == true)
            #expect(record.configuration?.contains("api_key") == false)
        }
    }

    @Test func `finalize brings the finals and its marker, and the session goes on`() async throws {
        try await withServer { server in
            let port = server.port
            try await blocking {
                let client = try RawClient.webSocket(port: port, key: "key")
                try client.send(text: request)
                try client.send(samples: ToneCode.burst(index: 9, speaker: 1) + [Int16](repeating: 0, count: 1_600))
                try client.send(text: #"{"type":"finalize"}"#)
                var finals: [[String: Any]] = []
                while text(finals).hasSuffix("<fin>") == false { finals += tokens([try client.message()]) }
                #expect(text(finals) == " \(Vocabulary.text(of: 9))<fin>")
                try client.send(samples: ToneCode.burst(index: 10, speaker: 1))
                try client.send(text: "")
                #expect(text(tokens(try client.messagesUntilClose())) == " \(Vocabulary.text(of: 10))")
            }
        }
    }

    @Test func `a ping is answered with its own payload`() async throws {
        try await withServer { server in
            let port = server.port
            let frame = try await blocking {
                let client = try RawClient.webSocket(port: port, key: "key")
                try client.send(frame: 9, Data("ping-7".utf8))
                return try client.frame()
            }
            #expect(frame == RawClient.Frame(opcode: 10, payload: Data("ping-7".utf8)))
        }
    }

    @Test func `a client that closes gets the close back`() async throws {
        try await withServer { server in
            let port = server.port
            let frame = try await blocking {
                let client = try RawClient.webSocket(port: port, key: "key")
                try client.send(text: request)
                try client.send(frame: 8, Data([0x03, 0xE8]))
                return try client.frame()
            }
            #expect(frame == RawClient.Frame(opcode: 8, payload: Data([0x03, 0xE8])))
            #expect(try await closedSession(server).closeReason == "closed by client")
        }
    }

    private static let badRequests: [(first: String, key: String?, code: Int)] = [
        (request, "wrong", 401),
        (request, nil, 401),
        (request.replacing(#"{"model""#, with: #"{"api_key":"wrong","model""#), nil, 401),
        (request.replacing(#"{"model""#, with: #"{"api_key":"key","model""#), "key", 400),
        (request.replacing("stt-rt-v6", with: "whisper"), "key", 400),
        (request.replacing("pcm_s16le", with: "mp3"), "key", 400),
        (request.replacing(#""sample_rate":16000,"#, with: ""), "key", 400),
        (request.replacing(#""num_channels":1,"#, with: ""), "key", 400),
        (request.replacing("16000", with: "44100"), "key", 400),
        (request.replacing("16000", with: #""16000""#), "key", 400),
        (request.replacing("01JTEST", with: String(repeating: "x", count: 257)), "key", 400),
        ("{}", "key", 400),
        ("", "key", 400),
        ("not json", "key", 400),
        ("[1,2]", "key", 400),
    ]

    @Test(arguments: badRequests.indices)
    func `a bad first message is answered by an error message and a close`(position: Int) async throws {
        let (first, key, code) = Self.badRequests[position]
        try await withServer { server in
            let port = server.port
            try await blocking {
                let client = try RawClient.webSocket(port: port, key: key)
                try client.send(text: first)
                let messages = try client.messagesUntilClose()
                #expect(messages.count == 1)
                #expect(messages.first?["error_code"] as? Int == code)
                #expect((messages.first?["error_type"] as? String)?.isEmpty == false)
                #expect((messages.first?["error_message"] as? String)?.isEmpty == false)
                #expect((messages.first?["request_id"] as? String)?.isEmpty == false)
            }
            #expect(try await closedSession(server).closeReason?.hasPrefix("error \(code)") == true)
        }
    }

    @Test(arguments: [#"{"type":"dance"}"#, #"{"type":5}"#, "{", "null"])
    func `a bad control message ends the session with an error`(control: String) async throws {
        try await withServer { server in
            let port = server.port
            let code = try await blocking {
                let client = try RawClient.webSocket(port: port, key: "key")
                try client.send(text: request)
                try client.send(text: control)
                return try client.messagesUntilClose().last?["error_code"] as? Int
            }
            #expect(code == 400)
        }
    }

    @Test func `audio before the first message is an error`() async throws {
        try await withServer { server in
            let port = server.port
            let code = try await blocking {
                let client = try RawClient.webSocket(port: port, key: "key")
                try client.send(samples: [1, 2, 3])
                return try client.messagesUntilClose().last?["error_code"] as? Int
            }
            #expect(code == 400)
        }
    }

    @Test func `a frame too large for the service cuts the connection and nothing else`() async throws {
        try await withServer { server in
            let port = server.port
            try await blocking {
                let client = try RawClient.webSocket(port: port, key: "key")
                try client.send(text: request)
                #expect(throws: RawClient.Failure.self) {
                    try client.send(frame: 2, Data(count: 4 << 20))
                    while true { _ = try client.frame() }
                }
                _ = try RawClient.webSocket(port: port, key: "key")
            }
            #expect(try await closedSession(server).closeReason?.hasPrefix("connection lost") == true)
        }
    }

    @Test func `keepalive keeps a session, silence ends it with error 408`() async throws {
        try await withServer({ $0.idleTimeoutMilliseconds = 1_500 }) { server in
            let port = server.port
            try await blocking {
                let client = try RawClient.webSocket(port: port, key: "key")
                try client.send(text: request)
                // Twenty waits of a tenth of a second each: together well above the limit.
                for _ in 0..<20 {
                    try client.send(text: #"{"type":"keepalive"}"#)
                    #expect(try !client.isReadable(withinMilliseconds: 100), "ended in spite of keepalive")
                }
                let silent = Date()
                #expect(try client.messagesUntilClose().last?["error_code"] as? Int == 408)
                #expect(Date().timeIntervalSince(silent) > 1)
            }
        }
    }

    @Test func `stopping the server is noted in every open session`() async throws {
        let server = try await CloudServer.start()
        let port = server.port
        let client = try await blocking { Unchecked(value: try RawClient.webSocket(port: port, key: "x")) }
        _ = client
        try await server.stop()
        #expect(server.log.sessions.first?.closeReason != nil)
    }
}

/// A client that one thread hands to another.
struct Unchecked<Value>: @unchecked Sendable {
    var value: Value
}
