/// A log line's level by consequence, numbered as syslog does (sd-daemon(3)).
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

/// One event for the log: `event key=value …`.
package struct LogEntry: Equatable, Sendable {
    package var level: LogLevel
    package var line: String

    package init(_ level: LogLevel, _ line: String) {
        self.level = level
        self.line = line
    }

    /// A value with spaces, quotes, `=` or nothing in it in double quotes; characters that are not plain are escaped.
    package static func quoted(_ value: String) -> String {
        let isWord = !value.isEmpty && value.isEvery { $0 > 0x20 && $0 != 0x22 && $0 != 0x3D && $0 != 0x7F }
        guard !isWord else { return value.shown }
        var text = "\""
        for scalar in value.unicodeScalars {
            if scalar == "\"" || scalar == "\\" { text.unicodeScalars.append("\\") }
            text.unicodeScalars.append(scalar)
        }
        return text.shown + "\""
    }
}
