/// When to read the network again: a hint is followed by others, so wait until they cease, but not for ever.
package struct SnapshotDebouncer: Equatable, Sendable {
    private struct Hints: Equatable {
        var first: MonotonicTime
        var last: MonotonicTime
    }

    private var pending: Hints?

    package init() {}

    package var nextDeadline: MonotonicTime? {
        guard let pending else { return nil }
        return min(
            pending.last.adding(milliseconds: Limits.networkQuietMilliseconds),
            pending.first.adding(milliseconds: Limits.networkDelayMilliseconds))
    }

    package mutating func hint(at time: MonotonicTime) {
        pending = Hints(first: pending?.first ?? time, last: time)
    }

    package mutating func clear() {
        pending = nil
    }
}

/// Follows the route out of the box. A message of the kernel's is only a hint: when its time has come (`isDue`), the
/// caller reads a whole snapshot, and the difference to the path so far is what happened.
package struct NetworkWatch: Equatable, Sendable {
    package private(set) var path: NetworkPath?
    private var debouncer = SnapshotDebouncer()
    /// When to read without a hint: at the start, and after a reading that failed.
    private var unasked: MonotonicTime?

    /// The first reading is due at once.
    package init(at time: MonotonicTime) {
        unasked = time
    }

    package var nextDeadline: MonotonicTime? {
        guard let hinted = debouncer.nextDeadline else { return unasked }
        return unasked.map { min($0, hinted) } ?? hinted
    }

    /// Something about links, addresses, routes or WiFi changed, or messages about it were lost.
    package mutating func hint(at time: MonotonicTime) {
        debouncer.hint(at: time)
    }

    package func isDue(at time: MonotonicTime) -> Bool {
        nextDeadline.map { time >= $0 } ?? false
    }

    /// The snapshot was read. Hints that came before it are answered by it.
    package mutating func read(_ snapshot: NetworkSnapshot) -> NetworkChange {
        debouncer.clear()
        unasked = nil
        let delta = NetworkDelta(from: path, to: snapshot)
        path = delta.path
        return delta.change
    }

    /// The snapshot could not be read: the path stands, and the reading is due again later.
    package mutating func readFailed(at time: MonotonicTime) {
        debouncer.clear()
        unasked = time.adding(milliseconds: Limits.networkRetryMilliseconds)
    }
}
