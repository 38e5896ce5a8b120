/// What is due in the world. Numbers name faults, sessions, requests and recordings.
enum WorldEvent {
    case faultBegins(Int)
    case faultEnds(Int)
    /// One edge of a flapping link.
    case flap(Int, edge: Int)
    /// The system tells of a change of the network, after its debounce.
    case hint(isUp: Bool)
    /// The uplink's oldest report reaches the loop.
    case report
    /// The uplink thread looks at its commands.
    case commands
    case answered(request: Int)
    case connected(session: Int)
    case step(session: Int)
    case captureStarted(recording: Int)
    case captureStopped(recording: Int)
    case silence(fault: Int, recording: Int)
    /// A second of a muted microphone, or the first one after it.
    case level(fault: Int, recording: Int)
    case commit(recording: Int)
    case stored(StoreReport)
    case tick
    /// The last STOP of the plan, repeated until nothing is recorded any more.
    case horizon
}

/// What the store thread tells the loop.
enum StoreReport {
    case opened
    case committed(through: Int64)
    case failed
    case recovered
    case closed(samples: Int64, words: Int, recording: Int)
    /// The oldest answer of the store that is in the model's place.
    case seat
}

/// A binary heap by time; what is due at one time comes out in the order in which it went in.
struct EventQueue {
    private struct Entry {
        var time: Int64
        var order: UInt64
        var event: WorldEvent

        func isBefore(_ other: Entry) -> Bool {
            time != other.time ? time < other.time : order < other.order
        }
    }

    private var heap: [Entry] = []
    private var order: UInt64 = 0

    init() {
        heap.reserveCapacity(64)
    }

    mutating func add(_ event: WorldEvent, at time: Int64) {
        order += 1
        heap.append(Entry(time: time, order: order, event: event))
        var place = heap.count - 1
        while place > 0 {
            let parent = (place - 1) / 2
            guard heap[place].isBefore(heap[parent]) else { break }
            heap.swapAt(place, parent)
            place = parent
        }
    }

    mutating func next() -> (time: Int64, event: WorldEvent)? {
        guard let first = heap.first else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            sink()
        }
        return (first.time, first.event)
    }

    mutating func removeAll(where isUnwanted: (WorldEvent) -> Bool) {
        let kept = heap.filter { !isUnwanted($0.event) }
        heap.removeAll(keepingCapacity: true)
        for entry in kept.sorted(by: { $0.isBefore($1) }) { add(entry.event, at: entry.time) }
    }

    private mutating func sink() {
        var place = 0
        while true {
            var least = place
            for child in (2 * place + 1)...(2 * place + 2) where child < heap.count {
                if heap[child].isBefore(heap[least]) { least = child }
            }
            guard least != place else { return }
            heap.swapAt(place, least)
            place = least
        }
    }
}
