import Foundation

/// A GPIO chip made of files, which the shipped binary finds in libgpiod's place: `Tests/ScriptedPanel/gpiod.c`.
final class ScriptedPanel {
    enum Line: Int, CaseIterable {
        case start = 17
        case stop = 27
        case green = 22
        case red = 23

        var isButton: Bool { self == .start || self == .stop }
    }

    private let directory: String
    private var chip: String { directory + "/gpiochip9" }
    /// The writing ends of the buttons' edges.
    private var edges: [Line: Int32] = [:]

    init(_ box: Box) throws {
        directory = box.directory + "/panel"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let source = Box.root + "/Tests/ScriptedPanel/gpiod.c"
        let library = directory + "/libgpiod.so.2"
        _ = try Box.run(
            "/usr/bin/cc", ["-shared", "-fPIC", "-Wl,-soname,libgpiod.so.2", "-o", library, source])
    }

    deinit { edges.values.forEach { close($0) } }

    /// What runs a program with this panel.
    var launcher: [String] { ["/usr/bin/env", "LD_LIBRARY_PATH=\(directory)", "SCRIPTED_PANEL=\(directory)"] }

    static func overrides(oneButton: Bool = false) -> [String] {
        [
            "panel.driver=gpio", "panel.start_line=gpiochip9:17",
            "panel.stop_line=gpiochip9:\(oneButton ? 17 : 27)", "panel.green_line=gpiochip9:22",
            "panel.red_line=gpiochip9:23",
        ]
    }

    /// - Parameter held: buttons that are held while it is plugged in.
    func plug(held: [Line] = []) throws {
        let fresh = directory + "/fresh"
        try FileManager.default.createDirectory(atPath: fresh, withIntermediateDirectories: true)
        for line in Line.allCases where line.isButton {
            try write(held.contains(line) ? "1" : "0", to: "\(fresh)/\(line.rawValue).level")
            let fifo = "\(fresh)/\(line.rawValue).edges"
            guard mkfifo(fifo, 0o600) == 0 else { throw Box.Failure(description: "\(fifo): \(errno)") }
            edges[line] = open(fifo, O_RDWR | O_CLOEXEC)
        }
        try FileManager.default.moveItem(atPath: fresh, toPath: chip)
    }

    /// - Parameter isTold: its lines are hung up at once; else they are merely silent, as on kernels that wake nobody.
    func unplug(isTold: Bool) throws {
        try FileManager.default.removeItem(atPath: chip)
        guard isTold else { return }
        edges.values.forEach { close($0) }
        edges = [:]
    }

    func set(_ line: Line, _ fault: String, _ isOn: Bool) throws {
        let path = "\(chip)/\(line.rawValue).\(fault)"
        if isOn { try write("", to: path) } else { try FileManager.default.removeItem(atPath: path) }
    }

    func isLit(_ line: Line) -> Bool {
        (try? String(contentsOfFile: "\(chip)/\(line.rawValue).value", encoding: .utf8)) == "1"
    }

    /// The button's edges, the newest now and the others a millisecond apart before it; its level may be another when
    /// the kernel dropped the last.
    func move(_ line: Line, _ levels: [Bool], level: Bool? = nil) throws {
        try write((level ?? levels.last ?? false) ? "1" : "0", to: "\(chip)/\(line.rawValue).level")
        let now = StampedLog.now
        for (index, isPressed) in levels.enumerated() {
            let milliseconds = now - Int64(levels.count - 1 - index)
            let record = [isPressed ? 1 : 0, milliseconds * 1_000_000]
            let count = record.withUnsafeBytes { Glibc.write(edges[line] ?? -1, $0.baseAddress, $0.count) }
            guard count == 16 else { throw Box.Failure(description: "the edge was not taken: \(errno)") }
        }
    }

    private func write(_ text: String, to path: String) throws {
        try text.write(toFile: path, atomically: true, encoding: .utf8)
    }
}
