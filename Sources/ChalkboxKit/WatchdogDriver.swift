internal import AudioCapture
internal import LinuxRuntime
internal import RecorderCore
internal import RecordingStore
internal import WebTransport

/// Tells the service manager that the daemon lives, when `WatchdogPolicy` says so.
final class WatchdogDriver {
    private let log: Log
    private var policy: WatchdogPolicy

    init(log: Log) {
        self.log = log
        policy = WatchdogPolicy(timeoutMilliseconds: Process.watchdogMilliseconds, at: Clock.now)
    }

    /// Nil when nobody watches.
    var nextDeadline: MonotonicTime? { policy.nextDeadline }

    /// When it is time: checks the requested heartbeats, feeds the watchdog, and requests the next ones.
    func elapsed(now: MonotonicTime, capture: CaptureThread, store: StoreThread, transport: TransportThread?) {
        let step = policy.elapsed(at: now) {
            var heartbeats = [capture.heartbeat, store.heartbeat]
            if let transport { heartbeats.append(transport.heartbeat) }
            return heartbeats.map {
                WatchdogPolicy.Thread(
                    name: $0.name, isCurrent: $0.isCurrent, isBlockedInKernel: !$0.isCurrent && $0.isBlockedInKernel)
            }
        }
        switch step {
        case .withhold(let thread, let isNew, let triggers):
            if isNew { log.write(.error, "hung thread=\(thread)") }
            if triggers { Process.notify("WATCHDOG=trigger") }
        case .feed(let recovered):
            if let recovered { log.write(.warning, "hung thread=\(recovered) state=over") }
            Process.notify("WATCHDOG=1")
            capture.requestHeartbeat()
            store.requestHeartbeat()
            transport?.requestHeartbeat()
        case .none: break
        }
    }
}
