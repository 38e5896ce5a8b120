/// The session beside the live one: its successor, made before it is broken off, or one that fills a hole.
extension Recorder {
    mutating func beginSuccessor(_ lesson: inout Lesson, _ turn: inout Turn) {
        // A hole that is being filled goes on afterwards from where it has come.
        closeSide(&lesson, &turn)
        beginSide(UplinkState.Side(purpose: .successor, step: .waiting(until: turn.now)), &lesson, &turn)
    }

    // MARK: Holes

    /// Live words come first: a hole waits until the live session has proved stable.
    func holeAt(_ lesson: Lesson) -> MonotonicTime? {
        guard lesson.stage == .recording, !lesson.uplink.hasSide, let live = lesson.uplink.live,
            lesson.uplink.holeTries < Limits.holeTries, lesson.transcript.hole(before: live.request.number) != nil
        else { return nil }
        return live.since.adding(milliseconds: Limits.stableSessionMilliseconds)
    }

    mutating func fillHole(_ lesson: inout Lesson, _ turn: inout Turn) {
        guard let live = lesson.uplink.live, let hole = lesson.transcript.hole(before: live.request.number)
        else { return }
        beginSide(UplinkState.Side(purpose: .hole(hole), step: .waiting(until: turn.now)), &lesson, &turn)
    }

    mutating func holeFilled(_ session: Int, _ lesson: inout Lesson, _ turn: inout Turn) {
        turn.emit(.closeSession(session))
        turn.log(.info, "hole state=filled session=\(session)")
        closeTrack(session, &lesson, &turn)
        lesson.uplink.side = nil
        if lesson.stage != .recording { closeWhenComplete(&lesson, &turn) }
    }

    // MARK: Attempts

    private mutating func beginSide(_ side: UplinkState.Side, _ lesson: inout Lesson, _ turn: inout Turn) {
        var side = side
        if let earliest = lesson.uplink.earliestAttempt, turn.now < earliest {
            side.step = .waiting(until: earliest)
            lesson.uplink.side = side
            return
        }
        lesson.uplink.attemptedAt = turn.now
        side.tries += 1
        lesson.uplink.side = side
        if let key = takeSpare(&lesson, &turn) {
            connectSide(key, isSpare: true, &lesson, &turn)
        } else {
            let deadline = turn.after(milliseconds: Limits.attemptMilliseconds)
            let attempt = fetchKey(&lesson, &turn)
            lesson.uplink.side?.step = .requesting(attempt: attempt, deadline: deadline)
        }
    }

    mutating func connectSide(_ key: SessionKey, isSpare: Bool, _ lesson: inout Lesson, _ turn: inout Turn) {
        guard let side = lesson.uplink.side else { return }
        let base: SampleIndex
        var end: SampleIndex?
        switch side.purpose {
        case .successor:
            base = skipping(lesson.transcript.overlapped(lesson.transcript.resumePoint), lesson, &turn)
        case .hole(let hole):
            base = lesson.transcript.overlapped(hole.lowerBound)
            // So far that the voices on the other side are heard too.
            end = min(lesson.end ?? SampleIndex(.max), hole.upperBound.advanced(by: Limits.longestOverlapSamples))
        }
        let request = request(key, isSpare: isSpare, base: base, end: end, &lesson, turn)
        let deadline = turn.after(milliseconds: Limits.attemptMilliseconds)
        lesson.uplink.side?.step = .connecting(request, deadline: deadline)
        turn.emit(.openSession(request))
    }

    mutating func sideOpened(_ request: SessionRequest, took: Int64, _ lesson: inout Lesson, _ turn: inout Turn) {
        switch lesson.uplink.side?.purpose {
        case .successor:
            let deadline = turn.after(milliseconds: Limits.attemptMilliseconds)
            lesson.uplink.side?.step = .proving(request, tookMilliseconds: took, deadline: deadline)
        case .hole(let hole):
            lesson.transcript.open(session: request.number, base: request.base, hole: hole)
            lesson.uplink.side?.step = .live(request)
            lesson.uplink.side?.answerDue = turn.after(milliseconds: Limits.quietSessionMilliseconds)
            let span = "from_ms=\(hole.lowerBound.milliseconds) to_ms=\(hole.upperBound.milliseconds)"
            turn.log(.info, "hole state=filling session=\(request.number) " + span)
            // The hole had the spare key; the live session may be lost at any time.
            if !lesson.uplink.hasSpare { fetchSpare(&lesson, &turn) }
        case .none:
            turn.emit(.closeSession(request.number))
        }
    }

