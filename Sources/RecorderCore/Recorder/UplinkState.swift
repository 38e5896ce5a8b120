/// A lesson's way to the speech service: the session of the live text, at most one beside it, and what is known of the
/// service and of the network between.
///
/// Joint states that are legal (`Recorder.checkJointStates`):
/// - a session beside only while the primary one is live, or after its last word, when a gap is still being filled;
/// - `failure` with an idle primary attempt: only a person can mend it. With one that backs off: slow probes. With one
///   that is under way: a probe. With a live one: the service has not come on in it yet.
package struct UplinkState: Equatable, Sendable {
    /// Which of the sessions.
    package enum Place: Sendable {
        case primary
        case secondary
    }

    struct Unreadable: Equatable, Sendable {
        var at: SampleIndex
        var times: Int64
    }

    /// To the session of the live text. Idle: record only, or all is said, or only a person can mend it.
    package internal(set) var primary = SessionAttempt("primary")
    package internal(set) var secondary: SecondarySession?
    var prefetched = PrefetchedKey.none
    /// Why the light is red: the service was given up. It stays so while a probe is under way, and until the service
    /// comes on with what it is sent.
    package internal(set) var failure: FailureReason?
    /// Attempts made in this burst, the running one included; 0 once a session has proved stable.
    package internal(set) var attemptsInBurst = 0
    /// Key requests made in this recording.
    var requests = 0
    /// Sessions opened in this recording.
    package internal(set) var sessions = 0
    package internal(set) var lastLive: MonotonicTime?
    /// Whether the service has come on in any session of this recording.
    var hasBeenLive = false
    /// The newest session that the service has answered: its key was good.
    var lastAnsweredSession: SessionID?
    /// The newest session in which the service has come on with what it was sent.
    var progressed: SessionID?
    /// When the last attempt began: the next keeps its distance.
    var attemptedAt: MonotonicTime?
    /// When the journal was last committed for an attempt.
    var committedAt: MonotonicTime?
    /// Answers in a row that named a time to wait.
    var busyAnswers = 0
    /// When the network came back or changed, while the attempt that followed may still fail for what was before.
    var changedAt: MonotonicTime?
    /// The service ended a session that was catching up: the next one does not hurry.
    var isCatchUpDisabled = false
    /// What had been recorded when the live session last said something.
    var liveHead = SampleIndex.zero
    /// How far the service had worked, as the live session told last.
    var worked = SampleIndex.zero
    /// Where a message that cannot be read ended a session, and how often in a row it was there.
    var unreadable: Unreadable?
    /// The live text does not go back beyond this: what is there ends each session.
    package internal(set) var skipped = SampleIndex.zero
    /// Whether the live session's service leaves out audio; and sessions in a row that were replaced because it did.
    var lag = LagWatch(opened: MonotonicTime(milliseconds: 0))
    var leftOut = 0
    /// Failed tries to fill gaps since the live session began.
    var gapTries = 0
    /// Second hearings of this recording.
    package internal(set) var secondHearings = 0
    /// One has failed: the next waits until then.
    var secondHearingAt: MonotonicTime?

    var phase: Phase {
        if isAnswered { return .live }
        if let failure { return .failed(failure) }
        let isRetrying = hasBeenLive || attemptsInBurst > 1
        switch primary.state {
        case .idle: return .live
        case .live: return isRetrying ? .reconnecting(attempt: max(1, attemptsInBurst)) : .connecting
        case .backingOff: return attemptsInBurst == 0 ? .requesting : .reconnecting(attempt: attemptsInBurst)
        case .requestingKey: return isRetrying ? .reconnecting(attempt: attemptsInBurst) : .requesting
        case .connecting: return isRetrying ? .reconnecting(attempt: attemptsInBurst) : .connecting
        }
    }

    /// A session is open, and the service has come on with what it was sent in it.
    package var isAnswered: Bool { primary.isLive && primary.sessionID == progressed }

    /// Rather than `failure != nil`, which compares whole reasons.
    package var hasFailed: Bool {
        if case .some = failure { return true }
        return false
    }

    /// Nothing is awaited from the service, though it may be probed some time.
    package var isAtRest: Bool {
        switch primary.state {
        case .idle: true
        case .backingOff: hasFailed
        case .requestingKey, .connecting, .live: false
        }
    }

    /// The session of the live text.
    package var session: SessionRequest? { primary.session }

    /// Rather than `secondary == nil`, which compares whole sessions.
    var hasSecondary: Bool {
        if case .some = secondary { return true }
        return false
    }

    /// Attempts keep their distance, whatever flaps.
    var earliestAttempt: MonotonicTime? {
        attemptedAt?.adding(milliseconds: Limits.attemptSpacingMilliseconds)
    }

    subscript(place: Place) -> SessionAttempt {
        @inline(never) get {
            switch place {
            case .primary: primary
            case .secondary: secondary?.attempt ?? SecondarySession.noAttempt
            }
        }
        @inline(never) set {
            switch place {
            case .primary: primary = newValue
            case .secondary: secondary?.attempt = newValue
            }
        }
    }

    /// Whose key was asked for.
    @inline(never)
    package func place(requesting attempt: KeyRequestID) -> Place? {
        if primary.isRequesting(attempt) { return .primary }
        return secondary?.attempt.isRequesting(attempt) == true ? .secondary : nil
    }

    /// Whose session it is.
    @inline(never)
    func place(ofSession id: SessionID) -> Place? {
        if primary.sessionID == id { return .primary }
        return secondary?.attempt.sessionID == id ? .secondary : nil
    }
}

/// The session beside the live one.
package struct SecondarySession: Equatable, Sendable {
    package enum Purpose: Equatable, Sendable {
        /// Takes over with the service's first progress in it: make before break.
        case successor
        /// Fills a gap of the transcript out of the journal.
        case gap(Range<SampleIndex>)
        /// Hears again from here on what has its text, so that voices are known again.
        case secondHearing(SampleIndex)
    }

    static let noAttempt = SessionAttempt("secondary")

    package internal(set) var purpose: Purpose
    package internal(set) var attempt = noAttempt
    /// Attempts made, the running one included.
    var tries = 0
    /// How long a successor took to open.
    var tookMilliseconds: Int64 = 0

    init(_ purpose: Purpose) {
        self.purpose = purpose
    }

    /// The session that was opened for it.
    package var session: SessionRequest? { attempt.session }

    var isSuccessor: Bool {
        if case .successor = purpose { return true }
        return false
    }

    var isSecondHearing: Bool {
        if case .secondHearing = purpose { return true }
        return false
    }

    var fillsGap: Bool {
        if case .gap = purpose { return true }
        return false
    }
}

/// A key fetched in advance: a reconnect need not ask for one first.
enum PrefetchedKey: Equatable, Sendable {
    case none
    case waiting(until: MonotonicTime)
    case requesting(attempt: KeyRequestID, deadline: MonotonicTime)
    case ready(SessionKey, until: MonotonicTime)

    var deadline: MonotonicTime? {
        switch self {
        case .none: nil
        case .waiting(let until): until
        case .requesting(_, let deadline): deadline
        case .ready(_, let until): until
        }
    }

    /// Rather than `== .none`, which compares whole keys.
    var isNone: Bool {
        if case .none = self { return true }
        return false
    }
}
