import Glibc
import LinuxRuntime
import RecorderCore
import Testing

@testable import RecordingStore

extension StoreTests {
    /// Words that the service placed where there is no recording.
    struct OutsideTests {
        private func outside(_ text: String, _ start: Int64, _ end: Int64) -> Word {
            var outside = word(text, start)
            outside.end = SampleIndex(end)
            return outside
        }

        private func expectFine(_ id: RecordingID, _ directory: String, words: Int) throws {
            let report = try Verification(directory: directory).check(id) { _, _ in }
            #expect(report.problems.isEmpty && report.misplacedWords == 0 && report.words == words, "\(report)")
        }

        @Test func `words after the newest sample, or before the first, are moved there, and counted`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path)
            let id = try bench.open()
            bench.feed(40_000)
            try bench.commit()
            let words = [
                outside("early", -5_000, 100), outside("backwards", 3_000, 2_000), word("fine", 4_000),
                outside("late", 57_600_000, 57_601_000),
            ]
            _ = bench.store.send(.words(words, covered: SampleIndex(40_000)))
            let summary = try bench.close()
            #expect(bench.events.contains(.reached(.servicePositions, count: 3)))
            #expect(summary.words == 4)
            let saved = try RecordingIndex(directory: scratch.path).words(id)
            #expect(saved.map(\.text) == words.map(\.text))
            let end = SampleIndex(43_200)
            #expect(saved.allSatisfy { $0.start >= .zero && $0.start <= $0.end && $0.end <= end }, "\(saved)")
            try expectFine(id, scratch.path, words: 4)
        }

        @Test func `words after what became the end are put there`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path)
            let id = try bench.open()
            bench.feed(80_000)
            _ = bench.store.send(.words([word("one", 1_000), word("two", 70_000)], covered: .zero))
            _ = bench.store.send(.close(end: SampleIndex(40_000), gaps: [], interrupted: false))
            _ = try bench.closed()
            #expect(try RecordingIndex(directory: scratch.path).words(id).map(\.end.value) == [2_000, 40_000])
            try expectFine(id, scratch.path, words: 2)
        }

        @Test func `text that comes for a saved lesson stays within it`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path, postLesson: StoreBench.both)
            let gap = Gap(start: SampleIndex(10_000), end: SampleIndex(40_000), reason: "offline")
            let id = try bench.lesson(1, samples: 40_000, [word("one", 1_000)], covered: gap.start, gaps: [gap])
            let late = outside("late", 39_000, 99_000)
            _ = bench.store.send(.postLesson(.words(id, [late], covered: SampleIndex(40_000), gaps: [])))
            try bench.settle(id)
            try expectFine(id, scratch.path, words: 2)
        }

        @Test func `words that an older version let in are told as such, and exports leave them at the end`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path, postLesson: PostLessonPolicy(uploads: true))
            let id = try bench.lesson(1, samples: 40_000, [word("one", 1_000), word("two", 3_000)])
            let change = "UPDATE token SET start_sample = 57600000, end_sample = 57601000 WHERE text = \" two\""
            #expect(run("sqlite3 '\(scratch.path)/index.sqlite' '\(change)'"))
            let report = try Verification(directory: scratch.path).check(id) { _, _ in }
            #expect(report.problems.isEmpty && report.misplacedWords == 1)
            let words = try RecordingIndex(directory: scratch.path).words(id)
            #expect(words.map(\.start.value) == [1_000, 40_000] && words.map(\.end.value) == [2_000, 40_000])
            let package = try #require(try bench.nextPackage().package)
            try SavedFiles(directory: scratch.path).expectPackage(package)
        }
    }
}
