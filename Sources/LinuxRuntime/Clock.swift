internal import CLinux
package import RecorderCore

/// The machine's clocks. Only the composition root and the adapters read them; the core is told the time.
package enum Clock {
    /// CLOCK_MONOTONIC.
    package static var now: MonotonicTime { MonotonicTime(milliseconds: chalk_monotonic_milliseconds()) }

    /// CLOCK_REALTIME.
    package static var wall: WallTime { WallTime(milliseconds: chalk_wall_milliseconds()) }

    /// The time since the machine was started, with the identity of that start.
    package static var boot: BootTime { BootTime(id: Process.bootID, milliseconds: now.milliseconds) }

    /// Whether the kernel believes that the wall clock is right (adjtimex(2)).
    package static var isSynchronised: Bool { chalk_clock_synchronised() }

    /// Whether the wall clock agrees with the hardware clock: then it was set from that, and has also counted the time
    /// while the machine was off. A hardware clock without a battery starts at some fixed time.
    package static var agreesWithRTC: Bool { agreesWithRTC(at: "/sys/class/rtc/rtc0/since_epoch") }

    /// - Parameter path: the kernel's file with the seconds of a hardware clock that runs in UTC
    ///   (Documentation/ABI/testing/sysfs-class-rtc).
    static func agreesWithRTC(at path: String) -> Bool {
        guard let bytes = try? FileSystem.readFile(path, limitBytes: 32),
            let text = String(decoding: bytes, as: UTF8.self).cut(at: "\n")?.before, let seconds = Int(text),
            seconds >= 0
        else { return false }
        return abs(wall.milliseconds / 1_000 - Int64(seconds)) <= toleranceSeconds
    }

    /// Two clocks drift apart by some seconds a day.
    private static let toleranceSeconds: Int64 = 5
}
