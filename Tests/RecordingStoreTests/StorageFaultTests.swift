import Foundation
import PowerCut
import RecorderCore
import Testing

@testable import LinuxRuntime
@testable import RecordingStore

/// How many faults are tried in each test; the nightly run has more.
private let faults = 12 * (Int(ProcessInfo.processInfo.environment["CHALKBOX_CUTS"] ?? "") ?? 1)

extension StoreTests {
    /// A disk that refuses the n-th change, and those after it for a while, or for ever.
    @Suite(.serialized) struct StorageFaultTests {
        private static let steps = 12
        private static let segmentSamples: Int64 = 6 * SampleIndex.samplesPerSecond
        private static let total = Int64(steps * TracedLesson.stepSamples)
        private static let words = Array(TracedLesson.words.prefix { $0.end.value <= total })

        /// A short lesson; the fault is in the store's way.
        private final class Lesson {
            let scratch = Scratch(in: TracedLesson.memory)
            let trace = DiskTrace()
            let bench: StoreBench
            var given = 0

            init(_ respond: (@Sendable (Int, StorageEffect) -> Int32)? = nil) throws {
                trace.respond(respond)
                trace.begin(scratch.path)
                bench = try StoreBench(
                    scratch.path + "/state", segmentSamples: segmentSamples, ringSamples: 1 << 19,
                    storage: trace.storage())
            }

            deinit {
                trace.end()
            }

            var id: RecordingID { TracedLesson.header.id }
            var directory: String { scratch.path + "/state" }

            func open() { _ = bench.store.send(.open(TracedLesson.header)) }

            /// Words, then samples, as the microphone goes on whatever the disk does.
            func step() {
                let words = words[given...].prefix { $0.end.value <= bench.ring.head.value + 28_000 }
                given += words.count
                if let last = words.last { _ = bench.store.send(.words(Array(words), covered: last.end)) }
                bench.feed(TracedLesson.stepSamples)
            }

            func close() { _ = bench.store.send(.close(end: bench.ring.head, gaps: [], interrupted: false)) }

            /// Samples so far that the encoder gives out at a commit.
            var wholeFrames: Int64 { (bench.ring.head.value - 1) / 1_600 * 1_600 }

            static func hasSaved(_ samples: Int64, _ events: [StoreEvent]) -> Bool {
                events.contains { if case .committed(let to) = $0 { to.value >= samples } else { false } }
            }

            /// Asks for commits until `isDone`, of all events so far.
            func commit(until isDone: ([StoreEvent]) -> Bool) throws {
                let deadline = Clock.now.adding(milliseconds: 60_000)
                while !isDone(bench.takeNew()) {
                    guard Clock.now < deadline else {
                        Issue.record("not committed: \(bench.events.suffix(5))")
                        throw StoreBench.Missing()
                    }
                    _ = bench.store.send(.commit)
                    _ = Poll.readable(bench.notifier.fileDescriptor, until: Clock.now.adding(milliseconds: 20))
                    bench.notifier.drain()
                }
            }

            /// All of the lesson, to its end.
            func run() throws {
                open()
                for _ in 0..<steps {
                    step()
                    let whole = wholeFrames
                    try commit { Self.hasSaved(whole, $0) }
                }
                close()
                try commit { $0.contains { if case .closed = $0 { true } else { false } } }
            }

            /// How often a failure, and its end, was reported.
            var reports: (failed: Int, recovered: Int) {
                (bench.failures.count, bench.events.filter { $0 == .recovered }.count)
            }

            func expectComplete(_ what: String) throws {
                let index = try RecordingIndex(directory: directory)
                let summary = try index.summary(id)
                #expect(summary?.state == .saved && summary?.interrupted == false, "\(what): \(summary as Any)")
                #expect(try readBack(id, directory) == (total, true), "\(what)")
                #expect(try index.words(id) == words, "\(what)")
                #expect(try index.recordings().count == 1, "\(what)")
                for number in 0..<4 { #expect(flacAccepts(segmentPath(directory, id, number)), "\(what)") }
                bench.store.shutdown()
                trace.end()
                let next = try StoreBench(directory, ringSamples: 1 << 14)
                #expect(next.store.recovered.isEmpty && next.store.recoveryFailure == nil, "\(what)")
                let check = try Database(path: directory + "/index.sqlite", .read)
                    .prepare("PRAGMA integrity_check", doing: "check")
                #expect(try check.step() && check.text(0) == "ok", "\(what)")
            }
        }

        /// The changes of a lesson without a fault: those of the start, and all.
        private func undisturbed() throws -> (start: Int, all: Int) {
            let lesson = try Lesson()
            let start = lesson.trace.count
            try lesson.run()
            try lesson.expectComplete("no fault")
            return (start, lesson.trace.count)
        }

