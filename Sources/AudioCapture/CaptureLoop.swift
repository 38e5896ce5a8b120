internal import LinuxRuntime
internal import RecorderCore

/// The capture thread's work. While audio flows it allocates nothing, takes no lock and writes no log.
@safe final class CaptureLoop: @unchecked Sendable {
    /// An open device that is silent for this long is taken for lost. A sound server may need 2 s for its first data.
    static let stallMilliseconds: Int64 = 3_000
    /// After STOP, the samples up to that moment are waited for at most this long: they come a period at a time.
    private static let drainMilliseconds: Int64 = 300
    /// After a wake-up without a sample: PulseAudio's plug-in keeps its descriptor readable until its first sample is
    /// read, and under SCHED_FIFO a loop that never sleeps would take the machine.
    private static let restMilliseconds: Int64 = 5
    /// Restarts without a sample between them, after which a device is taken for broken.
    private static let fruitlessRestarts = 3

    private let mailbox: Mailbox
    private let host: any CaptureHost
    private let buffer: UnsafeMutableBufferPointer<Int16>
    private var meter = LevelMeter()
    private var device: (any CaptureDevice)?
    private var outage: Outage?
    private var estimator = LostSampleEstimator(position: .zero, at: MonotonicTime(milliseconds: 0))
    /// Samples are missing before the next that the device gives.
    private var loss: SilenceMark.Reason?
    /// Whether the microphone has delivered anything in this recording.
    private var hasDelivered = false
    /// When the device last had samples, or was opened.
    private var lastArrival = MonotonicTime(milliseconds: 0)
    private var restarts = 0
    /// It ran, and gives nothing now: told, but not yet opened anew.
    private var isStalled = false

    private struct Outage {
        var errno: Int32
        var backoff: ReopenBackoff
    }

    init(mailbox: Mailbox, host: any CaptureHost) {
        self.mailbox = mailbox
        self.host = host
        unsafe buffer = .allocate(capacity: Int(Limits.periodSamples))
        unsafe buffer.initialize(repeating: 0)
    }

    deinit {
        unsafe buffer.deallocate()
    }

    func run() {
        var served: Int64 = 0
        mailbox.life.begin()
        while !mailbox.isEnding {
            mailbox.life.answer()
            guard mailbox.newestRequest > served else {
                host.pause(until: nil)
                host.acknowledgeWake()
                continue
            }
            served += 1
            if served % 2 == 1 { record(request: served) }
        }
    }

    private func record(request: Int64) {
        mailbox.clearCounters()
        meter = LevelMeter()
        hasDelivered = false
        loss = nil
        outage = nil
        isStalled = false
        estimator = LostSampleEstimator(position: mailbox.ring.head, at: host.now)
        if let error = open() { lose(error) }
        while mailbox.newestRequest == request, !mailbox.isEnding {
            mailbox.life.answer()
            if let device {
                stream(device)
            } else {
                wait()
            }
            host.acknowledgeWake()
        }
        finish(at: mailbox.newestRequest == request ? host.now : mailbox.stoppedAt)
    }

    static func rest(after time: MonotonicTime) -> MonotonicTime { time.adding(milliseconds: restMilliseconds) }

    // MARK: Audio flows

    private func stream(_ device: any CaptureDevice) {
        let isFirst = !hasDelivered || isStalled
        _ = device.wait(milliseconds: isFirst ? Self.stallMilliseconds : Limits.microphoneStallMilliseconds)
        if consume(device, limit: nil) { return }
        let now = host.now
        let silentMilliseconds = now.milliseconds(since: lastArrival)
        if silentMilliseconds >= Self.stallMilliseconds {
            lose(.silent(device: host.deviceName, milliseconds: Self.stallMilliseconds))
            return
        }
        if hasDelivered, !isStalled, outage == nil, silentMilliseconds >= Limits.microphoneStallMilliseconds {
            isStalled = true
            let error = CaptureError.silent(device: host.deviceName, milliseconds: Limits.microphoneStallMilliseconds)
            _ = mailbox.errors.push(error)
            mailbox.report(.deviceLost(errno: Errno.timedOut))
        }
        host.pause(until: Self.rest(after: now))
    }

