import Glibc
import LinuxRuntime
import RecorderCore
import Testing

@testable import RecordingStore

extension StoreTests {
    /// Whoever reads the index, or writes to it, beside the store: it waits for nobody.
    struct ReaderTests {
        /// Keeps the index as it is now in sight.
        private func reader(_ directory: String) throws -> Database {
            let reader = try Database(path: directory + "/index.sqlite", .read)
            try reader.execute("BEGIN; SELECT count(*) FROM token", doing: "read")
            return reader
        }

        private func milliseconds(_ body: () throws -> Void) rethrows -> Int64 {
            let start = Clock.now
            try body()
            return Clock.now.milliseconds(since: start)
        }

        @Test func `STOP, START and a deletion do not wait for a reader`() throws {
            let scratch = Scratch()
            let keep = RetentionPolicy(keepDays: 0, reserveBytes: .max)
            let bench = try StoreBench(scratch.path, retention: keep, postLesson: StoreBench.both)
            try bench.lesson(1, samples: 40_000, [word("one", 1_000)])
            let package = try #require(try bench.nextPackage().package)
            bench.ring.reset()
            _ = try bench.open(StoreBench.header(2))
            bench.feed(40_000)
            _ = bench.store.send(.words([word("two", 1_000)], covered: .zero))
            try bench.commit()
            let reader = try reader(scratch.path)
            let stop = try milliseconds { _ = try bench.close() }
            // Old WALs' frames are behind the reader's.
            try bench.upload(package)
            let deletion = try milliseconds {
                _ = bench.store.send(.freeSpace)
                try bench.wait { if case .deleted = $0 { true } else { false } }
            }
            bench.ring.reset()
            let start = try milliseconds { _ = try bench.open(StoreBench.header(3)) }
            #expect(stop < 1_000 && deletion < 1_000 && start < 1_000, "\(stop), \(deletion), \(start) ms")
            #expect(bench.failures.isEmpty)
            try reader.execute("ROLLBACK", doing: "read")
            bench.feed(20_000)
            #expect(try bench.close().samples == 20_000)
        }

        @Test func `a log that a reader pins is told once, and is emptied when the reader has ended`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path)
            _ = try bench.open()
            bench.feed(20_000)
            try bench.commit()
            let reader = try reader(scratch.path)
            let log = scratch.path + "/index.sqlite-wal"
            var told = 0
            for round in 0..<40 {
                let words = (0..<800).map { word("a word of no meaning \($0)", Int64(round) * 400) }
                _ = bench.store.send(.words(words, covered: .zero))
                _ = bench.store.send(.commit)
                try bench.wait { if case .committed = $0 { true } else { false } }
                told = bench.events.filter { $0 == .reached(.indexLog, count: 1) }.count
            }
            #expect(try fileBytes(log) > Limits.indexLogBytes && told == 1)
            try reader.execute("ROLLBACK", doing: "read")
            _ = try bench.close()
            #expect(try fileBytes(log) <= Limits.indexLogBytes)
        }

        @Test func `a program that holds the index for writing costs nothing but time`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path)
            let id = try bench.open()
            let other = try Database(path: scratch.path + "/index.sqlite", .write)
            try other.execute("BEGIN IMMEDIATE", doing: "hold it")
            bench.feed(40_000)
            _ = bench.store.send(.words([word("word", 1_000)], covered: .zero))
            let time = try milliseconds {
                _ = bench.store.send(.commit)
                try bench.wait { if case .failed = $0 { true } else { false } }
            }
            #expect(time < 1_000, "\(time) ms")
            try other.execute("ROLLBACK", doing: "let go")
            _ = bench.store.send(.commit)
            try bench.wait { $0 == .recovered }
            #expect(try bench.close().words == 1)
            #expect(try readBack(id, scratch.path) == (40_000, true))
        }

        @Test func `many gaps in a long lesson keep no watchdog waiting`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path, postLesson: PostLessonPolicy(transcribes: true))
            let day = 24 * 3_600 * SampleIndex.samplesPerSecond
            let id = try bench.lesson(1, samples: 20_000, [word("one", 1_000)])
            let rows = "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 400000)"
            let file = scratch.path + "/index.sqlite"
            bench.store.shutdown()
            #expect(
                run(
                    """
                    sqlite3 '\(file)' "\(rows) INSERT INTO token SELECT (1 << 24) + 1 + i, ' word', i * 3200, \
                    i * 3200 + 1600, 0.9, 1, 'en', 1, 0 FROM n; \
                    UPDATE recording SET samples = \(day), settled = 0, tokens = 400002, words = 400002; \
                    \(rows) INSERT INTO gap \
                    SELECT 1, i * 6400000 + 1000, i * 6400000 + 1100, 'offline' FROM n LIMIT 200"
                    """))
            let again = try StoreBench(scratch.path, postLesson: PostLessonPolicy(transcribes: true))
            _ = again.store.send(.postLesson(.nextText))
            var longest: Int64 = 0
            var last = Clock.now
            let deadline = Clock.now.adding(milliseconds: 120_000)
            while !again.takeNew().contains(where: { if case .postLesson(.text) = $0 { true } else { false } }) {
                guard Clock.now < deadline else { return #expect(Bool(false), "no text of \(id)") }
                if again.store.heartbeat.isCurrent {
                    longest = max(longest, Clock.now.milliseconds(since: last))
                    last = Clock.now
                    again.store.requestHeartbeat()
                }
                _ = Poll.readable(again.notifier.fileDescriptor, until: Clock.now.adding(milliseconds: 5))
                again.notifier.drain()
            }
            #expect(longest < 1_000, "\(longest) ms without a sign of life")
        }
    }
}
