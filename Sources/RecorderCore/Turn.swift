/// What a machine can want done by its caller: of each, at least that something is logged.
package protocol MachineEffect: Sendable {
    static func log(_ entry: LogEntry) -> Self
}

/// What a machine can want done that has sessions of the speech service.
package protocol SessionEffect: MachineEffect {
    static func uplink(_ command: UplinkCommand) -> Self
}

/// One call of a machine: what time it is, and what is to be done about what happened, in order.
struct Turn<Effect: MachineEffect> {
    let now: MonotonicTime
    private(set) var effects: [Effect] = []

    init(now: MonotonicTime) {
        self.now = now
    }

    // Not inlined: called from everywhere, and each copy costs size.
    @inline(never)
    mutating func emit(_ effect: Effect) {
        effects.append(effect)
    }

    mutating func log(_ entry: LogEntry) {
        emit(.log(entry))
    }

    @inline(never)
    mutating func log(_ level: LogLevel, _ line: String) {
        log(LogEntry(level, line))
    }

    func after(milliseconds: Int64) -> MonotonicTime {
        now.adding(milliseconds: milliseconds)
    }
}
