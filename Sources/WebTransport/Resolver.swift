internal import LinuxRuntime
internal import RecorderCore

/// Resolves host names for connections without ever blocking the transport's thread. Addresses are kept: while the name
/// server is silent the cached ones are used, so a dead name server does not keep a box from a live service.
@safe struct Resolver {
    enum Resolution: Equatable {
        case address(String)
        /// EAI_*.
        case failed(Int32)
    }

    private struct CacheEntry {
        var name: String
        var addresses: [String]
        /// Index of the address to try next.
        var next = 0
    }

    private var lookups: [NameLookup] = []
    private var cache: [CacheEntry] = []

    /// The names are the configured ones and those in key responses. A look-up that hangs is not begun a second time.
    private static let names = 8

    /// Begins a look-up of `name`, unless one is under way.
    mutating func lookUp(_ name: String, done: @escaping @Sendable () -> Void) throws(SystemError) {
        guard !lookups.contains(where: { $0.name == name }) else { return }
        // All places are taken by look-ups that hang: the connection's own time-out reports it.
        guard lookups.count < Self.names else { return }
        lookups.append(try NameLookup(name, done: done))
    }

    /// The look-ups that have ended since the last call.
    mutating func takeFinished() -> [(name: String, resolution: Resolution)] {
        var finished: [(name: String, resolution: Resolution)] = []
        var waiting: [NameLookup] = []
        for lookup in lookups {
            switch lookup.takeOutcome() {
            case .none:
                waiting.append(lookup)
            case .failed(let code):
                finished.append((lookup.name, cachedAddress(lookup.name).map { .address($0) } ?? .failed(code)))
            case .found(let addresses):
                store(lookup.name, addresses)
                finished.append((lookup.name, .address(cachedAddress(lookup.name) ?? addresses[0])))
            }
        }
        lookups = waiting
        return finished
    }

    /// An address from the newest look-up of `name` that succeeded.
    func cachedAddress(_ name: String) -> String? {
        cache.first { $0.name == name }.map { $0.addresses[$0.next % $0.addresses.count] }
    }

    /// The next connection tries another address of the same name.
    mutating func markUnreachable(_ address: String, of name: String) {
        guard let place = cache.firstIndex(where: { $0.name == name }), cachedAddress(name) == address else { return }
        cache[place].next += 1
    }

    private mutating func store(_ name: String, _ addresses: [String]) {
        if let place = cache.firstIndex(where: { $0.name == name }) {
            guard cache[place].addresses != addresses else { return }
            cache.remove(at: place)
        }
        if cache.count >= Self.names { cache.removeFirst() }
        cache.append(CacheEntry(name: name, addresses: addresses))
    }
}
