/// The way to the speech service.
extension Recorder {
    mutating func beginAttempt(lesson: inout Lesson, now: MonotonicTime, effects: inout [RecorderEffect]) {
        lesson.uplink.requests += 1
        if lesson.uplink.givenUp == nil { lesson.uplink.burst = max(1, lesson.uplink.burst) }
        // A fresh key for every session: an old one may be what ended the last.
        let deadline = now.adding(milliseconds: Limits.attemptMilliseconds)
        lesson.uplink.link = .requesting(attempt: lesson.uplink.requests, deadline: deadline)
        effects.append(.fetchToken(attempt: lesson.uplink.requests))
    }

    mutating func receiveUplink(
        _ input: RecorderInput, lesson: inout Lesson, now: MonotonicTime, effects: inout [RecorderEffect]
    ) {
        switch input {
        case .token(let attempt, let key):
            guard case .requesting(attempt, _) = lesson.uplink.link else { return }
            lesson.uplink.sessions += 1
            let request = SessionRequest(
                number: lesson.uplink.sessions, key: key, recording: lesson.header.id,
                base: lesson.transcript.resumePoint)
            let deadline = now.adding(milliseconds: Limits.attemptMilliseconds)
            lesson.uplink.link = .connecting(request, deadline: deadline)
            effects.append(.openSession(request))
        case .tokenFailed(let attempt, let failure):
            guard case .requesting(attempt, _) = lesson.uplink.link else { return }
            attemptFailed(failure, lesson: &lesson, now: now, effects: &effects)
        case .sessionOpened(let session, let took):
            sessionOpened(session, took: took, lesson: &lesson, now: now, effects: &effects)
        case .sessionMessage(let session, let message):
            guard lesson.uplink.session?.number == session else { return }
            receiveMessage(message, lesson: &lesson, now: now, effects: &effects)
        case .sessionClosed(let session, let failure):
            guard let current = lesson.uplink.session, current.number == session else { return }
            let failure = failure ?? UplinkFailure(.closedEarly, "the service closed the connection")
            sessionLost(failure, lesson: &lesson, now: now, effects: &effects)
        case .networkAppeared(let what):
            networkAppeared(what, lesson: &lesson, now: now, effects: &effects)
        default:
            break
        }
    }

    private mutating func sessionOpened(
        _ session: Int, took: Int64, lesson: inout Lesson, now: MonotonicTime, effects: inout [RecorderEffect]
    ) {
        guard case .connecting(let request, _) = lesson.uplink.link, request.number == session else {
            effects.append(.closeSession(session))
            return
        }
        lesson.uplink.link = .live(request, since: now)
        lesson.uplink.lastLive = now
        lesson.uplink.wasLive = true
        lesson.uplink.givenUp = nil
        let line = "live session=\(session) took_ms=\(took) from_ms=\(request.base.milliseconds)"
        effects.append(.log(LogEntry(.info, line)))
        if let end = lesson.end { effects.append(.finishSession(session, end: end)) }
    }

    private mutating func receiveMessage(
        _ message: ServiceMessage, lesson: inout Lesson, now: MonotonicTime, effects: inout [RecorderEffect]
    ) {
        guard case .live(let request, _) = lesson.uplink.link else { return }
        let end = lesson.end ?? SampleIndex(.max)
        let interim = lesson.transcript.interim
        let update = lesson.transcript.receive(message, session: request.number, base: request.base, end: end)
        if !update.finals.isEmpty || message.finished {
            effects.append(.storeTokens(update.finals, covered: lesson.transcript.coverage.withoutHoles))
        }
        if !update.words.isEmpty { effects.append(.words(update.words)) }
        if lesson.transcript.interim != interim { effects.append(.interim(lesson.transcript.interim)) }
        lesson.uplink.lastLive = now
        guard message.finished else { return }
        if lesson.end != nil {
            lesson.uplink.link = .finished
            effects.append(.closeSession(request.number))
            closeStore(lesson: &lesson, now: now, effects: &effects)
        } else {
            let failure = UplinkFailure(.closedEarly, "the service finished before the lesson did")
            effects.append(.closeSession(request.number))
            sessionLost(failure, lesson: &lesson, now: now, effects: &effects)
        }
    }

    private mutating func sessionLost(
        _ failure: UplinkFailure, lesson: inout Lesson, now: MonotonicTime, effects: inout [RecorderEffect]
    ) {
        if case .live(_, let since) = lesson.uplink.link,
            now.milliseconds(since: since) >= Limits.stableSessionMilliseconds
        {
            lesson.uplink.burst = 0
        }
        let words = lesson.transcript.sessionEnded()
        if !words.isEmpty { effects.append(.words(words)) }
        // Every attempt begins with what is known being safe.
        effects.append(.commitStore)
        attemptFailed(failure, lesson: &lesson, now: now, effects: &effects)
    }

