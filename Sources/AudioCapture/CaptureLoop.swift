internal import LinuxRuntime
internal import RecorderCore

/// The capture thread's work. While audio flows it allocates nothing, takes no lock and writes no log.
@safe final class CaptureLoop: @unchecked Sendable {
    /// An open device that delivers nothing for this long counts as lost. A sound server may need 2 s to begin.
    static let stallMilliseconds: Int64 = 3_000
    /// How long to wait after STOP for the samples up to then, which arrive a period at a time.
    private static let drainMilliseconds: Int64 = 300
    /// After a wake-up without a sample: PulseAudio's plug-in keeps its descriptor readable until its first sample is
    /// read, and under SCHED_FIFO a loop that never sleeps would take the machine.
    private static let backOffMilliseconds: Int64 = 5
    /// Restarts without a sample between them, after which a device counts as lost.
    private static let uselessRestarts = 3

    let shared: CaptureSharedState
    let host: any CaptureHost
    let sink: FrameSink
    var device: (any CaptureDevice)?
    private var reopenState: ReopenState?
    var estimator = LostSampleEstimator(position: .zero, at: MonotonicTime(milliseconds: 0))
    /// Where the recording ends, once STOP was asked for.
    private var end: SampleIndex?
    /// Why samples are missing before the next one from the device; nil: none are missing.
    private var loss: SilenceMark.Reason?
    /// Whether the microphone has delivered anything in this recording.
    var hasDelivered = false
    /// When the device last had samples, or was opened.
    var lastArrival = MonotonicTime(milliseconds: 0)
    private var restarts = 0
    /// The device has stopped delivering; that is reported, but the device is not opened again yet.
    private var isStalled = false
    /// What it does between lessons.
    var standby = Standby.off
    /// When it is opened, while it is not.
    var standbyDue = MonotonicTime(milliseconds: 0)

    private struct ReopenState {
        var errno: Int32
        var backoff: ReopenBackoff
    }

    /// - Parameter preRollSeconds: of sound before START; 0: none.
    init(
        shared: CaptureSharedState, host: any CaptureHost, channel: ChannelSelection = .mix, preRollSeconds: Int = 0
    ) {
        self.shared = shared
        self.host = host
        sink = FrameSink(shared: shared, selection: channel, preRollSeconds: preRollSeconds)
    }

    func run() {
        var served: Int64 = 0
        shared.heartbeat.begin()
        while !shared.isEnding {
            shared.heartbeat.beat()
            guard shared.newestRequest > served else {
                standBy()
                host.acknowledgeWake()
                continue
            }
            served += 1
            if served % 2 == 1 { record(request: served) }
        }
    }

    private func record(request: Int64) {
        shared.clearCounters()
        hasDelivered = false
        loss = nil
        end = nil
        reopenState = nil
        isStalled = false
        restarts = 0
        estimator = LostSampleEstimator(position: shared.ring.head, at: host.now)
        if !beginFromStandby() {
            sink.beginRecording()
            host.begin(isOpen: false)
            if let error = open() { deviceLost(error) }
        }
        while shared.newestRequest == request, !shared.isEnding {
            shared.heartbeat.beat()
            if let device {
                stream(device)
            } else {
                wait()
            }
            host.acknowledgeWake()
        }
        finish(at: shared.newestRequest == request ? host.now : shared.stoppedAt)
    }

    static func backOff(after time: MonotonicTime) -> MonotonicTime { time.adding(milliseconds: backOffMilliseconds) }

    // MARK: Audio flows

    private func stream(_ device: any CaptureDevice) {
        let isFirst = !hasDelivered || isStalled
        _ = device.wait(milliseconds: isFirst ? Self.stallMilliseconds : Limits.microphoneStallMilliseconds)
        if consume(device) { return }
        let now = host.now
        let silentMilliseconds = now.milliseconds(since: lastArrival)
        if silentMilliseconds >= Self.stallMilliseconds {
            deviceLost(.silent(device: host.deviceName, milliseconds: Self.stallMilliseconds))
            return
        }
        if hasDelivered, !isStalled, reopenState == nil, silentMilliseconds >= Limits.microphoneStallMilliseconds {
            isStalled = true
            let error = CaptureError.silent(device: host.deviceName, milliseconds: Limits.microphoneStallMilliseconds)
            _ = shared.errors.push(error)
            shared.report(.deviceLost(errno: Errno.timedOut))
        }
        host.pause(until: Self.backOff(after: now))
    }

