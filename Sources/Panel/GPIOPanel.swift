internal import CGPIO
package import RecorderCore

/// Buttons and lamps on GPIO lines, through libgpiod.
package enum GPIOPanel {
    /// libgpiod's version, for `chalkbox doctor`.
    package static var libraryVersion: String { unsafe String(cString: chalk_gpio_version()) }

    /// A slot for each configured line; the first request is due at once.
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

/// One line of the panel: held, or requested again at intervals. Lines are independent: when a lamp fails, the buttons
/// and the other lamps still work. For one thread.
package final class PanelSlot {
    package let part: PanelPart
    private let name: String
    private let use: GPIOLine.Use
    private var line: GPIOLine?
    private var wait: PanelWait
    private var isLit = false
    /// The oldest edge that was read but not handled.
    private var edge: PanelEdge?
    /// Why it is not held, with its key in the configuration; nil when it is held, or was not requested yet.
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

    /// When it is requested next; nil while it is held.
    package var nextAttempt: MonotonicTime? { isHeld ? nil : wait.nextAttempt }

    /// Requests the line and uses it once: a button is read, a lamp is driven as it should be.
    /// - Returns: the level; nil when that failed.
    package func acquire(at now: MonotonicTime) -> Bool? {
        do throws(PanelError) {
            line = try GPIOLine(name, use)
        } catch {
            release(error.message, at: now)
            return nil
        }
        return check(at: now)
    }

    /// Reads a button, or drives a lamp again. Nil when the line is not held, or has just been lost.
    package func check(at now: MonotonicTime) -> Bool? {
        guard let line else { return nil }
        do throws(PanelError) {
            let level = part.isButton ? try line.isActive() : isLit
            if !part.isButton { try line.set(isLit) }
            problem = nil
            return level
        } catch {
            release(error.message, at: now)
            return nil
        }
    }

    /// Drives a lamp: now, or once its line is held.
    package func show(_ isLit: Bool, at now: MonotonicTime) {
        guard isLit != self.isLit else { return }
        self.isLit = isLit
        _ = check(at: now)
    }

    /// The oldest edge of a button that was not handled yet; never blocks.
    package func peekEdge(at now: MonotonicTime) -> PanelEdge? {
        guard edge == nil, part.isButton, let line else { return edge }
        do throws(PanelError) {
            edge = try line.readEdge()
        } catch {
            release(error.message, at: now)
        }
        return edge
    }

    /// That edge was handled.
    package func dropEdge() {
        edge = nil
    }

    /// Gives the line back to the kernel, which also takes its descriptor out of every epoll instance (epoll(7)). A
    /// chip keeps its number while anybody holds one of its lines.
    package func release(_ reason: String, at now: MonotonicTime) {
        if problem == nil { wait = PanelWait(at: now) }
        wait.failed(at: now)
        line = nil
        edge = nil
        problem = "panel.\(part.name)_line: " + reason
    }
}
