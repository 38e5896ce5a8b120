import Foundation
import PowerCut
import RecorderCore
import Testing

@testable import LinuxRuntime
@testable import RecordingStore

extension StoreTests {
    @Suite(.serialized) struct PostLessonTextTests {
        private let scratch = Scratch()
        private static let second = SampleIndex.samplesPerSecond

        private func gap(_ start: Int64, _ end: Int64, _ reason: String = "offline") -> Gap {
            Gap(start: SampleIndex(start), end: SampleIndex(end), reason: reason)
        }

        private func bench(_ segmentSamples: Int64 = 160_000) throws -> StoreBench {
            try StoreBench(scratch.path, segmentSamples: segmentSamples, postLesson: StoreBench.both)
        }

        /// A minute and more, a word a second but for two gaps, one of them to the end.
        private func holed(_ bench: StoreBench, _ number: UInt64 = 1) throws -> (id: RecordingID, gaps: [Gap]) {
            let words = (0..<60).filter { !(20..<30).contains($0) }.map {
                word("w\($0)", Int64($0) * Self.second, speaker: 1 + $0 / 30)
            }
            let gaps = [gap(20 * Self.second, 30 * Self.second), gap(60 * Self.second, 70 * Self.second, "401")]
            let id = try bench.lesson(number, samples: 70 * Int(Self.second), words, gaps: gaps)
            return (id, gaps)
        }

        private func summary(_ id: RecordingID) throws -> RecordingSummary {
            try #require(try RecordingIndex(directory: scratch.path).summary(id))
        }

        @Test func `a recording with gaps is given with what it takes to fill them`() throws {
            let bench = try bench()
            let whole = try bench.lesson(1, samples: 40_000, [word("all", 3)])
            let (id, gaps) = try holed(bench, 2)
            _ = whole
            let text = try #require(try bench.nextText())
            let recording = text.recording
            #expect(recording.header.id == id && recording.saved.value == 70 * Self.second)
            #expect(text.gaps == gaps && text.job.isEmpty)
            #expect(recording.coverage.ranges.map { $0.lowerBound.value } == [0, 30 * Self.second])
            #expect(recording.coverage.ranges.map { $0.upperBound.value } == [20 * Self.second, 60 * Self.second])
            #expect(recording.wordCount == 50 && recording.speakers.sorted() == [1, 2])
            // 16 s around the edges at 20, 30 and 60 s.
            let near = (4..<60).filter { !(20..<30).contains($0) }.map { "w\($0)" }
            #expect(recording.words.map(\.text) == near)
            #expect(try summary(id).gaps == 2 && summary(id).gapSamples == 20 * Self.second)
            #expect(try !summary(id).isTextSettled && summary(whole).isTextSettled)
        }

        @Test func `gaps are filled, voices are joined, and the text is settled`() throws {
            let bench = try bench()
            let (id, gaps) = try holed(bench)
            #expect(bench.store.send(.postLesson(.noteJob(id, TranscriptionJob(file: "f-1", transcription: "t-2")))))
            #expect(try bench.nextText()?.job == TranscriptionJob(file: "f-1", transcription: "t-2"))
            let filled = (20..<30).map { word("w\($0)", Int64($0) * Self.second, speaker: 3) }
            let covered = SampleIndex(60 * Self.second)
            #expect(store(bench, .words(id, filled, covered: covered, gaps: [gaps[1]])))
            let left = try #require(try bench.nextText())
            #expect(left.gaps == [gaps[1]] && left.recording.wordCount == 60)
            #expect(try bench.nextPackage().package == nil)
            #expect(store(bench, .mergeSpeaker(id, 3, into: 1)))
            try bench.settle(id, reason: "401 from the service")
            let saved = try summary(id)
            #expect(saved.isTextSettled && saved.words == 60 && saved.speakers == 2)
            #expect(saved.covered == 60 * Self.second && saved.gaps == 1)
            #expect(try bench.nextText() == nil)
            #expect(try Verification(directory: scratch.path).check(id) { _, _ in }.problems == [])
            let package = try #require(try bench.nextPackage().package)
            let files = SavedFiles(directory: scratch.path)
            try files.expectPackage(package)
            #expect(try files.export(id).words.map(\.text) == (0..<60).map { "w\($0)"})
            // It is too late.
            #expect(store(bench, .words(id, [word("more", 5)], covered: .zero, gaps: [])))
            try bench.settle(id, reason: "other")
            #expect(try summary(id) == saved.packed(package))
        }

