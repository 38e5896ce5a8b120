import CPowerCut
import Glibc
import RecorderCore
import Synchronization

@testable import LinuxRuntime

/// Every change that the store and SQLite make under one directory, in order, and the errors that it is to fail with.
final class DiskTrace: Sendable {
    private struct State {
        var effects: [StorageEffect] = []
        /// Changes so far; they are all counted, and kept while they are wanted.
        var count = 0
        var isKeeping = true
        var respond: (@Sendable (Int, StorageEffect) -> Int32)?
        var noted: (@Sendable (Int) -> Void)?
    }

    private let state = Mutex(State())

    /// From now on, and until `end` or the next trace.
    func begin(_ root: String) {
        power_cut_watch(
            root,
            { context, operation, path, offset, bytes, count in
                let effect = DiskTrace.effect(operation, String(cString: path!), offset, bytes, Int(count))
                return Unmanaged<DiskTrace>.fromOpaque(context!).takeUnretainedValue().ask(effect)
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    func end() {
        power_cut_watch(nil, nil, nil)
    }

    var effects: [StorageEffect] { state.withLock { $0.effects } }
    var count: Int { state.withLock { $0.count } }

    /// - Parameter respond: the number of a change, from 0, and the errno with which it fails, or 0.
    func respond(keeping: Bool = false, _ respond: (@Sendable (Int, StorageEffect) -> Int32)?) {
        state.withLock {
            $0.respond = respond
            $0.isKeeping = keeping
        }
    }

    /// Calls `noted` with the number of each change, before it is made.
    func onEach(_ noted: @escaping @Sendable (Int) -> Void) {
        state.withLock { $0.noted = noted }
    }

    /// 0 when the change may be made.
    func ask(_ effect: StorageEffect) -> Int32 {
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

/// The store's changes, into a trace.
final class TracedStorage: Storage, @unchecked Sendable {
    private let trace: DiskTrace

    init(_ trace: DiskTrace) {
        self.trace = trace
    }

    override func perform(_ effect: StorageEffect) throws(SystemError) {
        let error = trace.ask(effect)
        guard error == 0 else { throw SystemError(effect.name, effect.path, number: error) }
        try super.perform(effect)
    }
}

extension StorageEffect {
    var path: String {
        switch self {
        case .makeDirectory(let path), .create(let path), .write(let path, _, _), .truncate(let path, _),
            .sync(let path), .syncDirectory(let path), .rename(let path, _), .remove(let path):
            path
        }
    }

    var name: String {
        switch self {
        case .makeDirectory: "create directory"
        case .create: "open"
        case .write: "write to"
        case .truncate: "truncate"
        case .sync, .syncDirectory: "sync"
        case .rename: "rename"
        case .remove: "remove"
        }
    }

    /// Whether it makes earlier changes safe, and changes nothing else.
    var isSync: Bool {
        switch self {
        case .sync, .syncDirectory: true
        case .makeDirectory, .create, .write, .truncate, .rename, .remove: false
        }
    }
}
