internal import CGPIO
internal import RecorderCore

/// Buttons and lamps on GPIO lines, through libgpiod. For one thread.
package final class GPIOPanel {
    /// Edges taken in one go: a bouncing contact must not keep the loop.
    private static let edgesARead = 64

    private let start: GPIOLine?
    private let stop: GPIOLine?
    private let green: GPIOLine?
    private let amber: GPIOLine?
    private let red: GPIOLine?

    /// Requests every line that is named; all of them or none.
    package init(_ lines: PanelLines) throws(PanelError) {
        let (button, lamp) = (lines.buttonUse, lines.lampUse)
        start = try Self.line(lines.start, button)
        stop = lines.stop == lines.start ? nil : try Self.line(lines.stop, button)
        green = try Self.line(lines.green, lamp)
        amber = try Self.line(lines.amber, lamp)
        red = try Self.line(lines.red, lamp)
    }

    /// libgpiod's version, for `chalkbox doctor`.
    package static var libraryVersion: String { unsafe String(cString: chalk_gpio_version()) }

    /// Readable when a button has edges.
    package var fileDescriptors: [Int32] {
        var descriptors: [Int32] = []
        if let start { descriptors.append(start.fileDescriptor) }
        if let stop { descriptors.append(stop.fileDescriptor) }
        return descriptors
    }

    /// Whether a button is held now: such a one was not pressed by anybody when the box started.
    package func isHeld(_ button: Button) throws(PanelError) -> Bool {
        let line =
            switch button {
            case .start: start
            case .stop: stop
            }
        guard let line else { return false }
        return try line.isActive()
    }

    /// The edges that wait, each button's in order; it never blocks.
    package func readEdges() -> [PanelEdge] {
        var edges: [PanelEdge] = []
        read(start, .start, into: &edges)
        read(stop, .stop, into: &edges)
        return edges
    }

    /// Drives the lamps; one that is not connected is skipped.
    package func set(green: Bool, amber: Bool, red: Bool) throws(PanelError) {
        try self.green?.set(green)
        try self.amber?.set(amber)
        try self.red?.set(red)
    }

    private func read(_ line: GPIOLine?, _ button: Button, into edges: inout [PanelEdge]) {
        guard let line else { return }
        for _ in 0..<Self.edgesARead {
            guard let edge = line.readEdge() else { return }
            edges.append(PanelEdge(button: button, pressed: edge.pressed, at: edge.at))
        }
    }

    private static func line(_ name: String, _ use: GPIOLine.Use) throws(PanelError) -> GPIOLine? {
        name.isEmpty ? nil : try GPIOLine(name, use)
    }
}
