import CNamespace
import Foundation
import LinkMonitor
import LinuxRuntime
import RecorderCore
import Testing

/// A network namespace of the test's own, for the thread that runs `body`: network_namespaces(7), unshare(2). The
/// thread goes back to its namespace afterwards; `body` does not suspend, so it stays on that thread.
enum Namespace {
    static let isAvailable: Bool = (try? enter { true }) ?? false

    static func enter<Result>(_ body: () throws -> Result) throws -> Result {
        let home = namespace_enter()
        guard home >= 0 else { throw POSIXError(.EPERM) }
        defer { namespace_leave(home) }
        return try body()
    }
}

/// `ip` in the namespace of the calling thread, which its children inherit; one command a line (ip(8), -batch).
func ip(_ commands: String) throws {
    guard let input = popen("exec ip -batch -", "w") else { throw POSIXError(.ENOENT) }
    fputs(commands, input)
    let status = pclose(input)
    try #require(status == 0, "ip failed: \(commands)")
}

/// The daemon's part: polls the monitor's descriptors, reads when the watch says so, and keeps what changed.
final class Watcher {
    let monitor: LinkMonitor
    private(set) var watch = NetworkWatch(at: Clock.now)
    private(set) var snapshot = NetworkSnapshot()
    /// The times of the readings.
    private(set) var readings: [MonotonicTime] = []

    init(receiveBufferBytes: Int = 0) throws {
        monitor = try LinkMonitor(receiveBufferBytes: receiveBufferBytes)
        // The kernel says that a link runs a moment after it got its carrier (net/core/link_watch.c).
        _ = try changes { $0.links.allSatisfy { !$0.isUp || !$0.hasCarrier || $0.isRunning } }
    }

    /// One turn of the loop: waits for a hint or a deadline, and reads when it is due.
    func turn(until deadline: MonotonicTime) throws -> NetworkChange {
        let wake = min(watch.nextDeadline ?? deadline, deadline)
        var entries = monitor.fileDescriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        _ = poll(&entries, nfds_t(entries.count), Int32(max(0, wake.milliseconds(since: Clock.now))))
        if monitor.drain() { watch.hint(at: Clock.now) }
        guard watch.isDue(at: Clock.now) else { return .none }
        readings.append(Clock.now)
        snapshot = try monitor.snapshot()
        return watch.read(snapshot)
    }

    /// The next change; `.none` when there is none for ten seconds.
    func change() throws -> NetworkChange {
        let deadline = Clock.now.adding(milliseconds: 10_000)
        while Clock.now < deadline {
            let change = try turn(until: deadline)
            if change != .none { return change }
        }
        return .none
    }

    /// Turns until a reading satisfies `condition`; the changes that were seen.
    func changes(until condition: (NetworkSnapshot) -> Bool) throws -> [NetworkChange] {
        let deadline = Clock.now.adding(milliseconds: 10_000)
        var changes: [NetworkChange] = []
        while Clock.now < deadline {
            let change = try turn(until: deadline)
            if change != .none { changes.append(change) }
            if !readings.isEmpty, condition(snapshot) { return changes }
        }
        Issue.record("the snapshot never became as expected: \(snapshot)")
        return changes
    }
}

extension NetworkSnapshot {
    func has(_ address: String) -> Bool { addresses.contains { $0.text == address } }
}
