import CloudKit
import Foundation
import Testing

@Suite struct AudioFileTests {
    private let samples: [Int16] = [0, 1, -1, 32_767, -32_768]

    private func read(_ data: Data) throws -> [Int16] {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/file"
        try data.write(to: URL(fileURLWithPath: path))
        return try AudioFile.samples(path: path)
    }

    @Test func `wave and raw files are read back`() throws {
        #expect(try read(AudioFile.wave(samples)) == samples)
        #expect(try read(samples.withUnsafeBytes { Data($0) } + [7]) == samples)
        #expect(try read(Data()).isEmpty)
    }

    @Test func `a wave file written to a pipe has no size and is read to its end`() throws {
        for size: [UInt8] in [[0, 0, 0, 0], [255, 255, 255, 255]] {
            var file = AudioFile.wave(samples)
            file.replaceSubrange(40..<44, with: size)
            #expect(try read(file) == samples)
        }
    }

    @Test func `other rates, cut files and missing files are errors`() throws {
        var fast = AudioFile.wave(samples)
        fast.replaceSubrange(24..<28, with: [0x44, 0xAC, 0, 0])
        #expect(throws: AudioFile.Failure.self) { try read(fast) }
        for length in 4..<44 {
            #expect(throws: AudioFile.Failure.self, "cut to \(length)") {
                try read(AudioFile.wave(samples).prefix(length))
            }
        }
        #expect(throws: AudioFile.Failure.self) { try AudioFile.samples(path: "/nonexistent") }
    }
}
