internal import CALSA
package import RecorderCore
internal import Synchronization

/// Loudness of one channel over a tenth of a second, on the scale of 16 bits.
struct ChannelMeter {
    private var peak: Float = 0
    private var squares: Float = 0
    /// Runs of at least `Limits.clippedRun` samples at full scale since the recording began.
    private(set) var clipped = 0
    /// Samples in a row at full scale, up to now.
    private var run = 0

    mutating func count(isFullScale: Bool) {
        run = isFullScale ? run + 1 : 0
        if run == Limits.clippedRun { clipped += 1 }
    }

    mutating func add(peak: Float, squares: Float) {
        self.peak = max(self.peak, peak)
        self.squares += squares
    }

    /// Of what was added since this was last asked.
    mutating func takeLevel(frames: Int) -> CaptureLevel {
        let level = CaptureLevel(
            peakTenths: CaptureLevel.tenths(Double(peak) / 32_768),
            rmsTenths: CaptureLevel.tenths((Double(squares) / Double(max(frames, 1))).squareRoot() / 32_768))
        (peak, squares) = (0, 0)
        return level
    }
}

/// How loud one channel of the microphone was in the last tenth of a second.
package struct ChannelLevel: Equatable, Sendable {
    package var level: CaptureLevel
    /// Runs of at least `Limits.clippedRun` samples at full scale since the recording began.
    package var clipped: Int
}

/// The newest level of each channel, from the capture thread to its owner: one word each, so that none is torn.
@safe final class ChannelLevels: @unchecked Sendable {
    private let slots: UnsafeMutablePointer<Atomic<Int64>>
    private let channels = Atomic<Int>(0)

    init() {
        unsafe slots = .allocate(capacity: ChannelWatch.channelLimit)
        for channel in 0..<ChannelWatch.channelLimit { unsafe (slots + channel).initialize(to: Atomic(0)) }
    }

    deinit {
        unsafe slots.deinitialize(count: ChannelWatch.channelLimit)
        unsafe slots.deallocate()
    }

    func clear() {
        channels.store(0, ordering: .relaxed)
    }

    func publish(_ level: ChannelLevel, _ channel: Int) {
        let (peak, rms) = (Int64(level.level.peakTenths) & 0xFFFF, Int64(level.level.rmsTenths) & 0xFFFF)
        let clipped = Int64(min(level.clipped, Int(Int32.max)))
        unsafe slots[channel].store(clipped << 32 | peak << 16 | rms, ordering: .relaxed)
        if channel >= channels.load(ordering: .relaxed) { channels.store(channel + 1, ordering: .releasing) }
    }

    /// Empty: nothing was measured yet.
    var all: [ChannelLevel] {
        (0..<channels.load(ordering: .acquiring)).map { channel in
            let packed = unsafe slots[channel].load(ordering: .relaxed)
            let peak = Int16(truncatingIfNeeded: packed >> 16)
            let level = CaptureLevel(peakTenths: Int(peak), rmsTenths: Int(Int16(truncatingIfNeeded: packed)))
            return ChannelLevel(level: level, clipped: Int(packed >> 32))
        }
    }
}

extension CaptureLevel {
    /// Of an amplitude, full scale is 1.
    static func tenths(_ amplitude: Double) -> Int {
        amplitude > 0 ? max(silenceTenths, Int(chalk_decibel_tenths(amplitude))) : silenceTenths
    }
}
