/// The way to the speech service: attempts, and what is heard when one succeeds.
extension Recorder {
    mutating func receiveUplink(_ input: RecorderInput, _ lesson: inout Lesson, _ turn: inout Turn) {
        switch input {
        case .token(let attempt, let key):
            receiveKey(key, attempt: attempt, &lesson, &turn)
        case .tokenFailed(let attempt, let failure):
            keyFailed(failure, attempt: attempt, &lesson, &turn)
        case .sessionOpened(let session, let took):
            sessionOpened(session, took: took, &lesson, &turn)
        case .sessionMessage(let session, let message):
            receiveMessage(message, session, &lesson, &turn)
        case .sessionClosed(let session, let failure):
            let failure = failure ?? UplinkFailure(.closedEarly, "the service closed the connection")
            sessionClosed(session, failure, &lesson, &turn)
        case .networkChanged(let what):
            networkChanged(what, &lesson, &turn)
        case .networkLost(let what):
            networkLost(what, &lesson, &turn)
        default:
            break
        }
    }

    // MARK: Attempts

    mutating func beginAttempt(_ lesson: inout Lesson, _ turn: inout Turn) {
        // A packet into a dead link only makes the kernel ask for its neighbour in vain (arp(7): three times, a second
        // apart), and what is sent when the link is back waits for that, or fails with it. A probe goes out all the
        // same: what is known of the network may be wrong.
        if let networkLoss, lesson.uplink.givenUp == nil {
            let failure = UplinkFailure(.unreachable, networkLoss)
            attemptFailed(failure, &lesson, &turn)
            return
        }
        if let earliest = lesson.uplink.earliestAttempt, turn.now < earliest {
            lesson.uplink.link = .waiting(until: earliest)
            return
        }
        lesson.uplink.attemptedAt = turn.now
        if lesson.uplink.givenUp == nil { lesson.uplink.burst = max(1, lesson.uplink.burst) }
        // Every attempt but the first begins with what is known being safe.
        if lesson.uplink.requests > 0 { commitForAttempt(&lesson, &turn) }
        if let key = takeSpare(&lesson, &turn) {
            connect(key, isSpare: true, &lesson, &turn)
        } else {
            // A fresh key for every session: an old one may be what ended the last.
            let deadline = turn.after(milliseconds: Limits.attemptMilliseconds)
            lesson.uplink.link = .requesting(attempt: fetchKey(&lesson, &turn), deadline: deadline)
        }
    }

    mutating func connect(_ key: SessionKey, isSpare: Bool, _ lesson: inout Lesson, _ turn: inout Turn) {
        let base = skipping(lesson.transcript.baseOfNextSession(head: head), lesson, &turn)
        let request = request(key, isSpare: isSpare, base: base, end: nil, &lesson, turn)
        let deadline = turn.after(milliseconds: Limits.attemptMilliseconds)
        lesson.uplink.link = .connecting(request, deadline: deadline)
        turn.emit(.openSession(request))
    }

    mutating func request(
        _ key: SessionKey, isSpare: Bool, base: SampleIndex, end: SampleIndex?, _ lesson: inout Lesson, _ turn: Turn
    ) -> SessionRequest {
        newestSession += 1
        lesson.uplink.sessions += 1
        return SessionRequest(
            number: newestSession, key: key, isSpareKey: isSpare, recording: lesson.header.id, base: base,
            end: end, catchUpRate: holdsPace(from: base, lesson, turn) ? 1 : settings.catchUpRate)
    }

    /// After STOP, a session that keeps to real time is of use only when it comes to the end while it is waited for.
    private func holdsPace(from base: SampleIndex, _ lesson: Lesson, _ turn: Turn) -> Bool {
        guard lesson.uplink.isPaceHeld else { return false }
        let left: Int64
        switch lesson.stage {
        case .recording: return true
        case .stoppingCapture: left = Limits.finishMilliseconds
        case .finalWords(let deadline), .closingStore(let deadline): left = deadline.milliseconds(since: turn.now)
        }
        return (lesson.end ?? head).samples(since: base) <= left * SampleIndex.samplesPerMillisecond
    }

