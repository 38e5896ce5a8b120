import Foundation

/// What a peer's thread has to tell the test; `take` waits for it.
package final class Mailbox<Value: Sendable>: @unchecked Sendable {
    private let condition = NSCondition()
    private var values: [Value] = []

    package init() {}

    package func put(_ value: Value) {
        condition.lock()
        values.append(value)
        condition.broadcast()
        condition.unlock()
    }

    /// Nil after 40 s.
    package func take() -> Value? {
        condition.lock()
        defer { condition.unlock() }
        let deadline = Date(timeIntervalSinceNow: 40)
        while values.isEmpty {
            guard condition.wait(until: deadline) else { return nil }
        }
        return values.removeFirst()
    }
}
