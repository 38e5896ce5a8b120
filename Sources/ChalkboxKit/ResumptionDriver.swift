internal import LinuxRuntime
internal import RecorderCore
internal import RecordingStore

/// Asks the clock whether an interrupted lesson goes on, until it is known.
struct ResumptionDriver {
    enum Step {
        /// Nothing to do, or not yet.
        case wait
        case resume(InterruptedRecording, at: SampleIndex)
        case close
    }

    private var waiting: InterruptedRecording?
    private let seconds: Int
    private var nextAsk = MonotonicTime(milliseconds: 0)

    private static let askMilliseconds: Int64 = 500

    init(_ interruption: Interruption?, seconds: Int) {
        waiting = interruption?.recording
        self.seconds = seconds
    }

    var nextDeadline: MonotonicTime? {
        if case .some = waiting { return nextAsk }
        return nil
    }

    /// - Parameter isPressed: another lesson has begun, or the daemon ends: this one is over.
    mutating func decide(isPressed: Bool) -> Step {
        guard let recording = waiting else { return .wait }
        guard !isPressed else {
            // START has the store close it.
            waiting = nil
            return .wait
        }
        let now = Clock.now
        guard nextAsk <= now else { return .wait }
        nextAsk = now.adding(milliseconds: Self.askMilliseconds)
        let moment = Moment(
            wall: Clock.wall, isSynchronised: Clock.isSynchronised, isKept: Clock.agreesWithRTC, boot: Clock.boot)
        switch Resumption.decide(recording, now: moment, seconds: seconds) {
        case .wait:
            return .wait
        case .resume(let place):
            waiting = nil
            return .resume(recording, at: place)
        case .close:
            waiting = nil
            return .close
        }
    }
}
