import CPowerCut
import Glibc
import LinuxRuntime
import PowerCut
import RecorderCore
import Synchronization
import Testing

@testable import RecordingStore

private final class Refusals: Sendable {
    private let count = Mutex(0)

    func next() -> Int {
        count.withLock { count in
            defer { count += 1 }
            return count
        }
    }
}

extension StoreTests {
    @Suite struct `What flash has spoiled` {
        /// A lesson in files of 10 s, left as a power cut leaves it.
        private func cut(samples: Int = 250_000, at directory: String) throws -> RecordingID {
            let bench = try StoreBench(directory + "/running", segmentSamples: 160_000)
            let id = try bench.open()
            for number in 0..<20 {
                _ = bench.store.send(
                    .words([word("w\(number)", Int64(number) * 8_000)], covered: SampleIndex(Int64(number) * 8_000)))
                try bench.commit()
            }
            bench.feed(samples)
            try bench.commit()
            #expect(run("cp -r '\(directory)/running' '\(directory)/cut'"))
            bench.store.shutdown()
            return id
        }

        private func spoil(_ path: String, _ bytes: Int = 64) throws {
            #expect(run("dd if=/dev/zero of='\(path)' bs=\(bytes) count=1 conv=notrunc status=none"))
        }

        @Test(arguments: [false, true])
        func `an audio file whose header cannot be read is kept beside the others`(resumes: Bool) throws {
            let scratch = Scratch()
            let id = try cut(at: scratch.path)
            let directory = scratch.path + "/cut"
            let last = segmentPath(directory, id, 1)
            let bytes = try fileBytes(last)
            try spoil(last)
            let bench = try StoreBench(directory, segmentSamples: 160_000, resumes: resumes)
            let damaged = [bench.store.recovered.first?.damagedFiles, bench.store.interruption?.damagedFiles]
            #expect(damaged == (resumes ? [nil, 1] : [1, nil]))
            #expect(try fileBytes(last + ".damaged") == bytes)
            #expect(access(last, F_OK) != 0)
            if let recording = bench.store.interruption?.recording {
                bench.ring.reset(to: recording.saved)
                #expect(bench.store.send(.reopen(at: recording.saved)))
                bench.feed(40_000)
                _ = try bench.close()
            }
            bench.store.shutdown()
            let report = try Verification(directory: directory).check(id) { _, _ in }
            #expect(report.problems == [] && report.damagedFiles == ["audio-0001.flac.damaged"])
            #expect(report.samples == (resumes ? 200_000 : 160_000))
        }

        @Test func `files that may hold audio are kept up to a bound, others are not`() throws {
            let scratch = Scratch()
            let id = try cut(samples: 50_000, at: scratch.path)
            let directory = scratch.path + "/cut"
            let noise = [UInt8](repeating: 1, count: 5_000)
            for number in 1...9 {
                try FileSystem.writeFile(
                    directory + "/recordings/\(id.text)/" + SegmentName.text(number),
                    number == 1 ? Array(noise.prefix(4_096)) : noise)
            }
            try FileSystem.writeFile(directory + "/recordings/\(id.text)/audio-0002.flac.damaged", [1])
            let bench = try StoreBench(directory)
            #expect(bench.store.recovered.first?.damagedFiles == Limits.damagedAudioFiles - 1)
            let names = try FileSystem.list(directory + "/recordings/\(id.text)")
            #expect(names.filter(SegmentName.isDamaged).count == Limits.damagedAudioFiles)
            #expect(names.contains("audio-0002.flac.damaged+") && !names.contains("audio-0009.flac.damaged"))
            #expect(SegmentName.numbers(in: names) == [0])
        }

        @Test func `a sector of the index that cannot be read is damage, not the end of the recorder`() throws {
            let scratch = Scratch()
            let id = try cut(at: scratch.path)
            let directory = scratch.path + "/cut"
            #expect(run("sqlite3 '\(directory)/index.sqlite' 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null"))
            let bytes = try fileBytes(directory + "/index.sqlite")
            for offset in stride(from: 0, to: bytes, by: 1_024) {
                let copy = scratch.path + "/bad-\(offset)"
                #expect(run("cp -r '\(directory)' '\(copy)'"))
                power_cut_bad_sector(copy + "/index.sqlite", offset)
                defer { power_cut_bad_sector(nil, 0) }
                let bench = try StoreBench(copy)
                #expect(bench.store.rebuilt?.kept != nil, "the byte at \(offset) of \(bytes)")
                #expect(bench.store.recovered.map(\.summary.header.id) == [id] && bench.store.recoveryFailure == nil)
                bench.store.shutdown()
                #expect(try RecordingIndex(directory: copy).summary(id)?.samples == 249_600)
            }
        }