    /// Moves the frames that the device has into the ring. False when there were none.
    private func consume(_ device: any CaptureDevice) -> Bool {
        var moved = false
        while true {
            let ready = device.available()
            guard ready >= 0 else { return recover(device, from: Int32(ready)) }
            guard ready > 0 else { return moved }
            arrive(ready: ready)
            if let end, shared.ring.head >= end { return true }
            let count = sink.take(ready, from: device, limit: end)
            guard count >= 0 else { return recover(device, from: Int32(count)) }
            guard count > 0 else { return moved }
            moved = true
            // A device that always has more must not keep this thread from noticing a stop.
            if ready <= count || end == nil && ready >= device.parameters.bufferFrames { return true }
        }
    }

    /// Before the first of them is read: the device has captured `ready` frames that nobody has read.
    private func arrive(ready: Int) {
        let now = host.now
        lastArrival = now
        restarts = 0
        if loss != nil {
            fillSilence(until: estimator.expectedPosition(at: now).advanced(by: -sink.samples(Int64(ready))))
            loss = nil
            sink.beginStream()
        } else if hasDelivered {
            estimator.observe(position: sink.position(ready: ready), at: now)
        } else {
            sink.beginStream()
            estimator = LostSampleEstimator(position: sink.position(ready: ready), at: now)
        }
        sink.observe(ready: ready, at: now)
        if !hasDelivered {
            hasDelivered = true
            shared.report(.started(realtime: shared.isRealtime))
        } else if reopenState != nil || isStalled {
            shared.report(.deviceBack)
        }
        reopenState = nil
        isStalled = false
    }

    /// False: no samples are ready. True: the stream runs again, or the device is lost.
    private func recover(_ device: any CaptureDevice, from error: Int32) -> Bool {
        switch -error {
        case Errno.tryAgain:
            return false
        case Errno.brokenPipe, Errno.suspended:
            // A device that keeps failing before it delivers a sample is lost; opening it again has a pause.
            restarts += 1
            guard restarts <= Self.uselessRestarts else { break }
            shared.countOverrun()
            lose(.overrun)
            let result = device.start()
            if result < 0 { deviceLost(number: -result) }
            return true
        default:
            break
        }
        deviceLost(number: -error)
        return true
    }

    // MARK: The microphone is lost

    /// Nil when the device runs.
    private func open() -> CaptureError? {
        lastArrival = host.now
        restarts = 0
        do throws(CaptureError) {
            let opened = try host.open()
            guard sink.attach(opened.parameters) else {
                return .system(SystemError("convert", host.deviceName, number: Errno.noMemory))
            }
            device = opened
            return nil
        } catch {
            return error
        }
    }

    private func deviceLost(number: Int32) {
        deviceLost(.stream(device: host.deviceName, errno: number, operation: "a read"))
    }

    private func deviceLost(_ error: CaptureError) {
        device = nil
        lose(.deviceLost)
        if reopenState != nil {
            // It came back and was lost again, before it delivered a sample.
            reopenState?.errno = error.number
            return
        }
        reopenState = ReopenState(errno: error.number, backoff: ReopenBackoff(lostAt: host.now))
        _ = shared.errors.push(error)
        shared.report(.deviceLost(errno: error.number))
    }

    /// Nothing follows the newest frame but silence.
    private func lose(_ reason: SilenceMark.Reason) {
        if loss == nil, hasDelivered { sink.endStream(limit: end) }
        if loss == nil || reason == .deviceLost { loss = reason }
    }

    private func wait() {
        guard var reopenState else { return }
        host.pause(until: reopenState.backoff.nextDeadline)
        let now = host.now
        if reopenState.backoff.takeSilence(at: now) { fillSilence(until: estimator.expectedPosition(at: now)) }
        let isTime = reopenState.backoff.takeAttempt(at: now)
        if isTime, let error = open() { reopenState.errno = error.number }
        self.reopenState = reopenState
    }

    private func fillSilence(until end: SampleIndex) {
        let start = shared.ring.head
        guard end > start, let loss else { return }
        shared.ring.appendSilence(end.samples(since: start))
        shared.report(.silence(SilenceMark(start: start, end: end, reason: loss)))
    }

    // MARK: The end

    /// Reads what was captured until `time`, and fills what is missing with silence.
    private func finish(at time: MonotonicTime) {
        let end = estimator.expectedPosition(at: time)
        self.end = end
        let deadline = host.now.adding(milliseconds: Self.drainMilliseconds)
        while let device, shared.ring.head < end || loss != nil {
            let moved = consume(device)
            let now = host.now
            guard shared.ring.head < end, now < deadline else { break }
            if !moved { host.pause(until: Self.backOff(after: now)) }
            _ = device.wait(milliseconds: deadline.milliseconds(since: now))
        }
        if loss != nil {
            fillSilence(until: end)
        } else if hasDelivered {
            sink.endStream(limit: end)
        }
        if loss != nil || !shared.standsBy || !host.isFirst { device = nil }
        standbyDue = host.now
        shared.report(.stopped(end: shared.ring.head))
    }
}
