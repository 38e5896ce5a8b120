internal import LinuxRuntime
internal import RecorderCore

/// `audio.standby`: between lessons the device stays open and its samples are thrown away, or kept as pre-roll for as
/// long as that is (decision pre-roll-is-shown). Only the first microphone stands by: a lesson that finds it away opens
/// the fallback as ever.
extension CaptureLoop {
    /// Until the next try, when the microphone cannot be opened, or has failed.
    private static let retryMilliseconds: Int64 = 1_000

    /// One round between lessons.
    func standBy() {
        guard shared.standsBy else {
            closeStandby(.off)
            host.pause(until: nil)
            return
        }
        guard let device = device ?? openForStandby() else {
            host.pause(until: standbyDue)
            return
        }
        if standby != .open {
            sink.beginStandby()
            tell(.open)
        }
        _ = device.wait(milliseconds: Self.stallMilliseconds)
        let moved = discard(from: device)
        let now = host.now
        if moved > 0 { lastArrival = now }
        if moved < 0 {
            closeStandby(.away, .stream(device: host.deviceName, errno: Int32(-moved), operation: "a read"))
        } else if now.milliseconds(since: lastArrival) >= Self.stallMilliseconds {
            closeStandby(.away, .silent(device: host.deviceName, milliseconds: Self.stallMilliseconds))
        } else if moved == 0 {
            host.pause(until: Self.backOff(after: now))
        }
    }

    /// The device is closed, and what was kept is forgotten.
    private func closeStandby(_ state: Standby, _ error: CaptureError? = nil) {
        device = nil
        sink.endStandby()
        standbyDue = host.now.adding(milliseconds: Self.retryMilliseconds)
        tell(state, error)
    }

    private func tell(_ state: Standby, _ error: CaptureError? = nil) {
        guard standby != state else { return }
        standby = state
        if let error { _ = shared.errors.push(error) }
        shared.report(.standby(state))
    }

    private func openForStandby() -> (any CaptureDevice)? {
        guard host.now >= standbyDue else { return nil }
        do throws(CaptureError) {
            let opened = try host.openFirst()
            guard sink.attach(opened.parameters) else {
                throw .system(SystemError("convert", host.deviceName, number: Errno.noMemory))
            }
            device = opened
            lastArrival = host.now
        } catch {
            closeStandby(.away, error)
        }
        return device
    }

    /// - Returns: frames that were read, or the device's error. After an overrun it goes on with a new stream.
    private func discard(from device: any CaptureDevice) -> Int {
        var total = 0
        while total < device.parameters.bufferFrames {
            let ready = device.available()
            guard ready > 0 else {
                guard ready == -Int(Errno.brokenPipe) || ready == -Int(Errno.suspended) else {
                    return ready == 0 || ready == -Int(Errno.tryAgain) ? total : ready
                }
                sink.beginStandby()
                return min(Int(device.start()), total)
            }
            let count = sink.keep(ready, from: device)
            guard count > 0 else { return count < 0 ? count : total }
            total += count
        }
        return total
    }

    /// START. What the device has captured by now was before it.
    /// - Returns: whether a device is open, whose next frame is the recording's.
    func beginFromStandby() -> Bool {
        guard let device, standby == .open else {
            tell(.off)
            return false
        }
        let isFine = discard(from: device) >= 0
        // A lesson that goes on after an interruption has no room before it.
        let preRoll = isFine && shared.ring.head == .zero
        if !preRoll { sink.endStandby() }
        tell(.off)
        guard isFine else {
            self.device = nil
            return false
        }
        shared.publish(device.parameters)
        host.begin(isOpen: true)
        let now = host.now
        lastArrival = now
        guard sink.hasPreRoll else {
            sink.beginRecording()
            return true
        }
        hasDelivered = true
        shared.report(.started(realtime: shared.isRealtime))
        sink.beginWithPreRoll()
        estimator = LostSampleEstimator(position: sink.position(ready: 0), at: now)
        return true
    }
}
