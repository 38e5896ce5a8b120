import Glibc
import LinuxRuntime
import RecorderCore
import Testing

@testable import RecordingStore

extension StoreTests {
    struct DeletionTests {
        private static let whatever = RetentionPolicy(keepDays: 0, reserveBytes: 1 << 60)

        /// Four saved recordings of which the second and the third are uploaded.
        private func past(_ path: String) throws -> [RecordingID] {
            let bench = try StoreBench(path, segmentSamples: 32_000)
            var ids: [RecordingID] = []
            for number: UInt64 in 1...4 {
                bench.ring.reset()
                ids.append(try bench.open(StoreBench.header(number)))
                bench.feed(40_000)
                let mark = SilenceMark(start: SampleIndex(100), end: SampleIndex(200), reason: .overrun)
                _ = bench.store.send(.silence(mark))
                _ = bench.store.send(.words([word("word", 9)], covered: SampleIndex(5_000)))
                _ = try bench.close(gaps: [Gap(start: SampleIndex(5_000), end: SampleIndex(40_000), reason: "off")])
            }
            bench.store.shutdown()
            run("sqlite3 '\(path)/index.sqlite' 'UPDATE recording SET state = 4 WHERE number IN (2, 3)'")
            return ids
        }

        private func expectOnly(_ ids: [RecordingID], _ path: String) throws {
            #expect(try RecordingIndex(directory: path).recordings().map(\.header.id) == ids)
            #expect(try FileSystem.list(path + "/recordings") == ids.map(\.text))
            let verification = try Verification(directory: path)
            for id in ids { #expect(try verification.check(id) { _, _ in }.problems.isEmpty) }
            #expect(try verification.indexProblems().isEmpty)
            for (table, column) in [("token", "place >> 24"), ("silence", "recording"), ("gap", "recording")] {
                let count = "SELECT count(DISTINCT \(column)) FROM \(table)"
                #expect(run("sqlite3 '\(path)/index.sqlite' '\(count)' | grep -qx \(ids.count)"))
            }
        }

        @Test func `uploaded recordings go when there is too little room, the others stay`() throws {
            let scratch = Scratch()
            let ids = try past(scratch.path)
            let bench = try StoreBench(scratch.path, segmentSamples: 32_000, retention: Self.whatever)
            for id in [ids[1], ids[2]] {
                let event = try bench.wait { if case .deleted = $0 { true } else { false } }
                guard case .deleted(let removal) = event else { return }
                #expect(removal.id == id && removal.reason == .space && removal.bytes > 10_000)
            }
            bench.store.shutdown()
            try expectOnly([ids[0], ids[3]], scratch.path)
        }

        @Test func `no more goes than is needed`() throws {
            let disk = try TinyDisk(kilobytes: 4_096)
            let ids = try past(disk.path)
            let free = try FileSystem.freeBytes(at: disk.path)
            let policy = RetentionPolicy(keepDays: 0, reserveBytes: free + 10_000)
            let bench = try StoreBench(disk.path, segmentSamples: 32_000, retention: policy)
            try bench.wait { if case .deleted = $0 { true } else { false } }
            bench.store.freeSpace()
            bench.store.shutdown()
            #expect(try FileSystem.freeBytes(at: disk.path) >= free)
            try expectOnly([ids[0], ids[2], ids[3]], disk.path)
        }

        @Test func `room is made after a lesson, and when it is asked for`() throws {
            let scratch = Scratch()
            let ids = try past(scratch.path)
            run("sqlite3 '\(scratch.path)/index.sqlite' 'UPDATE recording SET state = 2'")
            let bench = try StoreBench(scratch.path, segmentSamples: 32_000, retention: Self.whatever)
            _ = try bench.open(StoreBench.header(5))
            bench.feed(40_000)
            run("sqlite3 '\(scratch.path)/index.sqlite' 'UPDATE recording SET state = 4 WHERE number = 1'")
            _ = try bench.close()
            try bench.wait { if case .deleted(let removal) = $0 { removal.id == ids[0] } else { false } }
            run("sqlite3 '\(scratch.path)/index.sqlite' 'UPDATE recording SET state = 4 WHERE number = 4'")
            bench.store.freeSpace()
            #expect(try RecordingIndex(directory: scratch.path).summary(ids[3]) == nil)
            #expect(try RecordingIndex(directory: scratch.path).recordings().count == 3)
        }

        /// Every state in which a power cut can leave a removal.
        @Test(arguments: 0..<4)
        func `a removal that a power cut interrupted is finished at the next start`(cut: Int) throws {
            let scratch = Scratch()
            let ids = try past(scratch.path)
            let directory = scratch.path + "/recordings/" + ids[1].text
            #expect(rename(directory, directory + ".removed") == 0)
            if cut > 0 { run("rm '\(directory).removed/audio-0000.flac'") }
            if cut > 1 { run("rm '\(directory).removed/'*") }
            if cut > 2 {
                run(
                    """
                    sqlite3 '\(scratch.path)/index.sqlite' 'DELETE FROM token WHERE place >> 24 = 2;
                    DELETE FROM silence WHERE recording = 2; DELETE FROM gap WHERE recording = 2;
                    DELETE FROM recording WHERE number = 2'
                    """)
            }
            let bench = try StoreBench(scratch.path, segmentSamples: 32_000)
            bench.store.freeSpace()
            #expect(bench.store.recovered.isEmpty)
            bench.store.shutdown()
            try expectOnly([ids[0], ids[2], ids[3]], scratch.path)
        }

        @Test(.enabled(if: TinyDisk.isPermitted, "needs the right to mount a tmpfs"))
        func `a disk that fills up in a lesson takes what is uploaded, not the lesson`() throws {
            let disk = try TinyDisk(kilobytes: 2_048)
            let ids = try past(disk.path)
            let policy = RetentionPolicy(keepDays: 0, reserveBytes: 4_096)
            let bench = try StoreBench(disk.path, segmentSamples: 32_000, retention: policy)
            let id = try bench.open(StoreBench.header(5))
            run("cat /dev/zero > '\(disk.path)/ballast' 2> /dev/null")
            bench.feed(28_000)
            _ = bench.store.send(.commit)
            try bench.wait { if case .deleted(let removal) = $0 { removal.id == ids[1] } else { false } }
            try bench.wait { $0 == .recovered }
            #expect(unlink(disk.path + "/ballast") == 0)
            #expect(try bench.close().samples == 28_000)
            #expect(try readBack(id, disk.path) == (28_000, true))
        }
    }
}
