// What only simulations need: it is no part of the product as it ships.
#if !hasFeature(Embedded)
internal import CLinux
package import RecorderCore

extension Clock {
    /// From now on the calling thread is told these times; nil: the machine's (decision simulator-real-store).
    package static func simulate(_ now: MonotonicTime?, wall: WallTime?) {
        chalk_simulate_clocks(now?.milliseconds ?? 0, wall?.milliseconds ?? 0)
    }
}

/// Asks before each change.
package final class AskedStorage: Storage, @unchecked Sendable {
    private let ask: @Sendable (StorageEffect) -> Int32

    /// - Parameter ask: answers 0, or the errno with which the change fails.
    package init(_ ask: @escaping @Sendable (StorageEffect) -> Int32) {
        self.ask = ask
    }

    override package func perform(_ effect: StorageEffect) throws(SystemError) {
        let error = ask(effect)
        guard error == 0 else { throw SystemError(effect.name, effect.path, number: error) }
        try super.perform(effect)
    }
}

extension StorageEffect {
    package var path: String {
        switch self {
        case .makeDirectory(let path), .create(let path), .write(let path, _, _), .truncate(let path, _),
            .sync(let path), .syncDirectory(let path), .rename(let path, _), .remove(let path):
            path
        }
    }

    /// For a message: `cannot write to …`.
    package var name: String {
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
    package var isSync: Bool {
        switch self {
        case .sync, .syncDirectory: true
        case .makeDirectory, .create, .write, .truncate, .rename, .remove: false
        }
    }
}
#endif
