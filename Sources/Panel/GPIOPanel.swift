internal import CGPIO
package import RecorderCore

/// Buttons and lamps on GPIO lines, through libgpiod.
package enum GPIOPanel {
    /// libgpiod's version, for `chalkbox doctor`.
    package static var libraryVersion: String { unsafe String(cString: chalk_gpio_version()) }

    /// A slot for each line that is named; the first attempt to take it is due at once.
    package static func slots(_ lines: PanelLines, at now: MonotonicTime) -> [PanelSlot] {
        var slots: [PanelSlot] = []
        func add(_ part: PanelPart, _ name: String) {
            guard !name.isEmpty else { return }
            slots.append(PanelSlot(part, name, part.isButton ? lines.buttonUse : lines.lampUse, at: now))
        }
        add(.start, lines.start)
        if lines.stop != lines.start { add(.stop, lines.stop) }
        add(.green, lines.green)
        add(.amber, lines.amber)
        add(.red, lines.red)
        return slots
    }
}

/// One line of the panel: held, or tried again at intervals until it can be had. Each stands for itself: a lamp that
/// fails leaves the buttons and the other lamps alone. For one thread.
package final class PanelSlot {
    package let part: PanelPart
    private let name: String
    private let use: GPIOLine.Use
    private var line: GPIOLine?
    private var wait: PanelWait
    private var isLit = false
    /// The oldest edge that was read and not taken.
    private var edge: PanelEdge?
    /// Why it is not held, with the key of the configuration; nil when it is, or was not tried yet.
    package private(set) var problem: String?

    init(_ part: PanelPart, _ name: String, _ use: GPIOLine.Use, at now: MonotonicTime) {
        self.part = part
        self.name = name
        self.use = use
        wait = PanelWait(at: now)
    }

    package var isHeld: Bool { line != nil }

    /// Readable when a button has edges.
    package var fileDescriptor: Int32? { line?.fileDescriptor }

    /// When it is to be taken; nil while it is held.
    package var nextAttempt: MonotonicTime? { isHeld ? nil : wait.nextAttempt }

    /// Requests the line and uses it once: a button is read, a lamp driven as it was wanted last.
    /// - Returns: the level; nil when it failed.
    package func take(at now: MonotonicTime) -> Bool? {
        do throws(PanelError) {
            line = try GPIOLine(name, use)
        } catch {
            lose(error.message, at: now)
            return nil
        }
        return check(at: now)
    }

    /// The level of a button; a lamp is driven anew. Nil when it is not held, or is no longer.
    package func check(at now: MonotonicTime) -> Bool? {
        guard let line else { return nil }
        do throws(PanelError) {
            let level = part.isButton ? try line.isActive() : isLit
            if !part.isButton { try line.set(isLit) }
            problem = nil
            return level
        } catch {
            lose(error.message, at: now)
            return nil
        }
    }

    /// Drives a lamp, now or when it is taken.
    package func show(_ isLit: Bool, at now: MonotonicTime) {
        guard isLit != self.isLit else { return }
        self.isLit = isLit
        _ = check(at: now)
    }

    /// The oldest edge of a button that waits; it never blocks.
    package func peekEdge(at now: MonotonicTime) -> PanelEdge? {
        guard edge == nil, part.isButton, let line else { return edge }
        do throws(PanelError) {
            edge = try line.readEdge()
        } catch {
            lose(error.message, at: now)
        }
        return edge
    }

    /// That edge was taken.
    package func dropEdge() {
        edge = nil
    }

    /// Gives the line back to the kernel, which also takes its descriptor out of every epoll instance (epoll(7)). Chips
    /// keep their number for as long as somebody holds a line of theirs.
    package func lose(_ reason: String, at now: MonotonicTime) {
        if problem == nil { wait = PanelWait(at: now) }
        wait.failed(at: now)
        line = nil
        edge = nil
        problem = "panel.\(part.name)_line: " + reason
    }
}
