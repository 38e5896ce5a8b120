/// The session beside the live one: its successor, made before it is broken off, or one that fills a gap, or one that
/// hears a stretch again (`RecorderSecondHearing.swift`).
extension Recorder {
    mutating func beginSuccessor(_ lesson: inout Lesson, _ turn: inout Turn) {
        // A gap that is being filled goes on afterwards from where it has come.
        closeSecondary(&lesson, &turn)
        lesson.uplink.secondary = SecondarySession(.successor)
        begin(.secondary, &lesson, &turn)
    }

    // MARK: Gaps

    /// Live words come first: a gap waits until the live session has proved stable.
    func gapAt(_ lesson: Lesson) -> MonotonicTime? {
        guard lesson.stage == .recording, !lesson.uplink.hasSecondary, lesson.uplink.primary.isLive,
            lesson.uplink.gapTries < Limits.gapTries, nextGap(lesson) != nil
        else { return nil }
        return lesson.uplink.primary.since.adding(milliseconds: Limits.stableSessionMilliseconds)
    }

    mutating func fillGap(_ lesson: inout Lesson, _ turn: inout Turn) {
        guard let gap = nextGap(lesson) else { return }
        lesson.uplink.secondary = SecondarySession(.gap(gap))
        begin(.secondary, &lesson, &turn)
    }

    func nextGap(_ lesson: Lesson) -> Range<SampleIndex>? {
        guard lesson.uplink.primary.isLive, let session = lesson.uplink.primary.sessionID else { return nil }
        return lesson.transcript.gap(before: session.rawValue)
    }

    /// The session beside has said its last word.
    @inline(never)
    mutating func secondaryFinished(_ session: SessionID, _ lesson: inout Lesson, _ turn: inout Turn) {
        if lesson.uplink.secondary?.fillsGap == true {
            turn.log(.info, "gap state=filled session=\(session.rawValue)")
        }
        closeSecondary(&lesson, &turn)
        if lesson.stage != .recording { closeWhenComplete(&lesson, &turn) }
    }

    // MARK: Its attempt

    /// The wait before a try is over.
    mutating func resumeSecondary(_ lesson: inout Lesson, _ turn: inout Turn) {
        if case .gap? = lesson.uplink.secondary?.purpose {
            // What a session had already filled is not asked for again.
            guard let gap = nextGap(lesson) else {
                closeSecondary(&lesson, &turn)
                return
            }
            lesson.uplink.secondary?.purpose = .gap(gap)
        }
        begin(.secondary, &lesson, &turn)
    }

    mutating func secondaryOpened(took: Int64, _ lesson: inout Lesson, _ turn: inout Turn) {
        guard var secondary = lesson.uplink.secondary, let request = secondary.session else { return }
        switch secondary.purpose {
        case .successor:
            // It has as long to come on as it had to open: the old session may be dead.
            secondary.tookMilliseconds = took
            secondary.attempt.opened(patience: Limits.attemptMilliseconds, &turn)
        case .gap(let gap):
            secondary.attempt.opened(&turn)
            lesson.transcript.open(session: request.id.rawValue, base: request.base, gap: gap)
            let span = "from_ms=\(gap.lowerBound.milliseconds) to_ms=\(gap.upperBound.milliseconds)"
            turn.log(.info, "gap state=filling session=\(request.id.rawValue) " + span)
        case .secondHearing:
            secondary.attempt.opened(&turn)
            beginHearing(request, &lesson, &turn)
        }
        lesson.uplink.secondary = secondary
        // It had the prefetched key; the live session may be lost at any time.
        if !secondary.isSuccessor, lesson.uplink.prefetched.isNone { prefetchKey(&lesson, &turn) }
    }

    /// The service has come on in the successor: it takes over. Before that, the old session is not given up for it.
    mutating func takeOver(_ lesson: inout Lesson, _ turn: inout Turn) {
        guard let successor = lesson.uplink.secondary else { return }
        let old = lesson.uplink.primary.sessionID
        lesson.uplink.primary.cancel(&turn)
        if let old { closeTrack(old, &lesson, &turn) }
        succeed(successor, &lesson, &turn)
    }

    /// The attempt has failed, or its session is lost.
    mutating func secondaryFailed(_ failure: UplinkFailure, _ lesson: inout Lesson, _ turn: inout Turn) {
        guard let secondary = lesson.uplink.secondary else { return }
        if let request = secondary.session { closeTrack(request.id, &lesson, &turn) }
        let policy = settings.reconnect
        let verdict = Classification.verdict(
            on: failure, on503: policy.on503, keyWasGood: secondary.session?.isPrefetchedKey ?? false)
        let step = verdict == .busy ? max(2, secondary.tries + 1) : secondary.tries + 1
        var wait = policy.delay(beforeAttempt: step, random: &random)
        // A session that is over as soon as it began is no renewal, whatever it says.
        let isRenewal = verdict.isRenewal && secondary.attempt.isLive
            && turn.now.milliseconds(since: secondary.attempt.since) >= Limits.stableSessionMilliseconds
        if isRenewal {
            wait = 0
            lesson.uplink.secondary?.tries = 0
        } else if !verdict.isTransient || secondary.tries >= policy.attempts {
            wait = policy.probeDelay(random: &random) ?? Limits.prefetchRetryMilliseconds
        }
        if verdict == .renewKey { dropPrefetched(&lesson, &turn) }
        if secondary.isSecondHearing {
            wait = max(wait, Limits.secondHearingRetryMilliseconds)
            lesson.uplink.secondHearingAt = turn.after(milliseconds: wait)
        }
        // A place that others have is no fault of the gap's.
        if secondary.fillsGap, !isRenewal, verdict != .busy { lesson.uplink.gapTries += 1 }
        let line = "side attempt=\(secondary.tries) in_ms=\(wait) reason=\(LogEntry.quoted(failure.detail))"
        turn.log(isRenewal ? .info : .warning, line)
        // The place beside the live session is free for what is worth more than a second hearing.
        guard lesson.stage == .recording, !secondary.isSecondHearing, lesson.uplink.gapTries < Limits.gapTries else {
            lesson.uplink.secondary?.attempt.end(&turn)
            lesson.uplink.secondary = nil
            closeWhenComplete(&lesson, &turn)
            return
        }
        lesson.uplink.secondary?.attempt.backOff(until: turn.after(milliseconds: wait), &turn)
    }

    /// Whatever it has come to.
    func closeSecondary(_ lesson: inout Lesson, _ turn: inout Turn) {
        guard lesson.uplink.hasSecondary else { return }
        let session = lesson.uplink.secondary?.attempt.sessionID
        lesson.uplink.secondary?.attempt.cancel(&turn)
        lesson.uplink.secondary = nil
        if let session { closeTrack(session, &lesson, &turn) }
    }
}
