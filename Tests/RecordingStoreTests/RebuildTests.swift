import Glibc
import LinuxRuntime
import RecorderCore
import Testing

@testable import RecordingStore

extension StoreTests {
    struct RebuildTests {
        /// Two saved recordings of `count` words each, whose words and gap are known.
        private struct Past {
            let scratch = Scratch()
            var path: String { scratch.path }
            var index: String { path + "/index.sqlite" }
            var ids: [RecordingID] = []
            var words: [[Word]] = []
            static let lengths: [Int64] = [70_000, 41_000]
            static let gap = Gap(start: SampleIndex(35_000), end: SampleIndex(36_000), reason: "offline")

            init(words count: Int = 20) throws {
                let bench = try StoreBench(path, segmentSamples: 32_000)
                for (number, length) in Self.lengths.enumerated() {
                    bench.ring.reset()
                    ids.append(try bench.open(StoreBench.header(UInt64(number + 1), label: "class \(number)")))
                    bench.feed(Int(length))
                    words.append((0..<count).map { word("word\($0)", Int64($0) * 30_000 / Int64(count)) })
                    var left = words[number][...]
                    while !left.isEmpty {
                        let covered = SampleIndex(left.prefix(10).last!.end.value)
                        _ = bench.store.send(.words(Array(left.prefix(10)), covered: covered))
                        left = left.dropFirst(10)
                        try bench.commit()
                    }
                    _ = try bench.close(gaps: [Self.gap])
                }
                bench.store.shutdown()
            }

            func damage(at offset: Int64, count: Int, with byte: UInt8 = 0xA5) throws {
                try File(index, .write).write([UInt8](repeating: byte, count: count), at: offset)
            }

            func kept() throws -> [String] {
                IndexFile.damaged(try FileSystem.list(path))
            }

            /// What a daemon makes of it: every recording is there with its samples, and what words there are, are in
            /// order and were said.
            func restart() throws -> StoreThread {
                let bench = try StoreBench(path, segmentSamples: 32_000)
                let index = try RecordingIndex(directory: path)
                let list = try index.recordings()
                #expect(list.map(\.header.id) == ids)
                #expect(list.map(\.header.label) == ["class 0", "class 1"])
                #expect(list.map(\.samples) == Self.lengths)
                #expect(bench.store.recoveryFailure == nil)
                for (number, id) in ids.enumerated() {
                    #expect(try readBack(id, path) == (Self.lengths[number], true))
                    var expected = words[number][...]
                    for word in try index.words(id) {
                        guard let place = expected.firstIndex(of: word) else {
                            // What is still a valid row, SQLite cannot tell from a true one.
                            guard bench.store.rebuilt != nil else { break }
                            Issue.record("never said: \(word), kept: \(bench.store.rebuilt?.kept ?? "-")")
                            break
                        }
                        expected = expected[(place + 1)...]
                    }
                    if bench.store.rebuilt != nil, list[number].words < words[number].count {
                        let gaps = try index.gaps(id)
                        let last = try #require(gaps.last, "\(list[number])")
                        #expect(last.reason == "index lost" && last.end.value == Self.lengths[number])
                    }
                }
                #expect(run("sqlite3 '\(self.index)' 'PRAGMA integrity_check' | grep -qx ok"))
                // And the box records on.
                bench.ring.reset()
                _ = try bench.open(StoreBench.header(9))
                bench.feed(20_000)
                #expect(try bench.close().samples == 20_000)
                return bench.store
            }
        }

        @Test func `a missing index is made anew from the files`() throws {
            let past = try Past()
            #expect(run("rm '\(past.path)'/index.sqlite*"))
            let store = try past.restart()
            let rebuilt = try #require(store.rebuilt)
            #expect(rebuilt.kept == nil && rebuilt.recordings == 2 && rebuilt.words == 0)
            #expect(rebuilt.unmarked == 2, "what was silence is not known")
            #expect(store.recovered.map(\.truncatedBytes) == [0, 0])
            #expect(store.recovered.allSatisfy { !$0.summary.interrupted && $0.summary.state == .saved })
            let gaps = try RecordingIndex(directory: past.path).gaps(past.ids[0])
            #expect(gaps == [Gap(start: .zero, end: SampleIndex(70_000), reason: "index lost")])
            store.shutdown()
            #expect(try StoreBench(past.path).store.rebuilt == nil)
        }

        @Test func `an index of rubbish is kept under another name, byte by byte`() throws {
            let past = try Past()
            let rubbish = [UInt8](repeating: 0x5A, count: 9_000)
            try FileSystem.writeFile(past.index, rubbish)
            let store = try past.restart()
            let name = try #require(store.rebuilt?.kept)
            #expect(try past.kept() == [name])
            #expect(try FileSystem.readFile(past.path + "/" + name, limitBytes: 1 << 20) == rubbish)
        }

        @Test func `an empty index is not taken for a new one`() throws {
            let past = try Past()
            try File(past.index, .write).truncate(to: 0)
            #expect(try past.restart().rebuilt?.recordings == 2)
        }

        @Test func `a damaged header costs no word`() throws {
            let past = try Past()
            // The application's identity (sqlite.org/fileformat.html, 1.3): it looks like another program's.
            try past.damage(at: 68, count: 4)
            let store = try past.restart()
            #expect(store.rebuilt?.words == 40 && store.rebuilt?.unmarked == 0)
            let index = try RecordingIndex(directory: past.path)
            for (number, id) in past.ids.enumerated() {
                #expect(try index.words(id) == past.words[number])
                #expect(try index.gaps(id) == [Past.gap])
            }
            #expect(store.recovered.allSatisfy { !$0.summary.interrupted && $0.summary.covered > 28_000 })
        }

