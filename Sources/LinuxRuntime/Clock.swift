internal import CLinux
package import RecorderCore

/// The machine's clocks. Only the composition root and the adapters read them; the core is told the time.
package enum Clock {
    /// CLOCK_MONOTONIC.
    package static var now: MonotonicTime { MonotonicTime(milliseconds: chalk_monotonic_milliseconds()) }

    /// CLOCK_REALTIME.
    package static var wall: WallTime { WallTime(milliseconds: chalk_wall_milliseconds()) }

    /// Now, for as long as the machine is not started again.
    package static var boot: BootTime { BootTime(id: Process.bootID, milliseconds: now.milliseconds) }

    /// Whether the kernel believes that the wall clock is right (adjtimex(2)).
    package static var isSynchronised: Bool { chalk_clock_synchronised() }
}