    /// The service has come on in the successor: it takes over. Before that, the old session is not given up for it.
    mutating func takeOver(_ lesson: inout Lesson, _ turn: inout Turn) {
        guard case .proving(let request, let took, _)? = lesson.uplink.side?.step else { return }
        lesson.uplink.side = nil
        if let old = lesson.uplink.live?.request {
            turn.emit(.closeSession(old.number))
            closeTrack(old.number, &lesson, &turn)
        }
        goLive(request, took: took, &lesson, &turn)
    }

    mutating func sideFailed(_ failure: UplinkFailure, _ lesson: inout Lesson, _ turn: inout Turn) {
        guard var side = lesson.uplink.side else { return }
        if let request = side.session { closeTrack(request.number, &lesson, &turn) }
        let policy = settings.reconnect
        var wait = policy.delay(beforeAttempt: side.tries + 1, random: &random)
        let verdict = Classification.verdict(
            on: failure, on503: policy.on503, keyWasGood: side.session?.isSpareKey ?? false)
        if verdict != .retry || side.tries >= policy.attempts {
            wait = policy.probeDelay(random: &random) ?? Limits.spareRetryMilliseconds
        }
        if case .hole = side.purpose { lesson.uplink.holeTries += 1 }
        let line = "side attempt=\(side.tries) in_ms=\(wait) reason=\(LogEntry.quoted(failure.detail))"
        turn.log(.warning, line)
        guard lesson.stage == .recording, lesson.uplink.holeTries < Limits.holeTries else {
            lesson.uplink.side = nil
            closeWhenComplete(&lesson, &turn)
            return
        }
        side.step = .waiting(until: turn.after(milliseconds: wait))
        lesson.uplink.side = side
    }

    mutating func sideDeadline(_ lesson: inout Lesson, _ turn: inout Turn) {
        guard let side = lesson.uplink.side else { return }
        switch side.step {
        case .waiting:
            // What a hole session had already filled is not asked for again.
            guard let side = refreshed(side, lesson) else {
                lesson.uplink.side = nil
                return
            }
            beginSide(side, &lesson, &turn)
        case .requesting(let attempt, _):
            turn.emit(.cancelToken(attempt: attempt))
            let failure = UplinkFailure(.timeout, "the token endpoint did not answer")
            sideFailed(failure, &lesson, &turn)
        case .connecting(let request, _), .proving(let request, _, _):
            turn.emit(.closeSession(request.number))
            let failure = UplinkFailure(.timeout, "the speech service did not answer")
            sideFailed(failure, &lesson, &turn)
        case .live(let request):
            turn.emit(.closeSession(request.number))
            let failure = UplinkFailure(.stalled, "the speech service said nothing any more")
            sideFailed(failure, &lesson, &turn)
        }
    }

    private func refreshed(_ side: UplinkState.Side, _ lesson: Lesson) -> UplinkState.Side? {
        guard case .hole = side.purpose else { return side }
        guard let live = lesson.uplink.live, let hole = lesson.transcript.hole(before: live.request.number)
        else { return nil }
        var side = side
        side.purpose = .hole(hole)
        return side
    }

    // MARK: Ends

    /// The live session was lost while its successor was on the way: that is attempt 1 then.
    /// - Returns: whether there was one.
    mutating func promoteSuccessor(_ failure: UplinkFailure, _ lesson: inout Lesson, _ turn: inout Turn) -> Bool {
        guard let side = lesson.uplink.side, case .successor = side.purpose, lesson.stage == .recording else {
            return false
        }
        switch side.step {
        case .requesting(let attempt, let deadline):
            lesson.uplink.link = .requesting(attempt: attempt, deadline: deadline)
        case .connecting(let request, let deadline):
            lesson.uplink.link = .connecting(request, deadline: deadline)
        case .proving(let request, let took, _):
            goLive(request, took: took, &lesson, &turn)
        case .waiting, .live:
            return false
        }
        lesson.uplink.side = nil
        lesson.uplink.burst = max(1, lesson.uplink.burst)
        lesson.lastError = failure.detail
        let line = "attempt n=\(lesson.uplink.burst) of=\(settings.reconnect.attempts) in_ms=0"
        turn.log(.warning, line + " reason=\(LogEntry.quoted(failure.detail))")
        return true
    }

    func closeSide(_ lesson: inout Lesson, _ turn: inout Turn) {
        guard let side = lesson.uplink.side else { return }
        switch side.step {
        case .waiting:
            break
        case .requesting(let attempt, _):
            turn.emit(.cancelToken(attempt: attempt))
        case .connecting(let request, _), .proving(let request, _, _), .live(let request):
            turn.emit(.closeSession(request.number))
            closeTrack(request.number, &lesson, &turn)
        }
        lesson.uplink.side = nil
    }
}

extension UplinkState {
    /// Attempts keep their distance, whatever flaps.
    var earliestAttempt: MonotonicTime? {
        attemptedAt?.adding(milliseconds: Limits.attemptSpacingMilliseconds)
    }
}
