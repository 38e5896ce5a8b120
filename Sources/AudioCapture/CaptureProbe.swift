internal import LinuxRuntime
package import RecorderCore

/// A short measurement of the microphone, for `chalkbox doctor`.
package enum CaptureProbe {
    package struct Result: Equatable, Sendable {
        package var level: CaptureLevel
        package var samples: Int
        /// As accepted by libasound.
        package var periodSamples: Int
        package var bufferSamples: Int
        /// ALSA's `plug` converts, because the device itself cannot give 16 kHz mono s16.
        package var isConverted: Bool

        /// For example `16000 Hz, mono, s16, period 1600, buffer 32000 samples`.
        package var parameters: String {
            "\(SampleIndex.samplesPerSecond) Hz, mono, s16, period \(periodSamples), buffer \(bufferSamples) samples"
                + (isConverted ? ", converted by ALSA's plug" : "")
        }
    }

    /// Opens the device, reads `milliseconds` of audio (at most 10 s) and closes it. A device that records for a
    /// running daemon is usually busy.
    package static func measure(device name: String, milliseconds: Int64 = 1_000) throws(CaptureError) -> Result {
        let idle: EventNotifier
        do throws(SystemError) {
            idle = try EventNotifier()
        } catch {
            throw .system(error)
        }
        let device = try ALSADevice(name: name, wake: -1)
        let started = device.start()
        guard started >= 0 else { throw .stream(device: name, errno: -started, operation: "snd_pcm_start") }
        let wanted = Int(SampleIndex(milliseconds: min(max(milliseconds, 1), 10_000)).value)
        let buffer = UnsafeMutableBufferPointer<Int16>.allocate(capacity: Int(Limits.periodSamples))
        defer { unsafe buffer.deallocate() }
        let deadline = Clock.now.adding(milliseconds: milliseconds + CaptureLoop.stallMilliseconds)
        var samples = 0
        var peak: Int64 = 0
        var squares: Int64 = 0
        while samples < wanted {
            let left = deadline.milliseconds(since: Clock.now)
            guard left > 0, device.wait(milliseconds: left) else {
                throw .silent(device: name, milliseconds: milliseconds + CaptureLoop.stallMilliseconds)
            }
            let count = unsafe device.read(into: .init(rebasing: buffer[..<min(buffer.count, wanted - samples)]))
            guard count >= 0 else { throw .stream(device: name, errno: Int32(-count), operation: "snd_pcm_readi") }
            for offset in 0..<count {
                let value = Int64(unsafe buffer[offset])
                peak = max(peak, abs(value))
                squares += value * value
            }
            samples += count
            if count == 0 { _ = Poll.readable(idle.fileDescriptor, until: CaptureLoop.backOff(after: Clock.now)) }
        }
        return Result(
            level: CaptureLevel(LevelMeter.Second(peak: peak, meanSquare: squares / Int64(samples))),
            samples: samples, periodSamples: device.parameters.periodSamples,
            bufferSamples: device.parameters.bufferSamples, isConverted: device.parameters.isConverted)
    }
}
