internal import CLinux
internal import Synchronization

/// How one thread sees that another still goes round its loop: it asks, wakes it, and looks for the answer later.
/// Answering takes no lock and allocates nothing, so the capture thread may.
package final class LifeSign: Sendable {
    /// As `ps -L` shows it, and the log.
    package let name: String
    private let asked = Atomic<Int64>(0)
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

    /// At each round of its loop.
    package func answer() {
        answered.store(asked.load(ordering: .acquiring), ordering: .releasing)
    }

    // The watching thread's side.

    /// Whether all that was asked is answered.
    package var isAnswered: Bool { answered.load(ordering: .acquiring) == asked.load(ordering: .relaxed) }

    /// The caller wakes the thread then.
    package func ask() {
        asked.add(1, ordering: .releasing)
    }

    /// The thread sleeps in the kernel and cannot be woken, as for a disk that takes its time: a kill would not end
    /// that either (proc(5), state D).
    package var waitsForDevice: Bool {
        let path = "/proc/self/task/\(thread.load(ordering: .relaxed))/stat"
        guard let bytes = try? FileSystem.readFile(path, limitBytes: 4_096) else { return false }
        // The state follows the name, which may hold anything but ends with the last parenthesis.
        guard let end = bytes.lastIndex(of: 0x29), end + 2 < bytes.count else { return false }
        return bytes[end + 2] == 0x44
    }
}
