/// One way to a session of the speech service, from the key to the last word: the same machine for the live text, for
/// the session beside it, and for the text of saved lessons. It does not judge: whoever owns it says what follows from
/// a failure, and when the next try comes.
///
/// All its steps go through `transition`, by this table (rows: from; `·`: illegal):
///
///                     idle  backing off  requesting key  connecting  live
///     idle             ·        ✓              ✓             ✓        ·
///     backing off      ✓        ✓              ✓             ✓        ·
///     requesting key   ✓        ✓              ·             ✓        ·
///     connecting       ✓        ✓              ·             ·        ✓
///     live             ✓        ✓              ·             ·        ·
package struct SessionAttempt: Equatable, Sendable {
    package enum State: Equatable, Sendable {
        /// Nothing is under way, and by itself nothing will be.
        case idle
        /// The next try comes at the deadline; without one, when the owner is told something.
        case backingOff
        /// The token endpoint was asked; by the deadline it has answered.
        case requestingKey(attempt: KeyRequestID)
        /// By the deadline the session is open.
        case connecting(SessionRequest)
        /// By the deadline the service has said something.
        case live(SessionRequest)

        package var step: Step {
            switch self {
            case .idle: .idle
            case .backingOff: .backingOff
            case .requestingKey: .requestingKey
            case .connecting: .connecting
            case .live: .live
            }
        }
    }

    /// A state without what it holds.
    package enum Step: CaseIterable, Sendable {
        case idle, backingOff, requestingKey, connecting, live

        /// The table.
        package func allows(_ next: Step) -> Bool {
            switch (self, next) {
            case (.idle, .backingOff), (.idle, .requestingKey), (.idle, .connecting): true
            case (.idle, .idle), (.idle, .live): false
            case (.backingOff, .live): false
            case (.backingOff, _): true
            case (.requestingKey, .idle), (.requestingKey, .backingOff), (.requestingKey, .connecting): true
            case (.requestingKey, .requestingKey), (.requestingKey, .live): false
            case (.connecting, .idle), (.connecting, .backingOff), (.connecting, .live): true
            case (.connecting, .requestingKey), (.connecting, .connecting): false
            case (.live, .idle), (.live, .backingOff): true
            case (.live, .requestingKey), (.live, .connecting), (.live, .live): false
            }
        }

        package var name: String {
            switch self {
            case .idle: "idle"
            case .backingOff: "backing-off"
            case .requestingKey: "requesting-key"
            case .connecting: "connecting"
            case .live: "live"
            }
        }
    }

    /// Whose it is: for the log.
    let name: String
    package private(set) var state = State.idle
    /// When the state was entered.
    package private(set) var since = MonotonicTime(milliseconds: 0)
    /// When something has to follow, whatever else happens.
    package private(set) var deadline: MonotonicTime?

    package init(_ name: String) {
        self.name = name
    }

    /// The session that was opened for it.
    package var session: SessionRequest? {
        switch state {
        case .connecting(let request), .live(let request): request
        case .idle, .backingOff, .requestingKey: nil
        }
    }

    /// The session, when it is open.
    package var live: SessionRequest? {
        if case .live(let request) = state { return request }
        return nil
    }

    /// The session's name, without the rest of it.
    package var sessionID: SessionID? {
        switch state {
        case .connecting(let request), .live(let request): request.id
        case .idle, .backingOff, .requestingKey: nil
        }
    }

    package var isLive: Bool { state.step == .live }

    package func isRequesting(_ attempt: KeyRequestID) -> Bool {
        if case .requestingKey(attempt) = state { return true }
        return false
    }

    // MARK: The one door

    private mutating func transition<Effect>(
        to next: State, until deadline: MonotonicTime?, _ turn: inout Turn<Effect>
    ) {
        turn.log(enter(next))
        since = turn.now
        self.deadline = deadline
    }

    /// An illegal step is a mistake of the owner's: it stops a debug build; in the product it is logged and taken, as
    /// what it stands for has been done already.
    @inline(never)
    private mutating func enter(_ next: State) -> LogEntry {
        let (old, new) = (state.step, next.step)
        state = next
        let line = "session name=\(name) from=\(old.name) to=\(new.name)"
        guard old.allows(new) else {
            assertionFailure("a session cannot go from \(old.name) to \(new.name)")
            return LogEntry(.error, line + " reason=\"no legal step: please report this line\"")
        }
        return LogEntry(.debug, line)
    }
}