        @Test func `rows that are impossible are left out and counted`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path)
            let id = try bench.open()
            bench.feed(160_000)
            let words = (0..<9).map { word("w\($0)", Int64($0) * 8_000) }
            _ = bench.store.send(.words(words, covered: SampleIndex(80_000)))
            _ = bench.store.send(.silence(SilenceMark(start: .zero, end: SampleIndex(9), reason: .overrun)))
            _ = try bench.close(gaps: [Gap(start: SampleIndex(80_000), end: SampleIndex(160_000), reason: "off")])
            bench.store.shutdown()
            let changes = """
                UPDATE token SET end_sample = 1 << 62 WHERE text = ' w3'; UPDATE token SET start_sample = -1
                WHERE text = ' w5'; UPDATE silence SET end_sample = -1; UPDATE gap SET end_sample = 1 << 62;
                UPDATE recording SET samples = 1 << 62, covered = 1 << 61
                """
            #expect(run("sqlite3 '\(scratch.path)/index.sqlite' \"\(changes)\""))
            let index = try RecordingIndex(directory: scratch.path)
            let summary = try #require(try index.recordings().first)
            #expect(summary.samples == 160_000 && summary.covered == 0)
            #expect(try index.words(id) == words.filter { $0.text != "w3" && $0.text != "w5" })
            #expect(try index.silences(id).isEmpty && index.gaps(id).isEmpty)
            #expect(index.skippedRows == 6)
            let report = try Verification(directory: scratch.path).check(id) { _, _ in }
            #expect(report.problems.contains { $0.contains("rows of the index are out of bounds") })
        }

        @Test func `a recording's number that is impossible is damage`() throws {
            let scratch = Scratch()
            let id = try cut(at: scratch.path)
            let directory = scratch.path + "/cut"
            #expect(run("sqlite3 '\(directory)/index.sqlite' 'UPDATE recording SET number = 1 << 50'"))
            let bench = try StoreBench(directory)
            #expect(bench.store.rebuilt?.recordings == 1 && bench.store.recovered.map(\.summary.header.id) == [id])
        }

        @Test func `why a lesson does not go on, and why it is not saved, is told`() throws {
            let scratch = Scratch()
            let id = try cut(at: scratch.path)
            let tear = "echo torn >> '\(scratch.path)/%/recordings/\(id.text)/audio-0001.flac'"
            #expect(run(tear.replacing("%", with: "cut")))
            #expect(run("cp -r '\(scratch.path)/cut' '\(scratch.path)/later'"))
            let trace = DiskTrace()
            let refusals = Refusals()
            trace.respond { _, effect in
                if case .truncate = effect, refusals.next() == 0 { EIO } else { 0 }
            }
            let bench = try StoreBench(scratch.path + "/cut", resumes: true, storage: trace.storage())
            guard case .file(let error)? = bench.store.recoveryFailure else {
                Issue.record("\(String(describing: bench.store.recoveryFailure))")
                return
            }
            #expect(error.number == EIO && bench.store.interruption == nil)
            #expect(bench.store.recovered.map(\.summary.header.id) == [id], "the second try")
            let second = DiskTrace()
            let later = try StoreBench(scratch.path + "/later", resumes: true, storage: second.storage())
            #expect(later.store.interruption != nil)
            // The file has become torn again, and the disk refuses to be mended.
            second.respond { _, effect in if case .truncate = effect { EIO } else { 0 } }
            #expect(run(tear.replacing("%", with: "later")))
            #expect(later.store.send(.closeInterrupted))
            try later.wait {
                if case .recoveryFailed(let reason) = $0 { reason.contains("Input/output error") } else { false }
            }
        }

        @Test func `a minute takes what it took in the last lessons`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path)
            #expect(bench.store.bytesAMinute == nil)
            let id = try bench.open()
            for _ in 0..<5 {
                bench.feed(200_000)
                try bench.commit()
            }
            _ = try bench.close()
            bench.store.shutdown()
            let bytes = try fileBytes(segmentPath(scratch.path, id, 0))
            #expect(bench.store.bytesAMinute == bytes * 960_000 / 1_000_000)
            #expect(try RecordingIndex(directory: scratch.path).bytesAMinute() == bench.store.bytesAMinute)
            let again = try StoreBench(scratch.path)
            _ = again.store.send(.open(StoreBench.header(2)))
            try again.wait { if case .opened = $0 { true } else { false } }
            #expect(again.store.bytesAMinute == bytes * 960_000 / 1_000_000)
        }

        @Test func `silent lessons do not promise more room than speech leaves`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path)
            _ = try bench.open()
            for _ in 0..<5 {
                [Int16](repeating: 0, count: 200_000).withUnsafeBufferPointer { bench.ring.append($0) }
                try bench.commit()
            }
            _ = try bench.close()
            bench.store.shutdown()
            #expect(bench.store.bytesAMinute == 1_000_000, "not the few bytes of silence")
        }
    }
}
