import Glibc
import LinuxRuntime
import RecorderCore
import Testing

@testable import RecordingStore

extension StoreTests {
    struct VerificationTests {
        private let scratch = Scratch()
        private let id: RecordingID

        /// A saved recording of three files, with words, a silence and a gap.
        init() throws {
            let bench = try StoreBench(scratch.path, segmentSamples: 32_000)
            id = try bench.open()
            bench.feed(70_000)
            let words = (0..<40).map { word("word\($0)", Int64($0) * 1_000) }
            _ = bench.store.send(.words(words, covered: SampleIndex(41_000)))
            _ = bench.store.send(
                .silence(SilenceMark(start: SampleIndex(100), end: SampleIndex(200), reason: .overrun)))
            _ = try bench.close(gaps: [Gap(start: SampleIndex(41_000), end: SampleIndex(70_000), reason: "offline")])
            bench.store.shutdown()
        }

        private func check(_ id: RecordingID? = nil) throws -> Verification.Report {
            try Verification(directory: scratch.path).check(id ?? self.id) { _, _ in }
        }

        private func expectProblem(_ text: String) throws {
            let problems = try check().problems
            #expect(problems.contains { $0.contains(text) }, "\(problems)")
        }

        private func sql(_ text: String) {
            #expect(run("sqlite3 '\(scratch.path)/index.sqlite' '\(text)'"))
        }

        private func overwrite(_ segment: Int, at offset: Int64, _ bytes: [UInt8]) throws {
            try File(segmentPath(scratch.path, id, segment), .write).write(bytes, at: offset)
        }

        @Test func `what is whole is called so, file by file`() throws {
            var told: [Int] = []
            let verification = try Verification(directory: scratch.path)
            let report = try verification.check(id) { file, count in told.append(file * 10 + count) }
            #expect(report == Verification.Report(files: 3, samples: 70_000, words: 40))
            #expect(told == [13, 23, 33])
            #expect(try verification.recordings() == [id])
            #expect(try verification.indexProblems().isEmpty)
        }

        @Test func `a damaged frame is found, with its place`() throws {
            let path = segmentPath(scratch.path, id, 1)
            try overwrite(1, at: try fileBytes(path) / 2, [UInt8](repeating: 0xA5, count: 16))
            let problem = try #require(try check().problems.first)
            #expect(problem.hasPrefix("audio-0001.flac: ") && problem.contains(" ms damaged in 1 places, the first at"))
        }

        @Test func `samples that are not those of the header are found`() throws {
            // The digest is the header's last field (RFC 9639, 8.2), after 26 bytes.
            try overwrite(0, at: 26, [UInt8](repeating: 0xA5, count: 16))
            try expectProblem("audio-0000.flac: its samples do not have the MD5")
        }

        @Test func `a file that is cut off is found`() throws {
            try File(segmentPath(scratch.path, id, 2), .write).truncate(to: 4_000)
            try expectProblem("audio-0002.flac: ")
            // The file's own header says how long it was.
            #expect(try check().samples == 70_000)
        }

        @Test func `a file that is gone is found`() throws {
            #expect(unlink(segmentPath(scratch.path, id, 1)) == 0)
            try expectProblem("audio-0002.flac is there, audio-0001.flac is not")
            try expectProblem("audio-0002.flac begins at sample 64000, not 32000")
        }

        @Test(arguments: [false, true])
        func `a lesson that was written again, or lost for a while, is whole by its places`(isLost: Bool) throws {
            let other = Scratch()
            let bench = try StoreBench(
                other.path, segmentSamples: 32_000, ringSamples: isLost ? 1 << 16 : Limits.ringSamples)
            let id = try bench.open()
            for _ in 0..<4 {
                bench.feed(30_000)
                try bench.commit()
            }
            #expect(run("rm '\(other.path)/recordings/\(id.text)'/*.flac"))
            bench.feed(10_000)
            _ = bench.store.send(.commit)
            try bench.wait { if case .failed = $0 { true } else { false } }
            let summary = try bench.close()
            #expect(summary.samples == 130_000 && (summary.silenceSamples > 0) == isLost)
            let report = try Verification(directory: other.path).check(id) { _, _ in }
            #expect(report.problems == [] && report.samples == 130_000 && report.files > 1)
        }

        @Test func `the last file's loss is found by the index`() throws {
            #expect(unlink(segmentPath(scratch.path, id, 2)) == 0)
            try expectProblem("70000 samples by the index, 64000 in the files")
        }

        @Test func `a file of another recording and one that is no audio are found`() throws {
            try FileSystem.writeFile(segmentPath(scratch.path, id, 3), Array("fLaC".utf8))
            try expectProblem("audio-0003.flac is no file of this recording")
        }

