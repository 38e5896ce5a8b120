/// Gaps replayed through the live service, at its pace.
extension Backfill {
    mutating func requestKey(_ job: inout Job, _ turn: inout Turn) {
        job.attempt.requestKey(.backfill(nextNumber()), &turn)
    }

    mutating func receiveLive(_ event: UplinkEvent, _ job: inout Job, _ turn: inout Turn) {
        // What comes late for a try that is over is nobody's.
        switch (event, job.attempt.state) {
        case (.key(let attempt, let key), .requestingKey(let wanted)) where attempt == wanted:
            connect(key, &job, &turn)
        case (.keyFailed(let attempt, let failure), .requestingKey(let wanted)) where attempt == wanted:
            failed(failure, &job, &turn)
        case (.opened(let session, _), .connecting(let request)) where session == request.id:
            opened(request, &job, &turn)
        case (.message(let session, let message), .live(let request)) where session == request.id:
            job.attempt.heard(turn)
            take(message, session: session, &job, &turn)
            guard message.finished else { break }
            job.attempt.cancel(&turn)
            close(session: session, &job, &turn)
            job.attempt.backOff(until: turn.now, &turn)
        case (.closed(let session, let failure), .connecting(let request)) where session == request.id:
            failed(failure ?? Self.closed, &job, &turn)
        case (.closed(let session, let failure), .live(let request)) where session == request.id:
            close(session: session, &job, &turn)
            if let failure { noteUnreadable(failure, &job, &turn) }
            failed(failure ?? Self.closed, &job, &turn)
        default:
            break
        }
    }

    /// The session's time was over, and nothing is wrong: it goes on with the next one, always with a fresh key.
    /// One that is over as soon as it began is no renewal, whatever it says.
    func isRenewal(_ verdict: Verdict, _ job: Job, _ turn: Turn) -> Bool {
        guard verdict.isRenewal, job.attempt.isLive else { return false }
        return turn.now.milliseconds(since: job.attempt.since) >= Limits.stableSessionMilliseconds
    }

    private static let closed = UplinkFailure(.closedEarly, "the service closed the connection")

    private mutating func connect(_ key: SessionKey, _ job: inout Job, _ turn: inout Turn) {
        guard let gap = nextGap(job) else {
            job.attempt.backOff(until: turn.now, &turn)
            return
        }
        let span = span(of: gap, job)
        job.filling = gap
        let request = SessionRequest(
            id: .backfill(nextNumber()), key: key, recording: job.id, base: span.lowerBound, end: span.upperBound,
            catchUpRate: job.failures > 0 ? 1 : settings.catchUpRate, isSaved: true)
        job.attempt.connect(request, &turn)
    }

    private func opened(_ request: SessionRequest, _ job: inout Job, _ turn: inout Turn) {
        guard let gap = job.filling else { return }
        job.transcript.open(session: request.id.rawValue, base: request.base, gap: gap)
        job.attempt.opened(&turn)
        let span = "from_ms=\(gap.lowerBound.milliseconds) to_ms=\(gap.upperBound.milliseconds)"
        turn.log(.info, "gap state=filling id=\(job.id.text) session=\(request.id.rawValue) " + span)
    }
}
