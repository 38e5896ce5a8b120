import Foundation

/// There must be one context of libwebsockets in a process, so the suites that make one take turns: as long as one of
/// these exists, its suite has the library. Within a suite tests run one after the other.
package final class LWSContextLock: Sendable {
    private static let condition = NSCondition()
    private nonisolated(unsafe) static var suite: String?
    private nonisolated(unsafe) static var count = 0

    package init(_ suite: String) {
        Self.condition.lock()
        while let other = Self.suite, other != suite { Self.condition.wait() }
        Self.suite = suite
        Self.count += 1
        Self.condition.unlock()
    }

    deinit {
        Self.condition.lock()
        Self.count -= 1
        if Self.count == 0 { Self.suite = nil }
        Self.condition.broadcast()
        Self.condition.unlock()
    }
}
