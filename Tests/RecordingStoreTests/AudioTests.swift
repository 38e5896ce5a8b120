import Glibc
import LinuxRuntime
import RecorderCore
import Testing

@testable import RecordingStore

extension StoreTests {
    struct AudioTests {
        @Test(arguments: [0, 1, 1_599, 1_600, 1_601, 48_000, 123_457])
        func `what was recorded is read back sample by sample`(count: Int) throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path)
            let id = try bench.open()
            bench.feed(count)
            let summary = try bench.close()
            #expect(summary.samples == Int64(count))
            #expect(summary.state == .saved)
            #expect(!summary.interrupted)
            let read = try readBack(id, scratch.path)
            #expect(read.count == Int64(count) && read.exact)
            #expect(flacAccepts(segmentPath(scratch.path, id, 0)))
        }

        @Test(arguments: [
            (31_999, [31_999]), (32_000, [32_000]), (32_001, [32_000, 1]), (64_000, [32_000, 32_000]),
            (100_000, [32_000, 32_000, 32_000, 4_000]),
        ])
        func `files roll at their exact length`(total: Int, lengths: [Int64]) throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path, segmentSamples: 32_000)
            let id = try bench.open()
            var left = total
            while left > 0 {
                bench.feed(min(left, 7_777))
                left -= min(left, 7_777)
                if left % 2 == 0 { try bench.commit() }
            }
            #expect(try bench.close().samples == Int64(total))
            let files = SegmentFiles(StateLayout(scratch.path), id)
            #expect(try files.numbers() == Array(0..<lengths.count))
            for (number, length) in lengths.enumerated() {
                let found = try #require(try files.reader(number))
                #expect(found.tags.firstSample.value == Int64(number) * 32_000)
                #expect(found.tags.segment == number)
                while try found.reader.next() {}
                #expect(found.reader.endSample == length)
                #expect(flacAccepts(segmentPath(scratch.path, id, number)))
            }
            #expect(try readBack(id, scratch.path) == (Int64(total), true))
        }

        @Test func `a commit leaves at most one frame in the encoder`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path)
            _ = try bench.open()
            for _ in 0..<20 {
                bench.feed(28_000)
                try bench.commit()
                guard case .committed(let through)? = bench.events.last else { continue }
                #expect(bench.ring.head.samples(since: through) <= Limits.flacBlockSamples)
            }
        }

        @Test func `a running recording is exported up to its last whole frame`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path, segmentSamples: 32_000)
            let id = try bench.open()
            bench.feed(70_000)
            try bench.commit()
            let output = scratch.path + "/out.flac"
            #expect(try AudioExport.flac(id, directory: scratch.path, to: output) == 68_800)
            #expect(flacAccepts(output))
            bench.feed(70_000)
            _ = try bench.close()
            #expect(try AudioExport.flac(id, directory: scratch.path, to: output) == 140_000)
            #expect(flacAccepts(output))
            #expect(access(output + ".part", F_OK) != 0)
            #expect(run("metaflac --show-total-samples '\(output)' | grep -qx 140000"))
            #expect(run("! metaflac --show-md5sum '\(output)' | grep -qx 00000000000000000000000000000000"))
            let raw = scratch.path + "/out.raw"
            let format = "--force-raw-format --endian=little --sign=signed"
            #expect(run("flac --decode --silent \(format) -o '\(raw)' '\(output)'"))
            let bytes = try FileSystem.readFile(raw, limitBytes: 1 << 20)
            #expect(Pattern.part(0, 140_000).withUnsafeBytes { Array($0) } == bytes)
        }

        @Test func `reading stops when it is told to`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path)
            let id = try bench.open()
            bench.feed(16_000)
            _ = try bench.close()
            var blocks = 0
            _ = try AudioExport.readSamples(id, directory: scratch.path) { _ in
                blocks += 1
                return blocks < 3
            }
            #expect(blocks == 3)
        }

        @Test func `a damaged frame becomes silence and what follows keeps its place`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path, segmentSamples: 64_000)
            let id = try bench.open()
            bench.feed(100_000)
            _ = try bench.close()
            let file = try File(segmentPath(scratch.path, id, 0), .write)
            let middle = try file.status().bytes / 2
            try file.write([UInt8](repeating: 0xA5, count: 16), at: middle)
            var position: Int64 = 0
            var wrong: [Int64] = []
            let count = try AudioExport.readSamples(id, directory: scratch.path) { block in
                if Pattern.part(position, block.count) != Array(block) {
                    wrong.append(position)
                    #expect(block.allSatisfy { $0 == 0 })
                }
                position += Int64(block.count)
                return true
            }
            #expect(count == 100_000)
            // The decoder finds the end of a damaged frame in the one that follows at the latest.
            #expect(wrong.count == 1 || wrong.count == 2 && wrong[1] - wrong[0] == 1_600)
        }

        @Test func `a recording without audio is a clear error`() throws {
            let scratch = Scratch()
            let id = StoreBench.header().id
            #expect(throws: StoreError.noRecording(id, directory: scratch.path)) {
                _ = try AudioExport.flac(id, directory: scratch.path, to: scratch.path + "/out.flac")
            }
            #expect(access(scratch.path + "/out.flac", F_OK) != 0)
        }

        @Test func `an output that cannot be made is named`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path)
            let id = try bench.open()
            bench.feed(5_000)
            _ = try bench.close()
            do {
                _ = try AudioExport.flac(id, directory: scratch.path, to: scratch.path + "/none/out.flac")
                Issue.record("there is no such directory")
            } catch {
                #expect(error.message.contains("/none/out.flac.part: No such file or directory"))
            }
        }

        @Test(arguments: ["", "fLaC", "this is no FLAC file at all, but it is long enough to be looked at twice"])
        func `files that are no FLAC are passed over`(content: String) throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path, segmentSamples: 32_000)
            let id = try bench.open()
            bench.feed(40_000)
            _ = try bench.close()
            try FileSystem.writeFile(segmentPath(scratch.path, id, 2), Array(content.utf8))
            #expect(try readBack(id, scratch.path) == (40_000, true))
        }
    }
}
