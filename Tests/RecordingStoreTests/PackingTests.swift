import Foundation
import PowerCut
import RecorderCore
import Testing

@testable import LinuxRuntime
@testable import RecordingStore

extension StoreTests {
    @Suite(.serialized) struct PackingTests {
        private let scratch = Scratch()
        private var files: SavedFiles { SavedFiles(directory: scratch.path) }
        private let words = (0..<40).map { word("word\($0)", Int64($0) * 900, speaker: 1 + $0 / 9) }

        private func bench(_ policy: PostLessonPolicy = StoreBench.both) throws -> StoreBench {
            try StoreBench(scratch.path, segmentSamples: 32_000, postLesson: policy)
        }

        private func state(_ id: RecordingID) throws -> RecordingSummary {
            try #require(try RecordingIndex(directory: scratch.path).summary(id))
        }

        @Test func `a saved lesson is packed, sent file by file, and then at the school`() throws {
            let bench = try bench()
            let id = try bench.lesson(1, samples: 70_000, words)
            let (found, waiting, left) = try bench.nextPackage()
            let package = try #require(found)
            #expect(package.recording == id && waiting == 1 && left == package.files.reduce(0) { $0 + $1.bytes })
            try files.expectPackage(package)
            #expect(package.files.allSatisfy { $0.url == nil && !$0.isSent })
            #expect(try state(id).state == .saved)
            try bench.ask(.packageFile(id, name: "audio-0001.flac", url: "https://x/1", isSent: false)) {
                $0 == .packageNoted(id, name: "audio-0001.flac")
            }
            #expect(try state(id).state == .uploading && state(id).sentBytes == 0)
            try bench.ask(.packageFile(id, name: "audio-0000.flac", url: "https://x/0", isSent: true)) {
                $0 == .packageNoted(id, name: "audio-0000.flac")
            }
            let summary = try state(id)
            #expect(summary.sentBytes == package.files[0].bytes && summary.packageBytes == left)
            let again = try bench.nextPackage()
            #expect(again.package?.files[0].isSent == true && again.package?.files[1].url == "https://x/1")
            #expect(again.bytesLeft == left - package.files[0].bytes)
            try bench.upload(package)
            #expect(try state(id).state == .uploaded)
            #expect(try bench.nextPackage() == (nil, 0, 0))
            #expect(try Verification(directory: scratch.path).check(id) { _, _ in }.problems == [])
        }

        @Test func `the manifest and the transcript are byte-exact`() throws {
            let bench = try bench()
            let gap = Gap(start: SampleIndex(32_000), end: SampleIndex(48_000), reason: "offline")
            let id = try bench.lesson(
                1, samples: 48_000, [word("Good", 1_600), word("day", 16_000, speaker: 2)], gaps: [gap])
            try bench.settle(id, reason: "given up")
            let package = try #require(try bench.nextPackage().package)
            let head = #"{"format":"chalkbox-FORMAT","version":VERSION,"id":"\#(id.text)","label":"7B maths","#
                + #""startedAt":"2026-11-24T08:00:00.001Z","clockSynchronised":true,"durationMs":3000,"#
                + #""sampleRate":16000,"#
            #expect(
                try files.text(id, "transcript.json") == head.replacing("FORMAT", with: "transcript")
                    .replacing("VERSION", with: "2")
                    + #""speakers":["1","2"],"segments":[{"speaker":"1","startMs":100,"endMs":162,"text":"Good","#
                    + #""words":[{"text":"Good","joined":false,"language":"en","startMs":100,"endMs":162,"#
                    + #""confidence":0.970}]},{"speaker":"2","startMs":1000,"endMs":1062,"text":"day","#
                    + #""words":[{"text":"day","joined":false,"language":"en","startMs":1000,"endMs":1062,"#
                    + #""confidence":0.970}]}],"#
                    + #""gaps":[{"startMs":2000,"endMs":3000,"reason":"offline"}],"silences":[],"#
                    + #""coverage":[{"startMs":0,"endMs":2000}],"xruns":0,"lostMs":0,"interrupted":false}"# + "\n")
            let list = package.files.dropLast().map {
                #"{"name":"\#($0.name)","contentType":"\#($0.contentType)","bytes":\#($0.bytes),"#
                    + #""sha256":"\#($0.sha256)"}"#
            }
            #expect(
                try files.text(id, "manifest.json") == head.replacing("FORMAT", with: "manifest")
                    .replacing("VERSION", with: "1")
                    + #""speakers":2,"words":2,"coveredMs":2000,"interrupted":false,"xruns":0,"lostMs":0,"#
                    + #""silenceMs":0,"quietMs":0,"clippedMs":0,"#
                    + #""loudestSecondDbfs":null,"quietestSecondDbfs":null,"clockDriftPpm":null,"files":["#
                    + list.joined(separator: ",") + "]}\n")
            #expect(package.files.map(\.contentType).suffix(3) == ["application/json", "text/vtt", "application/json"])
        }

        @Test func `a backlog of three lessons goes oldest first, and what is skipped stays`() throws {
            let bench = try bench()
            let ids = try (1...3).map { try bench.lesson($0, samples: 40_000, words) }
            #expect(try bench.nextPackage(skipping: [ids[0]]).package?.recording == ids[1])
            for (number, id) in ids.enumerated() {
                let next = try bench.nextPackage()
                #expect(next.package?.recording == id && next.waiting == 3 - number && next.bytesLeft > 10_000)
                let package = try #require(next.package)
                try files.expectPackage(package)
                try bench.upload(package)
            }
            #expect(try bench.nextPackage().package == nil)
        }

