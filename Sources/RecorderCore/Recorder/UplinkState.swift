/// The way to the speech service: one attempt at a time, a burst of attempts after a loss, then slow probes; beside a
/// live session at most one other.
package struct UplinkState: Equatable, Sendable {
    /// When a red uplink is tried again.
    package enum Probe: Equatable, Sendable {
        /// Only a person can mend it.
        case never
        case onNetworkChange
        case at(MonotonicTime)
    }

    package enum Link: Equatable, Sendable {
        /// Record only.
        case off
        case waiting(until: MonotonicTime)
        case requesting(attempt: Int, deadline: MonotonicTime)
        case connecting(SessionRequest, deadline: MonotonicTime)
        case live(SessionRequest, since: MonotonicTime)
        /// The service has said its last word.
        case finished
        case failed(FailureReason, Probe)
    }

    /// The session beside the live one.
    package struct Side: Equatable, Sendable {
        package enum Purpose: Equatable, Sendable {
            /// Takes over when it is live: make before break.
            case successor
            /// Fills a hole of the transcript out of the journal.
            case hole(Range<SampleIndex>)
        }

        package enum Step: Equatable, Sendable {
            case waiting(until: MonotonicTime)
            case requesting(attempt: Int, deadline: MonotonicTime)
            case connecting(SessionRequest, deadline: MonotonicTime)
            /// A successor that is open, and takes over with the service's first progress in it.
            case proving(SessionRequest, tookMilliseconds: Int64, deadline: MonotonicTime)
            case live(SessionRequest)
        }

        package internal(set) var purpose: Purpose
        package internal(set) var step: Step
        /// Attempts made, the running one included.
        var tries = 0
        /// By when a session that is live has to say something.
        var answerDue: MonotonicTime?

        /// The session that was opened for it.
        package var session: SessionRequest? {
            switch step {
            case .waiting, .requesting: nil
            case .connecting(let request, _), .proving(let request, _, _), .live(let request): request
            }
        }

        var deadline: MonotonicTime? {
            switch step {
            case .waiting(let until): until
            case .requesting(_, let deadline), .connecting(_, let deadline), .proving(_, _, let deadline): deadline
            case .live: answerDue
            }
        }
    }

    struct Unreadable: Equatable, Sendable {
        var at: SampleIndex
        var times: Int64
    }

    /// A key fetched in advance: a reconnect need not ask for one first.
    enum Spare: Equatable, Sendable {
        case none
        case waiting(until: MonotonicTime)
        case requesting(attempt: Int, deadline: MonotonicTime)
        case ready(SessionKey, until: MonotonicTime)

        var deadline: MonotonicTime? {
            switch self {
            case .none: nil
            case .waiting(let until): until
            case .requesting(_, let deadline): deadline
            case .ready(_, let until): until
            }
        }
    }

    package internal(set) var link: Link
    package internal(set) var side: Side?
    var spare = Spare.none
    /// Attempts made in this burst, the running one included; 0 once a session has proved stable.
    package internal(set) var burst = 0
    /// Set while red: a probe under way does not turn the light amber, nor does a session in which nothing comes back.
    var givenUp: FailureReason?
    /// Token requests made in this recording.
    var requests = 0
    /// Sessions opened in this recording.
    package internal(set) var sessions = 0
    package internal(set) var lastLive: MonotonicTime?
    /// Whether any session of this recording was live.
    var wasLive = false
    /// The newest session that the service has answered: its key was good.
    var heard = 0
    /// The newest session in which the service has come on with what it was sent.
    var progressed = 0
    /// When the last attempt began: the next keeps its distance.
    var attemptedAt: MonotonicTime?
    /// When the journal was last committed for an attempt.
    var committedAt: MonotonicTime?
    /// Answers in a row that named a time to wait.
    var busyAnswers = 0
    /// When the network came back or changed, while the attempt that followed may still fail for what was before.
    var changedAt: MonotonicTime?
    /// The service ended a session that was catching up: the next one does not hurry.
    var isPaceHeld = false
    /// What had been recorded when the live session last said something.
    var liveHead = SampleIndex.zero
    /// How far the service had worked, as the live session told last.
    var worked = SampleIndex.zero
    /// Where a message that cannot be read ended a session, and how often in a row it was there.
    var unreadable: Unreadable?
    /// The live text does not go back beyond this: what is there ends each session.
    package internal(set) var skipped = SampleIndex.zero
    /// Failed tries to fill holes since the live session began.
    var holeTries = 0

    init(enabled: Bool) {
        link = enabled ? .waiting(until: MonotonicTime(milliseconds: .min)) : .off
    }

    var phase: Phase {
        if isAnswered { return .live }
        if let givenUp { return .failed(givenUp) }
        let retrying = wasLive || burst > 1
        switch link {
        case .off, .finished: return .live
        case .live: return retrying ? .reconnecting(attempt: max(1, burst)) : .connecting
        case .waiting: return burst == 0 ? .requesting : .reconnecting(attempt: burst)
        case .requesting: return retrying ? .reconnecting(attempt: burst) : .requesting
        case .connecting: return retrying ? .reconnecting(attempt: burst) : .connecting
        case .failed(let reason, _): return .failed(reason)
        }
    }

    /// A session is open, and the service has come on with what it was sent in it.
    package var isAnswered: Bool {
        if case .live(let request, _) = link { return request.number == progressed }
        return false
    }

    /// The session of the live text.
    package var session: SessionRequest? {
        switch link {
        case .connecting(let request, _), .live(let request, _): request
        case .off, .waiting, .requesting, .finished, .failed: nil
        }
    }

    /// Rather than `side == nil`, which compares whole sessions.
    var hasSide: Bool {
        if case .some = side { return true }
        return false
    }

    /// Rather than `spare == .none`, for the same reason.
    var hasSpare: Bool {
        if case .none = spare { return false }
        return true
    }

    /// The session whose text is heard, and since when.
    var live: (request: SessionRequest, since: MonotonicTime)? {
        if case .live(let request, let since) = link { return (request, since) }
        return nil
    }

    var linkDeadline: MonotonicTime? {
        switch link {
        case .waiting(let until): until
        case .requesting(_, let deadline), .connecting(_, let deadline): deadline
        case .failed(_, .at(let probe)): probe
        // The adapter notices sooner; this is for the day when it does not.
        case .live(_, let since): (lastLive ?? since).adding(milliseconds: Limits.quietSessionMilliseconds)
        case .off, .finished, .failed(_, .never), .failed(_, .onNetworkChange): nil
        }
    }
}
