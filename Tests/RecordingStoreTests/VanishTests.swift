import Glibc
import LinuxRuntime
import RecorderCore
import Testing

@testable import RecordingStore

extension StoreTests {
    /// Files that are deleted or moved in mid-lesson, and ends that cannot be.
    struct VanishTests {
        private let scratch = Scratch()
        private var directory: String { scratch.path + "/state" }

        private func isVanished(_ event: StoreEvent) -> Bool {
            if case .failed(let reason) = event { reason.contains("was deleted or moved") } else { false }
        }

        private func begin(_ bench: StoreBench) throws -> RecordingID {
            let id = try bench.open()
            bench.feed(100_000)
            _ = bench.store.send(.words([word("kept", 1_000)], covered: SampleIndex(2_000)))
            try bench.commit()
            return id
        }

        private func goOn(_ bench: StoreBench) throws -> RecordingSummary {
            bench.feed(60_000)
            _ = bench.store.send(.words([word("more", 101_000)], covered: SampleIndex(110_000)))
            _ = bench.store.send(.commit)
            try bench.wait(isVanished)
            _ = bench.store.send(.commit)
            try bench.wait { $0 == .recovered }
            bench.feed(40_000)
            return try bench.close()
        }

        @Test(arguments: ["rm -r DIR/recordings/ID", "rm DIR/recordings/ID/*.flac", "mv DIR/recordings/ID DIR/x"])
        func `audio that is taken away is told, and goes on with what is still in memory`(command: String) throws {
            let bench = try StoreBench(directory)
            let id = try begin(bench)
            #expect(run(command.replacing("DIR", with: directory).replacing("ID", with: id.text)))
            let summary = try goOn(bench)
            #expect(summary.samples == 200_000 && summary.silenceSamples == 0, "all of it was in the ring")
            #expect(try readBack(id, directory) == (200_000, true), "\(command)")
            #expect(try RecordingIndex(directory: directory).words(id).map(\.text) == ["kept", "more"])
        }

        @Test func `what is in no file and no memory any more is silence, and counted`() throws {
            let bench = try StoreBench(directory, segmentSamples: 64_000, ringSamples: 1 << 16)
            let id = try bench.open()
            for _ in 0..<6 {
                bench.feed(30_000)
                try bench.commit()
            }
            #expect(run("rm -r '\(directory)/recordings/\(id.text)'"))
            bench.feed(10_000)
            _ = bench.store.send(.commit)
            try bench.wait(isVanished)
            _ = bench.store.send(.commit)
            try bench.wait { $0 == .recovered }
            let summary = try bench.close()
            let lost = 190_000 - Int64(1 << 16) + 16_000
            #expect(summary.samples == 190_000 && summary.silenceSamples == lost, "\(summary)")
            #expect(try readBack(id, directory, silent: 0..<lost) == (190_000, true))
            let marks = try RecordingIndex(directory: directory).silences(id)
            #expect(marks == [SilenceMark(start: .zero, end: SampleIndex(lost), reason: .fileLost)])
        }

        @Test func `a state directory that is taken away is made anew, with every word`() throws {
            let bench = try StoreBench(directory)
            let old = try bench.lesson(1, samples: 20_000, [word("old", 1_000)])
            bench.ring.reset()
            let id = try bench.open(StoreBench.header(2))
            bench.feed(100_000)
            _ = bench.store.send(.words([word("kept", 1_000)], covered: SampleIndex(2_000)))
            try bench.commit()
            #expect(run("rm -r '\(directory)'"))
            let summary = try goOn(bench)
            #expect(summary.samples == 200_000 && summary.words == 2)
            #expect(try readBack(id, directory) == (200_000, true))
            let index = try RecordingIndex(directory: directory)
            #expect(try index.words(id).map(\.text) == ["kept", "more"])
            #expect(try index.words(old).map(\.text) == ["old"], "its audio is gone, its words are not")
            // Nobody else takes the new directory.
            #expect(throws: StoreError.self) { _ = try StoreBench(directory) }
            bench.store.shutdown()
            let next = try StoreBench(directory)
            #expect(next.store.rebuilt == nil && next.store.recoveryFailure == nil)
            #expect(next.store.withoutAudio == [old])
            #expect(try RecordingIndex(directory: directory).recordings().map(\.header.id) == [old, id])
        }

