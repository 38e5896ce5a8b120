package import LinuxRuntime
internal import RecorderCore

extension EventNotifier {
    /// The first of the events that matches, of those that were taken before or that this notifier tells of; nil after
    /// 40 s.
    ///
    /// - Parameter events: all of them so far; new ones are added.
    package func first<Event, Found>(
        among events: inout [Event], takenBy take: () -> [Event], _ match: (Event) -> Found?
    ) -> Found? {
        let deadline = Clock.now.adding(milliseconds: 40_000)
        var seen = 0
        while true {
            while seen < events.count {
                if let found = match(events[seen]) { return found }
                seen += 1
            }
            guard Poll.readable(fileDescriptor, until: deadline) else { return nil }
            drain()
            events += take()
        }
    }
}
