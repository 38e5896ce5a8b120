package import RecorderCore

/// When a lost microphone is opened again, and when silence is written in its place.
package struct ReopenBackoff: Equatable, Sendable {
    private static let wait = Backoff(
        baseMilliseconds: 100, capMilliseconds: Limits.microphoneRetryCapMilliseconds)
    /// Silence is written this often while the microphone is away, so that the journal's duration stays true.
    private static let silenceMilliseconds: Int64 = 1_000

    private var attempts = 1
    private var nextAttempt: MonotonicTime
    private var nextSilence: MonotonicTime

    package init(lostAt time: MonotonicTime) {
        nextAttempt = time.adding(milliseconds: Self.wait.milliseconds(1))
        nextSilence = time.adding(milliseconds: Self.silenceMilliseconds)
    }

    package var nextDeadline: MonotonicTime {
        min(nextAttempt, nextSilence)
    }

    /// Whether to open the microphone now; if so, the next wait is twice as long, up to the cap.
    package mutating func takeAttempt(at time: MonotonicTime) -> Bool {
        guard time >= nextAttempt else { return false }
        attempts += 1
        nextAttempt = time.adding(milliseconds: Self.wait.milliseconds(attempts))
        return true
    }

    package mutating func takeSilence(at time: MonotonicTime) -> Bool {
        guard time >= nextSilence else { return false }
        nextSilence = time.adding(milliseconds: Self.silenceMilliseconds)
        return true
    }
}
