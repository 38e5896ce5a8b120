internal import LinkMonitor
internal import LinuxRuntime
internal import RecorderCore

/// The network as the daemon sees it. A box on which the kernel cannot be asked records and reconnects all the same,
/// by its time-outs alone.
final class NetworkDriver {
    private let monitor: LinkMonitor?
    private var watch: NetworkWatch
    private let log: Log
    /// Why the path is what it is, for `status`.
    private(set) var reason = ""
    private var lastFailure = ""
    /// Why nothing is known of WiFi; empty: it is, or there is none.
    private var lastWireless = ""
    /// The most entries of one reading that were beyond the limits.
    private(set) var ignoredEntries: Int64 = 0

    init(log: Log) {
        self.log = log
        watch = NetworkWatch(at: Clock.now)
        do throws(LinkMonitorError) {
            monitor = try LinkMonitor()
        } catch {
            monitor = nil
            log.write(.error, "network reason=\(LogEntry.quoted(error.message))")
        }
    }

    var path: NetworkPath? { watch.path }
    /// False: nothing is known of the network.
    var isWatched: Bool { monitor != nil }
    var fileDescriptors: [Int32] { monitor?.fileDescriptors ?? [] }
    var nextDeadline: MonotonicTime? { monitor == nil ? nil : watch.nextDeadline }

    /// Messages of the kernel that were dropped or could not be read.
    var unreadMessages: Int64 { Int64((monitor?.overruns ?? 0) + (monitor?.unreadable ?? 0)) }

    /// The kernel has said something.
    func readable(now: MonotonicTime) {
        if let monitor, monitor.drain() { watch.hint(at: now) }
    }

    /// Reads the network when it is time to.
    /// - Returns: what the recorder has to know.
    func elapsed(now: MonotonicTime) -> RecorderInput? {
        guard let monitor, watch.isDue(at: now) else { return nil }
        let change: NetworkChange
        do throws(LinkMonitorError) {
            let snapshot = try monitor.snapshot()
            ignoredEntries = max(ignoredEntries, Int64(snapshot.ignored))
            change = watch.read(snapshot)
            lastFailure = ""
        } catch {
            watch.readFailed(at: now)
            tell(error.message, &lastFailure)
            return nil
        }
        tell(monitor.wirelessError?.message ?? "", &lastWireless)
        guard let reason = change.reason else { return nil }
        self.reason = reason
        switch change {
        case .none: return nil
        case .appeared, .pathChanged: return .networkChanged(reason)
        case .lost: return .networkLost(reason)
        }
    }

    /// Once for each new problem.
    @inline(never)
    private func tell(_ problem: String, _ last: inout String) {
        if problem != last, !problem.isEmpty { log.write(.warning, "network reason=\(LogEntry.quoted(problem))") }
        last = problem
    }
}
