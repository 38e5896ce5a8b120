import PeerKit
import RecorderCore
import Testing

@testable import SpeechUplink

extension NetworkTests {
    @Suite struct KeyTests {
        /// The outcome of one request to a peer that answers with `script`.
        private func ask(
            bearer: String? = nil, _ script: @escaping @Sendable (FakeConnection) throws -> Void
        ) throws -> Result<SessionKey, UplinkFailure>? {
            let peer = try FakePeer { connection, _ in try script(connection) }
            let fixture = try UplinkFixture(
                UplinkSettings(tokenURL: "http://127.0.0.1:\(peer.port)/token?box=1", tokenBearer: bearer))
            #expect(fixture.uplink.send(.requestKey(attempt: 1)))
            return fixture.key()
        }

        private func failure(_ result: Result<SessionKey, UplinkFailure>?) -> UplinkFailure? {
            guard case .failure(let failure) = result else { return nil }
            return failure
        }

        @Test func `the endpoint is asked by POST with the box's bearer`() throws {
            let seen = Mailbox<(head: String, body: String)>()
            let result = try ask(bearer: "box-secret") { connection in
                seen.put(try connection.readRequest())
                try connection.answer("200 OK", #"{"apiKey":"k","websocketUrl":"wss://s.example/x","expiresAt":1}"#)
            }
            #expect(result == .success(SessionKey(secret: "k", webSocketURL: "wss://s.example/x")))
            let request = seen.take()
            #expect(request?.head.hasPrefix("POST /token?box=1 HTTP/1.1\r\n") == true)
            #expect(request.flatMap { FakeConnection.header("authorization", in: $0.head) } == "Bearer box-secret")
            #expect(request.flatMap { FakeConnection.header("content-type", in: $0.head) } == "application/json")
            #expect(request?.body == "{}")
        }

        @Test func `without a bearer there is no Authorization`() throws {
            let seen = Mailbox<String>()
            let result = try ask { connection in
                seen.put(try connection.readRequest().head)
                try connection.answer("201 Created", #"{"api_key":"temp:1","expires_at":"2026-11-24T09:00:00Z"}"#)
            }
            #expect(result == .success(SessionKey(secret: "temp:1", webSocketURL: "")))
            #expect(seen.take().flatMap { FakeConnection.header("authorization", in: $0) } == nil)
        }

        @Test func `a chunked answer in small pieces is put together`() throws {
            let result = try ask { connection in
                _ = try connection.readRequest()
                try connection.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
                for piece in ["{\"api", "Key\":\"a", "bc\"}"] {
                    try connection.write(String(piece.utf8.count, radix: 16) + "\r\n" + piece + "\r\n")
                }
                try connection.write("0\r\n\r\n")
            }
            #expect(result == .success(SessionKey(secret: "abc", webSocketURL: "")))
        }

        @Test func `an answer that ends with the connection is taken`() throws {
            let result = try ask { connection in
                _ = try connection.readRequest()
                try connection.write("HTTP/1.0 200 OK\r\n\r\n{\"apiKey\":\"abc\"}")
            }
            #expect(result == .success(SessionKey(secret: "abc", webSocketURL: "")))
        }

        @Test(arguments: [301, 400, 401, 402, 403, 404, 429, 500, 503])
        func `a status is a failure of that status`(status: Int) throws {
            let failure = failure(
                try ask { connection in
                    _ = try connection.readRequest()
                    try connection.answer(
                        "\(status) X", "{\"error\":\"no\"}",
                        headers: "retry-after: 17\r\nlocation: http://127.0.0.1:1/\r\n")
                })
            #expect(failure?.cause == .service(.httpStatus(status, retryAfterSeconds: 17)))
        }

        @Test(arguments: [
            "", "<html>", "{}", "[]", #"{"apiKey":1}"#, #"{"apiKey":""}"#, #"{"apiKey":"a\r\nX: y"}"#,
            #"{"apiKey":"a b"}"#, #"{"apiKey":"é"}"#, "\u{0}\u{1}\u{2}",
            #"{"apiKey":"a"} trailing"#, #"{"apiKey":"a""#,
            "{\"apiKey\":\"" + String(repeating: "k", count: 3_000) + "\"}",
            "{\"x\":\"" + String(repeating: "k", count: 100_000) + "\"}",
        ])
        func `an answer without a key is malformed`(body: String) throws {
            let failure = failure(
                try ask { connection in
                    _ = try connection.readRequest()
                    try connection.answer("200 OK", body)
                })
            #expect(failure?.cause == .service(.keyMalformed))
        }

        @Test func `an endless answer is cut off`() throws {
            let failure = failure(
                try ask { connection in
                    _ = try connection.readRequest()
                    try connection.write("HTTP/1.1 200 OK\r\n\r\n")
                    while true { try connection.write([UInt8](repeating: 0x20, count: 4_096)) }
                })
            #expect(failure?.cause == .service(.keyMalformed))
        }

        @Test func `a chunk length beyond an Int32 does no harm`() throws {
            let result = try ask { connection in
                _ = try connection.readRequest()
                try connection.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nFFFFFFF0\r\n")
                try connection.write("{\"apiKey\":\"a\"}\r\n")
            }
            #expect(failure(result) != nil)
        }

        @Test func `garbage instead of HTTP is a failure`() throws {
            let failure = failure(
                try ask { connection in
                    _ = try connection.readRequest()
                    try connection.write((0..<2_000).map { UInt8(truncatingIfNeeded: $0 &* 37) })
                })
            #expect(failure?.cause == .service(.keyMalformed) || failure?.cause == .network(.closedEarly))
        }

        @Test func `closing before, in and after the head is a close`() throws {
            for text in ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{\""] {
                let failure = failure(
                    try ask { connection in
                        _ = try connection.readRequest()
                        try connection.write(text)
                    })
                let causes: [UplinkFailure.Cause?] = [.network(.closedEarly), .service(.keyMalformed)]
                #expect(causes.contains(failure?.cause), "\(text)")
            }
        }

        @Test func `a closed port is refused`() throws {
            let port = try FakePeer.closedPort()
            let fixture = try UplinkFixture(UplinkSettings(tokenURL: "http://127.0.0.1:\(port)/"))
            #expect(fixture.uplink.send(.requestKey(attempt: 3)))
            let failure = failure(fixture.key(3))
            #expect(failure?.cause == .network(.refused))
            #expect(failure?.detail.contains("127.0.0.1:\(port)") == true)
        }

        @Test func `a name that does not exist is a look-up failure`() throws {
            let fixture = try UplinkFixture(UplinkSettings(tokenURL: "https://box.invalid/"))
            #expect(fixture.uplink.send(.requestKey(attempt: 1)))
            #expect(failure(fixture.key())?.cause == .network(.nameResolution))
        }

        @Test(arguments: [
            "", "http://school.example/", "ftp://x/", "https://", "http://127.0.0.1.example/", "https://u:p@h/",
        ])
        func `a URL that cannot work is a mistake in the configuration`(url: String) throws {
            let fixture = try UplinkFixture(UplinkSettings(tokenURL: url))
            #expect(fixture.uplink.send(.requestKey(attempt: 1)))
            #expect(failure(fixture.key())?.cause == .local(.configuration))
        }

        @Test func `an endpoint that never answers is a time-out`() throws {
            let fixture = try withSilentPeer { port in
                try UplinkFixture(UplinkSettings(tokenURL: "http://127.0.0.1:\(port)/"))
            }
            #expect(fixture.fixture.uplink.send(.requestKey(attempt: 1)))
            #expect(failure(fixture.fixture.key())?.cause == .network(.timeout))
        }

        private func withSilentPeer(
            _ make: (UInt16) throws -> UplinkFixture
        ) throws -> (peer: FakePeer, fixture: UplinkFixture) {
            let peer = try FakePeer { connection, _ in while true { _ = try connection.read(1) } }
            return (peer, try make(peer.port))
        }
    }
}