        /// Places among `range`, spread evenly.
        private func places(_ range: Range<Int>, _ count: Int, _ dice: inout Dice) -> [Int] {
            guard count < range.count else { return Array(range) }
            return (0..<count).map { place in
                let start = range.count * place / count
                return range.lowerBound + start + dice.roll(range.count * (place + 1) / count - start)
            }
        }

        @Test(arguments: [EIO, ENOSPC, EROFS])
        func `a change that the disk refuses is told once, made later, and costs nothing`(error: Int32) throws {
            let (start, all) = try undisturbed()
            var dice = Dice(seed: UInt64(error))
            var told = 0
            for (number, place) in places(start..<all, faults, &dice).enumerated() {
                // One change, or as many as fail in some ten commits.
                let length = number % 2 == 0 ? 1 : 25
                let lesson = try Lesson { number, _ in (place..<place + length).contains(number) ? error : 0 }
                try lesson.run()
                let (failed, recovered) = lesson.reports
                let what = "errno \(error), \(length) from change \(place) on: \(lesson.bench.failures)"
                #expect(failed <= 1 && recovered == failed, "\(what)")
                told += failed
                try lesson.expectComplete(what)
            }
            #expect(told > faults / 2)
            print("storage fault: errno \(error): \(min(faults, all - start)) of \(all - start) changes, \(told) told")
        }

        @Test func `a disk that becomes read-only for good ends the recording as far as it went`() throws {
            let (start, all) = try undisturbed()
            var dice = Dice(seed: 7)
            for place in places(start..<all, faults, &dice) {
                let lesson = try Lesson { number, _ in number >= place ? EROFS : 0 }
                lesson.open()
                var saved: Int64 = 0
                var words = 0
                for _ in 0..<Self.steps {
                    lesson.step()
                    let whole = lesson.wholeFrames
                    try lesson.commit { lesson.trace.count > place || Lesson.hasSaved(whole, $0) }
                    // What a reader finds in the index is on the disk.
                    let found = try? RecordingIndex(directory: lesson.directory).words(lesson.id).count
                    guard lesson.trace.count <= place else { break }
                    (saved, words) = (whole, found ?? 0)
                }
                lesson.close()
                lesson.bench.store.shutdown()
                let what = "read-only from change \(place) on"
                // Not even the start works while it is read-only, and says why; then all is there that was saved.
                lesson.trace.respond { _, _ in EROFS }
                #expect(throws: StoreError.self, "\(what)") {
                    _ = try StoreBench(lesson.directory, ringSamples: 1 << 14, storage: lesson.trace.storage())
                }
                lesson.trace.end()
                let next = try StoreBench(lesson.directory, ringSamples: 1 << 14)
                let index = try RecordingIndex(directory: lesson.directory)
                guard let summary = try index.recordings().first else {
                    #expect(saved == 0, "\(what)")
                    continue
                }
                #expect(next.store.recoveryFailure == nil && summary.state == .saved, "\(what)")
                #expect(summary.samples >= saved && summary.words >= words, "\(what): \(summary), \(saved) \(words)")
                #expect(try readBack(lesson.id, lesson.directory) == (summary.samples, true), "\(what)")
                #expect(try index.words(lesson.id) == Array(Self.words.prefix(summary.words)), "\(what)")
            }
        }

        @Test func `a disk that hangs for five seconds delays, and loses nothing`() throws {
            let (start, all) = try undisturbed()
            var dice = Dice(seed: 8)
            for place in places(start..<all, max(2, faults / 16), &dice) {
                let lesson = try Lesson { number, _ in
                    if number == place { usleep(5_000_000) }
                    return 0
                }
                lesson.open()
                // As much as the microphone delivers meanwhile, and more.
                for _ in 0..<Self.steps { lesson.step() }
                try lesson.commit { $0.contains { if case .committed = $0 { true } else { false } } }
                lesson.close()
                try lesson.commit { $0.contains { if case .closed = $0 { true } else { false } } }
                #expect(lesson.bench.failures.isEmpty)
                try lesson.expectComplete("5 s at change \(place)")
            }
        }

        @Test func `a start that the disk refuses is refused with its reason, and works when the disk does`() throws {
            let (start, _) = try undisturbed()
            for error in [EIO, ENOSPC, EROFS] {
                for place in 0..<start {
                    let scratch = Scratch(in: TracedLesson.memory)
                    let trace = DiskTrace()
                    trace.respond { number, _ in number == place ? error : 0 }
                    trace.begin(scratch.path)
                    do {
                        _ = try StoreBench(scratch.path + "/state", ringSamples: 1 << 14, storage: trace.storage())
                    } catch let error as StoreError {
                        #expect(error.message.contains(scratch.path), "\(error.message)")
                    }
                    trace.end()
                    let bench = try StoreBench(scratch.path + "/state", ringSamples: 1 << 14)
                    _ = try bench.open()
                    bench.feed(4_000)
                    #expect(try bench.close().samples == 4_000)
                }
            }
        }
    }
}
