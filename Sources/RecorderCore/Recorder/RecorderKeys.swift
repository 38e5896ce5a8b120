/// Session keys: one for each session, and a spare one, so that a reconnect costs one connection and not two.
extension Recorder {
    mutating func fetchKey(lesson: inout Lesson, effects: inout [RecorderEffect]) -> Int {
        newestRequest += 1
        lesson.uplink.requests += 1
        effects.append(.fetchToken(attempt: newestRequest))
        return newestRequest
    }

    mutating func receiveKey(
        _ key: SessionKey, attempt: Int, lesson: inout Lesson, now: MonotonicTime,
        effects: inout [RecorderEffect]
    ) {
        if case .requesting(attempt, _) = lesson.uplink.link {
            connect(key, isSpare: false, lesson: &lesson, now: now, effects: &effects)
        } else if case .requesting(attempt, _)? = lesson.uplink.side?.step {
            connectSide(key, isSpare: false, lesson: &lesson, now: now, effects: &effects)
        } else if case .requesting(attempt, _) = lesson.uplink.spare {
            let lifetime = key.lifetimeMilliseconds ?? Limits.keyLifetimeMilliseconds
            let left = max(0, min(lifetime, Limits.keyLifetimeMilliseconds) - Limits.keyMarginMilliseconds)
            // A key too short-lived to be kept is fetched when it is needed.
            lesson.uplink.spare =
                left > 0
                ? .ready(key, until: now.adding(milliseconds: left))
                : .waiting(until: now.adding(milliseconds: Limits.keyLifetimeMilliseconds))
        }
    }

    mutating func keyFailed(
        _ failure: UplinkFailure, attempt: Int, lesson: inout Lesson, now: MonotonicTime,
        effects: inout [RecorderEffect]
    ) {
        if case .requesting(attempt, _) = lesson.uplink.link {
            attemptFailed(failure, lesson: &lesson, now: now, effects: &effects)
        } else if case .requesting(attempt, _)? = lesson.uplink.side?.step {
            sideFailed(failure, lesson: &lesson, now: now, effects: &effects)
        } else if case .requesting(attempt, _) = lesson.uplink.spare {
            // What only a person can mend is not asked again and again.
            let verdict = Classification.verdict(on: failure, on503: settings.reconnect.on503)
            var wait = verdict == .fatal ? Limits.keyLifetimeMilliseconds : Limits.spareRetryMilliseconds
            if case .retryAfter(let seconds) = verdict { wait = max(wait, Limits.retryAfterMilliseconds(seconds)) }
            lesson.uplink.spare = .waiting(until: now.adding(milliseconds: wait))
        }
    }

    mutating func fetchSpare(lesson: inout Lesson, now: MonotonicTime, effects: inout [RecorderEffect]) {
        let attempt = fetchKey(lesson: &lesson, effects: &effects)
        let deadline = now.adding(milliseconds: Limits.attemptMilliseconds)
        lesson.uplink.spare = .requesting(attempt: attempt, deadline: deadline)
    }

    /// The spare key, if there is one that is still good. One that is on its way may be on a dead way.
    func takeSpare(lesson: inout Lesson, now: MonotonicTime, effects: inout [RecorderEffect]) -> SessionKey? {
        let spare = lesson.uplink.spare
        dropSpare(lesson: &lesson, effects: &effects)
        guard case .ready(let key, let until) = spare, now < until else { return nil }
        return key
    }

    func dropSpare(lesson: inout Lesson, effects: inout [RecorderEffect]) {
        if case .requesting(let attempt, _) = lesson.uplink.spare { effects.append(.cancelToken(attempt: attempt)) }
        lesson.uplink.spare = .none
    }

    /// A spare key has grown old, or could not be had: another one, while there is a session to lose.
    mutating func spareDeadline(lesson: inout Lesson, now: MonotonicTime, effects: inout [RecorderEffect]) {
        dropSpare(lesson: &lesson, effects: &effects)
        guard lesson.stage == .recording, lesson.uplink.live != nil else { return }
        fetchSpare(lesson: &lesson, now: now, effects: &effects)
    }
}
