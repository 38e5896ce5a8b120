internal import CLinux

/// The process: its arguments, its environment and the service manager.
package enum Process {
    /// The arguments after the program's name.
    package static var arguments: [String] {
        (1..<max(1, chalk_argument_count())).map { unsafe String(cString: chalk_argument($0)) }
    }

    /// sd_notify(3): `READY=1`, `STATUS=…`, `STOPPING=1`. Nothing happens when nobody listens.
    package static func notify(_ state: String) {
        _ = unsafe chalk_notify(state)
    }

    /// How long the service manager waits for `WATCHDOG=1` before it kills this process; nil: for ever.
    package static var watchdogMilliseconds: Int64? {
        let microseconds = chalk_watchdog_microseconds()
        return microseconds > 0 ? microseconds / 1_000 : nil
    }

    /// Keeps memory use flat: threads come and go with each name look-up, and need no malloc arena of their own
    /// (mallopt(3), M_ARENA_MAX).
    package static func limitMallocArenas() {
        chalk_limit_arenas(2)
    }

    /// From now on, a trap writes its signal and address to stderr.
    package static func reportFaults() {
        chalk_report_faults()
    }

    /// Replaces the process by the installed script of that name (execve(2)); returns only an error.
    package static func execScript(_ name: String) -> SystemError {
        let path = unsafe String(cString: chalk_become_script(name))
        return .last("run", path)
    }

    /// Where the package has installed a file: `/share/…`, beside the program's own directory.
    package static func installed(_ name: String) -> String { unsafe String(cString: chalk_installed(name)) }

    package static func exit(_ code: Int32) -> Never {
        CLinux.exit(code)
    }

    /// A new one at each start of the machine (random(4)); empty when it cannot be read.
    package static var bootID: String {
        let bytes = try? FileSystem.readFile("/proc/sys/kernel/random/boot_id", limitBytes: 64)
        return String(decoding: (bytes ?? []).filter { $0 > 0x20 }, as: UTF8.self)
    }

    package static var hostName: String {
        unsafe String(cString: chalk_host_name())
    }

    /// Accesses files as the recorder's user from now on, which root may.
    /// - Returns: false: this is neither root nor the recorder's user.
    package static func becomeRecorder() -> Bool { unsafe chalk_become(ControlListener.group) }

    /// The user who accesses files.
    package static var userName: String { unsafe String(cString: chalk_user_name()) }

    /// Random bits from the kernel (getrandom(2)); it waits for the pool at boot.
    package static func random() -> UInt64 {
        var bits: UInt64 = 0
        while unsafe getrandom(&bits, 8, 0) != 8 {}
        return bits
    }

    /// Whether standard output is a terminal.
    package static var isTerminal: Bool { isatty(1) == 1 }

    /// Whether standard error is a terminal.
    package static var errorIsTerminal: Bool { isatty(2) == 1 }
}
