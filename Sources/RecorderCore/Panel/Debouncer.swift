/// Makes presses of a bouncing contact's edges: a level counts once it has been stable for long enough. It is told
/// every edge, and asked again when `nextDeadline` comes, with the level that the line has then: the kernel keeps 16
/// edges and drops what exceeds them (Linux's gpiolib-cdev.c), so the newest that came need not be the last.
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
    /// The newest edge, until its level was stable for long enough.
    private var newest: Edge?
    /// When a held button counts as stuck; nil when it is not held, or was reported.
    private var stuckDeadline: MonotonicTime?
    /// How often the line had another level than its edges had told.
    package private(set) var lostEdges: Int64 = 0

    private struct Edge: Equatable {
        var isPressed: Bool
        var deadline: MonotonicTime
        /// Of the line, since an edge is missing.
        var isRead = false
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

    /// When `elapsed(at:isPressed:)` has something to say if no edge comes before.
    package var nextDeadline: MonotonicTime? {
        guard let newest else { return stuckDeadline }
        guard let stuckDeadline else { return newest.deadline }
        return min(newest.deadline, stuckDeadline)
    }

    /// A finger is on it, as far as is known: not so for one that was held at the start or is stuck.
    package var isHeld: Bool {
        if let newest, newest.isPressed != isPressed { return newest.isPressed }
        return isPressed && reports && stuckDeadline != nil
    }

    /// The contact changed at `time`. The event, if any, is of the time before this edge.
    package mutating func edge(pressed: Bool, at time: MonotonicTime) -> Event? {
        let event = settled(at: time)
        note(pressed, at: time)
        return event
    }

    /// It is `time`, and no further edge came.
    /// - Parameter level: the line's own; nil when there is none to read.
    package mutating func elapsed(at time: MonotonicTime, isPressed level: Bool?) -> Event? {
        if let newest, time >= newest.deadline, let level {
            guard level == newest.isPressed else {
                // It counts when it has been seen to be stable, too: its edge may be on its way.
                note(level, at: time, isRead: true)
                return nil
            }
            if newest.isRead { lostEdges += 1 }
        }
        return settled(at: time)
    }

    private mutating func note(_ level: Bool, at time: MonotonicTime, isRead: Bool = false) {
        newest = Edge(isPressed: level, deadline: time.adding(milliseconds: stableMilliseconds), isRead: isRead)
    }

    private mutating func settled(at time: MonotonicTime) -> Event? {
        if let edge = newest, time >= edge.deadline {
            newest = nil
            if edge.isPressed != isPressed { return settle(edge) }
        }
        if let stuckDeadline, time >= stuckDeadline {
            self.stuckDeadline = nil
            return .stuck
        }
        return nil
    }

    private mutating func settle(_ edge: Edge) -> Event? {
        isPressed = edge.isPressed
        let pressedAt = edge.deadline.adding(milliseconds: -stableMilliseconds)
        stuckDeadline = isPressed ? pressedAt.adding(milliseconds: stuckMilliseconds) : nil
        defer { reports = true }
        guard reports else { return nil }
        return isPressed ? .pressed : .released
    }
}
