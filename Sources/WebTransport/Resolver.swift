internal import LinuxRuntime
internal import RecorderCore

/// Host names to addresses for connections that wait for them, without ever blocking the uplink thread. What was found
/// before is good for as long as the name server is silent: a dead resolver does not keep a box from a live service.
@safe struct Resolver {
    enum Answer: Equatable {
        case address(String)
        /// EAI_*.
        case failed(Int32)
    }

    private struct Known {
        var name: String
        var addresses: [String]
        /// The one to try next.
        var next = 0
    }

    private var lookups: [NameLookup] = []
    private var known: [Known] = []

    /// A look-up that hangs is not joined by a second one for the same name; names are the two that are configured
    /// and what token answers name.
    private static let names = 8

    /// Begins a look-up of `name`, unless one is under way.
    mutating func ask(_ name: String, done: @escaping @Sendable () -> Void) throws(SystemError) {
        guard !lookups.contains(where: { $0.name == name }) else { return }
        // Every place is taken by a look-up that hangs: the connection's own time-out tells.
        guard lookups.count < Self.names else { return }
        lookups.append(try NameLookup(name, done: done))
    }

    /// The look-ups that have ended since the last call.
    mutating func takeAnswers() -> [(name: String, answer: Answer)] {
        var answers: [(name: String, answer: Answer)] = []
        var waiting: [NameLookup] = []
        for lookup in lookups {
            switch lookup.takeOutcome() {
            case .none:
                waiting.append(lookup)
            case .failed(let code):
                answers.append((lookup.name, remembered(lookup.name).map { .address($0) } ?? .failed(code)))
            case .found(let addresses):
                remember(lookup.name, addresses)
                answers.append((lookup.name, .address(remembered(lookup.name) ?? addresses[0])))
            }
        }
        lookups = waiting
        return answers
    }

    /// What the name meant the last time.
    func remembered(_ name: String) -> String? {
        known.first { $0.name == name }.map { $0.addresses[$0.next % $0.addresses.count] }
    }

    /// The address led nowhere: another one is tried next.
    mutating func passOver(_ address: String, of name: String) {
        guard let place = known.firstIndex(where: { $0.name == name }), remembered(name) == address else { return }
        known[place].next += 1
    }

    private mutating func remember(_ name: String, _ addresses: [String]) {
        if let place = known.firstIndex(where: { $0.name == name }) {
            guard known[place].addresses != addresses else { return }
            known.remove(at: place)
        }
        if known.count >= Self.names { known.removeFirst() }
        known.append(Known(name: name, addresses: addresses))
    }
}
