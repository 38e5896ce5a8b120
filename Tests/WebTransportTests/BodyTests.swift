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
            #expect(outcome?.answer?.status == 200)
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
            #expect(outcome?.answer?.uploadOffset == "2000000")
            #expect(seen.take() == file.bytes)
        }

        @Test func `a refusal before the body's end is seen`() throws {
            let file = try TestFile(8_000_000)
            let outcome = try exchange(.patch, body: .file(file.path, from: 0, count: 8_000_000)) {
                _ = try $0.readHead()
                try $0.answer("413 Too Large", "too large")
                _ = try $0.read(8_000_000)
            }
            #expect(outcome?.answer?.status == 413 && outcome?.answer?.body == Array("too large".utf8))
        }

        @Test func `a refusal is seen though the connection is closed upon it`() throws {
            let file = try TestFile(8_000_000)
            for round in 0..<10 {
                let outcome = try exchange(.patch, body: .file(file.path, from: 0, count: 8_000_000)) {
                    _ = try $0.readHead()
                    _ = try $0.read(round * 30_000)
                    try $0.answer("413 Too Large", "too large")
                }
                #expect(outcome?.answer?.status == 413, "\(String(describing: outcome))")
            }
        }

        @Test func `a reset in the middle is one`() throws {
            let file = try TestFile(8_000_000)
            let outcome = try exchange(.patch, body: .file(file.path, from: 0, count: 8_000_000)) {
                _ = try $0.read(100_000)
                $0.reset()
            }
            #expect(outcome?.failure?.kind == .reset, "\(String(describing: outcome))")
        }

        @Test func `a close without an answer is one`() throws {
            let outcome = try exchange(.patch, body: .bytes([1, 2, 3])) { _ = try $0.readRequest() }
            #expect(outcome?.failure?.kind == .closedEarly, "\(String(describing: outcome))")
        }

        @Test func `a file that is missing or shorter than it should be is named or told`() throws {
            let file = try TestFile(10_000)
            let nowhere = HTTPBody.file("/nonexistent/x", from: 0, count: 1)
            let missing = try exchange(.post, body: nowhere) { _ = try $0.readHead() }
            #expect(missing?.failure?.detail.contains("/nonexistent/x") == true)
            let short = try exchange(.post, body: .file(file.path, from: 0, count: 10_001)) { _ = try $0.read(20_000) }
            #expect(short?.failure?.detail.contains("shorter") == true)
        }

        @Test func `a pace is kept within a tenth`() throws {
            let file = try TestFile(500_000)
            // The machine's other work may hold it up, but not each time.
            var took = Int64.max
            for _ in 0..<4 where took > 2_200 {
                let start = Clock.now
                let outcome = try exchange(
                    .patch, body: .file(file.path, from: 0, count: 500_000), kilobitsPerSecond: 2_000
                ) {
                    _ = try $0.readHead()
                    _ = try $0.read(500_000)
                    try $0.answer("204 No Content")
                }
                #expect(outcome?.answer?.status == 204)
                took = min(took, Clock.now.milliseconds(since: start))
            }
            #expect((1_800...2_200).contains(took), "\(took) ms instead of 2000")
        }

        @Test func `a large file is streamed through little memory, and its progress is told`() throws {
            let path = NSTemporaryDirectory() + "chalkbox-large-" + UUID().uuidString
            defer { try? FileManager.default.removeItem(atPath: path) }
            let count = 100 << 20
            try Data().write(to: URL(filePath: path))
            #expect(truncate(path, count) == 0)
            let peer = try FakePeer { connection, _ in
                _ = try connection.readHead()
                var left = count
                while left > 0 {
                    _ = try connection.read(min(left, 1 << 16))
                    left -= min(left, 1 << 16)
                }
                try connection.answer("204 No Content")
            }
            try withExtendedLifetime(peer) {
                let asker = try Asker()
                let endpoint = try Endpoint(
                    "http://127.0.0.1:\(peer.port)/", name: "test", secure: "https", plain: "http")
                // Once for what is allocated once.
                let small = HTTPRequest(.patch, endpoint, body: .file(path, from: 0, count: Int64(count)))
                #expect(asker.ask(small)?.answer?.status == 204)
                // Other suites of the process take memory as well meanwhile, but not each time.
                var growth = Int.max
                for _ in 0..<4 where growth >= 1 << 20 {
                    let before = try residentBytes()
                    #expect(asker.ask(small)?.answer?.status == 204)
                    growth = min(growth, try residentBytes() - before)
                }
                #expect(asker.progress.take().map { (1...Int64(count)).contains($0) } == true)
                #expect(growth < 1 << 20, "\(growth) bytes more")
            }
        }

        private func residentBytes() throws -> Int {
            let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
            return (Int(fields[1]) ?? 0) * 4_096
        }
    }
}
