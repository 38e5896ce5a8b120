package import LinuxRuntime

/// Why there is no audio.
package enum CaptureError: Error, Equatable, Sendable {
    /// The device cannot be opened (`detail`: libasound's own words, or empty).
    case open(device: String, errno: Int32, detail: String)
    /// The device is there but has no format that is taken, and none that ALSA's `plug` makes one of.
    case format(device: String, errno: Int32, what: String, detail: String)
    /// The open device failed (`operation`: the libasound function).
    case stream(device: String, errno: Int32, operation: String)
    /// The device is open and delivers nothing.
    case silent(device: String, milliseconds: Int64)
    case system(SystemError)

    /// For `CaptureEvent.deviceLost`.
    package var number: Int32 {
        switch self {
        case .open(_, let number, _), .format(_, let number, _, _), .stream(_, let number, _): number
        case .silent: Errno.timedOut
        case .system(let error): error.number
        }
    }

    /// What happened, why, and what to do.
    package var message: String {
        switch self {
        case .open(let device, let number, let detail):
            "cannot open the microphone \(device): \(Self.reason(number, detail)); \(Self.advice(number))"
        case .format(let device, let number, let what, let detail):
            "the microphone \(device) cannot give \(what): \(Self.reason(number, detail)); "
                + "`arecord -D \(device) --dump-hw-params /dev/null` shows what it can"
        case .stream(let device, let number, let operation):
            "the microphone \(device) failed in \(operation): \(SystemError.text(of: number)); "
                + "check its cable, then the kernel's log (`dmesg`)"
        case .silent(let device, let milliseconds):
            "the microphone \(device) is open but delivered nothing for \(milliseconds) ms; plug it out and in again"
        case .system(let error): error.message
        }
    }

    private static func reason(_ number: Int32, _ detail: String) -> String {
        let text = SystemError.text(of: number)
        return detail.isEmpty ? text : "\(text) (\(detail))"
    }

    private static func advice(_ number: Int32) -> String {
        switch number {
        case Errno.noEntry, Errno.invalid: "`arecord -L` lists the names that exist; set audio.device to one of them"
        case Errno.busy: "another program records from it (`fuser -v /dev/snd/*` names it)"
        case Errno.noAccess, Errno.notPermitted: "the daemon's user must be in the group audio"
        default: "check that it is plugged in (`arecord -l` lists what the kernel sees)"
        }
    }
}

/// The errno numbers that this module tells apart (asm-generic/errno.h; the same on every architecture of the box).
enum Errno {
    static let notPermitted: Int32 = 1
    static let noEntry: Int32 = 2
    static let inputOutput: Int32 = 5
    static let tryAgain: Int32 = 11
    static let noMemory: Int32 = 12
    static let noAccess: Int32 = 13
    static let busy: Int32 = 16
    static let invalid: Int32 = 22
    static let brokenPipe: Int32 = 32
    static let suspended: Int32 = 86
    static let timedOut: Int32 = 110
}
