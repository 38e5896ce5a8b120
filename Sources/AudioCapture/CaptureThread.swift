package import LinuxRuntime
package import RecorderCore

/// The thread that takes samples from the microphone into the ring. It is the ring's only producer. The methods are
/// for one owner's thread; when there are events the owner's notifier is raised.
package final class CaptureThread {
    /// SCHED_FIFO's middle is 50, where the kernel's own interrupt threads run; a bit below them.
    private static let realtimePriority: Int32 = 40

    private let shared: CaptureSharedState
    private let thread: Thread
    private let volume: CaptureVolume?

    /// Starts the thread, idle; with `standsBy` it opens the device at once.
    package init(
        settings: CaptureSettings, ring: SampleRing, notifier: EventNotifier
    ) throws(CaptureError) {
        do throws(SystemError) {
            let shared = try CaptureSharedState(ring: ring, notifier: notifier)
            let host = ALSAHost(settings, shared: shared)
            let loop = CaptureLoop(
                shared: shared, host: host, channel: settings.channel, preRollSeconds: settings.preRollSeconds)
            shared.standsBy = settings.standsBy
            thread = try Thread(name: "capture", realtimePriority: Self.realtimePriority) { loop.run() }
            shared.isRealtime = thread.isRealtime
            self.shared = shared
            volume = settings.volume
        } catch {
            throw .system(error)
        }
    }

    /// Opens the device and begins a recording at the ring's head: `.started` or `.deviceLost` follows.
    package func start() {
        _ = shared.request(recording: true, at: Clock.now)
    }

    /// Ends the recording with the samples that were captured by now: `.stopped` follows within 300 ms, unless the
    /// device is being opened at this moment.
    package func stop() {
        _ = shared.request(recording: false, at: Clock.now)
    }

    /// The oldest event that was not taken yet.
    package func nextEvent() -> CaptureEvent? {
        guard let event = shared.events.pop() else { return nil }
        switch event {
        case .deviceLost(let errno, _):
            let lost = "the microphone is lost: " + SystemError.text(of: errno)
            return .deviceLost(errno: errno, reason: shared.errors.takeAll().last?.message ?? lost)
        case .standby(.away, _):
            return .standby(.away, reason: shared.errors.takeAll().last?.message ?? "")
        case .started, .silence, .deviceBack, .level, .channels, .clock, .standby, .stopped:
            return event
        }
    }

    /// Events that were lost because nobody took them.
    package var missedEvents: Int { shared.events.refused }

    /// What was opened last; nil: nothing was since this was asked.
    package func takeOpening() -> CaptureOpening? { shared.openings.takeAll().last }

    /// Looks at the mixer of what was opened once more, and sets it again where somebody else has changed it.
    /// - Returns: how it was, and how it is.
    package func tendMixer(of opening: CaptureOpening) -> (found: MixerReport, now: MixerReport) {
        let found = Mixer.tend(opening.control, wanted: nil)
        // A card that is gone has none; its next opening is another one.
        if found.elements.isEmpty || found.elements == opening.mixer.elements { return (opening.mixer, opening.mixer) }
        return (found, Mixer.tend(opening.control, wanted: volume))
    }

    /// Of the last full second; silence while nothing was measured.
    package var levels: CaptureLevel { CaptureLevel(shared.level) }

    /// Of each channel of the microphone, over the last tenth of a second; empty while nothing was measured.
    package var channels: [ChannelLevel] { shared.channels.all }

    /// How the microphone was opened; nil while it was not, in this recording.
    package var parameters: PCMParameters? { shared.parameters }

    /// How often the buffer overran in this recording.
    package var overruns: Int { shared.overruns }

    /// Whether the device is to be open between lessons: a command may want it for itself.
    package var standsBy: Bool {
        get { shared.standsBy }
        set { shared.standsBy = newValue }
    }

    /// What a recording that begins now would begin with, in milliseconds.
    package var preRollMilliseconds: Int64 { SampleIndex(Int64(shared.preRoll)).milliseconds }

    package var heartbeat: ThreadHeartbeat { shared.heartbeat }

    package func requestHeartbeat() {
        shared.requestHeartbeat()
    }

    /// Ends the thread and waits for it. The owner calls it before it lets go of this object.
    package func shutdown() {
        shared.end()
        thread.join()
    }
}

extension CaptureLevel {
    init(_ second: LevelMeter.Second) {
        self.init(
            peakTenths: Self.tenths(Double(second.peak) / 32_768),
            // Of power, not amplitude: half of the decibels.
            rmsTenths: Self.tenths((Double(second.meanSquare) / 1_073_741_824).squareRoot()))
    }
}