    /// Whatever of an attempt is under way is not waited for.
    mutating func cancelAttempt(_ lesson: inout Lesson, _ turn: inout Turn) {
        switch lesson.uplink.link {
        case .requesting(let attempt, _): turn.emit(.cancelToken(attempt: attempt))
        case .connecting(let request, _): turn.emit(.closeSession(request.number))
        case .off, .waiting, .live, .finished, .failed: break
        }
    }

    /// - Parameter keyWasGood: see `Classification.verdict`.
    mutating func attemptFailed(
        _ failure: UplinkFailure, keyWasGood: Bool = false, _ lesson: inout Lesson, _ turn: inout Turn
    ) {
        lesson.lastError = failure.detail
        let policy = settings.reconnect
        let verdict = Classification.verdict(on: failure, on503: policy.on503, keyWasGood: keyWasGood)
        guard lesson.stage == .recording || (verdict == .retry && wantsLastWords(lesson)) else {
            lesson.uplink.link = .failed(.transcription(failure.detail), .never)
            closeWhenComplete(&lesson, &turn)
            return
        }
        switch verdict {
        case .retry:
            guard lesson.uplink.givenUp == nil, lesson.uplink.burst < policy.attempts else {
                giveUp(failure, probe: nextProbe(turn), &lesson, &turn)
                return
            }
            lesson.uplink.burst += 1
            let isStale = isStale(failure, lesson, turn)
            if isStale { lesson.uplink.changedAt = nil }
            let wait = isStale ? 0 : policy.delay(beforeAttempt: lesson.uplink.burst, random: &random)
            let line = "attempt n=\(lesson.uplink.burst) of=\(policy.attempts) in_ms=\(wait)"
            turn.log(.warning, line + " reason=\(LogEntry.quoted(failure.detail))")
            guard wait > 0 else {
                beginAttempt(&lesson, &turn)
                return
            }
            lesson.uplink.link = .waiting(until: turn.after(milliseconds: wait))
        case .retryAfter(let seconds):
            let wait = heldOff(seconds, &lesson, &turn)
            giveUp(failure, probe: .at(turn.after(milliseconds: wait)), &lesson, &turn)
        case .probe:
            giveUp(failure, probe: nextProbe(turn), &lesson, &turn)
        case .fatal:
            giveUp(failure, probe: .never, &lesson, &turn)
        }
        // After STOP nothing is awaited from a service that was given up.
        closeWhenComplete(&lesson, &turn)
    }

    /// How long a `Retry-After` is obeyed, in milliseconds: never sooner than the backoff would be, or a peer that says
    /// 0 would be asked without end; nor so long that the lesson is over.
    private mutating func heldOff(_ seconds: Int, _ lesson: inout Lesson, _ turn: inout Turn) -> Int64 {
        if lesson.uplink.givenUp == nil { lesson.uplink.busyAnswers = 0 }
        lesson.uplink.busyAnswers += 1
        let floor = settings.reconnect.delay(beforeAttempt: lesson.uplink.busyAnswers + 1, random: &random)
        if Int64(seconds) * 1_000 > Limits.retryAfterMilliseconds {
            let line = "retry-after asked_s=\(seconds) obeyed_s=\(Limits.retryAfterMilliseconds / 1_000)"
            turn.log(.warning, line)
        }
        return max(floor, Limits.retryAfterMilliseconds(seconds))
    }

    /// Not for each of many attempts: what is older than a commit's own time is safe already.
    private func commitForAttempt(_ lesson: inout Lesson, _ turn: inout Turn) {
        let last = lesson.uplink.committedAt
        if let last, turn.now.milliseconds(since: last) < Limits.commitMilliseconds { return }
        lesson.uplink.committedAt = turn.now
        turn.emit(.commitStore)
    }

    /// The first attempt after a change of the network may have failed for what was before: see
    /// `Limits.neighbourMilliseconds`. The second is made at once then, but no third.
    private func isStale(_ failure: UplinkFailure, _ lesson: Lesson, _ turn: Turn) -> Bool {
        guard failure.kind == .unreachable, let changed = lesson.uplink.changedAt else { return false }
        return turn.now.milliseconds(since: changed) < Limits.neighbourMilliseconds
    }

