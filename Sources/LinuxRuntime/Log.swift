internal import CLinux
package import RecorderCore

/// Writes one event a line to stderr: `event key=value …`. Each line is one write, so that threads do not mix theirs.
package struct Log: Sendable {
    package let threshold: LogLevel

    package init(threshold: LogLevel) {
        self.threshold = threshold
    }

    package func write(_ level: LogLevel, _ line: String) {
        guard level <= threshold else { return }
        // Peers choose some of the text: no line of theirs may look like one of ours.
        Console.error("<\(level.rawValue)>" + line.shown + "\n")
    }

    package func write(_ entry: LogEntry) {
        write(entry.level, entry.line)
    }
}

/// The process's standard output and error, unbuffered. Output that cannot be written ends the process with an error,
/// so that half a list is not mistaken for a whole one.
package enum Console {
    /// For programs: unchanged.
    @inline(never)
    package static func output(_ text: String) { output(Array(text.utf8)) }

    /// For people: one line, with control characters escaped.
    @inline(never)
    package static func line(_ text: String) { output(text.shown + "\n") }

    /// Bytes, unchanged.
    package static func output(_ bytes: [UInt8]) {
        let result = unsafe bytes.withUnsafeBytes { bytes in
            unsafe chalk_write_all(1, bytes.baseAddress, bytes.count)
        }
        if result != 0 { fail() }
    }

    @inline(never)
    package static func error(_ text: String) {
        var copy = text
        copy.withUTF8 { bytes in
            _ = unsafe chalk_write_all(2, bytes.baseAddress, bytes.count)
        }
    }

    /// Some file systems report only now that they are full (close(2)).
    package static func close() {
        if CLinux.close(1) != 0 { fail() }
    }

    /// No message for a closed pipe: whoever closed it knows.
    private static func fail() -> Never {
        let error = SystemError.last("write to", "standard output")
        if error.number != EPIPE { Console.error("chalkbox: " + error.message + "\n") }
        Process.exit(1)
    }
}
