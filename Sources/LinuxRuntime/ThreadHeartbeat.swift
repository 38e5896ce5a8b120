internal import CLinux
internal import Synchronization

/// How one thread sees that another still runs its loop: it requests a heartbeat, wakes the thread, and checks later
/// whether it came. Beating takes no lock and allocates nothing, so the capture thread may.
package final class ThreadHeartbeat: Sendable {
    /// As `ps -L` shows it, and the log.
    package let name: String
    private let requested = Atomic<Int64>(0)
    private let answered = Atomic<Int64>(0)
    private let thread = Atomic<Int>(0)

    package init(_ name: String) {
        self.name = name
    }

    // The watched thread's side.

    /// Once, before its loop.
    package func begin() {
        thread.store(Int(chalk_thread_number()), ordering: .relaxed)
    }

    /// In each round of its loop.
    package func beat() {
        answered.store(requested.load(ordering: .acquiring), ordering: .releasing)
    }

    // The watching thread's side.

    /// Whether the thread has beaten since the last request.
    package var isCurrent: Bool { answered.load(ordering: .acquiring) == requested.load(ordering: .relaxed) }

    /// The caller then wakes the thread.
    package func request() {
        requested.add(1, ordering: .releasing)
    }

    /// Whether the thread sleeps in the kernel and cannot be woken, for example because a disk is slow; killing the
    /// process would not end that either (proc(5), state D).
    package var isBlockedInKernel: Bool {
        let path = "/proc/self/task/\(thread.load(ordering: .relaxed))/stat"
        guard let bytes = try? FileSystem.readFile(path, limitBytes: 4_096) else { return false }
        // The state follows the name, which may hold anything but ends with the last parenthesis.
        guard let end = bytes.lastIndex(of: 0x29), end + 2 < bytes.count else { return false }
        return bytes[end + 2] == 0x44
    }
}
