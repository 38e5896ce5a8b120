/// The session of the live text: bursts of attempts, slow probes, and what its loss leads to.
extension Recorder {
    /// When a service that was given up is tried again.
    private enum Probe {
        /// Only a person can mend it.
        case never
        case onNetworkChange
        case at(MonotonicTime)
    }

    mutating func beginAttempt(_ lesson: inout Lesson, _ turn: inout Turn) {
        // A packet into a dead link only makes the kernel ask for its neighbour in vain (arp(7): three times, a second
        // apart), and what is sent when the link is back waits for that, or fails with it. A probe goes out all the
        // same: what is known of the network may be wrong.
        if let networkLoss, !lesson.uplink.hasFailed {
            attemptFailed(UplinkFailure(.unreachable, networkLoss), .retry, &lesson, &turn)
            return
        }
        begin(.primary, &lesson, &turn)
    }

    /// The session is over, or did not come about.
    mutating func primaryFailed(_ failure: UplinkFailure, _ lesson: inout Lesson, _ turn: inout Turn) {
        let attempt = lesson.uplink.primary
        var keyWasGood = false
        if let request = attempt.session {
            keyWasGood = request.isPrefetchedKey || lesson.uplink.lastAnsweredSession == request.id
        }
        let verdict = Classification.verdict(
            on: failure, on503: settings.reconnect.on503, keyWasGood: keyWasGood)
        if let request = attempt.live {
            let lived = lastProgressAt(failure, lesson, turn).milliseconds(since: attempt.since)
            if lived >= Limits.stableSessionMilliseconds { lesson.uplink.attemptsInBurst = 0 }
            disableCatchUp(after: failure, verdict, &lesson)
            noteUnreadable(failure, request, lesson: &lesson)
            if !lesson.transcript.interim.isEmpty { turn.emit(.interim("")) }
            closeTrack(request.id, &lesson, &turn)
            turn.emit(.store(.commit))
            if promoteSuccessor(failure, verdict, &lesson, &turn) { return }
            closeSecondary(&lesson, &turn)
        }
        attemptFailed(failure, verdict, &lesson, &turn)
    }

    /// When the session last showed life: that it is silent is only noticed after seconds, and one that never said
    /// anything is no success.
    private func lastProgressAt(_ failure: UplinkFailure, _ lesson: Lesson, _ turn: Turn) -> MonotonicTime {
        switch failure.cause {
        case .network(.stalled), .network(.timeout), .local: lesson.uplink.lastLive ?? turn.now
        case .network, .service: turn.now
        }
    }

    /// PROTOCOL, Messages: long bursts may be disconnected. A session that the service itself ended while catching up
    /// is followed by one that keeps to real time, unless the service has said that it was for something else.
    private func disableCatchUp(after failure: UplinkFailure, _ verdict: Verdict, _ lesson: inout Lesson) {
        guard !verdict.isRenewal, verdict != .busy else { return }
        switch failure.cause {
        case .service(.message), .network(.closedEarly):
            let isBehind = head.samples(since: lesson.transcript.resumePoint) > Limits.behindSamples
            if isBehind { lesson.uplink.isCatchUpDisabled = true }
        case .service, .network, .local:
            break
        }
    }

    private mutating func attemptFailed(
        _ failure: UplinkFailure, _ verdict: Verdict, _ lesson: inout Lesson, _ turn: inout Turn
    ) {
        // A session that is over as soon as it began is no renewal, whatever it says.
        let isRenewal = verdict.isRenewal && lesson.uplink.attemptsInBurst == 0 && !lesson.uplink.hasFailed
        if !isRenewal { lesson.lastError = failure.detail }
        if verdict == .renewKey { dropPrefetched(&lesson, &turn) }
        guard lesson.stage == .recording || (verdict.isTransient && wantsLastWords(lesson)) else {
            lesson.uplink.primary.end(&turn)
            closeWhenComplete(&lesson, &turn)
            return
        }
        let isBurst = !lesson.uplink.hasFailed && lesson.uplink.attemptsInBurst < settings.reconnect.attempts
        switch verdict {
        case .renew where isRenewal, .renewKey where isRenewal:
            logRenewal(failure, &turn)
            lesson.uplink.primary.backOff(until: turn.now, &turn)
            beginAttempt(&lesson, &turn)
            return
        case .retry, .renew, .renewKey:
            if isBurst { retry(failure, &lesson, &turn) } else { giveUp(failure, nextProbe(turn), &lesson, &turn) }
            return
        case .busy:
            if isBurst {
                retry(failure, firstWaits: true, &lesson, &turn)
                return
            }
            giveUp(failure, .at(turn.after(milliseconds: longestPause())), &lesson, &turn)
        case .retryAfter(let seconds):
            let wait = heldOff(seconds, &lesson, &turn)
            giveUp(failure, .at(turn.after(milliseconds: wait)), &lesson, &turn)
        case .probe:
            giveUp(failure, nextProbe(turn), &lesson, &turn)
        case .fatal:
            giveUp(failure, .never, &lesson, &turn)
        }
        // After STOP nothing is awaited from a service that was given up.
        closeWhenComplete(&lesson, &turn)
    }

