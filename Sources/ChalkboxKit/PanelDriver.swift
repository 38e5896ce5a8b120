internal import Configuration
internal import LinuxRuntime
internal import Panel
internal import RecorderCore

/// Buttons and lamps as the daemon sees them, whichever way they are connected: on GPIO lines, over the control socket
/// (for demonstrations and tests), or not at all.
final class PanelDriver {
    /// Edges taken in one go: a bouncing contact must not keep the loop.
    private static let edgesALook = 64

    private let kind: Settings.Panel.Driver
    /// Of GPIO lines.
    private let slots: [PanelSlot]
    let hasAmber: Bool
    private(set) var lamps = Lamps()
    private var buttons: ButtonPair
    /// When the lines that are held are looked at again.
    private var lookAt: MonotonicTime
    /// How many were held when they were last looked after.
    private var held = 0
    private var news: PanelNews
    private let log: Log

    init(_ settings: Settings, log: Log, now: MonotonicTime) {
        let panel = settings.panel
        kind = panel.driver
        let isGPIO = kind == .gpio
        slots = isGPIO ? GPIOPanel.slots(settings.panelLines, at: now) : []
        hasAmber = !isGPIO || !panel.amberLine.isEmpty
        buttons = ButtonPair(
            stableMilliseconds: Int64(panel.debounceMilliseconds),
            isOneButton: isGPIO && panel.startLine == panel.stopLine)
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
    var lostEdges: Int64 { buttons.lostEdges }

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
            if !slot.isHeld, let button = slot.part.button { buttons.reset(button) }
        }
        held = countHeld()
        if let entry = news.note(state, problem, at: now) { log.write(entry) }
    }

    @inline(never)
    private func countHeld() -> Int { slots.count { $0.isHeld } }

    private func watch(_ slot: PanelSlot, isPressed: Bool, _ now: MonotonicTime, _ loop: EventLoop) {
        guard let button = slot.part.button, let descriptor = slot.fileDescriptor else { return }
        // A button that is held while its line is taken was pressed by nobody.
        buttons.reset(button, heldSince: isPressed ? now : nil)
        do throws(SystemError) {
            try loop.add(descriptor, token: Daemon.Token.panel)
        } catch {
            slot.release(error.message, at: now)
        }
    }

    /// When a button will have been stable for long enough, a lamp blinks, or a line is to be looked at or taken.
    func nextDeadline(after now: MonotonicTime) -> MonotonicTime? {
        var next = Int64.max
        func note(_ time: MonotonicTime?) { next = min(next, time?.milliseconds ?? next) }
        note(buttons.nextDeadline)
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
    func look(now: MonotonicTime, hangUp: Bool = false, _ pressed: (ButtonPress) -> Void) {
        // In the order in which they came: a loop that is late must not take two buttons at once for one.
        for _ in 0..<Self.edgesALook {
            var oldest: (slot: PanelSlot, edge: PanelEdge)?
            for slot in slots {
                guard let edge = slot.peekEdge(at: now), oldest.map({ edge.at < $0.edge.at }) ?? true else { continue }
                oldest = (slot, edge)
            }
            guard let (slot, edge) = oldest else { break }
            slot.dropEdge()
            if let button = slot.part.button { self.edge(button, pressed: edge.pressed, now: edge.at, pressed) }
        }
        if hangUp, countHeld() == held {
            for slot in slots where slot.part.isButton && slot.check(at: now) != nil {
                slot.release("the line was hung up; is its chip still plugged in? `gpiodetect`", at: now)
            }
        }
        let (startLevel, stopLevel) = (level(.start, now), level(.stop, now))
        tell(buttons.elapsed(.start, at: now, isPressed: startLevel), pressed)
        tell(buttons.elapsed(.stop, at: now, isPressed: stopLevel), pressed)
    }

    func edge(
        _ button: ButtonPair.Button, pressed isPressed: Bool, now: MonotonicTime, _ pressed: (ButtonPress) -> Void
    ) {
        tell(buttons.edge(button, pressed: isPressed, at: now), pressed)
    }

    /// What the line says, when the debouncer's time is over.
    private func level(_ button: ButtonPair.Button, _ now: MonotonicTime) -> Bool? {
        guard buttons.isDue(button, at: now) else { return nil }
        return slots.first { $0.part.button == button }?.check(at: now)
    }

    private func tell(_ event: ButtonPair.Event?, _ pressed: (ButtonPress) -> Void) {
        switch event {
        case .pressed(let press): pressed(press)
        case .ignored(let press):
            log.write(.warning, "button name=\(press.name) state=ignored reason=\"the other is held\"")
        case .stuck(let press): log.write(.warning, "button name=\(press.name) state=stuck")
        case .none: break
        }
    }
}

extension PanelPart {
    /// Nil: a lamp.
    fileprivate var button: ButtonPair.Button? {
        switch self {
        case .start: .start
        case .stop: .stop
        case .green, .amber, .red: nil
        }
    }
}
