import Glibc
import LinuxRuntime
import RecorderCore
import RecordingStore
import Testing

extension StoreTests {
    struct EnduranceTests {
        /// Hours of the long recording: an hour in every run, a school's day and night by the environment.
        private static let hours = getenv("CHALKBOX_STORE_HOURS").flatMap { Int64(String(cString: $0)) } ?? 1

        @Test func `hours are exact and take no more memory than a minute`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path)
            let id = try bench.open()
            let total = Self.hours * 3_600 * SampleIndex.samplesPerSecond
            var early: Int64 = 0
            var log: Int64 = 0
            while bench.ring.head.value < total {
                bench.feed(320_000)
                let word = token(" word", bench.ring.head.value - 20_000)
                _ = bench.store.send(.tokens([word], covered: bench.ring.head))
                try bench.commit()
                log = max(log, try fileBytes(scratch.path + "/index.sqlite-wal"))
                if bench.ring.head.value == 3_200_000 { early = residentKilobytes() }
            }
            let late = residentKilobytes()
            #expect(log > 100 << 10 && log < 512 << 10, "the write-ahead log grew to \(log) bytes")
            let summary = try bench.close()
            #expect(summary.samples == total && summary.words == Int(total / 320_000) && summary.covered == total)
            #expect(late - early < 4_096, "\(early) KiB grew to \(late) KiB")
            print("store: \(Self.hours) h, RSS \(early) KiB after 200 s, \(late) KiB at the end, log \(log) bytes")
            #expect(try readBack(id, scratch.path) == (total, true))
            #expect(bench.failures.isEmpty)
            let report = try Verification(directory: scratch.path).check(id) { _, _ in }
            #expect(report.problems.isEmpty && report.files == 6 * Int(Self.hours))
            let output = scratch.path + "/hours.flac"
            #expect(try AudioExport.flac(id, directory: scratch.path, to: output) == total)
            #expect(flacAccepts(output))
            for number in 0..<6 { #expect(flacAccepts(segmentPath(scratch.path, id, number))) }
            #expect(try FileSystem.list(scratch.path + "/recordings/" + id.text).count == 6 * Int(Self.hours))
        }

        private func residentKilobytes() -> Int64 {
            let bytes = (try? FileSystem.readFile("/proc/self/status", limitBytes: 8_192)) ?? []
            for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") where line.hasPrefix("VmRSS:") {
                return Int64(line.filter(\.isNumber)) ?? 0
            }
            return 0
        }
    }
}
