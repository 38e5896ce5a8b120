package import Foundation

/// Reads and writes what the tools exchange: 16 kHz mono 16-bit audio, raw little-endian or in a RIFF file. FLAC is
/// read only.
package enum AudioFile {
    package enum Failure: Error, Equatable, CustomStringConvertible {
        case notReadable(path: String, reason: String)
        case notAudio(path: String, reason: String)

        package var description: String {
            switch self {
            case .notReadable(let path, let reason): "cannot read \(path): \(reason)"
            case .notAudio(let path, let reason):
                "\(path) \(reason); convert it with: sox \(path) -r 16000 -c 1 -b 16 out.wav"
            }
        }
    }

    /// The samples of a file: RIFF WAVE or FLAC if it says so, raw samples otherwise.
    package static func samples(path: String) throws(Failure) -> [Int16] {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw .notReadable(path: path, reason: error.localizedDescription)
        }
        return try samples(in: data, path: path) ?? samples(littleEndian: data)
    }

    /// The samples of a file's bytes; nil when they are neither RIFF WAVE nor FLAC.
    static func samples(in data: Data, path: String) throws(Failure) -> [Int16]? {
        if data.starts(with: Array("RIFF".utf8)) { return samples(littleEndian: try waveData(in: data, path: path)) }
        guard data.starts(with: Array("fLaC".utf8)) else { return nil }
        do throws(FLACFile.Failure) {
            return try FLACFile.samples(data)
        } catch {
            throw .notAudio(path: path, reason: error.reason)
        }
    }

    /// Samples out of bytes; an odd last byte is dropped.
    package static func samples(littleEndian bytes: Data) -> [Int16] {
        [Int16](unsafeUninitializedCapacity: bytes.count / 2) { buffer, count in
            bytes.copyBytes(to: UnsafeMutableRawBufferPointer(buffer), count: bytes.count / 2 * 2)
            count = bytes.count / 2
        }
    }

    /// A whole RIFF WAVE file.
    package static func wave(_ samples: [Int16]) -> Data {
        func little<Value: FixedWidthInteger>(_ value: Value) -> Data {
            withUnsafeBytes(of: value.littleEndian) { Data($0) }
        }
        let audio = samples.withUnsafeBytes { Data($0) }
        var file = Data("RIFF".utf8) + little(UInt32(36 + audio.count)) + Data("WAVEfmt ".utf8) + little(UInt32(16))
        // PCM, one channel, 16 000 samples/s, 32 000 bytes/s, 2 bytes a frame, 16 bits.
        file += little(UInt16(1)) + little(UInt16(1)) + little(UInt32(16_000)) + little(UInt32(32_000))
        file += little(UInt16(2)) + little(UInt16(16)) + Data("data".utf8) + little(UInt32(audio.count))
        return file + audio
    }

    /// Finds the `data` chunk. A program that writes to a pipe cannot know its size and writes 0 or 0xFFFFFFFF
    /// there: the chunk then goes to the end of the file.
    private static func waveData(in file: Data, path: String) throws(Failure) -> Data {
        var position = 12
        var isRightFormat = false
        while position + 8 <= file.count {
            let name = file[position..<(position + 4)]
            let size = Int(integer(in: file, at: position + 4, bytes: 4))
            let body = position + 8
            if name.elementsEqual("fmt ".utf8), body + 16 <= file.count {
                let channels = integer(in: file, at: body + 2, bytes: 2)
                let rate = integer(in: file, at: body + 4, bytes: 4)
                let bits = integer(in: file, at: body + 14, bytes: 2)
                isRightFormat = (channels, rate, bits) == (1, 16_000, 16)
            } else if name.elementsEqual("data".utf8) {
                guard isRightFormat else { throw .notAudio(path: path, reason: "is not 16 kHz mono 16-bit audio") }
                let end = size == 0 ? file.count : min(body + size, file.count)
                return file.subdata(in: body..<end)
            }
            position = body + size + size % 2
        }
        throw .notAudio(path: path, reason: "is a RIFF file without audio")
    }

    private static func integer(in file: Data, at position: Int, bytes: Int) -> UInt32 {
        (0..<bytes).reduce(0) { $0 | UInt32(file[position + $1]) << UInt32(8 * $1) }
    }
}
