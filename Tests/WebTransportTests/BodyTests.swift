import Foundation
import LinuxRuntime
import PeerKit
import RecorderCore
import Testing

@testable import WebTransport

extension ExchangeTests {
    @Suite struct BodyTests {
        @Test func `a file's range goes out between its prefix and its suffix`() throws {
            let file = try TestFile(300_000)
            let seen = Mailbox<[UInt8]>()
            let outcome = try exchange(
                .post,
                body: .file(file.path, from: 1_000, count: 250_001, prefix: [1, 2, 3], suffix: [4, 5])
            ) {
                let head = try $0.readHead()
                seen.put(try $0.read(Int(FakeConnection.header("content-length", in: head) ?? "") ?? 0))
                try $0.answer("200 OK")
            }
            #expect(outcome?.response?.status == 200)
            #expect(seen.take() == [1, 2, 3] + file.bytes[1_000..<251_001] + [4, 5])
        }

        @Test func `a server that reads slowly gets everything`() throws {
            let file = try TestFile(2_000_000)
            let seen = Mailbox<[UInt8]>()
            let outcome = try exchange(.patch, body: .file(file.path, from: 0, count: 2_000_000)) {
                _ = try $0.readHead()
                var all: [UInt8] = []
                while all.count < 2_000_000 {
                    all += try $0.read(min(100_000, 2_000_000 - all.count))
                    poll(nil, 0, 20)
                }
                seen.put(all)
                try $0.answer("204 No Content", headers: "Upload-Offset: 2000000\r\n")
            }
            #expect(outcome?.response?.uploadOffset == "2000000")
            #expect(seen.take() == file.bytes)
        }

        @Test func `a refusal before the body's end is seen`() throws {
            let file = try TestFile(8_000_000)
            let outcome = try exchange(.patch, body: .file(file.path, from: 0, count: 8_000_000)) {
                _ = try $0.readHead()
                try $0.answer("413 Too Large", "too large")
                _ = try $0.read(8_000_000)
            }
            #expect(outcome?.response?.status == 413 && outcome?.response?.body == Array("too large".utf8))
        }

        @Test func `a refusal is seen though the connection is closed upon it`() throws {
            let file = try TestFile(8_000_000)
            for round in 0..<10 {
                let outcome = try exchange(.patch, body: .file(file.path, from: 0, count: 8_000_000)) {
                    _ = try $0.readHead()
                    _ = try $0.read(round * 30_000)
                    try $0.answer("413 Too Large", "too large")
                }
                #expect(outcome?.response?.status == 413, "\(String(describing: outcome))")
            }
        }

        @Test func `a reset in the middle is one`() throws {
            let file = try TestFile(8_000_000)
            let outcome = try exchange(.patch, body: .file(file.path, from: 0, count: 8_000_000)) {
                _ = try $0.read(100_000)
                $0.reset()
            }
            #expect(outcome?.failure?.cause == .network(.reset), "\(String(describing: outcome))")
        }

        @Test func `a close without an answer is one`() throws {
            let outcome = try exchange(.patch, body: .bytes([1, 2, 3])) { _ = try $0.readRequest() }
            #expect(outcome?.failure?.cause == .network(.closedEarly), "\(String(describing: outcome))")
        }

        @Test func `a file that is missing or shorter than it should be is named or told`() throws {
            let file = try TestFile(10_000)
            let nowhere = HTTPBody.file("/nonexistent/x", from: 0, count: 1)
            let missing = try exchange(.post, body: nowhere) { _ = try $0.readHead() }
            #expect(missing?.failure?.detail.contains("/nonexistent/x") == true)
            let short = try exchange(.post, body: .file(file.path, from: 0, count: 10_001)) { _ = try $0.read(20_000) }
            #expect(short?.failure?.detail.contains("shorter") == true)
        }
    }
}
