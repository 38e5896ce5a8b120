internal import LinuxRuntime
internal import RecorderCore
internal import Synchronization

/// The state that the capture thread shares with its owner: requests one way, events and levels the other.
final class CaptureSharedState: Sendable {
    /// Odd: a recording is wanted. Each start and each stop adds one, so that neither is ever missed.
    private let requests = Atomic<Int64>(0)
    private let stopTime = Atomic<Int64>(0)
    private let ending = Atomic<Bool>(false)
    private let realtime = Atomic<Bool>(false)
    private let peak = Atomic<Int64>(0)
    private let meanSquare = Atomic<Int64>(0)
    private let overrunCount = Atomic<Int>(0)
    /// How the device was opened last, in two words; 0: it was not.
    private let opened = Atomic<Int64>(0)
    private let openedFrames = Atomic<Int64>(0)

    private let standby = Atomic<Bool>(false)
    private let preRollSamples = Atomic<Int>(0)

    let ring: SampleRing
    let channels = ChannelLevels()
    let events = EventRing()
    let heartbeat = ThreadHeartbeat("capture")
    /// Wakes the capture thread.
    let wake: EventNotifier
    /// Wakes the owner.
    private let notifier: EventNotifier
    /// Why the device was lost, for people. Only used while no audio flows: it takes a lock and allocates.
    let errors = BoundedQueue<CaptureError>(capacity: 8)

    /// What was opened; likewise.
    let openings = BoundedQueue<CaptureOpening>(capacity: 8)

    init(ring: SampleRing, notifier: EventNotifier) throws(SystemError) {
        self.ring = ring
        self.notifier = notifier
        wake = try EventNotifier()
    }

    // The owner's side.

    /// True when this changed anything.
    func request(recording: Bool, at time: MonotonicTime) -> Bool {
        let newest = requests.load(ordering: .relaxed)
        guard (newest % 2 == 1) != recording else { return false }
        if !recording { stopTime.store(time.milliseconds, ordering: .relaxed) }
        requests.store(newest + 1, ordering: .releasing)
        wake.raise()
        return true
    }

    func end() {
        ending.store(true, ordering: .releasing)
        wake.raise()
    }

    /// The thread beats in its next round.
    func requestHeartbeat() {
        heartbeat.request()
        wake.raise()
    }

    /// Whether the capture thread has SCHED_FIFO.
    var isRealtime: Bool {
        get { realtime.load(ordering: .relaxed) }
        set { realtime.store(newValue, ordering: .relaxed) }
    }

    var level: LevelMeter.Second {
        LevelMeter.Second(peak: peak.load(ordering: .relaxed), meanSquare: meanSquare.load(ordering: .relaxed))
    }

    /// How the device was opened last; nil: it was not, in this recording.
    var parameters: PCMParameters? {
        let (packed, frames) = (opened.load(ordering: .acquiring), openedFrames.load(ordering: .relaxed))
        guard packed != 0, let format = PCMFormat(rawValue: UInt8(packed >> 8 & 0xFF)) else { return nil }
        return PCMParameters(
            framesPerSecond: Int(packed >> 32), format: format, channels: Int(packed >> 16 & 0xFFFF),
            periodFrames: Int(frames >> 32), bufferFrames: Int(frames & 0xFFFF_FFFF), isConverted: packed & 1 != 0)
    }

    var overruns: Int { overrunCount.load(ordering: .relaxed) }

    /// Whether the device is to be open between lessons.
    var standsBy: Bool {
        get { standby.load(ordering: .relaxed) }
        set {
            guard newValue != standsBy else { return }
            standby.store(newValue, ordering: .relaxed)
            wake.raise()
        }
    }

    /// Samples that are kept for the next recording.
    var preRoll: Int {
        get { preRollSamples.load(ordering: .relaxed) }
        set { preRollSamples.store(newValue, ordering: .relaxed) }
    }

    // The capture thread's side.

    var newestRequest: Int64 { requests.load(ordering: .acquiring) }

    var isEnding: Bool { ending.load(ordering: .acquiring) }

    /// When the newest stop was asked for.
    var stoppedAt: MonotonicTime { MonotonicTime(milliseconds: stopTime.load(ordering: .relaxed)) }

    func report(_ event: CaptureEvent) {
        events.push(event)
        notifier.raise()
    }

    func countOverrun() {
        overrunCount.add(1, ordering: .relaxed)
    }

    func publish(_ second: LevelMeter.Second) {
        peak.store(second.peak, ordering: .relaxed)
        meanSquare.store(second.meanSquare, ordering: .relaxed)
    }

    func publish(_ parameters: PCMParameters) {
        openedFrames.store(
            Int64(parameters.periodFrames) << 32 | Int64(parameters.bufferFrames & 0xFFFF_FFFF), ordering: .relaxed)
        let rate = Int64(parameters.framesPerSecond) << 32 | Int64(parameters.channels & 0xFFFF) << 16
        opened.store(
            rate | Int64(parameters.format.rawValue) << 8 | (parameters.isConverted ? 1 : 0), ordering: .releasing)
    }

    func clearCounters() {
        opened.store(0, ordering: .relaxed)
        channels.clear()
        overrunCount.store(0, ordering: .relaxed)
        publish(LevelMeter.Second(peak: 0, meanSquare: 0))
    }
}