        @Test func `words before a damaged page are saved and the rest is a gap`() throws {
            let past = try Past(words: 600)
            let pages = try fileBytes(past.index) / 1_024
            // The second recording's words fill the end of the file.
            try past.damage(at: (pages - 8) * 1_024, count: 1_024)
            let store = try past.restart()
            let words = try #require(store.rebuilt?.words)
            #expect(words > 600 && words < 1_200)
            let index = try RecordingIndex(directory: past.path)
            #expect(try index.words(past.ids[0]) == past.words[0])
            let rest = try index.words(past.ids[1])
            #expect(rest == Array(past.words[1].prefix(rest.count)) && !rest.isEmpty)
            let gap = try #require(try index.gaps(past.ids[1]).first)
            #expect(gap.reason == "index lost" && gap.start.value > 0 && gap.start <= rest.last!.end)
        }

        @Test func `damage anywhere in the index loses no audio and the store starts`() throws {
            let past = try Past(words: 300)
            let whole = try FileSystem.readFile(past.index, limitBytes: 1 << 20)
            var rebuilt = 0
            var words: [Int] = []
            for offset in stride(from: 0, to: whole.count, by: whole.count / 40) {
                for byte: UInt8 in [0x00, 0xFF] {
                    run("rm -rf '\(past.path)'/index.sqlite* '\(past.path)/recordings/\(StoreBench.header(9).id)'")
                    try FileSystem.writeFile(past.index, whole)
                    try past.damage(at: Int64(offset), count: 700, with: byte)
                    let store = try past.restart()
                    rebuilt += store.rebuilt == nil ? 0 : 1
                    words.append(store.rebuilt?.words ?? 600)
                }
            }
            let mean = words.reduce(0, +) / words.count
            print("store: \(rebuilt) of \(words.count) damages were rebuilt, with \(mean) of 600 words on average")
            #expect(rebuilt > words.count / 2 && mean > 200)
        }

        @Test func `a log that a power cut left without its index goes where that went`() throws {
            let past = try Past()
            try FileSystem.rename(past.index, to: past.path + "/index.sqlite.damaged-20261124T080000.000Z")
            let log = [UInt8](repeating: 1, count: 100)
            try FileSystem.writeFile(past.index + "-wal", log)
            let store = try past.restart()
            #expect(store.rebuilt?.words == 40)
            let kept = past.path + "/index.sqlite.damaged-20261124T080000.000Z-wal"
            #expect(try FileSystem.readFile(kept, limitBytes: 1_000) == log)
        }

        @Test func `the first and the newest damaged indexes are kept, not more`() throws {
            let past = try Past()
            var all: [String] = []
            for _ in 0..<7 {
                try past.damage(at: 0, count: 100)
                all.append(try #require(try StoreBench(past.path).store.rebuilt?.kept))
            }
            #expect(try past.kept() == [all[0]] + all.suffix(Limits.damagedIndexes - 1))
            _ = try past.restart()
        }

        @Test func `a log whose index is gone is kept and goes with the others, but not an empty one`() throws {
            let past = try Past()
            func aside() throws -> [String] {
                try FileSystem.list(past.path).filter { $0.hasPrefix("index.sqlite.damaged-") }
            }
            #expect(run("rm '\(past.index)'; : >'\(past.index)-wal'; echo 1 >'\(past.index)-shm'"))
            try StoreBench(past.path, segmentSamples: 32_000).store.shutdown()
            #expect(try aside() == [])
            let log = [UInt8](repeating: 1, count: 100)
            #expect(run("rm '\(past.index)'"))
            try FileSystem.writeFile(past.index + "-wal", log)
            try StoreBench(past.path, segmentSamples: 32_000).store.shutdown()
            let kept = try #require(try aside().first { $0.hasSuffix("-wal") })
            #expect(try FileSystem.readFile(past.path + "/" + kept, limitBytes: 1_000) == log)
            for _ in 0..<8 {
                try past.damage(at: 0, count: 100)
                try StoreBench(past.path, segmentSamples: 32_000).store.shutdown()
            }
            let names = try aside()
            for name in names where name.hasSuffix("-wal") || name.hasSuffix("-shm") {
                #expect(name.hasPrefix(kept.dropLast(4)) || names.contains(String(name.dropLast(4))), "\(names)")
            }
            #expect(try past.kept().count == Limits.damagedIndexes)
            _ = try past.restart()
        }

        @Test func `audio that the index never took is entered at the next start`() throws {
            let past = try Past()
            run("sqlite3 '\(past.index)' 'DELETE FROM recording WHERE number = 2'")
            run("truncate -s -40 '\(segmentPath(past.path, past.ids[1], 1))'")
            let bench = try StoreBench(past.path, segmentSamples: 32_000)
            #expect(bench.store.rebuilt == nil)
            #expect(bench.store.recovered.map(\.summary.header.id) == [past.ids[1]])
        }

        @Test func `what a power cut tore is told once, in bytes and in time`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path + "/running")
            let id = try bench.open()
            bench.feed(60_000)
            try bench.commit()
            #expect(run("cp -r '\(scratch.path)/running' '\(scratch.path)/cut'"))
            let path = segmentPath(scratch.path + "/cut", id, 0)
            let bytes = try fileBytes(path)
            try File(path, .write).truncate(to: bytes - 500)
            let recovered = try #require(try StoreBench(scratch.path + "/cut").store.recovered.first)
            #expect(recovered.summary.samples == 57_600)
            #expect(recovered.truncatedBytes == bytes - 500 - (try fileBytes(path)) && recovered.truncatedBytes > 500)
            // Less than the frame that it was.
            #expect(recovered.lostSamples > 400 && recovered.lostSamples < 1_600)
            #expect(try StoreBench(scratch.path + "/cut").store.recovered.isEmpty)
        }
    }
}
