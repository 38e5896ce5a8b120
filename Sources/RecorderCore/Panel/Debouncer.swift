/// Makes presses of a bouncing contact's edges: a level counts once it has been stable for long enough. It is told
/// every edge, and asked again when `nextDeadline` comes.
package struct Debouncer: Equatable, Sendable {
    package enum Event: Equatable, Sendable {
        case pressed
        case released
        /// Held for so long that something leans on it, or its wire touches ground; said once a press.
        case stuck
    }

    private let stableMilliseconds: Int64
    private let stuckMilliseconds: Int64
    /// The level that counts.
    private var isPressed = false
    /// False for a button that was held when the box started, until it is released: nobody pressed it.
    private var reports: Bool
    /// The level of the newest edge, when it is not yet the one that counts.
    private var candidate: Candidate?
    /// When a held button counts as stuck; nil when it is not held, or was reported.
    private var stuckDeadline: MonotonicTime?

    private struct Candidate: Equatable {
        var isPressed: Bool
        var deadline: MonotonicTime
    }

    /// - Parameters:
    ///   - heldSince: set when the button is held at the start; it is then ignored until it is released.
    package init(
        stableMilliseconds: Int64, stuckMilliseconds: Int64 = 30_000, heldSince: MonotonicTime? = nil
    ) {
        self.stableMilliseconds = stableMilliseconds
        self.stuckMilliseconds = stuckMilliseconds
        reports = heldSince == nil
        isPressed = heldSince != nil
        stuckDeadline = heldSince?.adding(milliseconds: stuckMilliseconds)
    }

    /// When `elapsed(at:)` has something to say if no edge comes before.
    package var nextDeadline: MonotonicTime? {
        guard let candidate else { return stuckDeadline }
        guard let stuckDeadline else { return candidate.deadline }
        return min(candidate.deadline, stuckDeadline)
    }

    /// A finger is on it, as far as is known: not so for one that was held at the start or is stuck.
    package var isHeld: Bool {
        if let candidate { return candidate.isPressed }
        return isPressed && reports && stuckDeadline != nil
    }

    /// The contact changed at `time`. The event, if any, is of the time before this edge.
    package mutating func edge(pressed: Bool, at time: MonotonicTime) -> Event? {
        let event = elapsed(at: time)
        candidate =
            pressed == isPressed
            ? nil
            : Candidate(isPressed: pressed, deadline: time.adding(milliseconds: stableMilliseconds))
        return event
    }

    /// It is `time`, and no further edge came.
    package mutating func elapsed(at time: MonotonicTime) -> Event? {
        if let candidate, time >= candidate.deadline {
            self.candidate = nil
            return settle(candidate)
        }
        if let stuckDeadline, time >= stuckDeadline {
            self.stuckDeadline = nil
            return .stuck
        }
        return nil
    }

    private mutating func settle(_ candidate: Candidate) -> Event? {
        isPressed = candidate.isPressed
        let pressedAt = candidate.deadline.adding(milliseconds: -stableMilliseconds)
        stuckDeadline = isPressed ? pressedAt.adding(milliseconds: stuckMilliseconds) : nil
        defer { reports = true }
        guard reports else { return nil }
        return isPressed ? .pressed : .released
    }
}
