import LinuxRuntime
import PeerKit
import RecorderCore
import Testing

@testable import WebTransport

extension ExchangeTests {
    @Suite struct AnswerTests {
        @Test func `a request goes out as it was put, and the wanted headers come back`() throws {
            let seen = Mailbox<String>()
            let outcome = try exchange(.get, headers: [HTTPHeader("tus-resumable:", "1.0.0")], secret: "s3cret") {
                seen.put(try $0.readHead())
                try $0.answer(
                    "201 Created", "body",
                    headers: "Upload-Offset: 17\r\nX-Other: x\r\nUPLOAD-LENGTH: 170\r\nLocation: /up/1?x=y\r\n"
                        + "Retry-After: 9\r\n")
            }
            #expect(
                outcome?.response
                    == HTTPResponse(
                        status: 201, location: "/up/1?x=y", uploadOffset: "17", uploadLength: "170",
                        retryAfterSeconds: 9, body: Array("body".utf8)))
            let head = seen.take() ?? ""
            #expect(head.hasPrefix("GET /a?b=c HTTP/1.1\r\n"))
            #expect(FakeConnection.header("tus-resumable", in: head) == "1.0.0")
            #expect(FakeConnection.header("authorization", in: head) == "Bearer s3cret")
            #expect(FakeConnection.header("content-length", in: head) == nil)
        }

        @Test(arguments: [("DELETE", HTTPMethod.delete), ("HEAD", .head), ("PATCH", .patch), ("POST", .post)])
        func `each method is sent by its name`(name: String, method: HTTPMethod) throws {
            let seen = Mailbox<String>()
            let outcome = try exchange(method) {
                seen.put(try $0.readHead())
                try $0.answer("204 No Content")
            }
            #expect(outcome?.response?.status == 204)
            #expect(seen.take()?.hasPrefix(name + " /a?b=c HTTP/1.1\r\n") == true)
        }

        @Test func `an answer to HEAD has no body, whatever length it tells`() throws {
            let outcome = try exchange(.head) {
                _ = try $0.readHead()
                try $0.write("HTTP/1.1 200 OK\r\nContent-Length: 4711\r\nUpload-Offset: 5\r\n\r\n")
                _ = try $0.read(1)
            }
            #expect(outcome?.response?.uploadOffset == "5")
        }

        @Test(arguments: [204, 304])
        func `an answer that can have no body is complete with its head`(status: Int) throws {
            let outcome = try exchange(.post, body: .bytes([1, 2, 3])) {
                _ = try $0.readRequest()
                try $0.write("HTTP/1.1 \(status) X\r\nUpload-Offset: 5\r\n\r\n")
                _ = try $0.read(1)
            }
            #expect(outcome?.response?.status == status && outcome?.response?.uploadOffset == "5")
        }

        @Test func `an answer in the smallest pieces is put together`() throws {
            let outcome = try exchange(.get) {
                _ = try $0.readHead()
                let text = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nupload-offset:7\r\n\r\nabcdef"
                for byte in text.utf8 { try $0.write([byte]) }
                _ = try $0.read(1)
            }
            #expect(outcome?.response?.body == Array("abcdef".utf8) && outcome?.response?.uploadOffset == "7")
        }

        @Test(arguments: [301, 302, 307, 308, 401, 404, 409, 500, 503])
        func `any status is an answer, and no redirect is followed`(status: Int) throws {
            let outcome = try exchange(.post, body: .bytes([1])) {
                _ = try $0.readRequest()
                try $0.answer("\(status) X", "why", headers: "Location: http://127.0.0.1:1/\r\n")
            }
            #expect(outcome?.response?.status == status && outcome?.response?.body == Array("why".utf8))
        }

        @Test func `a long body is too large, of a refusal its beginning counts`() throws {
            for (status, isFine) in [(200, false), (413, true)] {
                let outcome = try exchange(.get, limit: 10_000) {
                    _ = try $0.readHead()
                    try $0.write("HTTP/1.1 \(status) X\r\n\r\n")
                    while true { try $0.write([UInt8](repeating: 0x20, count: 4_096)) }
                }
                let cause = outcome?.failure?.cause
                #expect(isFine ? outcome?.response?.status == 413 : cause == .service(.messageTooLarge))
            }
        }

        @Test func `a refusal counts though its body is cut off, a success does not`() throws {
            for (status, isFine) in [(200, false), (413, true)] {
                let outcome = try exchange(.get) {
                    _ = try $0.readHead()
                    try $0.write("HTTP/1.1 \(status) X\r\ncontent-length: 100\r\n\r\nabc")
                }
                let cause = outcome?.failure?.cause
                #expect(isFine ? outcome?.response?.status == 413 : cause == .network(.closedEarly))
            }
        }

        @Test func `a head that is too large is malformed`() throws {
            let outcome = try exchange(.get) {
                _ = try $0.readHead()
                try $0.write("HTTP/1.1 200 OK\r\nx: " + String(repeating: "a", count: 100_000) + "\r\n\r\n")
                _ = try $0.read(1)
            }
            #expect(outcome?.failure?.cause == .service(.messageMalformed), "\(String(describing: outcome))")
        }

        @Test func `garbage instead of HTTP is a failure`() throws {
            let outcome = try exchange(.get) {
                _ = try $0.readHead()
                try $0.write((0..<2_000).map { UInt8(truncatingIfNeeded: $0 &* 37) })
            }
            let kind = outcome?.failure?.cause
            let kinds: [UplinkFailure.Cause?] = [.service(.messageMalformed), .network(.closedEarly)]
            #expect(kinds.contains(kind), "\(String(describing: outcome))")
        }

        @Test func `a header value that would break the head is refused`() throws {
            let outcome = try exchange(.get, headers: [HTTPHeader("x-a:", "a\r\nb: c")]) { _ = try $0.readHead() }
            #expect(outcome?.failure?.cause == .local(.configuration))
        }

        @Test func `a closed port is refused`() throws {
            let endpoint = try Endpoint(
                "http://127.0.0.1:\(try FakePeer.closedPort())/", name: "test", secure: "https", plain: "http")
            #expect(try Asker().ask(HTTPRequest(.get, endpoint))?.failure?.cause == .network(.refused))
        }
    }
}
