package import RecorderCore

/// When a lost microphone is tried again, when it counts as failed, and when its silence is written.
package struct ReopenBackoff: Equatable, Sendable {
    private static let firstMilliseconds: Int64 = 100
    /// Silence is written this often while the microphone is away, so that the journal's duration stays true.
    private static let silenceMilliseconds: Int64 = 1_000

    private var waitMilliseconds = Self.firstMilliseconds
    private var nextAttempt: MonotonicTime
    private var nextSilence: MonotonicTime
    /// Nil after the failure was reported.
    private var failure: MonotonicTime?

    package init(lostAt time: MonotonicTime) {
        nextAttempt = time.adding(milliseconds: Self.firstMilliseconds)
        nextSilence = time.adding(milliseconds: Self.silenceMilliseconds)
        failure = time.adding(milliseconds: Limits.microphoneGraceMilliseconds)
    }

    package var nextDeadline: MonotonicTime {
        let soonest = min(nextAttempt, nextSilence)
        guard let failure else { return soonest }
        return min(soonest, failure)
    }

    /// Whether to try the microphone now; the next wait is then twice as long, up to the cap.
    package mutating func takeAttempt(at time: MonotonicTime) -> Bool {
        guard time >= nextAttempt else { return false }
        waitMilliseconds = min(waitMilliseconds * 2, Limits.microphoneRetryCapMilliseconds)
        nextAttempt = time.adding(milliseconds: waitMilliseconds)
        return true
    }

    package mutating func takeSilence(at time: MonotonicTime) -> Bool {
        guard time >= nextSilence else { return false }
        nextSilence = time.adding(milliseconds: Self.silenceMilliseconds)
        return true
    }

    /// True once, when the microphone has been away for longer than the grace time.
    package mutating func takeFailure(at time: MonotonicTime) -> Bool {
        guard let failure, time >= failure else { return false }
        self.failure = nil
        return true
    }
}
