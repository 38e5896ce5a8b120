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
            change = watch.read(try monitor.snapshot())
            lastFailure = ""
        } catch {
            watch.readFailed(at: now)
            if error.message != lastFailure { log.write(.warning, "network reason=\(LogEntry.quoted(error.message))") }
            lastFailure = error.message
            return nil
        }
        guard let reason = change.reason else { return nil }
        self.reason = reason
        switch change {
        case .none: return nil
        case .appeared, .pathChanged: return .networkChanged(reason)
        case .lost: return .networkLost(reason)
        }
    }
}
