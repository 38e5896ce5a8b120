import CThreadWatch
import Foundation
import LinuxRuntime
import PeerKit
import RecorderCore
import Testing

@testable import WebTransport

extension ExchangeTests {
    /// Of the whole process, so nothing else is to run in it: see `Tests/run`.
    @Suite(.serialized) struct MeasuredTests {
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
                #expect(outcome?.response?.status == 204)
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
                let request = HTTPRequest(.patch, endpoint, body: .file(path, from: 0, count: Int64(count)))
                let thread = thread_watch_find("uplink")
                try #require(thread > 0)
                thread_watch_begin(thread)
                #expect(asker.ask(request)?.response?.status == 204)
                _ = thread_watch_end()
                #expect(asker.progress.take().map { (1...Int64(count)).contains($0) } == true)
                let held = thread_watch_peak_bytes()
                #expect(held < 1 << 20, "\(held) bytes at most")
            }
        }
    }
}
