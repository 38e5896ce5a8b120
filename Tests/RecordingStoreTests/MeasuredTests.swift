import CThreadWatch
import Foundation
import PowerCut
import RecorderCore
import Testing

@testable import LinuxRuntime
@testable import RecordingStore

extension StoreTests {
    /// Of the whole process, so nothing else is to run in it: see `Tests/run`.
    @Suite(.serialized) struct MeasuredTests {
        private let scratch = Scratch()
        /// Hours of the long recording: an hour in every run, a school's day and night by the environment.
        private static let hours = getenv("CHALKBOX_STORE_HOURS").flatMap { Int64(String(cString: $0)) } ?? 1

        @Test func `hours are exact and take no more memory than a minute`() throws {
            let bench = try StoreBench(scratch.path)
            let id = try bench.open()
            let total = Self.hours * 3_600 * SampleIndex.samplesPerSecond
            var early: Int64 = 0
            var log: Int64 = 0
            while bench.ring.head.value < total {
                bench.feed(320_000)
                let text = word("word", bench.ring.head.value - 20_000)
                _ = bench.store.send(.words([text], covered: bench.ring.head))
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

        @Test func `START does not wait for a long lesson that is being packed`() throws {
            let trace = DiskTrace()
            let bench = try StoreBench(scratch.path, postLesson: StoreBench.both, storage: trace.storage())
            bench.ring.reset()
            // Six hours of words, 2.5 a second.
            let id = try bench.open()
            for part in 0..<54 {
                let words = (0..<1_000).map { word("word\(part)-\($0)", Int64(part * 1_000 + $0) * 6_400) }
                _ = bench.store.send(.words(words, covered: .zero))
            }
            bench.feed(40_000)
            _ = try bench.close()
            var delays: [Int64] = []
            for attempt: UInt64 in 2...6 {
                // In the middle: the transcript is being written.
                let started = try EventNotifier()
                trace.onEach { _ in started.raise() }
                #expect(bench.store.send(.postLesson(.nextPackage(skipping: []))))
                let deadline = Clock.now.adding(milliseconds: 60_000)
                #expect(Poll.readable(started.fileDescriptor, until: deadline))
                trace.onEach { _ in }
                bench.ring.reset()
                let start = Clock.now
                _ = try bench.open(StoreBench.header(attempt))
                delays.append(Clock.now.milliseconds(since: start))
                #expect(!FileManager.default.fileExists(atPath: scratch.path + "/recordings/\(id.text)/manifest.json"))
                bench.feed(4_000)
                _ = try bench.close()
            }
            let event = try bench.waitPostLesson { if case .package = $0 { true } else { false } }
            guard case .package(let package?, _, _) = event else { throw StoreBench.Missing() }
            #expect(package.recording == id)
            try SavedFiles(directory: scratch.path).expectPackage(package)
            print("packing: START after \(delays) ms")
            // One of them may have met a busy machine.
            #expect(delays.sorted()[2] <= 100)
        }

        /// The text of what a speaker says at a time is kept; six hours of it without a pause are the worst.
        @Test(arguments: [(turns: 4, most: 1 << 20), (turns: 0, most: 4 << 20)])
        func `long transcripts are packed in little memory`(turns: Int, most: Int) throws {
            let bench = try StoreBench(scratch.path, postLesson: StoreBench.both)
            bench.ring.reset()
            let id = try bench.open()
            for part in 0..<54 {
                let words = (0..<1_000).map {
                    word("word\(part)-\($0)", Int64(part * 1_000 + $0) * 6_400, speaker: $0 * turns / 1_000 % 2 + 1)
                }
                _ = bench.store.send(.words(words, covered: .zero))
                _ = bench.store.send(.commit)
                try bench.wait { if case .committed = $0 { true } else { false } }
            }
            bench.feed(40_000)
            _ = try bench.close()
            let thread = thread_watch_find("store")
            try #require(thread > 0)
            thread_watch_begin(thread)
            let package = try #require(try bench.nextPackage().package)
            _ = thread_watch_end()
            #expect(package.recording == id)
            let bytes = package.files.first { $0.name == "transcript.json" }?.bytes ?? 0
            let held = thread_watch_peak_bytes()
            print("packing: \(bytes >> 10) KB of transcript through \(held >> 10) KB of memory")
            #expect(bytes > 4 << 20)
            #expect(held < most)
        }

        /// VmRSS (proc(5)).
        private func residentKilobytes() -> Int64 {
            let bytes = (try? FileSystem.readFile("/proc/self/status", limitBytes: 8_192)) ?? []
            for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") where line.hasPrefix("VmRSS:") {
                return Int64(line.filter(\.isNumber)) ?? 0
            }
            return 0
        }
    }
}
