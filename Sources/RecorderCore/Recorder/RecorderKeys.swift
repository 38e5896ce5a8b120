/// Session keys: one for each session, and one fetched in advance, so that a reconnect costs one connection, not two.
extension Recorder {
    mutating func nextKeyRequest(_ lesson: inout Lesson) -> KeyRequestID {
        newestRequest += 1
        lesson.uplink.requests += 1
        return .lesson(newestRequest)
    }

    mutating func receiveKey(_ key: SessionKey, attempt: KeyRequestID, _ lesson: inout Lesson, _ turn: inout Turn) {
        if let place = lesson.uplink.place(requesting: attempt) {
            connect(place, key, isPrefetched: false, &lesson, &turn)
        } else if case .requesting(attempt, _) = lesson.uplink.prefetched {
            let lifetime = key.lifetimeMilliseconds ?? Limits.keyLifetimeMilliseconds
            let left = max(0, min(lifetime, Limits.keyLifetimeMilliseconds) - Limits.keyMarginMilliseconds)
            // A key too short-lived to be kept is fetched when it is needed.
            lesson.uplink.prefetched =
                left > 0
                ? .ready(key, until: turn.after(milliseconds: left))
                : .waiting(until: turn.after(milliseconds: Limits.keyLifetimeMilliseconds))
        }
    }

    mutating func keyFailed(
        _ failure: UplinkFailure, attempt: KeyRequestID, _ lesson: inout Lesson, _ turn: inout Turn
    ) {
        if let place = lesson.uplink.place(requesting: attempt) {
            failed(place, failure, &lesson, &turn)
        } else if case .requesting(attempt, _) = lesson.uplink.prefetched {
            // What only a person can mend is not asked again and again.
            let verdict = Classification.verdict(on: failure, on503: settings.reconnect.on503)
            var wait = verdict == .fatal ? Limits.keyLifetimeMilliseconds : Limits.prefetchRetryMilliseconds
            if case .retryAfter(let seconds) = verdict { wait = max(wait, Limits.retryAfterMilliseconds(seconds)) }
            lesson.uplink.prefetched = .waiting(until: turn.after(milliseconds: wait))
        }
    }

    mutating func prefetchKey(_ lesson: inout Lesson, _ turn: inout Turn) {
        let attempt = nextKeyRequest(&lesson)
        turn.emit(.uplink(.requestKey(attempt: attempt)))
        let deadline = turn.after(milliseconds: Limits.attemptMilliseconds)
        lesson.uplink.prefetched = .requesting(attempt: attempt, deadline: deadline)
    }

    /// The prefetched key, if there is one that is still good. One that is on its way may be on a dead way.
    func takePrefetched(_ lesson: inout Lesson, _ turn: inout Turn) -> SessionKey? {
        let prefetched = lesson.uplink.prefetched
        dropPrefetched(&lesson, &turn)
        guard case .ready(let key, let until) = prefetched, turn.now < until else { return nil }
        return key
    }

    func dropPrefetched(_ lesson: inout Lesson, _ turn: inout Turn) {
        if case .requesting(let attempt, _) = lesson.uplink.prefetched {
            turn.emit(.uplink(.cancelKey(attempt: attempt)))
        }
        lesson.uplink.prefetched = .none
    }

    /// The key has grown old, or could not be had: another one, while there is a session to lose.
    mutating func prefetchExpired(_ lesson: inout Lesson, _ turn: inout Turn) {
        dropPrefetched(&lesson, &turn)
        guard lesson.stage == .recording, lesson.uplink.primary.isLive else { return }
        prefetchKey(&lesson, &turn)
    }
}