    /// The connection was lost after STOP, before the last words came: what time there is for them is used.
    private func wantsLastWords(_ lesson: Lesson) -> Bool {
        switch lesson.stage {
        case .stoppingCapture, .finalWords: lesson.transcript.coverage.end < lesson.end ?? SampleIndex(.max)
        case .recording, .closingStore: false
        }
    }

    private mutating func nextProbe(_ turn: Turn) -> UplinkState.Probe {
        guard let wait = settings.reconnect.probeDelay(random: &random) else { return .onNetworkChange }
        return .at(turn.after(milliseconds: wait))
    }

    private func giveUp(
        _ failure: UplinkFailure, probe: UplinkState.Probe, _ lesson: inout Lesson, _ turn: inout Turn
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
        turn.log(first ? .error : .debug, line)
    }

    // MARK: Sessions

    private mutating func sessionOpened(_ session: Int, took: Int64, _ lesson: inout Lesson, _ turn: inout Turn) {
        if case .connecting(let request, _) = lesson.uplink.link, request.number == session {
            goLive(request, took: took, &lesson, &turn)
        } else if case .connecting(let request, _)? = lesson.uplink.side?.step, request.number == session {
            sideOpened(request, took: took, &lesson, &turn)
        } else {
            turn.emit(.closeSession(session))
        }
    }

    mutating func goLive(_ request: SessionRequest, took: Int64, _ lesson: inout Lesson, _ turn: inout Turn) {
        lesson.uplink.link = .live(request, since: turn.now)
        lesson.uplink.lastLive = turn.now
        lesson.uplink.holeTries = 0
        lesson.transcript.open(session: request.number, base: request.base)
        let replayed = max(0, head.samples(since: request.base)) / SampleIndex.samplesPerMillisecond
        let line = "live session=\(request.number) took_ms=\(took) replayed_ms=\(replayed)"
        turn.log(.info, line + " from_ms=\(request.base.milliseconds)")
        if let end = lesson.end {
            turn.emit(.finishSession(request.number, end: end))
        } else if !lesson.uplink.hasSpare {
            fetchSpare(&lesson, &turn)
        }
    }

    private mutating func receiveMessage(
        _ message: ServiceMessage, _ session: Int, _ lesson: inout Lesson, _ turn: inout Turn
    ) {
        if message.showsProgress, case .proving(let request, _, _)? = lesson.uplink.side?.step,
            request.number == session
        {
            takeOver(&lesson, &turn)
        }
        if case .live(let request, _) = lesson.uplink.link, request.number == session {
            if message.showsProgress {
                lesson.uplink.progressed = session
                lesson.uplink.wasLive = true
                lesson.uplink.givenUp = nil
            }
            // A service that ends before it was asked to has not said the last word about the lesson.
            var heard = message
            if lesson.end == nil { heard.finished = false }
            hear(heard, session, &lesson, &turn)
            let worked = max(0, min(message.totalAudioMilliseconds, head.milliseconds))
            lesson.uplink.worked = request.base.advanced(by: worked * SampleIndex.samplesPerMillisecond)
            lesson.uplink.lastLive = turn.now
            lesson.uplink.liveHead = head
            if head.samples(since: lesson.transcript.resumePoint) < Limits.behindSamples {
                lesson.uplink.isPaceHeld = false
            }
            if message.finished { finished(session, &lesson, &turn) }
        } else if case .live(let request)? = lesson.uplink.side?.step, request.number == session {
            hear(message, session, &lesson, &turn)
            lesson.uplink.side?.answerDue = turn.after(milliseconds: Limits.quietSessionMilliseconds)
            if message.finished { holeFilled(session, &lesson, &turn) }
        }
    }

    private func hear(_ message: ServiceMessage, _ session: Int, _ lesson: inout Lesson, _ turn: inout Turn) {
        lesson.uplink.heard = session
        turn.reached(message)
        // Nothing lies beyond what was recorded.
        let end = lesson.end ?? head
        let interim = lesson.transcript.interim
        let update = lesson.transcript.receive(message, session: session, end: end)
        if update.unkeptVoices > 0 { turn.emit(.reached(.speakers, count: Int64(update.unkeptVoices))) }
        for match in update.speakers { turn.log(match.entry(session: session)) }
        if !update.words.isEmpty || message.finished { store(update, lesson: lesson, &turn) }
        if lesson.transcript.interim != interim { turn.emit(.interim(lesson.transcript.interim)) }
    }