        private func store(_ bench: StoreBench, _ command: PostLessonCommand) -> Bool {
            bench.store.send(.postLesson(command))
        }

        @Test func `a whole lesson's words at once leave true gaps at every moment`() throws {
            let trace = DiskTrace()
            trace.begin(scratch.path)
            defer { trace.end() }
            let bench = try bench()
            let samples: Int64 = 4_000 * 400
            let id = try bench.lesson(1, samples: Int(samples), [], gaps: [gap(0, samples, "off")])
            let words = (0..<4_000).map { word("w\($0)", Int64($0) * 400) }
            let changes = trace.count
            // Before each change of the index, what a power cut now would leave is asked of a reader.
            let path = scratch.path
            trace.onEach { _ in
                guard let index = try? RecordingIndex(directory: path), let words = try? index.words(id),
                    let gaps = try? index.gaps(id)
                else { return }
                let end = gaps.first?.start.value ?? samples
                if words.count != Int(end / 400) { Issue.record("\(words.count) words, a gap from \(end)") }
            }
            #expect(store(bench, .words(id, words, covered: SampleIndex(samples), gaps: [])))
            try bench.settle(id)
            trace.end()
            #expect(try summary(id).words == 4_000 && summary(id).gaps == 0)
            #expect(trace.count > changes + 8)
        }

        @Test func `a filled recording that was not settled is settled at the next start`() throws {
            let first = try bench()
            let (id, _) = try holed(first)
            let words = [word("x", 21 * Self.second, speaker: 3)]
            #expect(store(first, .words(id, words, covered: SampleIndex(70 * Self.second), gaps: [])))
            // Somebody may still have to join voices, and is told that it is his turn.
            #expect(try first.nextText()?.gaps.isEmpty == true)
            #expect(try first.nextPackage().package == nil)
            first.store.shutdown()
            let next = try bench()
            #expect(try summary(id).isTextSettled && summary(id).speakers == 3)
            #expect(try next.nextPackage().package?.recording == id)
        }

        @Test func `what the service still holds of a recording is deleted there before it is settled`() throws {
            let first = try bench()
            let (id, _) = try holed(first)
            #expect(store(first, .noteJob(id, TranscriptionJob(file: "file"))))
            #expect(store(first, .words(id, [], covered: SampleIndex(70 * Self.second), gaps: [])))
            first.store.shutdown()
            let next = try bench()
            #expect(try next.nextText()?.job.file == "file")
            #expect(try !summary(id).isTextSettled)
        }

        @Test func `words that an index refuses for too long are lost to the settled text, not to the gaps`() throws {
            let trace = DiskTrace()
            trace.begin(scratch.path)
            defer { trace.end() }
            let bench = try bench()
            let (id, gaps) = try holed(bench)
            trace.respond { _, effect in effect.path.contains("index.sqlite") ? EIO : 0 }
            let words = (0..<Limits.pendingWords - 10).map { word("n\($0)", 20 * Self.second + Int64($0)) }
            let tail = [gaps[1]]
            #expect(store(bench, .words(id, words, covered: .zero, gaps: tail)))
            #expect(store(bench, .words(id, Array(words.prefix(20)), covered: .zero, gaps: tail)))
            #expect(store(bench, .settleText(id, reason: "")))
            try bench.waitPostLesson { $0 == .textLost(id) }
            trace.respond(nil)
            _ = try bench.nextText()
            #expect(try summary(id).words == 50 + words.count && summary(id).gaps == 1)
            #expect(try !summary(id).isTextSettled)
            #expect(bench.failures.isEmpty)
        }

