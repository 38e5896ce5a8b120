/// Holes replayed through the live service, at its pace.
extension Backfill {
    mutating func requestKey(_ job: inout Job, _ turn: inout Turn) {
        let attempt = nextNumber()
        job.step = .requesting(attempt: attempt, deadline: turn.after(milliseconds: Limits.attemptMilliseconds))
        turn.emit(.fetchToken(attempt: attempt))
    }

    mutating func receiveLive(_ input: BackfillInput, _ job: inout Job, _ turn: inout Turn) {
        switch (input, job.step) {
        case (.token(let attempt, let key), .requesting(let wanted, _)) where attempt == wanted:
            connect(key, &job, &turn)
        case (.tokenFailed(let attempt, let failure), .requesting(let wanted, _)) where attempt == wanted:
            failed(failure, &job, &turn)
        case (.sessionOpened(let session), .connecting(let request, let hole, _)) where session == request.number:
            job.transcript.open(session: session, base: request.base, hole: hole)
            job.step = .live(request)
            expectAnswer(within: Limits.quietSessionMilliseconds, turn)
            let span = "from_ms=\(hole.lowerBound.milliseconds) to_ms=\(hole.upperBound.milliseconds)"
            turn.log(.info, "hole state=filling id=\(job.id.text) session=\(session) " + span)
        case (.sessionMessage(let session, let message), .live(let request)) where session == request.number:
            take(message, session: session, &job, &turn)
            guard message.finished else { break }
            turn.emit(.closeSession(session))
            close(session: session, &job, &turn)
            job.step = .waiting(until: turn.now)
        case (.sessionClosed(let session, let failure), .connecting(let request, _, _))
        where session == request.number:
            failed(failure ?? Self.closed, &job, &turn)
        case (.sessionClosed(let session, let failure), .live(let request)) where session == request.number:
            close(session: session, &job, &turn)
            if let failure { noteUnreadable(failure, &job, &turn) }
            failed(failure ?? Self.closed, &job, &turn)
        default:
            // What comes late for a session that is over.
            break
        }
    }

    private static let closed = UplinkFailure(.closedEarly, "the service closed the connection")

    private mutating func connect(_ key: SessionKey, _ job: inout Job, _ turn: inout Turn) {
        guard let hole = nextHole(job) else {
            job.step = .waiting(until: turn.now)
            return
        }
        let span = span(of: hole, job)
        let request = SessionRequest(
            number: nextNumber(), key: key, recording: job.id, base: span.lowerBound, end: span.upperBound,
            catchUpRate: job.failures > 0 ? 1 : settings.catchUpRate, isSaved: true)
        let deadline = turn.after(milliseconds: Limits.attemptMilliseconds)
        job.step = .connecting(request, hole: hole, deadline: deadline)
        turn.emit(.openSession(request))
    }
}
