internal import CLinux

/// A log line's level by consequence, numbered as syslog does (sd-daemon(3)): journald reads the `<n>` prefix.
package enum LogLevel: Int, Comparable, Sendable {
    /// Data or duty lost.
    case error = 3
    /// Something went wrong and was put right.
    case warning = 4
    /// A person's action or a change of phase.
    case info = 6
    /// The rest.
    case debug = 7

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// One event a line on stderr: `event key=value …`. Lines are written whole, so threads do not mix theirs.
package struct Log: Sendable {
    package let threshold: LogLevel

    package init(threshold: LogLevel) {
        self.threshold = threshold
    }

    package func write(_ level: LogLevel, _ line: String) {
        guard level <= threshold else { return }
        let text = "<\(level.rawValue)>" + Log.singleLine(line) + "\n"
        Console.error(text)
    }

    /// A value with spaces, quotes or nothing in it, in double quotes; others as they are.
    package static func quoted(_ value: String) -> String {
        let plain = !value.isEmpty && value.utf8.allSatisfy { $0 > 0x20 && $0 != 0x22 && $0 != 0x3D && $0 != 0x7F }
        guard !plain else { return value }
        var text = "\""
        for scalar in value.unicodeScalars {
            if scalar == "\"" || scalar == "\\" { text.unicodeScalars.append("\\") }
            text.unicodeScalars.append(scalar)
        }
        return text + "\""
    }

    /// Peers choose some of the text: no line of theirs may look like one of ours.
    private static func singleLine(_ line: String) -> String {
        guard line.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else { return line }
        var text = ""
        for scalar in line.unicodeScalars {
            text.unicodeScalars.append(scalar.value < 0x20 || scalar.value == 0x7F ? " " : scalar)
        }
        return text
    }
}

/// The process's standard output and error, unbuffered.
package enum Console {
    package static func output(_ text: String) { write(text, to: 1) }
    package static func error(_ text: String) { write(text, to: 2) }

    private static func write(_ text: String, to descriptor: Int32) {
        var copy = text
        copy.withUTF8 { bytes in
            _ = unsafe chalk_write_all(descriptor, bytes.baseAddress, bytes.count)
        }
    }
}
