import Glibc
import LinuxRuntime
import RecorderCore
import Testing

@testable import RecordingStore

extension StoreTests {
    struct IndexTests {
        private let words = [
            word("Grüße", 1_000), word("!", 2_000, confidence: 1.0 / 3),
            word("مرحبا", 3_000, language: "ar"),
            word("O'Brien; DROP TABLE token", 4_000, speaker: 2), word("and", 5_000, speaker: 2, language: ""),
            word("nul\u{0}byte", 6_000, speaker: 0),
        ]

        @Test func `words are exact after the index was closed and opened again`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path)
            let id = try bench.open(StoreBench.header(1, label: "5A “Физика”"))
            bench.feed(30_000)
            _ = bench.store.send(.words(Array(words.prefix(2)), covered: SampleIndex(3_000)))
            try bench.commit()
            _ = bench.store.send(.words(Array(words.dropFirst(2)), covered: SampleIndex(7_000)))
            let mark = SilenceMark(start: SampleIndex(800), end: SampleIndex(900), reason: .overrun)
            _ = bench.store.send(.silence(mark))
            let gap = Gap(start: SampleIndex(7_000), end: SampleIndex(30_000), reason: "offline")
            let summary = try bench.close(gaps: [gap])
            bench.store.shutdown()
            let index = try RecordingIndex(directory: scratch.path)
            #expect(try index.words(id) == words)
            #expect(try index.silences(id) == [mark])
            #expect(try index.gaps(id) == [gap])
            #expect(try index.recordings() == [summary])
            #expect(summary.header == StoreBench.header(1, label: "5A “Физика”"))
            #expect(summary.words == 6 && summary.speakers == 2 && summary.covered == 7_000)
        }

        @Test func `a speaker who turns out to be another is that one, saved or not`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path)
            let before = try bench.open(StoreBench.header(1))
            _ = bench.store.send(.words([word("other", 1_000, speaker: 3)], covered: .zero))
            _ = try bench.close()
            let id = try bench.open(StoreBench.header(2))
            bench.feed(30_000)
            let saved = [word("one", 1_000, speaker: 1), word("two", 2_000, speaker: 3)]
            _ = bench.store.send(.words(saved, covered: .zero))
            try bench.commit()
            _ = bench.store.send(.words([word("waits", 3_000, speaker: 3)], covered: .zero))
            _ = bench.store.send(.mergeSpeaker(3, into: 1))
            _ = bench.store.send(.words([word("new", 4_000, speaker: 3)], covered: .zero))
            try bench.commit()
            let index = try RecordingIndex(directory: scratch.path)
            #expect(try index.words(id).map(\.speaker) == [1, 1, 1, 3], "the number is given anew")
            let summary = try bench.close()
            #expect(summary.speakers == 2)
            #expect(try index.words(before).map(\.speaker) == [3], "other recordings have their own speakers")
        }

        @Test func `a running recording shows what is committed to a reader`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path)
            let id = try bench.open()
            let index = try RecordingIndex(directory: scratch.path)
            for round in 1...30 {
                bench.feed(28_000)
                let text = word("word\(round)", Int64(round) * 28_000 - 20_000)
                _ = bench.store.send(.words([text], covered: SampleIndex(Int64(round) * 28_000 - 10_000)))
                try bench.commit()
                let summary = try #require(try index.summary(id))
                #expect(summary.state == .recording)
                #expect(summary.samples == (Int64(round) * 28_000 - 1) / 1_600 * 1_600)
                #expect(summary.words == round)
                #expect(summary.covered == Int64(round) * 28_000 - 10_000)
                #expect(try index.recordings() == [summary])
            }
            #expect(bench.failures.isEmpty)
        }

        @Test func `recordings are listed oldest first and do not mix`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path)
            for number: UInt64 in [3, 1, 2] {
                bench.ring.reset()
                let id = try bench.open(StoreBench.header(number))
                bench.feed(Int(number) * 10_000)
                let texts = (0..<number).map { word("\($0)", Int64($0) * 1_000) }
                _ = bench.store.send(.words(texts, covered: .zero))
                _ = try bench.close()
                #expect(try RecordingIndex(directory: scratch.path).words(id) == texts)
            }
            let list = try RecordingIndex(directory: scratch.path).recordings()
            #expect(list.map(\.samples) == [10_000, 20_000, 30_000])
            #expect(list.map(\.words) == [1, 2, 3])
        }

        @Test func `a state directory that was never used is a clear error`() throws {
            let scratch = Scratch()
            #expect(throws: StoreError.noIndex(file: scratch.path + "/index.sqlite")) {
                _ = try RecordingIndex(directory: scratch.path)
            }
        }

        @Test func `directories are closed to others`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path + "/deep/state")
            let id = try bench.open()
            for path in ["/deep/state", "/deep/state/recordings", "/deep/state/recordings/\(id.text)"] {
                var status = stat()
                #expect(stat(scratch.path + path, &status) == 0)
                #expect(status.st_mode & 0o027 == 0)
            }
        }

        @Test func `a damaged index is refused and named to a reader`() throws {
            let scratch = Scratch()
            try StoreBench(scratch.path).store.shutdown()
            run("rm -f '\(scratch.path)'/index.sqlite-*")
            try FileSystem.writeFile(scratch.path + "/index.sqlite", [UInt8](repeating: 0x5A, count: 9_000))
            let error = refusal(scratch.path)
            guard case .damagedIndex(let file, _)? = error else {
                Issue.record("unexpected \(String(describing: error))")
                return
            }
            #expect(file == scratch.path + "/index.sqlite")
        }

        @Test func `an index of a newer version is refused to a reader, and left alone`() throws {
            let scratch = Scratch()
            let file = scratch.path + "/index.sqlite"
            try StoreBench(scratch.path).store.shutdown()
            run("sqlite3 '\(file)' 'PRAGMA user_version = 9'")
            #expect(
                refusal(scratch.path) == .newerIndex(file: file, version: 9, known: IndexSchema.migrations.count))
            #expect(run("sqlite3 '\(file)' 'PRAGMA user_version' | grep -qx 9"))
        }

        @Test func `another program's database is refused to a reader`() throws {
            let scratch = Scratch()
            let file = scratch.path + "/index.sqlite"
            run("sqlite3 '\(file)' 'CREATE TABLE theirs (x)'")
            #expect(refusal(scratch.path) == .foreignIndex(file: file))
        }

        @Test func `the index is whole and its tables are what they claim`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path)
            _ = try bench.open()
            bench.feed(10_000)
            _ = bench.store.send(.words(words, covered: .zero))
            _ = try bench.close()
            let file = scratch.path + "/index.sqlite"
            #expect(run("sqlite3 '\(file)' 'PRAGMA integrity_check' | grep -qx ok"))
            #expect(run("! sqlite3 '\(file)' 'PRAGMA foreign_key_check' | grep -q ."))
            let loose = "SELECT 1 FROM pragma_table_list WHERE name NOT LIKE \"sqlite%\" AND NOT strict"
            #expect(run("! sqlite3 '\(file)' '\(loose)' | grep -q ."))
            #expect(run("sqlite3 '\(file)' 'PRAGMA journal_mode' | grep -qx wal"))
        }

        private func refusal(_ directory: String) -> StoreError? {
            do throws(StoreError) {
                _ = try RecordingIndex(directory: directory)
                return nil
            } catch {
                return error
            }
        }
    }
}
