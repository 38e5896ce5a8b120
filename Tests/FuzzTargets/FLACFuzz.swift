import LinuxRuntime
import RecorderCore

@testable import RecordingStore

/// An audio file of the journal: its tags, its frames, its end.
enum FLACFuzz {
    /// The recording that the corpus was made with; a file of another one is passed over.
    static let recording = RecordingID(
        startedAt: WallTime(milliseconds: 1_795_507_200_000), randomHigh: 7, randomLow: 1)

    private static let layout: StateLayout = {
        let layout = StateLayout(Scratch.directory + "/flac")
        do throws(SystemError) {
            try FileSystem.makeDirectories(layout.recording(recording), mode: 0o700)
        } catch {
            fatalError(error.message)
        }
        return layout
    }()

    static func run(_ bytes: [UInt8]) throws {
        try read(bytes)
        try read(FLACFrames.repaired(bytes))
    }

    private struct End {
        var sample: Int64 = 0
        var byte: Int64
        /// Every frame follows the one before it, in bytes and in samples.
        var isWhole = true
    }

    private static func read(_ bytes: [UInt8]) throws {
        // As the first file of a recording and as the second.
        for segment in 0...1 { Scratch.write(bytes, to: layout.segment(segment, of: recording)) }
        guard let end = try scan(bytes) else { return }
        try readRecording(bytes.count)
        // Recovery cuts the file at its end: nothing of the audio may go with the torn frame.
        let cut = Array(bytes.prefix(Int(end.byte)))
        Scratch.write(cut, to: layout.segment(0, of: recording))
        let again = try scan(cut)
        try expect(again?.sample ?? 0 <= end.sample && again?.byte ?? 0 <= end.byte, "\(end) grew by cutting")
        // libFLAC looks for no other frame once one that is damaged, and seems to be longer than it is, met the end.
        guard end.isWhole else { return }
        try expect(again?.sample == end.sample && again?.byte == end.byte, "\(end) lost by cutting")
    }

    private static func scan(_ bytes: [UInt8]) throws -> End? {
        let reader: FLACReader
        do throws(StoreError) {
            reader = try FLACReader(path: layout.segment(0, of: recording))
        } catch {
            return nil
        }
        var end = End(byte: reader.endByte)
        while try reader.next() {
            try expect(reader.blockStart >= end.sample && !reader.block.isEmpty, "a block at \(reader.blockStart)")
            try expect(reader.endByte > end.byte, "a frame from byte \(end.byte) to \(reader.endByte)")
            try expect(reader.endByte <= Int64(bytes.count), "an end at \(reader.endByte) of \(bytes.count) bytes")
            let starts = FLACFrames.starts(in: bytes[Int(end.byte)..<Int(reader.endByte)])
            end.isWhole = end.isWhole && starts == [Int(end.byte)] && reader.blockStart == end.sample
            end.sample = reader.endSample
            end.byte = reader.endByte
        }
        try expect(reader.endSample == end.sample && reader.endByte == end.byte, "\(end) moved")
        if let tags = SegmentTags(comments: reader.comments) {
            try expect(SegmentTags(comments: tags.comments) == tags, "tags that do not come back: \(tags)")
        }
        return end
    }

    private static func readRecording(_ size: Int) throws {
        let files = SegmentFiles(layout, recording)
        if let last = try files.end().last {
            try expect(last.bytes <= Int64(size), "an end at \(last.bytes) of \(size) bytes")
        }
        do throws(StoreError) {
            var samples: Int64 = 0
            let count = try AudioExport.readSamples(recording, directory: layout.directory) { block in
                samples += Int64(block.count)
                return true
            }
            if count != samples { throw .noAudio(file: "\(count) of \(samples) samples") }
        } catch {
            guard case .noRecording = error else { throw Violation(description: error.message) }
        }
        let replay = JournalReplay(layout, recording, SegmentSizing(segmentSamples: Limits.segmentSamples))
        for start in [0, Limits.segmentSamples - 1, Limits.segmentSamples] {
            replay.read(session: .lesson(1), from: SampleIndex(start))
            var slices = 0
            while try replay.step() == nil {
                slices += 1
                try expect(slices <= size, "a replay without end")
            }
        }
    }
}

/// Where frames seem to begin, and their checksums (RFC 9639, 9.1 to 9.3).
enum FLACFrames {
    /// Makes the checksums of a mutated file right again, so that the decoder looks beyond them.
    static func repaired(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        let starts = codes(in: bytes[...])
        for (place, start) in starts.enumerated() {
            let end = place + 1 < starts.count ? starts[place + 1] : bytes.count
            let header = start + headerBytes(bytes[start...])
            guard header + 3 <= end else { continue }
            bytes[header] = checksum8(bytes[start..<header])
            let whole = checksum16(bytes[start..<end - 2])
            bytes[end - 2] = UInt8(whole >> 8)
            bytes[end - 1] = UInt8(whole & 0xFF)
        }
        return bytes
    }

    /// Headers with the right checksum.
    static func starts(in bytes: ArraySlice<UInt8>) -> [Int] {
        codes(in: bytes).filter { start in
            let end = start + headerBytes(bytes[start...])
            return end < bytes.endIndex && bytes[end] == checksum8(bytes[start..<end])
        }
    }

    private static func codes(in bytes: ArraySlice<UInt8>) -> [Int] {
        bytes.indices.dropLast(5).filter { bytes[$0] == 0xFF && bytes[$0 + 1] & 0xFE == 0xF8 }
    }

    /// The frame header's bytes before its checksum.
    private static func headerBytes(_ frame: ArraySlice<UInt8>) -> Int {
        let sizes = frame[frame.startIndex + 2]
        let number = max(1, (~frame[frame.startIndex + 4]).leadingZeroBitCount)
        let blockSize = [6: 1, 7: 2][sizes >> 4] ?? 0
        let rate = [12: 1, 13: 2, 14: 2][sizes & 15] ?? 0
        return 4 + number + blockSize + rate
    }

    private static func checksum8(_ bytes: ArraySlice<UInt8>) -> UInt8 {
        bytes.reduce(0) { sum, byte in
            (0..<8).reduce(sum ^ byte) { value, _ in value & 0x80 == 0 ? value << 1 : value << 1 ^ 0x07 }
        }
    }

    private static func checksum16(_ bytes: ArraySlice<UInt8>) -> UInt16 {
        bytes.reduce(0) { sum, byte in
            (0..<8).reduce(sum ^ UInt16(byte) << 8) { value, _ in
                value & 0x8000 == 0 ? value << 1 : value << 1 ^ 0x8005
            }
        }
    }
}