    /// Moves what the device has into the ring, at most up to `limit`. False when there was nothing.
    private func consume(_ device: any CaptureDevice, limit: SampleIndex?) -> Bool {
        var moved = false
        while true {
            let ready = device.available()
            guard ready >= 0 else { return recover(device, from: Int32(ready)) }
            guard ready > 0 else { return moved }
            arrive(ready: Int64(ready))
            var room = unsafe min(ready, buffer.count)
            if let limit { room = min(room, Int(max(0, limit.samples(since: mailbox.ring.head)))) }
            guard room > 0 else { return true }
            let count = unsafe device.read(into: .init(rebasing: buffer[..<room]))
            guard count >= 0 else { return recover(device, from: Int32(count)) }
            guard count > 0 else { return moved }
            moved = true
            unsafe append(.init(rebasing: buffer[..<count]))
            // A device that always has more must not keep this thread from noticing a stop.
            if ready <= count || limit == nil && ready >= Int(Limits.captureBufferSamples) { return true }
        }
    }

    /// Before the first sample is read: the device has captured `ready` samples that nobody has read.
    private func arrive(ready: Int64) {
        let now = host.now
        lastArrival = now
        restarts = 0
        if loss == nil {
            let position = mailbox.ring.head.advanced(by: ready)
            if hasDelivered {
                estimator.observe(position: position, at: now)
            } else {
                estimator = LostSampleEstimator(position: position, at: now)
            }
        } else {
            fillSilence(until: estimator.expectedPosition(at: now).advanced(by: -ready))
            loss = nil
        }
        if !hasDelivered {
            hasDelivered = true
            mailbox.report(.started(realtime: mailbox.isRealtime))
        } else if outage != nil || isStalled {
            mailbox.report(.deviceBack)
        }
        outage = nil
        isStalled = false
    }

    private func append(_ samples: UnsafeBufferPointer<Int16>) {
        unsafe mailbox.ring.append(samples)
        guard let second = unsafe meter.add(samples) else { return }
        mailbox.publish(second)
        mailbox.report(.level(CaptureLevel(second), clipped: second.clipped))
    }

    /// True: the stream runs again, or the device is lost.
    private func recover(_ device: any CaptureDevice, from error: Int32) -> Bool {
        switch -error {
        case Errno.tryAgain:
            return false
        case Errno.brokenPipe, Errno.suspended:
            // A device that keeps failing before it gives a sample is lost; the re-opening has a pause.
            restarts += 1
            guard restarts <= Self.fruitlessRestarts else { break }
            mailbox.countOverrun()
            if loss == nil { loss = .overrun }
            let result = device.start()
            if result < 0 { lose(number: -result) }
            return true
        default:
            break
        }
        lose(number: -error)
        return true
    }

    // MARK: The microphone is away

    /// Nil when the device runs.
    private func open() -> CaptureError? {
        lastArrival = host.now
        restarts = 0
        do throws(CaptureError) {
            device = try host.open()
            return nil
        } catch {
            return error
        }
    }

    private func lose(number: Int32) {
        lose(.stream(device: host.deviceName, errno: number, operation: "a read"))
    }

    private func lose(_ error: CaptureError) {
        device = nil
        loss = .deviceLost
        if outage != nil {
            // It came back only to go again, before it gave a sample.
            outage?.errno = error.number
            return
        }
        outage = Outage(errno: error.number, backoff: ReopenBackoff(lostAt: host.now))
        _ = mailbox.errors.push(error)
        mailbox.report(.deviceLost(errno: error.number))
    }

    private func wait() {
        guard var outage else { return }
        host.pause(until: outage.backoff.nextDeadline)
        let now = host.now
        if outage.backoff.takeSilence(at: now) { fillSilence(until: estimator.expectedPosition(at: now)) }
        let isTime = outage.backoff.takeAttempt(at: now)
        if isTime, let error = open() { outage.errno = error.number }
        self.outage = outage
    }

    private func fillSilence(until end: SampleIndex) {
        let start = mailbox.ring.head
        guard end > start, let loss else { return }
        mailbox.ring.appendSilence(end.samples(since: start))
        mailbox.report(.silence(SilenceMark(start: start, end: end, reason: loss)))
    }

    // MARK: The end

    /// Takes what was captured by `time`, and fills what is missing by then.
    private func finish(at time: MonotonicTime) {
        let end = estimator.expectedPosition(at: time)
        let deadline = host.now.adding(milliseconds: Self.drainMilliseconds)
        while let device, mailbox.ring.head < end || loss != nil {
            let moved = consume(device, limit: end)
            let now = host.now
            guard mailbox.ring.head < end, now < deadline else { break }
            if !moved { host.pause(until: Self.rest(after: now)) }
            _ = device.wait(milliseconds: deadline.milliseconds(since: now))
        }
        if loss != nil { fillSilence(until: end) }
        device = nil
        mailbox.report(.stopped(end: mailbox.ring.head))
    }
}
