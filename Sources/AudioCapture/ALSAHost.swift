internal import LinuxRuntime
internal import RecorderCore

/// What the capture loop uses in the product: libasound and the monotonic clock.
final class ALSAHost: CaptureHost {
    let deviceName: String
    private let wake: EventNotifier

    init(device: String, wake: EventNotifier) {
        deviceName = device
        self.wake = wake
    }

    var now: MonotonicTime { Clock.now }

    func open() throws(CaptureError) -> any CaptureDevice {
        let device = try ALSADevice(name: deviceName, wake: wake.fileDescriptor)
        let result = device.start()
        guard result >= 0 else { throw .stream(device: deviceName, errno: -result, operation: "snd_pcm_start") }
        return device
    }

    func pause(until deadline: MonotonicTime?) {
        _ = Poll.readable(wake.fileDescriptor, until: deadline)
    }

    func acknowledgeWake() {
        wake.drain()
    }
}