        @Test func `words in any order come out as the export writes them`() throws {
            for seed: UInt64 in 1...40 {
                let scratch = Scratch(in: TracedLesson.memory)
                var dice = Dice(seed: seed)
                let bench = try StoreBench(scratch.path, postLesson: PostLessonPolicy(uploads: true))
                bench.ring.reset()
                let id = try bench.open()
                bench.feed(40_000)
                var words: [Word] = []
                for part in 0..<dice.roll(5) {
                    var place = Int64(dice.roll(1_000_000))
                    for number in 0..<dice.roll(400) {
                        let text = ["", "x ", "<&>", ", "][dice.roll(4)] + "w\(part)-\(number)"
                        words.append(
                            word(text, place, speaker: dice.roll(60) == 0 ? dice.roll(4) : part, language: "en"))
                        place += Int64(dice.roll(40) == 0 ? 90_000 : dice.roll(3) * 2_000)
                        if dice.roll(50) == 0 { place -= 3_000 }
                        place = max(0, place)
                    }
                }
                _ = bench.store.send(.words(words, covered: .zero))
                _ = try bench.close()
                let package = try #require(try bench.nextPackage().package)
                let saved = SavedFiles(directory: scratch.path)
                #expect(try saved.text(id, "transcript.json") == saved.export(id).json + "\n", "seed \(seed)")
                #expect(try saved.text(id, "transcript.vtt") == saved.export(id).webVTT, "seed \(seed)")
                #expect(package.files.count == 4)
            }
        }

        @Test func `nothing is packed without a school, before the text is settled, or in a lesson`() throws {
            let gap = Gap(start: SampleIndex(20_000), end: SampleIndex(40_000), reason: "offline")
            let none = try bench(PostLessonPolicy(transcribes: true))
            let holed = try none.lesson(1, samples: 40_000, words, gaps: [gap])
            let whole = try none.lesson(2, samples: 40_000, words)
            #expect(try none.nextPackage() == (nil, 0, 0))
            none.store.shutdown()
            let bench = try bench()
            let left = try bench.nextPackage(skipping: [whole]).bytesLeft
            #expect(try bench.nextPackage(skipping: [whole]) == (nil, 2, left))
            bench.ring.reset()
            _ = try bench.open(StoreBench.header(3))
            #expect(bench.store.send(.postLesson(.nextPackage(skipping: []))))
            bench.feed(40_000)
            try bench.commit()
            #expect(try files.names(whole).allSatisfy { $0.hasSuffix(".flac") })
            _ = try bench.close()
            let event = try bench.waitPostLesson { if case .package = $0 { true } else { false } }
            guard case .package(let package?, 3, _) = event else { throw StoreBench.Missing() }
            #expect(package.recording == whole)
            try bench.settle(holed, reason: "401")
            _ = try bench.open(StoreBench.header(4))
            // What is packed already can be sent beside a lesson.
            #expect(try bench.nextPackage().package == package)
            _ = try bench.close()
            #expect(try bench.nextPackage().package?.recording == holed)
        }

        @Test func `with transcription off, gaps keep nothing back`() throws {
            let bench = try bench(PostLessonPolicy(uploads: true))
            let gap = Gap(start: .zero, end: SampleIndex(40_000), reason: "off")
            let id = try bench.lesson(1, samples: 40_000, [], gaps: [gap])
            #expect(try bench.nextText() == nil)
            let package = try #require(try bench.nextPackage().package)
            try files.expectPackage(package)
            // Packed text does not change any more, whatever is switched on later.
            bench.store.shutdown()
            let next = try self.bench()
            #expect(try next.nextText() == nil)
            let change = PostLessonCommand.words(id, [word("late", 5)], covered: .zero, gaps: [])
            #expect(next.store.send(.postLesson(change)))
            try next.settle(id)
            #expect(try state(id).words == 0)
            try files.expectPackage(package)
        }

        @Test func `a recording of nothing is packed as that`() throws {
            let bench = try bench()
            let id = try bench.open()
            _ = try bench.close()
            #expect(run("rm -r '\(scratch.path)/recordings/\(id.text)'"))
            let package = try #require(try bench.nextPackage().package)
            #expect(package.files.map(\.name) == ["transcript.json", "transcript.vtt", "manifest.json"])
        }

        @Test func `a changed or missing file of the package is found`() throws {
            let bench = try bench()
            let id = try bench.lesson(1, samples: 40_000, words)
            _ = try bench.nextPackage()
            let path = files.path(id, "transcript.json")
            try File(path, .write).write([0x20], at: 5)
            let verification = try Verification(directory: scratch.path)
            #expect(
                try verification.check(id) { _, _ in }.problems
                    == ["transcript.json: it is not what was packed for the school"])
            #expect(unlink(path) == 0)
            let problems = try verification.check(id) { _, _ in }.problems
            #expect(problems.count == 1 && problems.first?.contains(path) == true, "\(problems)")
        }

        @Test func `what is uploaded goes with its package`() throws {
            let bench = try bench()
            let id = try bench.lesson(1, samples: 40_000, words)
            let package = try #require(try bench.nextPackage().package)
            try bench.upload(package)
            bench.store.shutdown()
            let next = try StoreBench(
                scratch.path, retention: RetentionPolicy(keepDays: 0, reserveBytes: 1 << 60),
                postLesson: StoreBench.both)
            let event = try next.wait { if case .deleted = $0 { true } else { false } }
            let bytes = package.files.reduce(0) { $0 + $1.bytes }
            #expect(event == .deleted(Retention.Deletion(id: id, bytes: bytes, reason: .space)))
            next.store.shutdown()
            #expect(try FileSystem.list(scratch.path + "/recordings") == [])
            #expect(run("sqlite3 '\(scratch.path)/index.sqlite' 'SELECT count(*) FROM parcel_file' | grep -qx 0"))
        }
    }
}
