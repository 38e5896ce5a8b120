/// Whether the service manager's watchdog is fed (sd_notify(3), `WATCHDOG=1`): only while every thread runs its loop.
package struct WatchdogPolicy: Equatable, Sendable {
    /// What is known of one thread since the last request for its heartbeat.
    package struct Thread: Equatable, Sendable {
        /// As the log names it.
        package let name: String
        /// Whether its heartbeat came.
        package let isCurrent: Bool
        /// Whether it waits for a device in the kernel, which killing the process would not end.
        package let isBlockedInKernel: Bool

        package init(name: String, isCurrent: Bool, isBlockedInKernel: Bool) {
            self.name = name
            self.isCurrent = isCurrent
            self.isBlockedInKernel = isBlockedInKernel
        }
    }

    /// What is to be done, at a deadline.
    package enum Step: Equatable, Sendable {
        /// Feed it, and request the next heartbeats.
        /// - Parameter recovered: the thread that had hung; nil: none had.
        case feed(recovered: String?)
        /// Do not feed it: this thread hangs.
        /// - Parameters:
        ///   - isNew: it was told of no thread before.
        ///   - triggers: the manager is to act now, and not a quarter of its time-out later.
        case withhold(thread: String, isNew: Bool, triggers: Bool)
    }

    /// Four times in the time that the manager waits. It hears of a thread's death a quarter later than of the loop's,
    /// so it is told before it would see by itself: either is killed within that time.
    private static let share: Int64 = 4

    private let intervalMilliseconds: Int64
    /// Nil when nobody watches.
    package private(set) var nextDeadline: MonotonicTime?
    private var hung: String?
    /// Heartbeats in a row that a thread has missed.
    private var misses: Int64 = 0

    /// - Parameter timeoutMilliseconds: the manager's; nil: nobody watches.
    package init(timeoutMilliseconds: Int64?, at now: MonotonicTime) {
        intervalMilliseconds = max(1, (timeoutMilliseconds ?? 0) / Self.share)
        nextDeadline = timeoutMilliseconds == nil ? nil : now
    }

    /// - Parameter threads: asked only when it is time to.
    /// - Returns: nil: it is not time.
    package mutating func elapsed(at now: MonotonicTime, _ threads: () -> [Thread]) -> Step? {
        guard let due = nextDeadline, now >= due else { return nil }
        nextDeadline = now.adding(milliseconds: intervalMilliseconds)
        if let silent = threads().first(where: { !$0.isCurrent && !$0.isBlockedInKernel }) {
            let isNew = hung == nil
            hung = silent.name
            misses += 1
            return .withhold(thread: silent.name, isNew: isNew, triggers: misses == Self.share - 1)
        }
        let recovered = hung
        hung = nil
        misses = 0
        return .feed(recovered: recovered)
    }
}
