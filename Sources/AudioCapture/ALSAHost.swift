internal import LinuxRuntime
internal import RecorderCore

/// What the capture loop uses in the product: libasound and the monotonic clock.
final class ALSAHost: CaptureHost {
    private let settings: CaptureSettings
    private let shared: CaptureSharedState
    private var choice: MicrophoneChoice
    /// As it was opened, or tried, last.
    private(set) var deviceName: String

    init(_ settings: CaptureSettings, shared: CaptureSharedState) {
        self.settings = settings
        self.shared = shared
        deviceName = settings.device
        choice = MicrophoneChoice(hasFallback: !settings.fallback.isEmpty)
    }

    var now: MonotonicTime { Clock.now }

    func begin(isOpen: Bool) {
        choice.begin()
        if isOpen { choice.opened(.first, at: now) }
    }

    var isFirst: Bool { choice.isFirstOpen }

    func openFirst() throws(CaptureError) -> any CaptureDevice { try open(.first, because: nil) }

    /// - Throws: the first one's error, when neither can be opened.
    func open() throws(CaptureError) -> any CaptureDevice {
        let (first, second) = choice.candidates(at: now)
        do throws(CaptureError) {
            return try open(first, because: nil)
        } catch {
            guard let second, let device = try? open(second, because: error) else { throw error }
            return device
        }
    }

    private func open(
        _ microphone: MicrophoneChoice.Microphone, because error: CaptureError?
    ) throws(CaptureError) -> ALSADevice {
        let isFirst = microphone == .first
        deviceName = isFirst ? settings.device : settings.fallback
        let device = try ALSADevice(name: deviceName, channel: settings.channel, wake: shared.wake.fileDescriptor)
        let result = device.start()
        guard result >= 0 else { throw .stream(device: deviceName, errno: -result, operation: "snd_pcm_start") }
        // Samples come meanwhile.
        let control = device.control(deviceName)
        let mixer = Mixer.tend(control, wanted: settings.volume)
        let reason = isFirst ? nil : error?.message ?? settings.device + " delivers nothing"
        _ = shared.openings.push(
            CaptureOpening(device: deviceName, control: control, fallbackReason: reason, mixer: mixer))
        choice.opened(microphone, at: now)
        return device
    }

    func pause(until deadline: MonotonicTime?) {
        _ = Poll.readable(shared.wake.fileDescriptor, until: deadline)
    }

    func acknowledgeWake() {
        shared.wake.drain()
    }
}