        @Test func `a saved recording is read as an open one, beside a lesson`() throws {
            let bench = try bench()
            let (id, _) = try holed(bench)
            _ = try bench.open(StoreBench.header(2))
            for from: Int64 in [0, 1, 159_999, 300_000] {
                #expect(store(bench, .read(session: .lesson(3), id, from: SampleIndex(from))))
                let event = try bench.wait {
                    if case .audio(.lesson(3), SampleIndex(from), _) = $0 { true } else { false }
                }
                guard case .audio(_, _, let samples) = event else { return }
                #expect(samples.count >= Limits.replaySamples)
                let isExact = samples == Pattern.part(from, samples.count)
                #expect(isExact, "from \(from)")
            }
            #expect(store(bench, .read(session: .lesson(3), StoreBench.header(9).id, from: .zero)))
            try bench.wait { $0 == .audio(session: .lesson(3), from: .zero, []) }
        }

        @Test func `a part is cut out exactly, and goes when it is not wanted`() throws {
            let bench = try bench()
            let (id, _) = try holed(bench)
            for range: Range<Int64> in [5..<90_001, 150_000..<330_000, 1_100_000..<2_000_000] {
                let part = SampleIndex(range.lowerBound)..<SampleIndex(range.upperBound)
                let event = try bench.ask(.makeClip(id, part)) { if case .clipMade = $0 { true } else { false } }
                guard case .clipMade(id, let path, let bytes) = event else { throw StoreBench.Missing() }
                #expect(try path == scratch.path + "/cut/\(id.text).flac" && bytes == fileBytes(path))
                #expect(flacAccepts(path))
                let reader = try FLACReader(path: path)
                var samples: [Int16] = []
                while try reader.next() { samples += reader.block }
                let end = min(range.upperBound, 70 * Self.second)
                let isExact = samples == Pattern.part(range.lowerBound, Int(end - range.lowerBound))
                #expect(isExact, "\(samples.count) samples of \(range)")
                #expect(reader.comments == [])
            }
            let nothing = SampleIndex(70 * Self.second)..<SampleIndex(71 * Self.second)
            let event = try bench.ask(.makeClip(id, nothing)) { if case .clipMade = $0 { true } else { false } }
            #expect(event == .clipMade(id, path: scratch.path + "/cut/\(id.text).flac", bytes: 0))
            #expect(store(bench, .removeClip(id)))
            #expect(try bench.nextText() != nil)
            #expect(try FileSystem.list(scratch.path + "/cut") == [])
            let start = PostLessonCommand.makeClip(id, .zero..<SampleIndex(100))
            _ = try bench.ask(start) { if case .clipMade = $0 { true } else { false } }
            bench.store.shutdown()
            #expect(try FileSystem.list(scratch.path + "/cut").count == 1)
            try self.bench().store.shutdown()
            #expect(try FileSystem.list(scratch.path + "/cut") == [])
        }

        @Test func `cutting waits for the lesson's end`() throws {
            let bench = try bench()
            let (id, _) = try holed(bench)
            _ = try bench.open(StoreBench.header(2))
            #expect(store(bench, .makeClip(id, .zero..<SampleIndex(100_000))))
            #expect(try bench.nextText() != nil)
            #expect((try? FileSystem.list(scratch.path + "/cut")) == nil)
            _ = try bench.close()
            try bench.waitPostLesson { if case .clipMade(id, _, _) = $0 { true } else { false } }
        }
    }
}

extension RecordingSummary {
    fileprivate func packed(_ package: UploadPackage) -> RecordingSummary {
        var copy = self
        copy.packageBytes = package.files.reduce(0) { $0 + $1.bytes }
        return copy
    }
}
