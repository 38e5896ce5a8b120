internal import CLinux
package import RecorderCore

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

    package func write(_ entry: LogEntry) {
        write(entry.level, entry.line)
    }

    /// Peers choose some of the text: no line of theirs may look like one of ours.
    private static func singleLine(_ line: String) -> String {
        guard !line.isEvery({ $0 >= 0x20 && $0 != 0x7F }) else { return line }
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

    /// Bytes as they are.
    package static func output(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { bytes in
            _ = unsafe chalk_write_all(1, bytes.baseAddress, bytes.count)
        }
    }

    private static func write(_ text: String, to descriptor: Int32) {
        var copy = text
        copy.withUTF8 { bytes in
            _ = unsafe chalk_write_all(descriptor, bytes.baseAddress, bytes.count)
        }
    }
}
