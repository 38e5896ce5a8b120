internal import LinuxRuntime

/// Why a button or a lamp cannot be used. `line` is its name in the configuration.
package enum PanelError: Error, Equatable, Sendable {
    /// Neither `gpiochipN:OFFSET` nor a possible line name.
    case malformed(line: String)
    case chip(line: String, path: String, errno: Int32)
    /// The chip has fewer lines.
    case offset(line: String, path: String, lines: Int)
    /// No chip has a line with that name.
    case unknownName(line: String, chips: Int)
    /// Several chips have one.
    case ambiguousName(line: String, first: String, second: String)
    /// The kernel refused to give the line to this process.
    case request(line: String, path: String, errno: Int32)
    case write(line: String, errno: Int32)
    case read(line: String, errno: Int32)

    /// What happened, why, and what to do.
    package var message: String {
        switch self {
        case .malformed(let line):
            "the panel line \(line) is neither gpiochipN:OFFSET nor a line's name; `gpioinfo` lists both"
        case .chip(let line, let path, let number):
            "cannot open \(path) for the panel line \(line): \(Self.text(number)); `gpiodetect` lists the chips, "
                + "and the daemon's user must be in the group gpio"
        case .offset(let line, let path, let lines):
            "the panel line \(line) does not exist: \(path) has \(lines) lines, counted from 0"
        case .unknownName(let line, let chips):
            "no line is named \(line) on any of the \(chips) GPIO chips; `gpioinfo` lists the names, "
                + "gpiochipN:OFFSET works without one"
        case .ambiguousName(let line, let first, let second):
            "both \(first) and \(second) have a line named \(line); use gpiochipN:OFFSET"
        case .request(let line, let path, let number):
            "cannot use the panel line \(line) on \(path): \(Self.text(number)); "
                + "`gpioinfo` shows who uses it"
        case .write(let line, let number):
            "cannot switch the panel line \(line): \(Self.text(number)); is its chip still plugged in? `gpiodetect`"
        case .read(let line, let number):
            "cannot read the panel line \(line): \(Self.text(number)); is its chip still plugged in? `gpiodetect`"
        }
    }

    private static func text(_ number: Int32) -> String { SystemError.text(of: number) }
}
