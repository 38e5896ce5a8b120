internal import Configuration
internal import LinuxRuntime
internal import Panel
internal import RecorderCore

/// Buttons and lamps as the daemon sees them, whichever way they are connected: on GPIO lines, over the control socket
/// (for demonstrations and tests), or not at all.
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

    /// Edges taken in one go: a bouncing contact must not keep the loop.
    private static let edgesALook = 64

    private let kind: Settings.Panel.Driver
    /// Of GPIO lines.
    private let slots: [PanelSlot]
    private let oneButton: Bool
    private let debounceMilliseconds: Int64
    let hasAmber: Bool
    private(set) var lamps = Lamps()
    private var start: Debouncer
    private var stop: Debouncer
    /// When the lines that are held are looked at again.
    private var lookAt: MonotonicTime
    /// How many were held when they were last looked after.
    private var held = 0
    /// Of debouncers before these.
    private var lostBefore: Int64 = 0
    private var news: PanelNews
    private let log: Log

    init(_ settings: Settings, log: Log, now: MonotonicTime) {
        let panel = settings.panel
        kind = panel.driver
        let isGPIO = kind == .gpio
        slots = isGPIO ? GPIOPanel.slots(settings.panelLines, at: now) : []
        oneButton = isGPIO && panel.startLine == panel.stopLine
        hasAmber = !isGPIO || !panel.amberLine.isEmpty
        debounceMilliseconds = Int64(panel.debounceMilliseconds)
        start = Debouncer(stableMilliseconds: debounceMilliseconds)
        stop = start
        lookAt = now
        news = PanelNews(at: now)
        self.log = log
    }

    var driver: String {
        switch kind {
        case .gpio: "gpio"
        case .socket: "socket"
        case .none: "none"
        }
    }

    var state: PanelState {
        let held = countHeld()
        guard held < slots.count else { return slots.isEmpty && kind != .socket ? .none : .ready }
        return held > 0 ? .partly : .awaited
    }

    /// What is wrong with it; empty: nothing.
    var problem: String {
        var first = ""
        var more = -1
        for slot in slots {
            guard let problem = slot.problem else { continue }
            if more < 0 { first = problem }
            more += 1
        }
        return more > 0 ? first + " (and " + String(more) + " more of its lines)" : first
    }

    /// Edges of the buttons that the kernel dropped, since the recorder started.
    var lostEdges: Int64 { lostBefore + start.lostEdges + stop.lostEdges }

    var acceptsSocketButtons: Bool { kind == .socket }

    /// Looks whether the lines that are held are still there, takes those that are due, and tells what is wrong. What
    /// cannot be had does not stop the recorder: the control socket is still there.
    func care(now: MonotonicTime, loop: EventLoop) {
        // A chip that is gone takes all of its lines with it.
        if lookAt <= now || countHeld() < held {
            lookAt = now.adding(milliseconds: Limits.panelLookMilliseconds)
            for slot in slots { _ = slot.check(at: now) }
        }
        // All at once: their chip comes for all of them.
        let isDue = slots.contains { slot in slot.nextAttempt.map { $0 <= now } ?? false }
        for slot in slots where !slot.isHeld {
            if isDue, let level = slot.acquire(at: now) { watch(slot, isPressed: level, now, loop) }
            // A press that was under way is nobody's.
            if !slot.isHeld { use(Debouncer(stableMilliseconds: debounceMilliseconds), for: slot.part) }
        }
        held = countHeld()
        if let entry = news.note(state, problem, at: now) { log.write(entry) }
    }

    @inline(never)
    private func countHeld() -> Int { slots.count { $0.isHeld } }

    private func watch(_ slot: PanelSlot, isPressed: Bool, _ now: MonotonicTime, _ loop: EventLoop) {
        guard slot.part.isButton, let descriptor = slot.fileDescriptor else { return }
        // A button that is held while its line is taken was pressed by nobody.
        let heldSince = isPressed ? now : nil
        use(Debouncer(stableMilliseconds: debounceMilliseconds, heldSince: heldSince), for: slot.part)
        do throws(SystemError) {
            try loop.add(descriptor, token: Daemon.Token.panel)
        } catch {
            slot.release(error.message, at: now)
        }
    }

    private func use(_ debouncer: Debouncer, for part: PanelPart) {
        guard part.isButton else { return }
        let lost = lostEdges
        if part == .start { start = debouncer } else { stop = debouncer }
        lostBefore += lost - lostEdges
    }

    /// When a button will have been stable for long enough, a lamp blinks, or a line is to be looked at or taken.
    func nextDeadline(after now: MonotonicTime) -> MonotonicTime? {
        var next = Int64.max
        func note(_ time: MonotonicTime?) { next = min(next, time?.milliseconds ?? next) }
        note(start.nextDeadline)
        note(stop.nextDeadline)
        for slot in slots {
            note(slot.nextAttempt)
            guard slot.isHeld else { continue }
            note(lookAt)
            note(pattern(slot.part).nextChange(after: now))
        }
        return next < .max ? MonotonicTime(milliseconds: next) : nil
    }

    /// Drives the lamps as `lamps` want them at this moment.
    func show(_ lamps: Lamps, now: MonotonicTime) {
        self.lamps = lamps
        for slot in slots where !slot.part.isButton { slot.show(pattern(slot.part).isLit(at: now), at: now) }
    }

    private func pattern(_ part: PanelPart) -> LEDPattern {
        switch part {
        case .green: lamps.green
        case .amber: lamps.amber
        case .red: lamps.red
        case .start, .stop: .off
        }
    }

    /// A button has edges to read, or the timer came: whatever is stable now counts.
    /// - Parameter hangUp: a line's chip says that it is gone (EPOLLHUP or EPOLLERR), and would say so for ever.
    func look(now: MonotonicTime, hangUp: Bool = false, _ pressed: (Press) -> Void) {
        // In the order in which they came: a loop that is late must not take two buttons at once for one.
        for _ in 0..<Self.edgesALook {
            var oldest: (slot: PanelSlot, edge: PanelEdge)?
            for slot in slots {
                guard let edge = slot.peekEdge(at: now), oldest.map({ edge.at < $0.edge.at }) ?? true else { continue }
                oldest = (slot, edge)
            }
            guard let (slot, edge) = oldest else { break }
            slot.dropEdge()
            self.edge(start: slot.part == .start, pressed: edge.pressed, now: edge.at, pressed)
        }
        if hangUp, countHeld() == held {
            for slot in slots where slot.part.isButton && slot.check(at: now) != nil {
                slot.release("the line was hung up; is its chip still plugged in? `gpiodetect`", at: now)
            }
        }
        let (startLevel, stopLevel) = (level(.start, start, now), level(.stop, stop, now))
        tell(start.elapsed(at: now, isPressed: startLevel), .start, beside: stop, pressed)
        tell(stop.elapsed(at: now, isPressed: stopLevel), .stop, beside: start, pressed)
    }

    func edge(start isStart: Bool, pressed isPressed: Bool, now: MonotonicTime, _ pressed: (Press) -> Void) {
        if isStart {
            tell(start.edge(pressed: isPressed, at: now), .start, beside: stop, pressed)
        } else {
            tell(stop.edge(pressed: isPressed, at: now), .stop, beside: start, pressed)
        }
    }

    /// What the line says, when the debouncer's time is over.
    private func level(_ part: PanelPart, _ debouncer: Debouncer, _ now: MonotonicTime) -> Bool? {
        guard let deadline = debouncer.nextDeadline, deadline <= now else { return nil }
        return slots.first { $0.part == part }?.check(at: now)
    }

    /// Two buttons at once are nobody's wish: neither counts.
    private func tell(
        _ event: Debouncer.Event?, _ press: Press, beside other: Debouncer, _ pressed: (Press) -> Void
    ) {
        switch event {
        case .pressed:
            guard !other.isHeld else {
                log.write(.warning, "button name=\(press.name) state=ignored reason=\"the other is held\"")
                return
            }
            pressed(oneButton ? .toggle : press)
        case .stuck: log.write(.warning, "button name=\(press.name) state=stuck")
        case .released, .none: break
        }
    }
}
