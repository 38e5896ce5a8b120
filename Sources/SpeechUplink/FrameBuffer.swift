internal import CWebSockets
internal import LinuxRuntime
internal import RecorderCore

/// What a session writes: one buffer, made once, with the room before it that `lws_write` wants (LWS_PRE).
@safe struct FrameBuffer: ~Copyable {
    /// The first message with 32 language hints takes some 1.5 KiB, a frame of audio 3200 bytes.
    private static let capacity = 4_096

    private let memory: UnsafeMutableRawPointer
    private let payload: UnsafeMutablePointer<UInt8>
    private let samples: UnsafeMutableBufferPointer<Int16>

    init() {
        let room = Int(chalk_lws_pre())
        let count = Int(Limits.periodSamples)
        unsafe memory = .allocate(byteCount: room + Self.capacity, alignment: 16)
        unsafe payload = (memory + room).bindMemory(to: UInt8.self, capacity: Self.capacity)
        unsafe payload.initialize(repeating: 0, count: Self.capacity)
        let first = unsafe UnsafeMutableRawPointer(payload).assumingMemoryBound(to: Int16.self)
        unsafe samples = UnsafeMutableBufferPointer(start: first, count: count)
    }

    deinit {
        unsafe memory.deallocate()
    }

    /// The samples as the service wants them, little-endian, which every machine of ours is.
    borrowing func fill(from ring: SampleRing, _ range: Range<SampleIndex>) -> SampleRing.ReadResult {
        let count = Int(range.upperBound.samples(since: range.lowerBound))
        return unsafe ring.read(from: range.lowerBound, into: UnsafeMutableBufferPointer(rebasing: samples[..<count]))
    }

    /// - Parameter part: at most a frame.
    borrowing func fill(from part: ArraySlice<Int16>) {
        var place = 0
        for sample in part where unsafe place < samples.count {
            unsafe samples[place] = sample
            place += 1
        }
    }

    borrowing func writeAudio(_ range: Range<SampleIndex>, to wsi: OpaquePointer?) -> Bool {
        unsafe write(Int(range.upperBound.samples(since: range.lowerBound)) * 2, LWS_WRITE_BINARY, to: wsi)
    }

    borrowing func write(_ text: String, to wsi: OpaquePointer?) -> Bool {
        var count = 0
        for byte in text.utf8 {
            guard count < Self.capacity else { return false }
            unsafe payload[count] = byte
            count += 1
        }
        return unsafe write(count, LWS_WRITE_TEXT, to: wsi)
    }

    borrowing func writePing(_ now: MonotonicTime, to wsi: OpaquePointer?) -> Bool {
        for byte in 0..<8 {
            unsafe payload[byte] = UInt8(truncatingIfNeeded: now.milliseconds >> Int64(byte * 8))
        }
        return unsafe write(8, LWS_WRITE_PING, to: wsi)
    }

    /// The time in the payload that `writePing` wrote.
    static func pingTime(_ bytes: UnsafeBufferPointer<UInt8>) -> MonotonicTime? {
        guard bytes.count == 8 else { return nil }
        var value: Int64 = 0
        for byte in 0..<8 { value |= unsafe Int64(bytes[byte]) << Int64(byte * 8) }
        return MonotonicTime(milliseconds: value)
    }

    private borrowing func write(_ count: Int, _ kind: lws_write_protocol, to wsi: OpaquePointer?) -> Bool {
        guard let wsi = unsafe wsi else { return false }
        return unsafe lws_write(wsi, payload, count, kind) >= Int32(count)
    }
}
