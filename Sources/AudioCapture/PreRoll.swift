internal import RecorderCore

/// The newest seconds before START, in memory alone (decision pre-roll-is-shown). What is given out or cleared is
/// overwritten, so that no copy stays. All memory is taken at the beginning.
@safe final class PreRoll {
    private let samples: UnsafeMutableBufferPointer<Int16>
    /// Where the next sample goes.
    private var next = 0
    /// Samples that are kept.
    private(set) var count = 0

    /// - Parameter capacity: samples.
    init(capacity: Int) {
        unsafe samples = .allocate(capacity: capacity)
        unsafe samples.initialize(repeating: 0)
    }

    deinit {
        unsafe samples.update(repeating: 0)
        unsafe samples.deallocate()
    }

    /// The oldest go for them.
    func append(_ added: UnsafeBufferPointer<Int16>) {
        for place in 0..<added.count {
            unsafe samples[next] = added[place]
            next = unsafe (next + 1) % samples.count
        }
        count = unsafe min(count + added.count, samples.count)
    }

    /// Gives out what is kept, the oldest first, in parts of at most `limit` samples, and forgets it.
    func take(limit: Int, _ body: (UnsafeMutableBufferPointer<Int16>) -> Void) {
        var left = count
        let capacity = unsafe samples.count
        var place = (next - count + capacity) % capacity
        while left > 0 {
            let part = min(left, limit, capacity - place)
            unsafe body(.init(rebasing: samples[place..<place + part]))
            place = (place + part) % capacity
            left -= part
        }
        clear()
    }

    func clear() {
        guard count > 0 else { return }
        unsafe samples.update(repeating: 0)
        (next, count) = (0, 0)
    }
}
