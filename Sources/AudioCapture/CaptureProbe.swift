package import RecorderCore

/// A short measurement of the microphone, for `chalkbox doctor`.
package enum CaptureProbe {
    package struct Result: Equatable, Sendable {
        package var level: CaptureLevel
        /// At 16 kHz.
        package var samples: Int
        /// As the device was opened.
        package var parameters: PCMParameters
        package var channels: [ChannelLevel]
        package var faults: ChannelFaults
        package var mixer: MixerReport
    }

    /// Opens the device, reads `milliseconds` of audio (at most 10 s) and closes it. A device that records for a
    /// running daemon is usually busy.
    package static func measure(
        _ settings: CaptureSettings, milliseconds: Int64 = 1_000
    ) throws(CaptureError) -> Result {
        let reader = try MicrophoneReader(settings, wake: -1)
        let wanted = Int(SampleIndex(milliseconds: min(max(milliseconds, 1), 10_000)).value)
        var samples = 0
        var peak: Int64 = 0
        var squares: Int64 = 0
        while samples < wanted {
            for sample in try reader.read().prefix(wanted - samples) {
                let value = Int64(sample)
                peak = max(peak, abs(value))
                squares += value * value
                samples += 1
            }
        }
        return Result(
            level: CaptureLevel(LevelMeter.Second(peak: peak, meanSquare: squares / Int64(samples))),
            samples: samples, parameters: reader.parameters, channels: reader.channels, faults: reader.faults,
            mixer: reader.mixer)
    }
}
