import PeerKit
import RecorderCore
import Testing

@testable import SpeechUplink

extension NetworkTests {
    /// What the endpoint or the service say themselves, and what may be of something between: a log-in page, a proxy,
    /// half an answer.
    @Suite struct OddAnswerTests {
        struct Row: Sendable, CustomTestStringConvertible {
            let status: Int
            var type = ""
            var headers = ""
            var body: [UInt8] = []
            let kind: UplinkFailure.Cause
            let verdict: Verdict
            var says = ""
            var testDescription: String { "\(status) \(type) \(String(decoding: body.prefix(24), as: UTF8.self))" }

            init(
                _ status: Int, _ type: String = "", _ body: String = "", bytes: [UInt8]? = nil, headers: String = "",
                _ kind: UplinkFailure.Cause, _ verdict: Verdict, says: String = ""
            ) {
                self.status = status
                self.type = type
                self.headers = headers
                self.body = bytes ?? Array(body.utf8)
                self.kind = kind
                self.verdict = verdict
                self.says = says
            }
        }

        private static let html = "<!DOCTYPE html><title>Log in</title>"
        private static let gzip: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 0xAB, 0xAE, 5, 0]
        private static let json = "application/json; charset=utf-8"

        static let token: [Row] = [
            // In place of a token.
            Row(200, "text/html", html, .service(.keyMalformed), .probe, says: "a page"),
            Row(200, "", html, .service(.keyMalformed), .probe, says: "a page"),
            Row(200, json, "", .service(.keyMalformed), .probe, says: "nothing"),
            Row(200, json, #"{"apiKey":"a"#, .service(.keyMalformed), .probe, says: "half an answer"),
            Row(200, json, #"{"login":"needed"}"#, .service(.keyMalformed), .probe, says: "no apiKey"),
            Row(200, json, "[]", .service(.keyMalformed), .probe),
            Row(200, json, bytes: gzip, .service(.keyMalformed), .probe, says: "compressed"),
            Row(
                200, json, #"{"x":1}"#, headers: "content-encoding: gzip\r\n", .service(.keyMalformed), .probe,
                says: "compressed"),
            Row(204, "", "", .service(.keyMalformed), .probe),
            // Answers to no request of ours.
            Row(100, "", "", .service(.intercepted(100)), .probe),
            Row(103, "", "", .service(.intercepted(103)), .probe),
            Row(199, "", "", .service(.intercepted(199)), .probe),
            Row(302, "text/html", html, headers: "location: http://portal/\r\n", .service(.intercepted(302)), .probe),
            Row(307, "", "", .service(.intercepted(307)), .probe),
            // Refusals of the endpoint's own…
            Row(400, json, #"{"error":"no box"}"#, .service(.httpStatus(400)), .fatal, says: "no box"),
            Row(401, json, #"{"error":"who?"}"#, .service(.httpStatus(401)), .fatal, says: "who?"),
            Row(401, "application/problem+json", "{}", .service(.httpStatus(401)), .fatal),
            Row(402, "", #"{"message":"pay"}"#, .service(.httpStatus(402)), .fatal, says: "pay"),
            Row(403, json, "\u{FEFF}{}", .service(.httpStatus(403)), .fatal),
            Row(404, json, "{}", .service(.httpStatus(404)), .fatal),
            Row(410, json, "{}", .service(.httpStatus(410)), .fatal),
            // … and of others.
            Row(400, "text/html", html, .service(.intercepted(400)), .probe, says: "a page"),
            Row(401, "text/html", html, .service(.intercepted(401)), .probe, says: "a log-in page or a proxy"),
            Row(401, "", #"{"error":"#, .service(.intercepted(401)), .probe, says: "half an answer"),
            Row(402, "", "", .service(.intercepted(402)), .probe, says: "nothing"),
            Row(403, "", bytes: gzip, .service(.intercepted(403)), .probe, says: "compressed"),
            Row(404, "text/html", html, .service(.intercepted(404)), .probe, says: "a page"),
            Row(407, "text/html", html, .service(.intercepted(407)), .probe),
            Row(410, "text/plain", "gone", .service(.intercepted(410)), .probe),
            Row(451, "text/html", html, .service(.intercepted(451)), .probe),
            Row(511, "text/html", html, .service(.intercepted(511)), .probe),
            // Of a server in trouble, whoever says so.
            Row(500, "text/html", html, .service(.intercepted(500)), .retry),
            Row(502, "", "", .service(.intercepted(502)), .retry),
            Row(503, json, "{}", .service(.httpStatus(503)), .retry),
            Row(
                429, "", "", headers: "retry-after: 0\r\n", .service(.intercepted(429, retryAfterSeconds: 0)),
                .retryAfter(seconds: 0)),
        ]

        private func answer(_ row: Row, _ connection: FakeConnection) throws {
            var head = "HTTP/1.1 \(row.status) X\r\ncontent-length: \(row.body.count)\r\n" + row.headers
            if !row.type.isEmpty { head += "content-type: \(row.type)\r\n" }
            try connection.write(Array((head + "\r\n").utf8) + row.body)
            // As a final answer: nothing comes behind it.
            connection.drain()
        }

        private func expect(_ failure: UplinkFailure?, _ row: Row) {
            #expect(failure?.cause == row.kind, "\(String(describing: failure))")
            #expect(failure?.detail.contains(row.says) == true, "\(failure?.detail ?? "")")
            guard let failure else { return }
            #expect(Classification.verdict(on: failure, on503: .retry) == row.verdict)
        }

        @Test(arguments: token) func `an answer instead of a key`(row: Row) throws {
            let peer = try FakePeer { connection, _ in
                _ = try connection.readRequest()
                try answer(row, connection)
            }
            let fixture = try UplinkFixture(UplinkSettings(tokenURL: "http://127.0.0.1:\(peer.port)/token"))
            #expect(fixture.uplink.send(.requestKey(attempt: 1)))
            guard case .failure(let failure)? = fixture.key() else {
                Issue.record("no failure")
                return
            }
            expect(failure, row)
        }

        static let handshake: [Row] = [
            Row(200, "text/html", html, .service(.intercepted(200)), .probe, says: "a page"),
            Row(200, json, "{}", .service(.httpStatus(200)), .probe),
            Row(302, "text/html", html, headers: "location: http://portal/\r\n", .service(.intercepted(302)), .probe),
            Row(401, json, "{}", .service(.httpStatus(401)), .fatal),
            Row(401, "text/html", html, .service(.intercepted(401)), .probe),
            Row(403, "text/html", html, .service(.intercepted(403)), .probe, says: "a log-in page or a proxy"),
            Row(404, "", "", .service(.intercepted(404)), .probe),
            Row(407, "text/html", html, .service(.intercepted(407)), .probe),
            Row(511, "text/html", html, .service(.intercepted(511)), .probe),
            Row(502, "text/html", html, .service(.intercepted(502)), .retry),
            Row(503, json, "{}", .service(.httpStatus(503)), .retry),
        ]

        @Test(arguments: handshake) func `an answer instead of a session`(row: Row) throws {
            let peer = try FakePeer { connection, _ in
                _ = try connection.readHead()
                try answer(row, connection)
            }
            let fixture = try UplinkFixture(UplinkSettings(tokenURL: ""))
            #expect(fixture.uplink.send(.open(fixture.request(url: "ws://127.0.0.1:\(peer.port)/"))))
            expect(fixture.closed() ?? nil, row)
        }

        @Test func `a key with a byte order mark before it is one`() throws {
            let peer = try FakePeer { connection, _ in
                _ = try connection.readRequest()
                try connection.answer("200 OK", "\u{FEFF}{\"apiKey\":\"k\"}")
            }
            let fixture = try UplinkFixture(UplinkSettings(tokenURL: "http://127.0.0.1:\(peer.port)/"))
            #expect(fixture.uplink.send(.requestKey(attempt: 1)))
            #expect(fixture.key() == .success(SessionKey(secret: "k", webSocketURL: "")))
        }

        @Test(arguments: ["http://x/", "wss://", "ws://school.example/", "not a URL"])
        func `a bad websocketUrl is the endpoint's mistake, which may pass`(url: String) throws {
            let fixture = try UplinkFixture(UplinkSettings(tokenURL: ""))
            #expect(fixture.uplink.send(.open(fixture.request(url: url))))
            let failure = try #require(fixture.closed() ?? nil)
            #expect(failure.cause == .service(.keyMalformed))
            #expect(failure.detail.contains("websocketUrl"))
            #expect(Classification.verdict(on: failure, on503: .retry) == .probe)
        }

        @Test func `a refusal that quotes the box's secret does not bring it into the log`() throws {
            let peer = try FakePeer { connection, _ in
                _ = try connection.readRequest()
                try connection.answer("401 Unauthorized", #"{"message":"box-secret is not known"}"#)
            }
            let fixture = try UplinkFixture(
                UplinkSettings(tokenURL: "http://127.0.0.1:\(peer.port)/", tokenBearer: "box-secret"))
            #expect(fixture.uplink.send(.requestKey(attempt: 1)))
            guard case .failure(let failure)? = fixture.key() else { return }
            #expect(failure.detail.hasSuffix("answered HTTP 401: ********** is not known"), "\(failure.detail)")
        }

        @Test func `a refusal whose body never ends is one all the same`() throws {
            let peer = try FakePeer { connection, _ in
                _ = try connection.readRequest()
                try connection.write("HTTP/1.1 403 X\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{")
                connection.close()
            }
            let fixture = try UplinkFixture(UplinkSettings(tokenURL: "http://127.0.0.1:\(peer.port)/"))
            #expect(fixture.uplink.send(.requestKey(attempt: 1)))
            guard case .failure(let failure)? = fixture.key() else { return }
            #expect(failure.cause == .service(.httpStatus(403)), "\(failure)")
        }

        @Test func `an error message with code 0 is tried again`() throws {
            let peer = try FakePeer { connection, _ in
                try connection.upgrade()
                _ = try connection.readData()
                try connection.send(#"{"error_code":0}"#)
                connection.drain()
            }
            let fixture = try UplinkFixture(UplinkSettings(tokenURL: ""))
            #expect(fixture.uplink.send(.open(fixture.request(url: "ws://127.0.0.1:\(peer.port)/"))))
            let failure = try #require(fixture.closed() ?? nil)
            #expect(failure.cause == .service(.message(code: 0)))
            #expect(Classification.verdict(on: failure, on503: .fail) == .retry)
        }
    }
}
