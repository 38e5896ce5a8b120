/// When a line of the panel is tried that cannot be had yet. While a board starts, its GPIO chip or the permission to
/// use it may come later than the daemon (udev(7)); a chip on USB comes when it is plugged in.
package struct PanelWait: Equatable, Sendable {
    private var failures = 0

    package private(set) var nextAttempt: MonotonicTime

    /// The first attempt is due at once.
    package init(at time: MonotonicTime) {
        nextAttempt = time
    }

    package func isDue(at time: MonotonicTime) -> Bool { time >= nextAttempt }

    /// The attempt that was due failed: the next one comes after twice the wait, up to the cap.
    package mutating func failed(at time: MonotonicTime) {
        failures += 1
        let backoff = Backoff(
            baseMilliseconds: Limits.panelRetryMilliseconds, capMilliseconds: Limits.panelLookMilliseconds)
        nextAttempt = time.adding(milliseconds: backoff.milliseconds(failures))
    }
}

/// How much of the panel there is.
package enum PanelState: Equatable, Sendable {
    /// No buttons and no lamps are configured.
    case none
    /// No line of it can be had.
    case awaited
    /// Some lines are used, the others tried again.
    case partly
    case ready

    /// As `status --json` and the log name it. Stable.
    package var name: String {
        switch self {
        case .none: "none"
        case .awaited: "awaited"
        case .partly: "partly"
        case .ready: "ready"
        }
    }
}

/// What is logged of a panel's troubles: each once, and not each time that a loose plug comes and goes.
package struct PanelNews: Equatable, Sendable {
    /// What is wrong; empty: nothing.
    private var problem = ""
    private var since: MonotonicTime
    /// What was told last, and when.
    private var told = ""
    private var toldAt: MonotonicTime
    /// It was told that something is wrong, and not yet that all is well.
    private var isOpen = false

    package init(at time: MonotonicTime) {
        since = time
        toldAt = time
    }

    /// - Parameter problem: what is wrong now; empty: nothing.
    /// - Returns: what is to be logged.
    package mutating func note(_ state: PanelState, _ problem: String, at time: MonotonicTime) -> LogEntry? {
        guard problem != self.problem else { return nil }
        if self.problem.isEmpty { since = time }
        self.problem = problem
        guard !problem.isEmpty else {
            guard isOpen else { return nil }
            isOpen = false
            return LogEntry(.warning, "panel state=ready late_ms=\(time.milliseconds(since: since))")
        }
        guard problem != told || time.milliseconds(since: toldAt) >= Limits.panelNewsMilliseconds else { return nil }
        told = problem
        toldAt = time
        isOpen = true
        return LogEntry(.error, "panel state=\(state.name) reason=\(LogEntry.quoted(problem))")
    }
}
