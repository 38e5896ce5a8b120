import Glibc
import LinuxRuntime
import RecorderCore
import Testing

@testable import RecordingStore

extension StoreTests {
    /// How much of a lesson has no sound, too little and too much.
    struct SoundTests {
        private func mark(_ start: Int64, _ end: Int64, _ reason: SilenceMark.Reason = .deviceLost) -> StoreCommand {
            .silence(SilenceMark(start: SampleIndex(start), end: SampleIndex(end), reason: reason))
        }

        @Test func `silence that the box put there is counted once, and counts as no text`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path)
            let id = try bench.open()
            bench.feed(100_000)
            // The store's own mark lies over the microphone's.
            for one in [mark(10_000, 30_000), mark(20_000, 40_000, .ringOverrun), mark(90_000, 200_000)] {
                #expect(bench.store.send(one))
            }
            let text = word("one", 50_000)
            #expect(bench.store.send(.words([text], covered: SampleIndex(60_000))))
            try bench.commit()
            let running = try #require(try RecordingIndex(directory: scratch.path).summary(id))
            #expect(running.samples == 99_200 && running.silenceSamples == 99_200, "never more than is saved")
            let gap = Gap(start: SampleIndex(60_000), end: SampleIndex(100_000), reason: "offline")
            let summary = try bench.close(gaps: [gap])
            #expect(summary.silenceSamples == 40_000)
            #expect(summary.covered == 60_000 && summary.coveredSound == 30_000 && summary.coveredPercent == 50)
        }

        @Test func `a lesson without any sound is not transcribed`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path, postLesson: StoreBench.both)
            let id = try bench.open()
            bench.feed(80_000)
            #expect(bench.store.send(mark(0, 80_000)))
            #expect(bench.store.send(.words([], covered: SampleIndex(80_000))))
            let summary = try bench.close()
            #expect(summary.silenceSamples == 80_000 && summary.coveredPercent == 0 && summary.coveredSound == 0)
            let package = try #require(try bench.nextPackage().package)
            let manifest = try SavedFiles(directory: scratch.path).text(id, "manifest.json")
            #expect(manifest.contains(#""silenceMs":5000,"quietMs":0,"clippedMs":0"#), "\(manifest)")
            #expect(manifest.contains(#""coveredMs":0"#))
            try SavedFiles(directory: scratch.path).expectPackage(package)
        }

        @Test func `what is transcribed is the same for list, export, transcript and manifest`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path, postLesson: StoreBench.both)
            let gap = Gap(start: SampleIndex(20_000), end: SampleIndex(40_000), reason: "offline")
            let texts: [([Word], covered: Int64, [Gap], sound: Int64)] = [
                // Transcription is off; as a whole; with a gap, which the words behind it do not make longer.
                ([], 0, [], 0), ([word("one", 50_000)], 80_000, [], 70_000),
                ([word("one", 5_000), word("two", 50_000)], 20_000, [gap], 50_000),
            ]
            for (number, text) in texts.enumerated() {
                bench.ring.reset()
                let id = try bench.open(StoreBench.header(UInt64(number + 1)))
                bench.feed(80_000)
                #expect(bench.store.send(mark(10_000, 20_000)))
                #expect(bench.store.send(.words(text.0, covered: SampleIndex(text.covered), gaps: text.2)))
                let summary = try bench.close(gaps: text.2)
                #expect(summary.coveredSound == text.sound && summary.coveredPercent == text.sound * 100 / 70_000)
                if !text.2.isEmpty { try bench.settle(id, reason: "402") }
                let files = SavedFiles(directory: scratch.path)
                let document = try files.export(id)
                #expect(document.coverage.samples(outside: document.silences) == text.sound)
                while true {
                    let package = try #require(try bench.nextPackage().package)
                    if package.recording == id { break }
                    try bench.upload(package)
                }
                #expect(try files.text(id, "transcript.json") == document.json + "\n")
                #expect(try files.text(id, "manifest.json").contains(#""coveredMs":\#(text.sound / 16),"#))
            }
        }

        @Test func `the level's seconds add up over commits, and come with the next words`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path)
            let id = try bench.open()
            bench.feed(100_000)
            let index = try RecordingIndex(directory: scratch.path)
            #expect(bench.store.send(.level(quietSamples: 10_000, clippedSamples: 0)))
            try bench.commit()
            #expect(try index.summary(id)?.quietSamples == 0, "alone, it is not worth a page of flash")
            #expect(bench.store.send(.level(quietSamples: 5_000, clippedSamples: 300)))
            #expect(bench.store.send(.words([word("one", 1_000)], covered: .zero)))
            try bench.commit()
            #expect(try index.summary(id)?.quietSamples == 15_000)
            #expect(bench.store.send(.level(quietSamples: 0, clippedSamples: 200)))
            let summary = try bench.close()
            #expect(summary.quietSamples == 15_000 && summary.clippedSamples == 500)
            bench.ring.reset()
            _ = try bench.open(StoreBench.header(2))
            bench.feed(10_000)
            #expect(try bench.close().quietSamples == 0, "of the lesson that was quiet")
        }

        @Test func `a minute of it is written without words`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path)
            let id = try bench.open()
            bench.feed(1_000_000)
            #expect(bench.store.send(.level(quietSamples: Limits.levelSamples, clippedSamples: 0)))
            try bench.commit()
            #expect(try RecordingIndex(directory: scratch.path).summary(id)?.quietSamples == Limits.levelSamples)
        }

        @Test func `an index from before levels were kept is read, and takes them`() throws {
            let scratch = Scratch()
            let old = try StoreBench(scratch.path)
            let first = try old.lesson(1, samples: 20_000, [word("one", 1_000)])
            old.store.shutdown()
            let file = scratch.path + "/index.sqlite"
            #expect(run("! sqlite3 '\(file)' .tables | grep -q level"), "made when it is needed")
            #expect(try RecordingIndex(directory: scratch.path).summary(first)?.quietSamples == 0)
            let bench = try StoreBench(scratch.path)
            let id = try bench.open(StoreBench.header(2))
            bench.feed(20_000)
            #expect(bench.store.send(.level(quietSamples: 16_000, clippedSamples: 8_000)))
            let summary = try bench.close()
            #expect(summary.quietSamples == 16_000 && summary.clippedSamples == 8_000)
            #expect(try RecordingIndex(directory: scratch.path).recordings().map(\.clippedSamples) == [0, 8_000])
            #expect(run("sqlite3 '\(file)' 'PRAGMA user_version' | grep -qx \(IndexSchema.migrations.count)"))
            // An older version knows nothing of the table when it deletes a recording.
            #expect(run("sqlite3 '\(file)' 'PRAGMA foreign_keys = ON; DELETE FROM recording WHERE id = \"\(id)\"'"))
            #expect(run("sqlite3 '\(file)' 'SELECT count(*) FROM level' | grep -qx 0"))
        }

        @Test func `what was measured of a lesson's sound is its own, in an index of before as well`() throws {
            let scratch = Scratch()
            let old = try StoreBench(scratch.path)
            let first = try old.lesson(1, samples: 20_000, [word("one", 1_000)])
            old.store.shutdown()
            let bench = try StoreBench(scratch.path)
            let id = try bench.open(StoreBench.header(2))
            bench.feed(20_000)
            let sound = MeasuredSound(loudestTenths: -188, quietestTenths: -612, driftPartsPerMillion: -3)
            #expect(bench.store.send(.measured(sound)))
            _ = try bench.close()
            let index = try RecordingIndex(directory: scratch.path)
            #expect(try index.summary(id)?.measured == sound)
            #expect(try index.summary(first)?.measured == MeasuredSound())
        }

        @Test func `levels come over from a damaged index`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path)
            let id = try bench.open()
            bench.feed(20_000)
            #expect(bench.store.send(.level(quietSamples: 16_000, clippedSamples: 8_000)))
            let measured = MeasuredSound(loudestTenths: -120, quietestTenths: -600, driftPartsPerMillion: 31)
            #expect(bench.store.send(.measured(measured)))
            _ = try bench.close()
            bench.store.shutdown()
            try File(scratch.path + "/index.sqlite", .write).write([0xA5, 0xA5, 0xA5, 0xA5], at: 68)
            let again = try StoreBench(scratch.path)
            #expect(again.store.rebuilt?.recordings == 1)
            let summary = try #require(try RecordingIndex(directory: scratch.path).summary(id))
            #expect(summary.quietSamples == 16_000 && summary.clippedSamples == 8_000)
            #expect(summary.measured == measured)
        }
    }
}
