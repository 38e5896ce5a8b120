internal import LinuxRuntime
internal import Panel
internal import RecorderCore

/// Buttons and lamps as the daemon sees them, whichever way they are connected.
final class PanelDriver {
    /// What a person did, after debouncing.
    enum Press: Equatable {
        case start
        case stop
        /// One button for both.
        case toggle

        var name: String {
            switch self {
            case .start: "start"
            case .stop: "stop"
            case .toggle: "start/stop"
            }
        }
    }

    enum Connection {
        /// No panel: the control socket alone.
        case none
        /// Pressed and shown over the control socket, for demonstrations and tests.
        case socket
        case gpio(GPIOPanel)
        /// It is yet to be had.
        case awaited(PanelWait)
    }

    private var connection: Connection
    private let lines: PanelLines
    private let oneButton: Bool
    private let debounceMilliseconds: Int64
    let hasAmber: Bool
    private(set) var lamps = Lamps()
    private var driven: (green: Bool, amber: Bool, red: Bool)?
    private var start: Debouncer
    private var stop: Debouncer
    private let log: Log

    init(
        _ connection: Connection, lines: PanelLines, oneButton: Bool, hasAmber: Bool, debounceMilliseconds: Int64,
        log: Log
    ) {
        self.connection = connection
        self.lines = lines
        self.oneButton = oneButton
        self.hasAmber = hasAmber
        self.log = log
        self.debounceMilliseconds = debounceMilliseconds
        start = Debouncer(stableMilliseconds: debounceMilliseconds)
        stop = start
    }

    /// Takes the panel over when it is awaited and an attempt is due. One that cannot be had does not stop the
    /// recorder: the control socket is still there.
    /// - Returns: whether it is here now; its descriptors are then to be watched.
    func connect(now: MonotonicTime) -> Bool {
        guard case .awaited(var wait) = connection, wait.isDue(at: now) else { return false }
        do throws(PanelError) {
            let panel = try GPIOPanel(lines)
            start = debouncer(.start, panel, now)
            stop = debouncer(.stop, panel, now)
            connection = .gpio(panel)
        } catch {
            if wait.failed(reason: error.message, at: now) {
                log.write(.error, "panel reason=\(LogEntry.quoted(error.message))")
            }
            connection = error.mayPass ? .awaited(wait) : .none
            return false
        }
        if let late = wait.lateMilliseconds(at: now) { log.write(.warning, "panel state=ready late_ms=\(late)") }
        return true
    }

    /// A button that is held while the panel is taken over was pressed by nobody.
    private func debouncer(_ button: Button, _ panel: GPIOPanel, _ now: MonotonicTime) -> Debouncer {
        let isHeld = (try? panel.isHeld(button)) == true
        return Debouncer(stableMilliseconds: debounceMilliseconds, heldSince: isHeld ? now : nil)
    }

    var acceptsSocketButtons: Bool {
        if case .socket = connection { return true }
        return false
    }

    var fileDescriptors: [Int32] {
        if case .gpio(let panel) = connection { return panel.fileDescriptors }
        return []
    }

    /// When a button will have been stable for long enough, or a lamp blinks.
    func nextDeadline(after now: MonotonicTime) -> MonotonicTime? {
        var deadlines = [start.nextDeadline, stop.nextDeadline]
        switch connection {
        case .gpio: deadlines += [lamps.green, lamps.amber, lamps.red].map { $0.nextChange(after: now) }
        case .awaited(let wait): deadlines.append(wait.nextAttempt)
        case .none, .socket: break
        }
        return deadlines.compactMap { $0 }.min()
    }

    /// Drives the lamps as `lamps` want them at this moment.
    func show(_ lamps: Lamps, now: MonotonicTime) {
        self.lamps = lamps
        guard case .gpio(let panel) = connection else { return }
        let wanted = (lamps.green.isLit(at: now), lamps.amber.isLit(at: now), lamps.red.isLit(at: now))
        if let driven, driven == wanted { return }
        driven = wanted
        do throws(PanelError) {
            try panel.set(green: wanted.0, amber: wanted.1, red: wanted.2)
        } catch {
            log.write(.error, "panel reason=\(LogEntry.quoted(error.message))")
        }
    }

    /// The GPIO chip has edges to read.
    func readable(now: MonotonicTime) -> [Press] {
        guard case .gpio(let panel) = connection else { return [] }
        var presses: [Press] = []
        for edge in panel.readEdges() {
            presses += self.edge(start: edge.button == .start, pressed: edge.pressed, now: edge.at)
        }
        return presses + elapsed(now: now)
    }

    func edge(start isStart: Bool, pressed: Bool, now: MonotonicTime) -> [Press] {
        guard isStart else { return events(stop.edge(pressed: pressed, at: now), .stop, beside: start) }
        return events(start.edge(pressed: pressed, at: now), .start, beside: stop)
    }

    /// The timer came: whatever is stable now counts.
    func elapsed(now: MonotonicTime) -> [Press] {
        events(start.elapsed(at: now), .start, beside: stop) + events(stop.elapsed(at: now), .stop, beside: start)
    }

    /// Two buttons at once are nobody's wish: neither counts.
    private func events(_ event: Debouncer.Event?, _ press: Press, beside other: Debouncer) -> [Press] {
        switch event {
        case .pressed:
            guard !other.isHeld else {
                log.write(.warning, "button name=\(press.name) state=ignored reason=\"the other is held\"")
                return []
            }
            return [oneButton ? .toggle : press]
        case .stuck:
            log.write(.warning, "button name=\(press.name) state=stuck")
            return []
        case .released, .none: return []
        }
    }
}
