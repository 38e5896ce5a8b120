/// Asks the clock whether an interrupted lesson goes on, until it is known.
package struct ResumptionWait: Equatable, Sendable {
    /// What is to be done with the lesson.
    package enum Step: Equatable, Sendable {
        /// Nothing, or not yet.
        case wait
        case resume(InterruptedRecording, at: SampleIndex)
        case close
    }

    private var waiting: InterruptedRecording?
    private let seconds: Int
    private var nextAsk = MonotonicTime(milliseconds: 0)

    private static let askMilliseconds: Int64 = 500

    /// - Parameters:
    ///   - recording: nil: none was interrupted.
    ///   - seconds: `box.resume_seconds`.
    package init(_ recording: InterruptedRecording?, seconds: Int) {
        waiting = recording
        self.seconds = seconds
    }

    /// Nil: nothing is waited for.
    package var nextDeadline: MonotonicTime? {
        if case .some = waiting { return nextAsk }
        return nil
    }

    /// - Parameters:
    ///   - isPressed: another lesson has begun, or the recorder ends: this one is over.
    ///   - moment: what the clocks say; asked only when it is time to.
    package mutating func decide(isPressed: Bool, at now: MonotonicTime, _ clocks: () -> ClockReading) -> Step {
        guard let recording = waiting else { return .wait }
        guard !isPressed else {
            // START has the store close it.
            waiting = nil
            return .wait
        }
        guard nextAsk <= now else { return .wait }
        nextAsk = now.adding(milliseconds: Self.askMilliseconds)
        switch Resumption.decide(recording, now: clocks(), seconds: seconds) {
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