extension SessionAttempt {
    /// - Parameter deadline: of the next try; nil: the owner waits for something.
    @inline(never)
    mutating func backOff<Effect>(until deadline: MonotonicTime?, _ turn: inout Turn<Effect>) {
        transition(to: .backingOff, until: deadline, &turn)
    }

    @inline(never)
    mutating func requestKey<Effect: SessionEffect>(_ attempt: KeyRequestID, _ turn: inout Turn<Effect>) {
        let deadline = turn.after(milliseconds: Limits.attemptMilliseconds)
        transition(to: .requestingKey(attempt: attempt), until: deadline, &turn)
        turn.emit(.uplink(.requestKey(attempt: attempt)))
    }

    @inline(never)
    mutating func connect<Effect: SessionEffect>(_ request: SessionRequest, _ turn: inout Turn<Effect>) {
        transition(to: .connecting(request), until: turn.after(milliseconds: Limits.attemptMilliseconds), &turn)
        turn.emit(.uplink(.open(request)))
    }

    /// The session is open.
    /// - Parameter patience: milliseconds for the service's first message.
    @inline(never)
    mutating func opened<Effect>(
        patience: Int64 = Limits.quietSessionMilliseconds, _ turn: inout Turn<Effect>
    ) {
        guard case .connecting(let request) = state else { return }
        transition(to: .live(request), until: turn.after(milliseconds: patience), &turn)
    }

    /// The service has said something, or had nothing to say: it has all its time again.
    mutating func heard<Effect>(_ turn: Turn<Effect>) {
        deadline = turn.after(milliseconds: Limits.quietSessionMilliseconds)
    }

    /// It is over, and the other side knows.
    @inline(never)
    mutating func end<Effect>(_ turn: inout Turn<Effect>) {
        if case .idle = state { return }
        transition(to: .idle, until: nil, &turn)
    }

    /// Whatever is under way is not waited for; what is planned does not come.
    @inline(never)
    mutating func cancel<Effect: SessionEffect>(_ turn: inout Turn<Effect>) {
        abort(&turn)
        end(&turn)
    }

    /// The other side hears that nobody waits for it any more. The step that follows is the owner's.
    @inline(never)
    func abort<Effect: SessionEffect>(_ turn: inout Turn<Effect>) {
        switch state {
        case .requestingKey(let attempt): turn.emit(.uplink(.cancelKey(attempt: attempt)))
        case .connecting(let request), .live(let request): turn.emit(.uplink(.close(session: request.id)))
        case .idle, .backingOff: break
        }
    }

    /// What did not come by the deadline; nil where nothing was awaited.
    var overdue: UplinkFailure? {
        switch state {
        case .requestingKey: UplinkFailure(.timeout, "the token endpoint did not answer")
        case .connecting: UplinkFailure(.timeout, "the speech service did not answer")
        case .live: UplinkFailure(.stalled, "the speech service said nothing any more")
        case .idle, .backingOff: nil
        }
    }

    /// Goes on from where another one has come, which is given up: make before break. A session that is open has been
    /// connected first.
    @inline(never)
    mutating func takeOver<Effect>(_ other: SessionAttempt, _ turn: inout Turn<Effect>) {
        if case .live(let request) = other.state { transition(to: .connecting(request), until: nil, &turn) }
        transition(to: other.state, until: other.deadline, &turn)
    }
}
