/// What the network's changes and the passing of time mean for the way to the speech service.
extension Recorder {
    /// When `uplinkTick` is due.
    func uplinkDeadline(of lesson: Lesson) -> MonotonicTime? {
        let uplink = lesson.uplink
        return [
            uplink.linkDeadline, uplink.side?.deadline, uplink.spare.deadline, rollOverAt(lesson), holeAt(lesson),
        ].compactMap { $0 }.min()
    }

    mutating func uplinkTick(_ lesson: inout Lesson, _ turn: inout Turn) {
        if let deadline = lesson.uplink.linkDeadline, deadline <= turn.now {
            linkDeadline(&lesson, &turn)
        }
        if let deadline = rollOverAt(lesson), deadline <= turn.now {
            turn.log(.info, "roll-over session=\(lesson.uplink.session?.number ?? 0)")
            lesson.uplink.isPaceHeld = false
            beginSuccessor(&lesson, &turn)
        }
        if let deadline = lesson.uplink.side?.deadline, deadline <= turn.now {
            sideDeadline(&lesson, &turn)
        }
        if let deadline = lesson.uplink.spare.deadline, deadline <= turn.now {
            spareDeadline(&lesson, &turn)
        }
        if let deadline = holeAt(lesson), deadline <= turn.now {
            fillHole(&lesson, &turn)
        }
    }

    private mutating func linkDeadline(_ lesson: inout Lesson, _ turn: inout Turn) {
        switch lesson.uplink.link {
        case .waiting, .failed:
            beginAttempt(&lesson, &turn)
        case .requesting:
            cancelAttempt(&lesson, &turn)
            let failure = UplinkFailure(.timeout, "the token endpoint did not answer")
            attemptFailed(failure, &lesson, &turn)
        case .connecting:
            cancelAttempt(&lesson, &turn)
            let failure = UplinkFailure(.timeout, "the speech service did not answer")
            attemptFailed(failure, &lesson, &turn)
        case .live(let request, _):
            guard head > lesson.uplink.liveHead else {
                // Without new audio there is nothing to say.
                lesson.uplink.lastLive = turn.now
                return
            }
            turn.emit(.closeSession(request.number))
            let failure = UplinkFailure(.stalled, "the speech service said nothing any more")
            sessionLost(failure, &lesson, &turn)
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
    mutating func networkChanged(_ what: String, _ lesson: inout Lesson, _ turn: inout Turn) {
        networkLoss = nil
        turn.log(.info, "network change=\(LogEntry.quoted(what))")
        switch lesson.uplink.link {
        case .failed(_, .never), .off, .finished:
            // Only a person can mend it; the network is not what was missing.
            return
        case .live:
            // The old way may still work, or be dead without a word: the new one is made before the old is given up.
            if lesson.stage == .recording { beginSuccessor(&lesson, &turn) }
        case .waiting, .requesting, .connecting, .failed:
            cancelAttempt(&lesson, &turn)
            lesson.uplink.givenUp = nil
            lesson.uplink.burst = 1
            lesson.uplink.changedAt = turn.now
            beginAttempt(&lesson, &turn)
        }
    }

    mutating func networkLost(_ what: String, _ lesson: inout Lesson, _ turn: inout Turn) {
        networkLoss = what
        turn.log(.warning, "network change=\(LogEntry.quoted(what))")
        let failure = UplinkFailure(.unreachable, what)
        switch lesson.uplink.link {
        case .live(let request, _):
            turn.emit(.closeSession(request.number))
            // No successor either: it would hang until its own time-out.
            closeSide(&lesson, &turn)
            sessionLost(failure, &lesson, &turn)
        case .requesting, .connecting:
            // It would hang until its own time-out.
            cancelAttempt(&lesson, &turn)
            attemptFailed(failure, &lesson, &turn)
        case .waiting, .failed, .off, .finished:
            break
        }
    }

    /// Nothing more is awaited from the service.
    func abandonUplink(_ lesson: inout Lesson, _ turn: inout Turn) {
        if let session = lesson.uplink.session {
            turn.emit(.closeSession(session.number))
            closeTrack(session.number, &lesson, &turn)
        } else if case .requesting(let attempt, _) = lesson.uplink.link {
            turn.emit(.cancelToken(attempt: attempt))
        }
        closeSide(&lesson, &turn)
        dropSpare(&lesson, &turn)
        if case .off = lesson.uplink.link { return }
        lesson.uplink.link = .finished
    }
}
