/// When a panel is tried that cannot be had yet, and what is told of it. While a board starts, its GPIO chip or the
/// permission to use it may come later than the daemon (udev(7)); a chip on USB comes when it is plugged in.
package struct PanelWait: Equatable, Sendable {
    private let since: MonotonicTime
    private var waitMilliseconds = Limits.panelRetryMilliseconds
    /// What the last attempt failed for; empty before the first.
    private var reason = ""

    package private(set) var nextAttempt: MonotonicTime

    /// The first attempt is due at once.
    package init(at time: MonotonicTime) {
        since = time
        nextAttempt = time
    }

    package func isDue(at time: MonotonicTime) -> Bool { time >= nextAttempt }

    /// The attempt that was due failed: the next one comes after twice the wait, up to the cap.
    /// - Returns: whether the reason is a new one, which is to be told.
    package mutating func failed(reason: String, at time: MonotonicTime) -> Bool {
        nextAttempt = time.adding(milliseconds: waitMilliseconds)
        waitMilliseconds = min(waitMilliseconds * 2, Limits.panelRetryCapMilliseconds)
        guard reason != self.reason else { return false }
        self.reason = reason
        return true
    }

    /// How late the panel is; nil when the first attempt was good.
    package func lateMilliseconds(at time: MonotonicTime) -> Int64? {
        reason.isEmpty ? nil : time.milliseconds(since: since)
    }
}
