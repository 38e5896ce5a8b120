internal import Foundation

/// The faults in force, which tests change while sessions run. Called from any thread.
final class FaultSwitchboard: @unchecked Sendable {
    private let lock = NSLock()
    private var current: FaultPlan

    init(_ plan: FaultPlan) { current = plan }

    var plan: FaultPlan { lock.withLock { current } }

    func update<Failure: Error>(_ change: (inout FaultPlan) throws(Failure) -> Void) throws(Failure) {
        lock.lock()
        defer { lock.unlock() }
        var plan = current
        try change(&plan)
        current = plan
    }

    /// The fault, when it is due; asking uses up one of its times.
    func claim(
        _ field: WritableKeyPath<FaultPlan, FaultTrigger?>, audioMilliseconds: Int = 0
    ) -> FaultTrigger? {
        lock.withLock {
            guard let trigger = current[keyPath: field], trigger.times != 0,
                audioMilliseconds >= trigger.afterMilliseconds
            else { return nil }
            if let times = trigger.times {
                current[keyPath: field]?.times = times - 1
                if times == 1 { current[keyPath: field] = nil }
            }
            return trigger
        }
    }
}
