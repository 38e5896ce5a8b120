internal import CNamespace
internal import Foundation
package import Testing

/// A thread of one test's own, on which it may block. The tests of a process otherwise share as many threads as there
/// are cores, and one that waits there keeps all others from their turn.
///
/// As root the thread has a mount namespace of its own as well (mount_namespaces(7)), which the programs that it starts
/// are in: what one test mounts is neither seen nor kept mounted by another one's, and goes with the test.
package final class OwnThread: TaskExecutor {
    private let jobs = Mailbox<UnownedJob?>()

    private init() {
        let thread = Thread { [self] in
            namespace_own_mounts()
            while let job = jobs.take() { job.runSynchronously(on: asUnownedTaskExecutor()) }
        }
        thread.start()
    }

    package func enqueue(_ job: consuming ExecutorJob) { jobs.put(UnownedJob(job)) }

    /// Runs what needs a thread of its own.
    package static func run<Result>(_ body: () async throws -> Result) async rethrows -> Result {
        let thread = OwnThread()
        // Behind all that it was given.
        defer { thread.jobs.put(nil) }
        return try await withTaskExecutorPreference(thread) { try await body() }
    }
}

/// What a thread is given, in its order.
private final class Mailbox<Value: Sendable>: @unchecked Sendable {
    private let condition = NSCondition()
    private var values: [Value] = []

    func put(_ value: Value) {
        condition.withLock {
            values.append(value)
            condition.signal()
        }
    }

    func take() -> Value {
        condition.withLock {
            while values.isEmpty { condition.wait() }
            return values.removeFirst()
        }
    }
}

/// Gives each test of a suite a thread of its own; see `OwnThread`.
package struct OwnThreadTrait: SuiteTrait, TestTrait, TestScoping {
    package let isRecursive = true
    let sideBySide: Int

    package func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        await Places.shared.take(of: sideBySide, isLong: test.tags.contains(.long))
        do {
            try await OwnThread.run(function)
        } catch {
            await Places.shared.give()
            throw error
        }
        await Places.shared.give()
    }
}

extension Trait where Self == OwnThreadTrait {
    /// The suite's tests wait for programs, servers or the clock: each has a thread of its own.
    package static var ownThread: Self { ownThread(sideBySide: 6) }

    /// - Parameter sideBySide: begin only while fewer such tests run. They mostly wait, but each takes some of the
    ///   processors that the others need in time.
    package static func ownThread(sideBySide: Int) -> Self { OwnThreadTrait(sideBySide: sideBySide) }
}

extension Tag {
    /// It takes a minute and more: of the tests with a thread of their own it is among the first, so that it is not
    /// left alone at the end.
    @Tag package static var long: Self
}

/// Those that run side by side, and those that wait for it.
private actor Places {
    static let shared = Places()

    private var taken = 0
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func take(of all: Int, isLong: Bool) async {
        if taken < all {
            taken += 1
        } else {
            await withCheckedContinuation { waiting.insert($0, at: isLong ? 0 : waiting.count) }
        }
    }

    func give() {
        if waiting.isEmpty { taken -= 1 } else { waiting.removeFirst().resume() }
    }
}
