/// A format of samples that is taken as the device has it, interleaved, in the byte order of the box's processors
/// (little-endian). In the order in which a device is asked (`chalk_alsa_configure`): what is recorded has 16 bits, so
/// more bits of a device cost bandwidth and tell nothing.
package enum PCMFormat: UInt8, CaseIterable, Sendable {
    case s16
    case s32
    /// 24 bits in three bytes.
    case s24packed
    /// 24 bits in the lower three of four bytes.
    case s24
    case float

    /// As ALSA names it (alsa/pcm.h).
    package var name: String {
        switch self {
        case .s16: "S16_LE"
        case .s32: "S32_LE"
        case .s24packed: "S24_3LE"
        case .s24: "S24_LE"
        case .float: "FLOAT_LE"
        }
    }

    /// Of one sample.
    package var byteCount: Int {
        switch self {
        case .s16: 2
        case .s24packed: 3
        case .s32, .s24, .float: 4
        }
    }
}

/// How a device was opened: what it delivers, before Chalkbox makes 16 kHz mono s16 of it.
package struct PCMParameters: Equatable, Sendable {
    /// Frames a second: one sample of each channel is a frame.
    package var framesPerSecond: Int
    package var format: PCMFormat
    package var channels: Int
    package var periodFrames: Int
    package var bufferFrames: Int
    /// ALSA's `plug` converts, because the device itself has no format, rate or number of channels that Chalkbox takes.
    package var isConverted: Bool

    package var bytesPerFrame: Int { format.byteCount * channels }

    /// For example `48000 Hz, 2 channels, S32_LE, period 4800, buffer 96000 frames`.
    package var text: String {
        let sizes = ", period \(periodFrames), buffer \(bufferFrames) frames"
        return "\(framesPerSecond) Hz, \(channels) channel\(channels == 1 ? "" : "s"), " + format.name + sizes
            + (isConverted ? ", converted by ALSA's plug" : "")
    }

    package init(
        framesPerSecond: Int, format: PCMFormat, channels: Int, periodFrames: Int, bufferFrames: Int,
        isConverted: Bool = false
    ) {
        self.framesPerSecond = framesPerSecond
        self.format = format
        self.channels = channels
        self.periodFrames = periodFrames
        self.bufferFrames = bufferFrames
        self.isConverted = isConverted
    }
}
