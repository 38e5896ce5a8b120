import Glibc
import LinuxRuntime
import RecorderCore
import Testing

@testable import RecordingStore

extension StoreTests {
    struct FailureTests {
        @Test func `a file that cannot be made is reported once and recording goes on when it can`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path, segmentSamples: 32_000)
            let id = try bench.open()
            let blocked = segmentPath(scratch.path, id, 1)
            #expect(mkdir(blocked, 0o700) == 0)
            bench.feed(40_000)
            _ = bench.store.send(.words([word("kept", 100)], covered: SampleIndex(2_000)))
            _ = bench.store.send(.commit)
            try bench.wait { if case .failed = $0 { true } else { false } }
            // The words do not wait for the audio.
            #expect(try RecordingIndex(directory: scratch.path).words(id).count == 1)
            _ = bench.store.send(.commit)
            bench.feed(40_000)
            #expect(rmdir(blocked) == 0)
            _ = bench.store.send(.commit)
            try bench.wait { $0 == .recovered }
            #expect(bench.failures == [SystemError("open", blocked, number: EISDIR).message])
            let summary = try bench.close()
            #expect(summary.samples == 80_000)
            #expect(try readBack(id, scratch.path) == (80_000, true))
        }

        @Test func `what the ring lost meanwhile is marked silence and the time line stays true`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path, segmentSamples: 32_000)
            let id = try bench.open()
            let blocked = segmentPath(scratch.path, id, 1)
            #expect(mkdir(blocked, 0o700) == 0)
            bench.feed(40_000)
            _ = bench.store.send(.commit)
            try bench.wait { if case .failed = $0 { true } else { false } }
            for _ in 0..<3 { bench.feed(500_000) }
            #expect(rmdir(blocked) == 0)
            _ = bench.store.send(.commit)
            let event = try bench.wait { if case .ringOverrun = $0 { true } else { false } }
            guard case .ringOverrun(let mark) = event else { return }
            #expect(mark.start == SampleIndex(32_000))
            #expect(mark.end == SampleIndex(1_540_000 - Int64(Limits.ringSamples) + 16_000))
            // The recorder hands the mark back; it is still one mark.
            _ = bench.store.send(.silence(mark))
            #expect(try bench.close().samples == 1_540_000)
            #expect(try RecordingIndex(directory: scratch.path).silences(id) == [mark])
            let read = try readBack(id, scratch.path, silent: mark.start.value..<mark.end.value)
            #expect(read == (1_540_000, true))
        }

        @Test(.enabled(if: TinyDisk.isPermitted, "needs the right to mount a tmpfs"))
        func `a full disk keeps what was written and goes on when there is room`() throws {
            let disk = try TinyDisk(kilobytes: 512)
            let bench = try StoreBench(disk.path)
            #expect(run("head -c 150000 /dev/zero > '\(disk.path)/ballast'"))
            let id = try bench.open()
            while bench.failures.isEmpty {
                bench.feed(28_000)
                _ = bench.store.send(.words([word("word", bench.ring.head.value)], covered: bench.ring.head))
                _ = bench.store.send(.commit)
                try bench.wait {
                    switch $0 {
                    case .committed, .failed: true
                    case .opened, .ringOverrun, .recovered, .closed, .audio, .deleted, .recoveryFailed,
                        .deletionFailed, .postLesson, .closeFailed, .rebuilt, .reached:
                        false
                    }
                }
            }
            #expect(bench.failures[0].contains(segmentPath(disk.path, id, 0)))
            #expect(bench.failures[0].contains("No space left on device; delete"))
            let written = try readBack(id, disk.path)
            #expect(written.count > 0 && written.exact)
            #expect(unlink(disk.path + "/ballast") == 0)
            _ = bench.store.send(.commit)
            try bench.wait { $0 == .recovered }
            let summary = try bench.close()
            #expect(summary.samples == bench.ring.head.value)
            #expect(summary.words == Int(bench.ring.head.value / 28_000))
            #expect(try readBack(id, disk.path) == (summary.samples, true))
            #expect(flacAccepts(segmentPath(disk.path, id, 0)))
        }

        @Test(.enabled(if: TinyDisk.isPermitted, "needs the right to mount a tmpfs"))
        func `a recording that a full disk would not end is saved at the next start`() throws {
            let disk = try TinyDisk(kilobytes: 512)
            let first = try StoreBench(disk.path)
            let id = try first.open()
            first.feed(28_000)
            try first.commit()
            run("cat /dev/zero > '\(disk.path)/ballast' 2> /dev/null")
            first.feed(60_000)
            _ = first.store.send(.close(end: first.ring.head, gaps: [], interrupted: false))
            try first.wait { if case .failed = $0 { true } else { false } }
            first.store.shutdown()
            #expect(unlink(disk.path + "/ballast") == 0)
            let second = try StoreBench(disk.path)
            #expect(second.store.recovered.map(\.summary.header.id) == [id])
            let summary = second.store.recovered[0].summary
            #expect(summary.samples >= 27_200 && summary.interrupted)
            #expect(try readBack(id, disk.path) == (summary.samples, true))
        }

        @Test func `a state directory that is a file is refused by name`() throws {
            let scratch = Scratch()
            try FileSystem.writeFile(scratch.path + "/state", [])
            do {
                _ = try StoreBench(scratch.path + "/state")
                Issue.record("a file is no directory")
            } catch let error as StoreError {
                #expect(error.message.contains(scratch.path + "/state/recordings: Not a directory"))
            }
        }

        @Test func `the end of the daemon saves what was open as interrupted`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path)
            let id = try bench.open()
            bench.feed(50_001)
            bench.store.shutdown()
            let summary = try #require(try RecordingIndex(directory: scratch.path).summary(id))
            #expect(summary.state == .saved && summary.interrupted && summary.samples == 50_001)
            #expect(try readBack(id, scratch.path) == (50_001, true))
            #expect(flacAccepts(segmentPath(scratch.path, id, 0)))
        }

        /// What a power cut leaves, made from a copy of a running store's files.
        @Test(arguments: [0, 1, 7, 500, 2_900])
        func `a recording cut off by the power is saved up to its last whole frame`(torn: Int64) throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path + "/running", segmentSamples: 32_000)
            let id = try bench.open()
            bench.feed(60_000)
            _ = bench.store.send(.words([word("one", 0), word("two", 9_000)], covered: SampleIndex(20_000)))
            let mark = SilenceMark(start: SampleIndex(50_000), end: SampleIndex(99_000), reason: .deviceLost)
            _ = bench.store.send(.silence(mark))
            try bench.commit()
            #expect(run("cp -r '\(scratch.path)/running' '\(scratch.path)/cut'"))
            let path = segmentPath(scratch.path + "/cut", id, 1)
            let bytes = try fileBytes(path)
            try File(path, .write).truncate(to: bytes - torn)
            try FileSystem.writeFile(segmentPath(scratch.path + "/cut", id, 2), Array("fLaC".utf8))
            let second = try StoreBench(scratch.path + "/cut", segmentSamples: 32_000)
            let summary = try #require(second.store.recovered.first).summary
            let frames = torn == 0 ? 59_200 : torn < 1_000 ? 57_600 : summary.samples
            #expect(summary.samples == frames && summary.samples > 50_000 && summary.samples % 1_600 == 0)
            #expect(summary.state == .saved && summary.interrupted && summary.words == 2)
            #expect(summary.covered == 20_000)
            #expect(second.store.recoveryFailure == nil)
            #expect(try readBack(id, scratch.path + "/cut") == (summary.samples, true))
            #expect(flacAccepts(path))
            #expect(access(segmentPath(scratch.path + "/cut", id, 2), F_OK) != 0)
            let index = try RecordingIndex(directory: scratch.path + "/cut")
            let end = SampleIndex(summary.samples)
            #expect(try index.gaps(id) == [Gap(start: SampleIndex(20_000), end: end, reason: "interrupted")])
            #expect(try index.silences(id) == [SilenceMark(start: mark.start, end: end, reason: .deviceLost)])
            // And the box records on.
            _ = try second.open(StoreBench.header(2))
            second.feed(20_000)
            #expect(try second.close().samples == 20_000)
        }

        @Test func `damage to what was safe long before the power went costs the damaged frames alone`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path + "/running")
            let id = try bench.open()
            for _ in 0..<30 {
                bench.feed(16_000)
                try bench.commit()
            }
            #expect(run("cp -r '\(scratch.path)/running' '\(scratch.path)/cut'"))
            let file = try File(segmentPath(scratch.path + "/cut", id, 0), .write)
            try file.write([UInt8](repeating: 0xA5, count: 16), at: 60_000)
            let second = try StoreBench(scratch.path + "/cut")
            #expect(second.store.recovered.map(\.summary.samples) == [478_400])
        }

        @Test func `a length and a digest that were torn as the file was ended hide nothing`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path)
            let id = try bench.open()
            bench.feed(150_001)
            _ = try bench.close()
            bench.store.shutdown()
            let path = segmentPath(scratch.path, id, 0)
            // 150,001 is 0x249F1: its last two bytes did not reach the disk.
            try File(path, .write).write([0, 2, 0, 0, 0xAA, 0xAA], at: 22)
            #expect(!flacAccepts(path))
            #expect(try readBack(id, scratch.path) == (150_001, true))
            #expect(run("sqlite3 '\(scratch.path)/index.sqlite' 'UPDATE recording SET state = 1'"))
            #expect(try StoreBench(scratch.path).store.recovered.map(\.summary.samples) == [150_001])
            #expect(flacAccepts(path))
        }

        @Test func `a recording of which nothing reached the disk is saved as empty`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path + "/running")
            let id = try bench.open()
            #expect(run("cp -r '\(scratch.path)/running' '\(scratch.path)/cut'"))
            #expect(run("rm -r '\(scratch.path)/cut/recordings/\(id.text)'"))
            let second = try StoreBench(scratch.path + "/cut")
            #expect(second.store.recovered.map(\.summary.samples) == [0])
            #expect(second.store.recovered.map(\.summary.state) == [.saved])
        }

        @Test func `commands without a recording do nothing`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path)
            _ = bench.store.send(.words([word("x", 0)], covered: .zero))
            _ = bench.store.send(.commit)
            _ = bench.store.send(.close(end: .zero, gaps: [], interrupted: false))
            _ = try bench.open()
            try bench.wait { if case .committed = $0 { true } else { false } }
            #expect(bench.events.count == 2)
            #expect(try bench.close().words == 0)
        }
    }
}

/// A file system that is full soon.
final class TinyDisk {
    let path: String
    private let scratch = Scratch()

    init(kilobytes: Int) throws {
        path = scratch.path + "/disk"
        guard mkdir(path, 0o750) == 0, mount("tmpfs", path, "tmpfs", 0, "size=\(kilobytes)k") == 0 else {
            throw StoreBench.Missing()
        }
    }

    deinit {
        umount2(path, Int32(MNT_DETACH))
    }

    static let isPermitted: Bool = (try? TinyDisk(kilobytes: 64)) != nil
}
