internal import CLinux

/// A first-in first-out queue between two threads that refuses what exceeds its capacity. It takes a lock, so the
/// capture thread must not use it.
@safe package final class BoundedQueue<Element: Sendable>: @unchecked Sendable {
    private let capacity: Int
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private var elements: [Element] = []
    private var refusals = 0

    package init(capacity: Int) {
        self.capacity = capacity
        unsafe mutex = chalk_mutex_create()
    }

    deinit {
        unsafe chalk_mutex_destroy(mutex)
    }

    /// False, and counted, when the queue is full.
    ///
    /// - Parameter leaving: places that stay free for elements that must not be refused.
    package func push(_ element: Element, leaving: Int = 0) -> Bool {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        guard elements.count < capacity - leaving else {
            refusals += 1
            return false
        }
        elements.append(element)
        return true
    }

    /// Everything that was pushed so far, in order.
    package func takeAll() -> [Element] {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        var taken: [Element] = []
        swap(&taken, &elements)
        return taken
    }

    /// How many pushes were refused since the queue was made.
    package var refused: Int {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return refusals
    }
}
