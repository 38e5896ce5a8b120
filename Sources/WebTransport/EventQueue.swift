package import LinuxRuntime

/// A client's queue of events to the thread that it works for. A connection's last event is never refused: when the
/// queue is full, it waits here for room, so that nobody waits for it for ever.
@safe package final class EventQueue<Event: Sendable>: @unchecked Sendable {
    private let queue: BoundedQueue<Event>
    private let notifier: EventNotifier
    /// Last events that found the queue full. Only the transport's thread uses it.
    private var pending: [Event] = []

    /// - Parameter notifier: raised after each event.
    package init(capacity: Int, notifier: EventNotifier) {
        queue = BoundedQueue(capacity: capacity)
        self.notifier = notifier
    }

    package var hasPendingEvents: Bool { !pending.isEmpty }

    /// Events that found no room so far, pending ones included.
    package var refused: Int { queue.refused }

    /// False when there is no room for it now.
    ///
    /// - Parameter isLast: the event ends a connection; it is kept until there is room.
    @discardableResult
    package func post(_ event: Event, isLast: Bool = false) -> Bool {
        let isQueued = pending.isEmpty && queue.push(event)
        if isQueued {
            notifier.raise()
        } else if isLast {
            pending.append(event)
        }
        return isQueued
    }

    /// Queues the pending events that there is room for by now.
    package func flush() {
        while let event = pending.first, queue.push(event) {
            pending.removeFirst()
            notifier.raise()
        }
    }

    /// What has happened since the last call, in order; for the other thread.
    package func takeAll() -> [Event] { queue.takeAll() }
}
