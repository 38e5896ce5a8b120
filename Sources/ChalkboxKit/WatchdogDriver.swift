internal import AudioCapture
internal import LinuxRuntime
internal import RecorderCore
internal import RecordingStore
internal import WebTransport

/// Tells the service manager that the daemon lives (sd_notify(3), `WATCHDOG=1`), for as long as every thread does.
final class WatchdogDriver {
    /// Four times in the time that the manager waits. It hears of a thread's death a quarter later than of the loop's,
    /// so it is told before it would see by itself: either is killed within that time.
    private static let share: Int64 = 4

    private let intervalMilliseconds: Int64?
    private let log: Log
    private var next: MonotonicTime?
    private var hung: String?
    /// Requests in a row without a heartbeat.
    private var misses: Int64 = 0

    init(log: Log) {
        self.log = log
        intervalMilliseconds = Process.watchdogMilliseconds.map { max(1, $0 / Self.share) }
        next = intervalMilliseconds == nil ? nil : Clock.now
    }

    /// Nil when nobody watches.
    var nextDeadline: MonotonicTime? { next }

    /// When it is time: checks the requested heartbeats, feeds the watchdog, and requests the next ones.
    func elapsed(now: MonotonicTime, capture: CaptureThread, store: StoreThread, transport: TransportThread?) {
        guard let due = next, now >= due, let intervalMilliseconds else { return }
        next = now.adding(milliseconds: intervalMilliseconds)
        var heartbeats = [capture.heartbeat, store.heartbeat]
        if let transport { heartbeats.append(transport.heartbeat) }
        if let silent = heartbeats.first(where: { !$0.isCurrent && !$0.isBlockedInKernel }) {
            if hung == nil { log.write(.error, "hung thread=\(silent.name)") }
            hung = silent.name
            misses += 1
            if misses == Self.share - 1 { Process.notify("WATCHDOG=trigger") }
            return
        }
        if let thread = hung { log.write(.warning, "hung thread=\(thread) state=over") }
        hung = nil
        misses = 0
        Process.notify("WATCHDOG=1")
        capture.requestHeartbeat()
        store.requestHeartbeat()
        transport?.requestHeartbeat()
    }
}