    func store(_ update: LiveTranscript.Update, lesson: Lesson, _ turn: inout Turn) {
        let tokens = update.words.map { $0.token }
        let coverage = lesson.transcript.coverage
        let holes = coverage.gaps(before: coverage.end, reason: "not transcribed yet")
        turn.emit(.storeTokens(tokens, covered: coverage.withoutHoles, holes: holes))
        if !update.words.isEmpty { turn.emit(.words(update.words)) }
    }

    /// A session is over; what it has told of the voices is kept.
    func closeTrack(_ session: Int, _ lesson: inout Lesson, _ turn: inout Turn) {
        for merge in lesson.transcript.close(session: session) {
            turn.emit(.mergeSpeaker(merge.retired, into: merge.speaker))
            turn.log(merge.entry(session: session))
        }
    }

    private mutating func finished(_ session: Int, _ lesson: inout Lesson, _ turn: inout Turn) {
        turn.emit(.closeSession(session))
        guard lesson.end != nil else {
            let failure = UplinkFailure(.closedEarly, "the service finished before the lesson did")
            sessionLost(failure, &lesson, &turn)
            return
        }
        closeTrack(session, &lesson, &turn)
        lesson.uplink.link = .finished
        closeWhenComplete(&lesson, &turn)
    }

    private mutating func sessionClosed(
        _ session: Int, _ failure: UplinkFailure, _ lesson: inout Lesson, _ turn: inout Turn
    ) {
        if let current = lesson.uplink.session, current.number == session {
            sessionLost(failure, &lesson, &turn)
        } else if let side = lesson.uplink.side?.session, side.number == session {
            sideFailed(failure, &lesson, &turn)
        }
    }

    /// The session of the live text is over, or did not come about.
    mutating func sessionLost(_ failure: UplinkFailure, _ lesson: inout Lesson, _ turn: inout Turn) {
        guard let request = lesson.uplink.session else { return }
        let keyWasGood = request.isSpareKey || lesson.uplink.heard == request.number
        guard case .live(_, let since) = lesson.uplink.link else {
            attemptFailed(failure, keyWasGood: keyWasGood, &lesson, &turn)
            return
        }
        if livedUntil(failure, lesson, turn).milliseconds(since: since) >= Limits.stableSessionMilliseconds {
            lesson.uplink.burst = 0
        }
        holdPace(after: failure, lesson: &lesson)
        noteUnreadable(failure, request, lesson: &lesson)
        if !lesson.transcript.interim.isEmpty { turn.emit(.interim("")) }
        closeTrack(request.number, &lesson, &turn)
        turn.emit(.commitStore)
        if promoteSuccessor(failure, &lesson, &turn) { return }
        closeSide(&lesson, &turn)
        attemptFailed(failure, keyWasGood: keyWasGood, &lesson, &turn)
    }

    /// When the session last showed life: that it is silent is only noticed after seconds, and one that never said
    /// anything is no success.
    private func livedUntil(_ failure: UplinkFailure, _ lesson: Lesson, _ turn: Turn) -> MonotonicTime {
        switch failure.kind {
        case .stalled, .timeout: lesson.uplink.lastLive ?? turn.now
        default: turn.now
        }
    }

    /// SPEECH: prolonged bursts may be disconnected. A session that the service itself ended while it was catching up
    /// is followed by one that keeps to real time.
    private func holdPace(after failure: UplinkFailure, lesson: inout Lesson) {
        switch failure.kind {
        case .service, .closedEarly:
            let isBehind = head.samples(since: lesson.transcript.resumePoint) > Limits.behindSamples
            if isBehind { lesson.uplink.isPaceHeld = true }
        default:
            break
        }
    }
}

extension ServiceMessage {
    /// The service has worked through some of what it was sent: it does not only answer.
    var showsProgress: Bool { totalAudioMilliseconds > 0 || !tokens.isEmpty || finished }
}
