package import RecorderCore

/// When a lost microphone is opened again, and when silence is written in its place.
package struct ReopenBackoff: Equatable, Sendable {
    private static let firstMilliseconds: Int64 = 100
    /// Silence is written this often while the microphone is away, so that the journal's duration stays true.
    private static let silenceMilliseconds: Int64 = 1_000

    private var waitMilliseconds = Self.firstMilliseconds
    private var nextAttempt: MonotonicTime
    private var nextSilence: MonotonicTime

    package init(lostAt time: MonotonicTime) {
        nextAttempt = time.adding(milliseconds: Self.firstMilliseconds)
        nextSilence = time.adding(milliseconds: Self.silenceMilliseconds)
    }

    package var nextDeadline: MonotonicTime {
        min(nextAttempt, nextSilence)
    }

    /// Whether to open the microphone now; if so, the next wait is twice as long, up to the cap.
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
}
