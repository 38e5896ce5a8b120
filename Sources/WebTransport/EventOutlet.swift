package import LinuxRuntime

/// A client's queue of events to the thread that it works for. A last event that finds the queue full is kept, so that
/// nobody waits for ever; there is one a dialogue.
@safe package final class EventOutlet<Event: Sendable>: @unchecked Sendable {
    private let queue: BoundedQueue<Event>
    private let notifier: EventNotifier
    /// The transport's thread's own.
    private var held: [Event] = []

    /// - Parameter notifier: raised after each event.
    package init(capacity: Int, notifier: EventNotifier) {
        queue = BoundedQueue(capacity: capacity)
        self.notifier = notifier
    }

    package var isHolding: Bool { !held.isEmpty }

    /// Events that found no room so far; those that are held count as well.
    package var refused: Int { queue.refused }

    /// False when there is no room for it now.
    @discardableResult
    package func post(_ event: Event, isLast: Bool = false) -> Bool {
        let isTaken = held.isEmpty && queue.push(event)
        if isTaken {
            notifier.raise()
        } else if isLast {
            held.append(event)
        }
        return isTaken
    }

    package func postHeld() {
        while let event = held.first, queue.push(event) {
            held.removeFirst()
            notifier.raise()
        }
    }

    /// What has happened since the last call, in order; for the other thread.
    package func takeAll() -> [Event] { queue.takeAll() }
}
