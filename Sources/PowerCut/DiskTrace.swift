internal import CPowerCut
package import LinuxRuntime
package import RecorderCore
internal import Synchronization

/// Every change that the store and SQLite make under one directory, in order, and the errors that it is to fail with.
package final class DiskTrace: Sendable {
    /// Whose changes of SQLite's files it sees.
    package enum Scope: Sendable {
        case process
        /// Those of the thread that begins it.
        case thread
    }

    private struct State {
        var effects: [StorageEffect] = []
        /// Changes so far; they are all counted, and kept while they are wanted.
        var count = 0
        var isKeeping = true
        var respond: (@Sendable (Int, StorageEffect) -> Int32)?
        var noted: (@Sendable (Int) -> Void)?
    }

    private let state = Mutex(State())

    package init() {}

    /// From now on, and until `end` or the next trace.
    package func begin(_ root: String, _ scope: Scope = .process) {
        power_cut_watch(
            root, scope == .thread,
            { context, operation, path, offset, bytes, count in
                let effect = DiskTrace.effect(operation, String(cString: path!), offset, bytes, Int(count))
                return Unmanaged<DiskTrace>.fromOpaque(context!).takeUnretainedValue().ask(effect)
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    package func end(_ scope: Scope = .process) {
        power_cut_watch(nil, scope == .thread, nil, nil)
    }

    package var effects: [StorageEffect] { state.withLock { $0.effects } }

    /// What was kept so far, which is not kept any longer.
    package func takeEffects() -> [StorageEffect] {
        state.withLock { state in
            defer { state.effects = [] }
            return state.effects
        }
    }

    package var count: Int { state.withLock { $0.count } }

    /// - Parameter respond: the number of a change, from 0, and the errno with which it fails, or 0.
    package func respond(keeping: Bool = false, _ respond: (@Sendable (Int, StorageEffect) -> Int32)?) {
        state.withLock {
            $0.respond = respond
            $0.isKeeping = keeping
        }
    }

    /// Calls `noted` with the number of each change, before it is made.
    package func onEach(_ noted: @escaping @Sendable (Int) -> Void) {
        state.withLock { $0.noted = noted }
    }

    /// 0 when the change may be made.
    package func ask(_ effect: StorageEffect) -> Int32 {
        let (number, respond, noted) = state.withLock { state in
            if state.isKeeping { state.effects.append(effect) }
            state.count += 1
            return (state.count - 1, state.respond, state.noted)
        }
        noted?(number)
        return respond?(number, effect) ?? 0
    }

    private static func effect(
        _ operation: power_cut_operation, _ path: String, _ offset: Int64, _ bytes: UnsafePointer<UInt8>?, _ count: Int
    ) -> StorageEffect {
        switch operation {
        case POWER_CUT_CREATE: .create(path)
        case POWER_CUT_WRITE: .write(path, offset: offset, Array(UnsafeBufferPointer(start: bytes, count: count)))
        case POWER_CUT_TRUNCATE: .truncate(path, bytes: offset)
        case POWER_CUT_SYNC: .sync(path)
        case POWER_CUT_SYNC_DIRECTORY: .syncDirectory(path.before(last: "/") ?? "")
        case POWER_CUT_REMOVE: .remove(path)
        default: fatalError("operation \(operation)")
        }
    }
}

extension DiskTrace {
    /// Makes the store's changes, those but SQLite's own, and asks first.
    package func storage() -> Storage { AskedStorage { [self] in ask($0) } }
}
