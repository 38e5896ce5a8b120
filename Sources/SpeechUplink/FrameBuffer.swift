internal import LinuxRuntime
internal import RecorderCore
internal import WebTransport

/// The buffer for a session's frames: audio, text and pings.
@safe struct FrameBuffer {
    /// A frame of audio takes 3,200 bytes.
    private static let capacity = 4_096
    static let bytesPerMillisecond = 2 * SampleIndex.samplesPerMillisecond

    private let buffer = WriteBuffer(capacity: capacity)

    private var samples: UnsafeMutableBufferPointer<Int16> {
        let all = unsafe buffer.bytes.bindMemory(to: Int16.self)
        return unsafe UnsafeMutableBufferPointer(rebasing: all[..<Int(Limits.periodSamples)])
    }

    /// The samples as the service wants them, little-endian, which every machine of ours is.
    func fill(from ring: SampleRing, _ range: Range<SampleIndex>) -> SampleRing.ReadResult {
        let count = Int(range.upperBound.samples(since: range.lowerBound))
        return unsafe ring.read(from: range.lowerBound, into: UnsafeMutableBufferPointer(rebasing: samples[..<count]))
    }

    /// - Parameter part: at most a frame.
    func fill(from part: ArraySlice<Int16>) {
        let samples = unsafe samples
        var place = 0
        for sample in part where place < samples.count {
            unsafe samples[place] = sample
            place += 1
        }
    }

    func writeAudio(_ range: Range<SampleIndex>, to connection: Connection) -> Bool {
        buffer.write(Int(range.upperBound.samples(since: range.lowerBound)) * 2, as: .binary, to: connection)
    }

    func write(_ text: String, to connection: Connection) -> Bool {
        let bytes = Array(text.utf8)
        // The first message may be long: 32 language hints, 8,000 bytes of terms.
        let buffer = bytes.count <= Self.capacity ? buffer : WriteBuffer(capacity: bytes.count)
        unsafe buffer.bytes.copyBytes(from: bytes)
        return buffer.write(bytes.count, as: .text, to: connection)
    }

    func writePing(_ now: MonotonicTime, to connection: Connection) -> Bool {
        for byte in 0..<8 {
            unsafe buffer.bytes[byte] = UInt8(truncatingIfNeeded: now.milliseconds >> Int64(byte * 8))
        }
        return buffer.write(8, as: .ping, to: connection)
    }

    /// The time in the payload that `writePing` wrote.
    static func pingTime(_ bytes: UnsafeBufferPointer<UInt8>) -> MonotonicTime? {
        guard bytes.count == 8 else { return nil }
        var value: Int64 = 0
        for byte in 0..<8 { value |= unsafe Int64(bytes[byte]) << Int64(byte * 8) }
        return MonotonicTime(milliseconds: value)
    }
}