        @Test func `what is being removed, or never had a sample, does not miss its audio`() throws {
            let bench = try StoreBench(directory)
            let ids = try (1...3).map { number in
                bench.ring.reset()
                return try bench.lesson(UInt64(number), samples: number == 3 ? 0 : 20_000, [])
            }
            bench.store.shutdown()
            let recordings = directory + "/recordings"
            #expect(run("cd '\(recordings)' && mv \(ids[0].text) \(ids[0].text).removed && rm -r \(ids[2].text)"))
            #expect(try RecordingIndex(directory: directory).withoutAudio() == [])
            #expect(run("rm -r '\(recordings)/\(ids[1].text)'"))
            #expect(try RecordingIndex(directory: directory).withoutAudio() == [ids[1]])
        }

        @Test(arguments: ["rm FILE*", "rm FILE", "mv FILE FILE.away", "cp FILE FILE.copy; mv FILE.copy FILE"])
        func `an index that is taken away is made anew at once`(command: String) throws {
            let bench = try StoreBench(directory)
            let id = try begin(bench)
            #expect(run(command.replacing("FILE", with: directory + "/index.sqlite")))
            let summary = try goOn(bench)
            #expect(summary.samples == 200_000 && summary.words == 2)
            bench.store.shutdown()
            #expect(run("sqlite3 '\(directory)/index.sqlite' 'PRAGMA integrity_check' | grep -qx ok"))
            let names = try FileSystem.list(directory)
            for name in names where name.hasPrefix("index.sqlite.damaged-") && name.hasSuffix("-wal") {
                #expect(names.contains(String(name.dropLast(4))), "a log without its index: \(names)")
            }
            let next = try StoreBench(directory)
            #expect(next.store.rebuilt == nil)
            #expect(try RecordingIndex(directory: directory).words(id).map(\.text) == ["kept", "more"])
        }

        @Test(.enabled(if: TinyDisk.isPermitted, "needs the right to mount a tmpfs"))
        func `a lesson that a full disk does not let end says how much of it is saved`() throws {
            let disk = try TinyDisk(kilobytes: 512)
            let bench = try StoreBench(disk.path)
            let id = try bench.open()
            bench.feed(50_000)
            try bench.commit()
            #expect(run("head -c 500000 /dev/zero > '\(disk.path)/ballast' 2>/dev/null; true"))
            bench.feed(150_000)
            _ = bench.store.send(.close(end: bench.ring.head, gaps: [], interrupted: false))
            let event = try bench.wait { if case .closeFailed = $0 { true } else { false } }
            guard case .closeFailed(let failure) = event else { return }
            #expect(failure.id == id && failure.wanted.value == 200_000 && failure.reason.contains("No space left"))
            #expect(failure.saved.value >= 49_000 && failure.saved.value < 200_000)
            #expect(try readBack(id, disk.path).count >= failure.saved.value, "that much is there")
            #expect(unlink(disk.path + "/ballast") == 0)
            _ = bench.store.send(.commit)
            #expect(try bench.closed().samples == 200_000)
        }

        @Test func `an index that refuses does not let a lesson end, and says so`() throws {
            let bench = try StoreBench(directory)
            let id = try begin(bench)
            let other = try Database(path: directory + "/index.sqlite", .write)
            try other.execute("BEGIN IMMEDIATE", doing: "hold it")
            _ = bench.store.send(.close(end: bench.ring.head, gaps: [], interrupted: false))
            let event = try bench.wait { if case .closeFailed = $0 { true } else { false } }
            guard case .closeFailed(let failure) = event else { return }
            #expect(failure.id == id && failure.saved == failure.wanted && failure.wanted.value == 100_000)
            #expect(failure.reason.contains("index.sqlite"))
            try other.execute("ROLLBACK", doing: "let go")
            _ = bench.store.send(.commit)
            #expect(try bench.closed().samples == 100_000)
        }

        @Test func `one recorder has the directory, and another one says who`() throws {
            let bench = try StoreBench(directory)
            #expect(throws: StoreError.inUse(directory: directory, process: Int(getpid()))) {
                _ = try StoreBench(directory)
            }
            #expect(StoreError.inUse(directory: "/d", process: 7).message.contains("(process 7)"))
            // Who only reads is not in the way.
            _ = try Verification(directory: directory).recordings()
            bench.store.shutdown()
            try StoreBench(directory).store.shutdown()
        }
    }
}
