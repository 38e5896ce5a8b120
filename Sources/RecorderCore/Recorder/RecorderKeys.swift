/// Session keys: one for each session, and a spare one, so that a reconnect costs one connection and not two.
extension Recorder {
    mutating func fetchKey(_ lesson: inout Lesson, _ turn: inout Turn) -> Int {
        newestRequest += 1
        lesson.uplink.requests += 1
        turn.emit(.fetchToken(attempt: newestRequest))
        return newestRequest
    }

    mutating func receiveKey(_ key: SessionKey, attempt: Int, _ lesson: inout Lesson, _ turn: inout Turn) {
        if case .requesting(attempt, _) = lesson.uplink.link {
            connect(key, isSpare: false, &lesson, &turn)
        } else if case .requesting(attempt, _)? = lesson.uplink.side?.step {
            connectSide(key, isSpare: false, &lesson, &turn)
        } else if case .requesting(attempt, _) = lesson.uplink.spare {
            let lifetime = key.lifetimeMilliseconds ?? Limits.keyLifetimeMilliseconds
            let left = max(0, min(lifetime, Limits.keyLifetimeMilliseconds) - Limits.keyMarginMilliseconds)
            // A key too short-lived to be kept is fetched when it is needed.
            lesson.uplink.spare =
                left > 0
                ? .ready(key, until: turn.after(milliseconds: left))
                : .waiting(until: turn.after(milliseconds: Limits.keyLifetimeMilliseconds))
        }
    }

    mutating func keyFailed(_ failure: UplinkFailure, attempt: Int, _ lesson: inout Lesson, _ turn: inout Turn) {
        if case .requesting(attempt, _) = lesson.uplink.link {
            attemptFailed(failure, &lesson, &turn)
        } else if case .requesting(attempt, _)? = lesson.uplink.side?.step {
            sideFailed(failure, &lesson, &turn)
        } else if case .requesting(attempt, _) = lesson.uplink.spare {
            // What only a person can mend is not asked again and again.
            let verdict = Classification.verdict(on: failure, on503: settings.reconnect.on503)
            var wait = verdict == .fatal ? Limits.keyLifetimeMilliseconds : Limits.spareRetryMilliseconds
            if case .retryAfter(let seconds) = verdict { wait = max(wait, Limits.retryAfterMilliseconds(seconds)) }
            lesson.uplink.spare = .waiting(until: turn.after(milliseconds: wait))
        }
    }

    mutating func fetchSpare(_ lesson: inout Lesson, _ turn: inout Turn) {
        let attempt = fetchKey(&lesson, &turn)
        let deadline = turn.after(milliseconds: Limits.attemptMilliseconds)
        lesson.uplink.spare = .requesting(attempt: attempt, deadline: deadline)
    }

    /// The spare key, if there is one that is still good. One that is on its way may be on a dead way.
    func takeSpare(_ lesson: inout Lesson, _ turn: inout Turn) -> SessionKey? {
        let spare = lesson.uplink.spare
        dropSpare(&lesson, &turn)
        guard case .ready(let key, let until) = spare, turn.now < until else { return nil }
        return key
    }

    func dropSpare(_ lesson: inout Lesson, _ turn: inout Turn) {
        if case .requesting(let attempt, _) = lesson.uplink.spare { turn.emit(.cancelToken(attempt: attempt)) }
        lesson.uplink.spare = .none
    }

    /// A spare key has grown old, or could not be had: another one, while there is a session to lose.
    mutating func spareDeadline(_ lesson: inout Lesson, _ turn: inout Turn) {
        dropSpare(&lesson, &turn)
        guard lesson.stage == .recording, lesson.uplink.live != nil else { return }
        fetchSpare(&lesson, &turn)
    }
}
