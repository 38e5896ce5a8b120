internal import CLinux

/// What the process is told by its surroundings, and tells them.
package enum Process {
    /// The arguments after the program's name.
    package static var arguments: [String] {
        (1..<max(1, chalk_argument_count())).map { unsafe String(cString: chalk_argument($0)) }
    }

    /// sd_notify(3): `READY=1`, `STATUS=…`, `STOPPING=1`. Nothing happens when nobody listens.
    package static func notify(_ state: String) {
        _ = unsafe chalk_notify(state)
    }

    /// How long the service manager waits for `WATCHDOG=1` before it takes this process for hung; nil: for ever.
    package static var watchdogMilliseconds: Int64? {
        let microseconds = chalk_watchdog_microseconds()
        return microseconds > 0 ? microseconds / 1_000 : nil
    }

    /// Keeps memory flat: threads come and go with each name look-up, and need no heap of their own.
    package static func shareHeap() {
        chalk_limit_arenas(2)
    }

    /// A trap then writes its signal and address to stderr.
    package static func reportFaults() {
        chalk_report_faults()
    }

    /// Becomes the script of that name that is installed with the program; returns why it cannot.
    package static func becomeScript(_ name: String) -> SystemError {
        let path = unsafe String(cString: chalk_become_script(name))
        return .last("run", path)
    }

    package static func exit(_ code: Int32) -> Never {
        CLinux.exit(code)
    }

    /// Another one at each start of the machine (random(4)); empty when it cannot be had.
    package static var bootID: String {
        let bytes = try? FileSystem.readFile("/proc/sys/kernel/random/boot_id", limitBytes: 64)
        return String(decoding: (bytes ?? []).filter { $0 > 0x20 }, as: UTF8.self)
    }

    package static var hostName: String {
        unsafe String(cString: chalk_host_name())
    }

    /// Looks at files as the recorder does from now on (root may).
    /// - Returns: false: this is another user than the recorder's.
    package static func becomeRecorder() -> Bool { unsafe chalk_become(ControlListener.group) }

    /// Who looks at files.
    package static var userName: String { unsafe String(cString: chalk_user_name()) }

    /// Random bits from the kernel (getrandom(2)); it waits for the pool at boot.
    package static func random() -> UInt64 {
        var bits: UInt64 = 0
        while unsafe getrandom(&bits, 8, 0) != 8 {}
        return bits
    }

    /// Whether standard output is a terminal.
    package static var isTerminal: Bool { isatty(1) == 1 }

    /// Whether somebody watches standard error.
    package static var errorIsTerminal: Bool { isatty(2) == 1 }
}
