import CloudKit
import Foundation
import Testing

@Suite struct TokenTests {
    private func object(_ body: String) throws -> [String: Any] {
        try #require(JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any])
    }

    @Test func `every request gets a fresh key that opens a session`() async throws {
        try await withServer { server in
            let port = server.port
            let first = try await blocking { try RawClient.request(port: port, path: "/api/token") }
            let second = try await blocking { try RawClient.request(port: port, path: "/api/token") }
            #expect(first.status == 200)
            let answer = try object(first.body)
            let key = try #require(answer["apiKey"] as? String)
            #expect(try object(second.body)["apiKey"] as? String != key)
            #expect(answer["websocketUrl"] as? String == server.webSocketURL)
            let formatter = ISO8601DateFormatter()
            formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
            let written = try #require(answer["expiresAt"] as? String)
            let expiry = try #require(formatter.date(from: written))
            #expect(abs(expiry.timeIntervalSinceNow - 3_600) < 60)
            let finished = try await blocking {
                let client = try RawClient.webSocket(port: port, key: key)
                try client.send(text: request)
                try client.send(text: "")
                return try client.messagesUntilClose().last?["finished"] as? Bool
            }
            #expect(finished == true)
            #expect(server.log.tokenRequests.map(\.status) == [200, 200])
        }
    }

    @Test func `expiry can be written as milliseconds, and an expired key is refused`() async throws {
        try await withServer({
            $0.expiryFormat = .epochMilliseconds
            $0.keyLifeSeconds = 0
        }) { server in
            let port = server.port
            let answer = try object(try await blocking { try RawClient.request(port: port, path: "/api/token").body })
            let expiry = try #require(answer["expiresAt"] as? Int)
            #expect(abs(Double(expiry) / 1_000 - Date().timeIntervalSince1970) < 60)
            let key = answer["apiKey"] as? String
            let code = try await blocking {
                let client = try RawClient.webSocket(port: port, key: key)
                return try client.messagesUntilClose().last?["error_code"] as? Int
            }
            #expect(code == 401)
        }
    }

    @Test func `the token endpoint demands its bearer`() async throws {
        try await withServer({ $0.bearer = "school" }) { server in
            let port = server.port
            let statuses = try await blocking {
                try [[], ["Authorization: Bearer wrong"], ["Authorization: Bearer school"]].map {
                    try RawClient.request(port: port, path: "/api/token", headers: $0).status
                }
            }
            #expect(statuses == [401, 401, 200])
        }
    }

    @Test func `the service's own form gives keys that may be for one use`() async throws {
        try await withServer { server in
            let port = server.port
            let path = "/v1/auth/temporary-api-key"
            let good = #"{"usage_type":"transcribe_websocket","expires_in_seconds":60,"single_use":true}"#
            let authorised = ["Authorization: Bearer key"]
            let answer = try await blocking {
                try RawClient.request(port: port, path: path, headers: authorised, body: good)
            }
            #expect(answer.status == 201)
            let key = try #require(try object(answer.body)["api_key"] as? String)
            #expect(try object(answer.body)["expires_at"] is String)
            let endings = try await blocking {
                try (0..<2).map { _ in
                    let client = try RawClient.webSocket(port: port, key: key)
                    try client.send(text: request)
                    try client.send(text: "")
                    return try client.messagesUntilClose().last?["error_code"] as? Int
                }
            }
            #expect(endings == [nil, 401])
            let refused = try await blocking {
                try [
                    RawClient.request(port: port, path: path, body: good),
                    RawClient.request(port: port, path: path, headers: authorised, body: "{}"),
                    RawClient.request(port: port, path: path, headers: authorised, body: "["),
                    RawClient.request(
                        port: port, path: path, headers: authorised, body: good.replacing("60", with: "3601")),
                ].map(\.status)
            }
            #expect(refused == [401, 400, 400, 400])
        }
    }

