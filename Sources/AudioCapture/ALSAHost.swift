internal import LinuxRuntime
internal import RecorderCore

/// The real world of the capture loop: libasound, and the monotonic clock.
final class ALSAHost: CaptureHost {
    private let device: String
    private let wake: EventNotifier

    init(device: String, wake: EventNotifier) {
        self.device = device
        self.wake = wake
    }

    var now: MonotonicTime { Clock.now }

    func open() throws(CaptureError) -> any CaptureDevice {
        let device = try ALSADevice(name: device, wake: wake.fileDescriptor)
        let result = device.start()
        guard result >= 0 else { throw .stream(device: self.device, errno: -result, operation: "snd_pcm_start") }
        return device
    }

    func pause(until deadline: MonotonicTime?) {
        _ = Poll.readable(wake.fileDescriptor, until: deadline)
    }

    func acknowledgeWake() {
        wake.drain()
    }
}