    private mutating func attemptFailed(
        _ failure: UplinkFailure, lesson: inout Lesson, now: MonotonicTime, effects: inout [RecorderEffect]
    ) {
        lesson.lastError = failure.detail
        guard lesson.stage == .recording else {
            lesson.uplink.link = .failed(.transcription(failure.detail), .never)
            if lesson.end != nil { closeStore(lesson: &lesson, now: now, effects: &effects) }
            return
        }
        let policy = settings.reconnect
        switch Classification.verdict(on: failure, on503: policy.on503) {
        case .retry:
            guard lesson.uplink.givenUp == nil, lesson.uplink.burst < policy.attempts else {
                giveUp(failure, probe: nextProbe(now), lesson: &lesson, effects: &effects)
                return
            }
            lesson.uplink.burst += 1
            let wait = policy.delay(beforeAttempt: lesson.uplink.burst, random: &random)
            let line = "attempt n=\(lesson.uplink.burst) of=\(policy.attempts) in_ms=\(wait)"
            effects.append(.log(LogEntry(.warning, line + " reason=\(LogEntry.quoted(failure.detail))")))
            guard wait > 0 else {
                beginAttempt(lesson: &lesson, now: now, effects: &effects)
                return
            }
            lesson.uplink.link = .waiting(until: now.adding(milliseconds: wait))
        case .retryAfter(let seconds):
            let probe = UplinkState.Probe.at(now.adding(milliseconds: Int64(seconds) * 1_000))
            giveUp(failure, probe: probe, lesson: &lesson, effects: &effects)
        case .probe:
            giveUp(failure, probe: nextProbe(now), lesson: &lesson, effects: &effects)
        case .fatal:
            giveUp(failure, probe: .never, lesson: &lesson, effects: &effects)
        }
    }

    private mutating func nextProbe(_ now: MonotonicTime) -> UplinkState.Probe {
        guard let wait = settings.reconnect.probeDelay(random: &random) else { return .onNetworkChange }
        return .at(now.adding(milliseconds: wait))
    }

    private func giveUp(
        _ failure: UplinkFailure, probe: UplinkState.Probe, lesson: inout Lesson, effects: inout [RecorderEffect]
    ) {
        let reason = FailureReason.transcription(failure.detail)
        let first = lesson.uplink.givenUp == nil
        lesson.uplink.givenUp = reason
        lesson.uplink.burst = 0
        lesson.uplink.link = .failed(reason, probe)
        var line = "uplink state=failed reason=\(LogEntry.quoted(failure.detail))"
        if !failure.requestID.isEmpty { line += " request=\(LogEntry.quoted(failure.requestID))" }
        switch probe {
        case .never: line += " probe=never"
        case .onNetworkChange: line += " probe=\"on network change\""
        case .at: line += " probe=slow"
        }
        effects.append(.log(LogEntry(first ? .error : .debug, line)))
    }

    mutating func uplinkDeadline(lesson: inout Lesson, now: MonotonicTime, effects: inout [RecorderEffect]) {
        switch lesson.uplink.link {
        case .waiting, .failed:
            beginAttempt(lesson: &lesson, now: now, effects: &effects)
        case .requesting:
            let failure = UplinkFailure(.timeout, "the token endpoint did not answer")
            attemptFailed(failure, lesson: &lesson, now: now, effects: &effects)
        case .connecting(let request, _):
            effects.append(.closeSession(request.number))
            let failure = UplinkFailure(.timeout, "the speech service did not answer")
            attemptFailed(failure, lesson: &lesson, now: now, effects: &effects)
        case .off, .live, .finished:
            break
        }
    }

    private mutating func networkAppeared(
        _ what: String, lesson: inout Lesson, now: MonotonicTime, effects: inout [RecorderEffect]
    ) {
        guard lesson.stage == .recording else { return }
        switch lesson.uplink.link {
        case .failed(_, .never):
            // Only a person can mend it; the network is not what was missing.
            return
        case .waiting, .failed:
            effects.append(.log(LogEntry(.info, "network change=\(LogEntry.quoted(what))")))
            lesson.uplink.givenUp = nil
            lesson.uplink.burst = 1
            beginAttempt(lesson: &lesson, now: now, effects: &effects)
        case .off, .requesting, .connecting, .live, .finished:
            return
        }
    }

    /// Nothing more is awaited from the service.
    func abandonUplink(lesson: inout Lesson, effects: inout [RecorderEffect]) {
        if let session = lesson.uplink.session { effects.append(.closeSession(session.number)) }
        if lesson.uplink.link != .off { lesson.uplink.link = .finished }
    }
}