        @Test(arguments: [
            ("UPDATE token SET start_sample = end_sample + 1 WHERE text = \" word7\"", "1 words are impossible"),
            ("UPDATE token SET confidence = 2 WHERE text = \" word7\"", "1 words are impossible"),
            ("DELETE FROM token WHERE text = \" word7\"", "words are missing: 39 of 40"),
            ("UPDATE recording SET words = 12", "40 words, 12 by the recording"),
            ("UPDATE recording SET samples = 70001", "70001 samples by the index"),
            ("UPDATE recording SET label = \"another\"", "audio-0002.flac: its tags and the index differ"),
            ("UPDATE gap SET end_sample = 70001", "1 silences or gaps are outside"),
            ("UPDATE silence SET end_sample = start_sample", "1 silences or gaps are outside"),
        ])
        func `a wrong row is found`(change: String, problem: String) throws {
            sql(change)
            try expectProblem(problem)
        }

        @Test func `words of nobody and a damaged page are the index's`() throws {
            sql("UPDATE token SET place = place + (3 << 24) WHERE text = \" word39\"")
            #expect(try Verification(directory: scratch.path).indexProblems() == ["1 words of no recording"])
            let file = try File(scratch.path + "/index.sqlite", .write)
            let page = try file.status().bytes - 1_024
            try file.write([UInt8](repeating: 0xA5, count: 600), at: page)
            #expect(throws: StoreError.self) {
                let problems = try Verification(directory: scratch.path).indexProblems()
                if !problems.isEmpty { throw StoreError.damagedIndex(file: "", reason: problems[0]) }
            }
        }

        @Test func `audio without a row is named`() throws {
            sql("DELETE FROM recording")
            #expect(try Verification(directory: scratch.path).recordings() == [id])
            try expectProblem("not in the index")
        }

        @Test func `a directory without a byte is no recording`() throws {
            let path = scratch.path + "/recordings/\(StoreBench.header(5).id.text)"
            try FileSystem.makeDirectory(path, mode: 0o750)
            try FileSystem.writeFile(path + "/" + SegmentName.text(0), [])
            #expect(try Verification(directory: scratch.path).recordings() == [id])
            let bench = try StoreBench(scratch.path, segmentSamples: 32_000)
            #expect(bench.store.unreadable.isEmpty)
        }

        @Test(arguments: [4, 4_000, 50_000])
        func `what has no header is kept, however short, and told`(bytes: Int) throws {
            let lost = StoreBench.header(5).id
            let path = scratch.path + "/recordings/\(lost.text)"
            try FileSystem.makeDirectory(path, mode: 0o750)
            let content = [UInt8](repeating: 0xA5, count: bytes)
            try FileSystem.writeFile(path + "/" + SegmentName.text(0), content)
            for _ in 0..<2 {
                let bench = try StoreBench(scratch.path, segmentSamples: 32_000)
                #expect(bench.store.unreadable == [lost])
                bench.store.shutdown()
            }
            #expect(try FileSystem.readFile(path + "/" + SegmentName.text(0), limitBytes: 1 << 20) == content)
            let strays = try RecordingIndex(directory: scratch.path).strays()
            #expect(strays.map(\.id) == [lost] && strays.allSatisfy { !$0.isReadable })
        }

        @Test func `audio whose headers are gone stays, and is named`() throws {
            let lost = StoreBench.header(5).id
            let path = scratch.path + "/recordings/\(lost.text)"
            try FileSystem.makeDirectory(path, mode: 0o750)
            try FileSystem.writeFile(path + "/" + SegmentName.text(0), [UInt8](repeating: 0xA5, count: 50_000))
            try StoreBench(scratch.path, segmentSamples: 32_000).store.shutdown()
            #expect(try Verification(directory: scratch.path).recordings() == [id, lost])
            #expect(try check(lost).problems == ["not in the index: no file has a readable header; they are kept"])
        }

        @Test func `a running recording's torn end is no damage`() throws {
            let bench = try StoreBench(scratch.path, segmentSamples: 32_000)
            let running = try bench.open(StoreBench.header(2))
            for _ in 0..<12 {
                bench.feed(7_000)
                _ = bench.store.send(.words([word("now", bench.ring.head.value - 3_000)], covered: .zero))
                try bench.commit()
                let report = try check(running)
                #expect(report.problems.isEmpty && report.isRunning, "\(report)")
                #expect(report.samples >= bench.ring.head.value - 2 * Limits.flacBlockSamples)
            }
            let path = segmentPath(scratch.path, running, 2)
            let file = try File(path, .write)
            try file.write([0xFF, 0xF8, 0x69], at: try file.status().bytes)
            #expect(try check(running).problems.isEmpty)
            _ = try bench.close()
        }
    }
}