    @Test func `other methods and paths are refused`() async throws {
        try await withServer { server in
            let port = server.port
            let statuses = try await blocking {
                try [
                    RawClient.request(port: port, "GET", path: "/api/token"),
                    RawClient.request(port: port, path: "/nothing"),
                    RawClient.request(port: port, "GET", path: "/transcribe-websocket"),
                ].map(\.status)
            }
            #expect(statuses == [405, 404, 426])
            #expect(throws: RawClient.Failure.self) { try RawClient.webSocket(port: port, key: "key", path: "/other") }
        }
    }
}

@Suite struct FaultTests {
    private func session(_ server: CloudServer, seconds: Double = 3) async throws -> [RawClient.Frame] {
        let port = server.port
        return try await blocking {
            let client = try RawClient.webSocket(port: port, key: "key")
            try client.send(text: request)
            try stream(ToneLesson(.seconds(seconds), seed: 6).samples, to: client)
            try client.send(text: "")
            var frames: [RawClient.Frame] = []
            while frames.last?.opcode != 8 { frames.append(try client.frame()) }
            return frames
        }
    }

    @Test(arguments: [401, 402, 429, 500, 503])
    func `the token endpoint answers a status on demand`(status: Int) async throws {
        let faults = try FaultPlan(arguments: ["token-status=\(status)"])
        try await withServer({ $0.faults = faults }) { server in
            let port = server.port
            let answer = try await blocking { try RawClient.request(port: port, path: "/api/token") }
            #expect(answer.status == status)
            #expect(answer.head.contains("Retry-After: 5") == (status == 429))
            server.faults = FaultPlan()
            #expect(try await blocking { try RawClient.request(port: port, path: "/api/token").status } == 200)
        }
    }

    @Test func `the handshake is refused with a status on demand`() async throws {
        try await withServer({ $0.faults.handshakeStatus = 503 }) { server in
            let port = server.port
            do {
                try await blocking { _ = try RawClient.webSocket(port: port, key: "key") }
                Issue.record("the handshake went through")
            } catch RawClient.Failure.handshake(let line) {
                #expect(line.hasPrefix("HTTP/1.1 503"))
            }
            #expect(server.log.sessions.isEmpty)
        }
    }

    @Test func `a service error after the first audio`() async throws {
        try await withServer({ $0.faults.errorCode = 503 }) { server in
            let frames = try await session(server, seconds: 0.1)
            let error = frames.first { $0.text.contains("error_code") }
            #expect(error?.text.contains("Cannot continue request (code 1). Please restart the request.") == true)
            #expect(try await closedSession(server).closeReason == "error 503 service_unavailable")
        }
    }

    @Test func `rubbish is sent beside the transcript, which stays whole`() async throws {
        let faults = try FaultPlan(arguments: ["malformed-json", "huge-message", "binary-garbage"])
        try await withServer({ $0.faults = faults }) { server in
            let frames = try await session(server)
            #expect(frames.contains { $0.opcode == 1 && $0.text == #"{"tokens":[{"text":"cut"# })
            #expect(frames.contains { $0.opcode == 1 && $0.payload.count > 10_000_000 })
            #expect(frames.contains { $0.opcode == 2 && $0.payload.count == 4_096 })
            #expect(frames.contains { $0.text.contains(#""finished":true"#) })
        }
    }

    @Test func `a session can be closed without its finished message`() async throws {
        try await withServer({ $0.faults.closeBeforeFinished = true }) { server in
            let frames = try await session(server)
            #expect(!frames.contains { $0.text.contains("finished") })
            #expect(frames.contains { $0.text.contains(#""is_final":true"#) })
            #expect(try await closedSession(server).closeReason == "closed by fault close-before-finished")
        }
    }

    @Test func `the first session is reset after so much audio, the second lives`() async throws {
        try await withServer({ $0.faults.dropAfterMilliseconds = 1_000 }) { server in
            await #expect(throws: RawClient.Failure.self) { try await session(server) }
            let record = try await closedSession(server)
            #expect(record.closeReason == "reset by fault reset")
            #expect(record.audioBytes == 32_000)
            #expect(try await session(server).contains { $0.text.contains(#""finished":true"#) })
        }
    }
}
