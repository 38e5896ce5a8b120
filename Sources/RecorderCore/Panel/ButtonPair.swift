/// What a person did, after debouncing.
package enum ButtonPress: Equatable, Sendable {
    case start
    case stop
    /// One button for both.
    case toggle

    /// As the log has it.
    package var name: String {
        switch self {
        case .start: "start"
        case .stop: "stop"
        case .toggle: "start/stop"
        }
    }
}

/// START and STOP: which of their edges is a press.
package struct ButtonPair: Equatable, Sendable {
    package enum Button: Equatable, Sendable {
        case start
        case stop
    }

    package enum Event: Equatable, Sendable {
        case pressed(ButtonPress)
        /// Two buttons at once are nobody's wish: neither counts.
        case ignored(ButtonPress)
        /// Something leans on it.
        case stuck(ButtonPress)
    }

    private let stableMilliseconds: Int64
    private let isOneButton: Bool
    private var start: Debouncer
    private var stop: Debouncer
    /// Of debouncers before these.
    private var lostBefore: Int64 = 0

    /// - Parameters:
    ///   - stableMilliseconds: `panel.debounce_ms`.
    ///   - isOneButton: both are the same line.
    package init(stableMilliseconds: Int64, isOneButton: Bool) {
        self.stableMilliseconds = stableMilliseconds
        self.isOneButton = isOneButton
        start = Debouncer(stableMilliseconds: stableMilliseconds)
        stop = start
    }

    /// Edges that the kernel dropped.
    package var lostEdges: Int64 { lostBefore + start.lostEdges + stop.lostEdges }

    package var nextDeadline: MonotonicTime? {
        guard let one = start.nextDeadline, let other = stop.nextDeadline else {
            return start.nextDeadline ?? stop.nextDeadline
        }
        return min(one, other)
    }

    /// Whether the line's level has to be read for `elapsed`.
    package func isDue(_ button: Button, at now: MonotonicTime) -> Bool {
        guard let deadline = (button == .start ? start : stop).nextDeadline else { return false }
        return deadline <= now
    }

    /// Its line is new, or gone: a press that was under way is nobody's.
    /// - Parameter heldSince: it is held now; nobody pressed it.
    package mutating func reset(_ button: Button, heldSince: MonotonicTime? = nil) {
        let lost = lostEdges
        let fresh = Debouncer(stableMilliseconds: stableMilliseconds, heldSince: heldSince)
        if button == .start { start = fresh } else { stop = fresh }
        lostBefore += lost - lostEdges
    }

    package mutating func edge(_ button: Button, pressed isPressed: Bool, at time: MonotonicTime) -> Event? {
        let event =
            button == .start ? start.edge(pressed: isPressed, at: time) : stop.edge(pressed: isPressed, at: time)
        return judged(event, button)
    }

    /// It is `now`, and no further edge came.
    /// - Parameter level: the line's own; nil when there is none to read.
    package mutating func elapsed(_ button: Button, at now: MonotonicTime, isPressed level: Bool?) -> Event? {
        let event =
            button == .start ? start.elapsed(at: now, isPressed: level) : stop.elapsed(at: now, isPressed: level)
        return judged(event, button)
    }

    private func judged(_ event: Debouncer.Event?, _ button: Button) -> Event? {
        let press = button == .start ? ButtonPress.start : .stop
        switch event {
        case .pressed:
            let other = button == .start ? stop : start
            return other.isHeld ? .ignored(press) : .pressed(isOneButton ? .toggle : press)
        case .stuck: return .stuck(press)
        case .released, .none: return nil
        }
    }
}
