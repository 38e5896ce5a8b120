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
        // Peers choose some of the text: no line of theirs may look like one of ours.
        Console.error("<\(level.rawValue)>" + line.shown + "\n")
    }

    package func write(_ entry: LogEntry) {
        write(entry.level, entry.line)
    }
}

/// The process's standard output and error, unbuffered. Output that cannot be written ends the process with an error:
/// half a list is not taken for a whole one.
package enum Console {
    /// For programs: as it is.
    @inline(never)
    package static func output(_ text: String) { output(Array(text.utf8)) }

    /// For people: a line, with what is not plain escaped.
    @inline(never)
    package static func line(_ text: String) { output(text.shown + "\n") }

    /// Bytes as they are.
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

    /// Some file systems tell only now that they have no room (close(2)).
    package static func close() {
        if CLinux.close(1) != 0 { fail() }
    }

    /// Nobody reads a pipe that was closed, and those who closed it know.
    private static func fail() -> Never {
        let error = SystemError.last("write to", "standard output")
        if error.number != EPIPE { Console.error("chalkbox: " + error.message + "\n") }
        Process.exit(1)
    }
}
