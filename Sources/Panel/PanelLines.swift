package import RecorderCore

/// Which GPIO lines the panel uses: `gpiochip0:17` (chip and offset) or a line's name; empty for none.
package struct PanelLines: Equatable, Sendable {
    package var start: String
    /// May be the same as `start`: one button for both, whose edges are reported as `start`'s.
    package var stop: String
    package var green: String
    package var amber: String
    package var red: String
    /// The buttons connect their line to ground when pressed; the line is pulled up. Otherwise they connect
    /// it to the supply, and it is pulled down.
    package var activeLow: Bool
    /// The lamps are lit when their line is low.
    package var lampsActiveLow: Bool
    /// For the kernel's debouncing, which libgpiod 2 offers. 0: none.
    package var debounceMilliseconds: Int

    package init(
        start: String, stop: String, green: String, amber: String, red: String, activeLow: Bool,
        lampsActiveLow: Bool = false, debounceMilliseconds: Int
    ) {
        self.start = start
        self.stop = stop
        self.green = green
        self.amber = amber
        self.red = red
        self.activeLow = activeLow
        self.lampsActiveLow = lampsActiveLow
        self.debounceMilliseconds = debounceMilliseconds
    }
}

extension PanelLines {
    var buttonUse: GPIOLine.Use { .button(activeLow: activeLow, debounceMilliseconds: debounceMilliseconds) }
    var lampUse: GPIOLine.Use { .lamp(activeLow: lampsActiveLow) }
}

/// What a line of the panel is for; a box with one button calls it `start`.
package enum PanelPart: Equatable, Sendable {
    case start
    case stop
    case green
    case amber
    case red

    package var isButton: Bool { self == .start || self == .stop }

    /// As in the configuration's key `start_line`.
    package var name: String {
        switch self {
        case .start: "start"
        case .stop: "stop"
        case .green: "green"
        case .amber: "amber"
        case .red: "red"
        }
    }
}

/// A button's contact closed or opened; not debounced.
package struct PanelEdge: Equatable, Sendable {
    package var pressed: Bool
    package var at: MonotonicTime
}
