/// What the network's changes and the passing of time mean for the way to the speech service.
extension Recorder {
    /// When `uplinkTick` is due.
    func uplinkDeadline(of lesson: Lesson) -> MonotonicTime? {
        let uplink = lesson.uplink
        return [
            uplink.linkDeadline, uplink.side?.deadline, uplink.spare.deadline, rollOverAt(lesson), holeAt(lesson),
        ].compactMap { $0 }.min()
    }

    mutating func uplinkTick(lesson: inout Lesson, now: MonotonicTime, effects: inout [RecorderEffect]) {
        if let deadline = lesson.uplink.linkDeadline, deadline <= now {
            linkDeadline(lesson: &lesson, now: now, effects: &effects)
        }
        if let deadline = rollOverAt(lesson), deadline <= now {
            effects.append(.log(LogEntry(.info, "roll-over session=\(lesson.uplink.session?.number ?? 0)")))
            lesson.uplink.isPaceHeld = false
            beginSuccessor(lesson: &lesson, now: now, effects: &effects)
        }
        if let deadline = lesson.uplink.side?.deadline, deadline <= now {
            sideDeadline(lesson: &lesson, now: now, effects: &effects)
        }
        if let deadline = lesson.uplink.spare.deadline, deadline <= now {
            spareDeadline(lesson: &lesson, now: now, effects: &effects)
        }
        if let deadline = holeAt(lesson), deadline <= now {
            fillHole(lesson: &lesson, now: now, effects: &effects)
        }
    }

    private mutating func linkDeadline(
        lesson: inout Lesson, now: MonotonicTime, effects: inout [RecorderEffect]
    ) {
        switch lesson.uplink.link {
        case .waiting, .failed:
            beginAttempt(lesson: &lesson, now: now, effects: &effects)
        case .requesting:
            cancelAttempt(lesson: &lesson, effects: &effects)
            let failure = UplinkFailure(.timeout, "the token endpoint did not answer")
            attemptFailed(failure, lesson: &lesson, now: now, effects: &effects)
        case .connecting:
            cancelAttempt(lesson: &lesson, effects: &effects)
            let failure = UplinkFailure(.timeout, "the speech service did not answer")
            attemptFailed(failure, lesson: &lesson, now: now, effects: &effects)
        case .live(let request, _):
            guard head > lesson.uplink.liveHead else {
                // Without new audio there is nothing to say.
                lesson.uplink.lastLive = now
                return
            }
            effects.append(.closeSession(request.number))
            let failure = UplinkFailure(.stalled, "the speech service said nothing any more")
            sessionLost(failure, lesson: &lesson, now: now, effects: &effects)
        case .off, .finished:
            break
        }
    }

    /// A live session's age is bounded: by the service and by its key; and by its lag, if it does not hurry.
    private func rollOverAt(_ lesson: Lesson) -> MonotonicTime? {
        guard lesson.stage == .recording, let live = lesson.uplink.live else { return nil }
        if case .successor? = lesson.uplink.side?.purpose { return nil }
        let age = settings.sessionMilliseconds
        return live.since.adding(
            milliseconds: lesson.uplink.isPaceHeld ? min(Limits.heldPaceMilliseconds, age) : age)
    }

    /// - Parameter what: for people.
    mutating func networkChanged(
        _ what: String, lesson: inout Lesson, now: MonotonicTime, effects: inout [RecorderEffect]
    ) {
        networkLoss = nil
        effects.append(.log(LogEntry(.info, "network change=\(LogEntry.quoted(what))")))
        switch lesson.uplink.link {
        case .failed(_, .never), .off, .finished:
            // Only a person can mend it; the network is not what was missing.
            return
        case .live:
            // The old way may still work, or be dead without a word: the new one is made before the old is given up.
            if lesson.stage == .recording { beginSuccessor(lesson: &lesson, now: now, effects: &effects) }
        case .waiting, .requesting, .connecting, .failed:
            cancelAttempt(lesson: &lesson, effects: &effects)
            lesson.uplink.givenUp = nil
            lesson.uplink.burst = 1
            lesson.uplink.changedAt = now
            beginAttempt(lesson: &lesson, now: now, effects: &effects)
        }
    }

    mutating func networkLost(
        _ what: String, lesson: inout Lesson, now: MonotonicTime, effects: inout [RecorderEffect]
    ) {
        networkLoss = what
        effects.append(.log(LogEntry(.warning, "network change=\(LogEntry.quoted(what))")))
        let failure = UplinkFailure(.unreachable, what)
        switch lesson.uplink.link {
        case .live(let request, _):
            effects.append(.closeSession(request.number))
            // No successor either: it would hang until its own time-out.
            closeSide(lesson: &lesson, effects: &effects)
            sessionLost(failure, lesson: &lesson, now: now, effects: &effects)
        case .requesting, .connecting:
            // It would hang until its own time-out.
            cancelAttempt(lesson: &lesson, effects: &effects)
            attemptFailed(failure, lesson: &lesson, now: now, effects: &effects)
        case .waiting, .failed, .off, .finished:
            break
        }
    }

    /// Nothing more is awaited from the service.
    func abandonUplink(lesson: inout Lesson, effects: inout [RecorderEffect]) {
        if let session = lesson.uplink.session {
            effects.append(.closeSession(session.number))
            closeTrack(session.number, lesson: &lesson, effects: &effects)
        } else if case .requesting(let attempt, _) = lesson.uplink.link {
            effects.append(.cancelToken(attempt: attempt))
        }
        closeSide(lesson: &lesson, effects: &effects)
        dropSpare(lesson: &lesson, effects: &effects)
        if case .off = lesson.uplink.link { return }
        lesson.uplink.link = .finished
    }
}