    /// The next attempt of the burst.
    /// - Parameter firstWaits: also the first is not made at once.
    private mutating func retry(
        _ failure: UplinkFailure, firstWaits: Bool = false, _ lesson: inout Lesson, _ turn: inout Turn
    ) {
        lesson.uplink.attemptsInBurst += 1
        let isStale = isStale(failure, lesson, turn)
        if isStale { lesson.uplink.changedAt = nil }
        let number = lesson.uplink.attemptsInBurst
        let step = firstWaits ? max(2, number) : number
        let wait = isStale ? 0 : settings.reconnect.delay(beforeAttempt: step, random: &random)
        logAttempt(number, in: wait, failure, &turn)
        lesson.uplink.primary.backOff(until: turn.after(milliseconds: wait), &turn)
        if wait <= 0 { beginAttempt(&lesson, &turn) }
    }

    private func logAttempt(_ number: Int, in wait: Int64, _ failure: UplinkFailure, _ turn: inout Turn) {
        let line = "attempt n=\(number) of=\(settings.reconnect.attempts) in_ms=\(wait)"
        turn.log(.warning, line + " reason=\(LogEntry.quoted(failure.detail))")
    }

    private func logRenewal(_ failure: UplinkFailure, _ turn: inout Turn) {
        turn.log(.info, "renewal reason=\(LogEntry.quoted(failure.detail))")
    }

    /// Between attempts at a service that has too much to do, in milliseconds: it frees places whenever others end.
    private mutating func longestPause() -> Int64 {
        settings.reconnect.delay(beforeAttempt: .max, random: &random)
    }

    /// How long a `Retry-After` is obeyed, in milliseconds: never sooner than the backoff would be, or a peer that says
    /// 0 would be asked without end; nor so long that the lesson is over.
    private mutating func heldOff(_ seconds: Int, _ lesson: inout Lesson, _ turn: inout Turn) -> Int64 {
        if !lesson.uplink.hasFailed { lesson.uplink.busyAnswers = 0 }
        lesson.uplink.busyAnswers += 1
        let floor = settings.reconnect.delay(beforeAttempt: lesson.uplink.busyAnswers + 1, random: &random)
        if Int64(seconds) * 1_000 > Limits.retryAfterMilliseconds {
            let line = "retry-after asked_s=\(seconds) obeyed_s=\(Limits.retryAfterMilliseconds / 1_000)"
            turn.log(.warning, line)
        }
        return max(floor, Limits.retryAfterMilliseconds(seconds))
    }

    /// The first attempt after a change of the network may have failed for what was before: see
    /// `Limits.arpResolutionMilliseconds`. The second is made at once then, but no third.
    private func isStale(_ failure: UplinkFailure, _ lesson: Lesson, _ turn: Turn) -> Bool {
        guard case .network(.unreachable) = failure.cause, let changed = lesson.uplink.changedAt else { return false }
        return turn.now.milliseconds(since: changed) < Limits.arpResolutionMilliseconds
    }

    /// The connection was lost after STOP, before the last words came: what time there is for them is used.
    private func wantsLastWords(_ lesson: Lesson) -> Bool {
        switch lesson.stage {
        case .stoppingCapture, .finalWords: lesson.transcript.coverage.end < lesson.end ?? SampleIndex(.max)
        case .recording, .closingStore: false
        }
    }

    private mutating func nextProbe(_ turn: Turn) -> Probe {
        guard let wait = settings.reconnect.probeDelay(random: &random) else { return .onNetworkChange }
        return .at(turn.after(milliseconds: wait))
    }

    private mutating func giveUp(
        _ failure: UplinkFailure, _ probe: Probe, _ lesson: inout Lesson, _ turn: inout Turn
    ) {
        let isNews = !lesson.uplink.hasFailed
        lesson.uplink.failure = .transcription(failure.detail)
        lesson.uplink.attemptsInBurst = 0
        var line = "uplink state=failed reason=\(LogEntry.quoted(failure.detail))"
        if case .service(.message(_, _, let request)) = failure.cause, !request.isEmpty {
            line += " request=\(LogEntry.quoted(request))"
        }
        switch probe {
        case .never:
            lesson.uplink.primary.end(&turn)
            line += " probe=never"
        case .onNetworkChange:
            lesson.uplink.primary.backOff(until: nil, &turn)
            line += " probe=\"on network change\""
        case .at(let time):
            lesson.uplink.primary.backOff(until: time, &turn)
            line += " probe=slow"
        }
        turn.log(isNews ? .error : .debug, line)
    }

    /// The live session was lost while its successor was on the way: that is attempt 1 then.
    /// - Returns: whether there was one.
    private mutating func promoteSuccessor(
        _ failure: UplinkFailure, _ verdict: Verdict, _ lesson: inout Lesson, _ turn: inout Turn
    ) -> Bool {
        guard let successor = lesson.uplink.secondary, successor.isSuccessor, lesson.stage == .recording else {
            return false
        }
        switch successor.attempt.state {
        case .idle, .backingOff: return false
        case .requestingKey, .connecting, .live: break
        }
        lesson.uplink.primary.end(&turn)
        succeed(successor, &lesson, &turn)
        lesson.uplink.attemptsInBurst = max(1, lesson.uplink.attemptsInBurst)
        guard !verdict.isRenewal else {
            logRenewal(failure, &turn)
            return true
        }
        lesson.lastError = failure.detail
        logAttempt(lesson.uplink.attemptsInBurst, in: 0, failure, &turn)
        return true
    }

    /// The primary session is over, and the successor's attempt becomes the primary one.
    mutating func succeed(_ successor: SecondarySession, _ lesson: inout Lesson, _ turn: inout Turn) {
        lesson.uplink.secondary = nil
        lesson.uplink.primary.takeOver(successor.attempt, &turn)
        guard lesson.uplink.primary.isLive else { return }
        lesson.uplink.primary.heard(turn)
        goLive(took: successor.tookMilliseconds, &lesson, &turn)
    }
}
