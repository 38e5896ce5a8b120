internal import LinuxRuntime
package import RecorderCore

/// A microphone that no lesson uses, read by a command: opened, converted and measured as in a lesson.
package final class MicrophoneReader {
    private let name: String
    private let device: ALSADevice
    private let converter: SampleConverter
    private let levels = ChannelLevels()
    private let idle: EventNotifier
    private var lastArrival = Clock.now
    private var meter: ClockMeter
    private var frames: Int64 = 0
    /// What the card's mixer does to it.
    package let mixer: MixerReport
    /// Its clock, once it was measured.
    package private(set) var clock = ClockWatch()

    /// Opens it and sets the mixer as a lesson would.
    /// - Parameter wake: a descriptor that ends a wait when it is readable, or −1.
    package init(_ settings: CaptureSettings, wake: Int32) throws(CaptureError) {
        name = settings.device
        do throws(SystemError) {
            idle = try EventNotifier()
        } catch {
            throw .system(error)
        }
        device = try ALSADevice(name: name, channel: settings.channel, wake: wake)
        let parameters = device.parameters
        guard
            let converter = SampleConverter(parameters: parameters, selection: settings.channel, levels: levels)
        else { throw .system(SystemError("convert", name, number: Errno.noMemory)) }
        self.converter = converter
        // A test lasts 10 s.
        meter = ClockMeter(rate: parameters.framesPerSecond, stretchMilliseconds: 2_000)
        let result = device.start()
        guard result >= 0 else { throw .stream(device: name, errno: -result, operation: "snd_pcm_start") }
        mixer = Mixer.tend(device.control(name), wanted: settings.volume)
    }

    /// How it was opened.
    package var parameters: PCMParameters { device.parameters }

    /// Of the last tenth of a second.
    package var channels: [ChannelLevel] { levels.all }

    /// What is wrong with its channels, as far as it is known.
    package var faults: ChannelFaults { converter.faults }

    /// The next samples, at most a block of them; none: something else woke it.
    /// - Throws: it failed, or delivered nothing for 3 s.
    package func read() throws(CaptureError) -> [Int16] {
        _ = device.wait(milliseconds: CaptureLoop.stallMilliseconds)
        var ready = device.available()
        if ready == -Int(Errno.brokenPipe) { ready = Int(device.start()) }
        guard ready >= 0 else { throw .stream(device: name, errno: Int32(-ready), operation: "a read") }
        let now = Clock.now
        guard ready > 0 else {
            let silent = now.milliseconds(since: lastArrival)
            guard silent < CaptureLoop.stallMilliseconds else { throw .silent(device: name, milliseconds: silent) }
            _ = Poll.readable(idle.fileDescriptor, until: CaptureLoop.backOff(after: now))
            return []
        }
        lastArrival = now
        if let measured = meter.observe(frames: frames + Int64(ready), at: now) { clock.heard(measured) }
        let count = unsafe device.read(into: converter.frames, frames: min(ready, SampleConverter.blockFrames))
        guard count >= 0 else { throw .stream(device: name, errno: Int32(-count), operation: "snd_pcm_readi") }
        frames += Int64(count)
        return unsafe Array(converter.convert(count))
    }
}
