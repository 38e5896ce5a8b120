/// The way to the speech service: attempts, and what is heard when one succeeds.
extension Recorder {
    mutating func receiveUplink(
        _ input: RecorderInput, lesson: inout Lesson, now: MonotonicTime, effects: inout [RecorderEffect]
    ) {
        switch input {
        case .token(let attempt, let key):
            receiveKey(key, attempt: attempt, lesson: &lesson, now: now, effects: &effects)
        case .tokenFailed(let attempt, let failure):
            keyFailed(failure, attempt: attempt, lesson: &lesson, now: now, effects: &effects)
        case .sessionOpened(let session, let took):
            sessionOpened(session, took: took, lesson: &lesson, now: now, effects: &effects)
        case .sessionMessage(let session, let message):
            receiveMessage(message, session, lesson: &lesson, now: now, effects: &effects)
        case .sessionClosed(let session, let failure):
            let failure = failure ?? UplinkFailure(.closedEarly, "the service closed the connection")
            sessionClosed(session, failure, lesson: &lesson, now: now, effects: &effects)
        case .networkChanged(let what):
            networkChanged(what, lesson: &lesson, now: now, effects: &effects)
        case .networkLost(let what):
            networkLost(what, lesson: &lesson, now: now, effects: &effects)
        default:
            break
        }
    }

    // MARK: Attempts

    mutating func beginAttempt(lesson: inout Lesson, now: MonotonicTime, effects: inout [RecorderEffect]) {
        // A packet into a dead link only makes the kernel ask for its neighbour in vain (arp(7): three times, a second
        // apart), and what is sent when the link is back waits for that, or fails with it. A probe goes out all the
        // same: what is known of the network may be wrong.
        if let networkLoss, lesson.uplink.givenUp == nil {
            let failure = UplinkFailure(.unreachable, networkLoss)
            attemptFailed(failure, lesson: &lesson, now: now, effects: &effects)
            return
        }
        if let earliest = lesson.uplink.earliestAttempt, now < earliest {
            lesson.uplink.link = .waiting(until: earliest)
            return
        }
        lesson.uplink.attemptedAt = now
        if lesson.uplink.givenUp == nil { lesson.uplink.burst = max(1, lesson.uplink.burst) }
        // Every attempt but the first begins with what is known being safe.
        if lesson.uplink.requests > 0 { commitForAttempt(lesson: &lesson, now: now, effects: &effects) }
        if let key = takeSpare(lesson: &lesson, now: now, effects: &effects) {
            connect(key, isSpare: true, lesson: &lesson, now: now, effects: &effects)
        } else {
            // A fresh key for every session: an old one may be what ended the last.
            let deadline = now.adding(milliseconds: Limits.attemptMilliseconds)
            lesson.uplink.link = .requesting(attempt: fetchKey(lesson: &lesson, effects: &effects), deadline: deadline)
        }
    }

    mutating func connect(
        _ key: SessionKey, isSpare: Bool, lesson: inout Lesson, now: MonotonicTime, effects: inout [RecorderEffect]
    ) {
        let base = skipping(lesson.transcript.baseOfNextSession(head: head), lesson, &effects)
        let request = request(key, isSpare: isSpare, base: base, end: nil, lesson: &lesson, now: now)
        let deadline = now.adding(milliseconds: Limits.attemptMilliseconds)
        lesson.uplink.link = .connecting(request, deadline: deadline)
        effects.append(.openSession(request))
    }

    mutating func request(
        _ key: SessionKey, isSpare: Bool, base: SampleIndex, end: SampleIndex?, lesson: inout Lesson,
        now: MonotonicTime
    ) -> SessionRequest {
        newestSession += 1
        lesson.uplink.sessions += 1
        return SessionRequest(
            number: newestSession, key: key, isSpareKey: isSpare, recording: lesson.header.id, base: base,
            end: end, catchUpRate: holdsPace(from: base, lesson, now) ? 1 : settings.catchUpRate)
    }

    /// After STOP, a session that keeps to real time is of use only when it comes to the end while it is waited for.
    private func holdsPace(from base: SampleIndex, _ lesson: Lesson, _ now: MonotonicTime) -> Bool {
        guard lesson.uplink.isPaceHeld else { return false }
        let left: Int64
        switch lesson.stage {
        case .recording: return true
        case .stoppingCapture: left = Limits.finishMilliseconds
        case .finalWords(let deadline), .closingStore(let deadline): left = deadline.milliseconds(since: now)
        }
        return (lesson.end ?? head).samples(since: base) <= left * SampleIndex.samplesPerMillisecond
    }

    /// Whatever of an attempt is under way is not waited for.
    mutating func cancelAttempt(lesson: inout Lesson, effects: inout [RecorderEffect]) {
        switch lesson.uplink.link {
        case .requesting(let attempt, _): effects.append(.cancelToken(attempt: attempt))
        case .connecting(let request, _): effects.append(.closeSession(request.number))
        case .off, .waiting, .live, .finished, .failed: break
        }
    }

    /// - Parameter keyWasGood: see `Classification.verdict`.
    mutating func attemptFailed(
        _ failure: UplinkFailure, keyWasGood: Bool = false, lesson: inout Lesson, now: MonotonicTime,
        effects: inout [RecorderEffect]
    ) {
        lesson.lastError = failure.detail
        let policy = settings.reconnect
        let verdict = Classification.verdict(on: failure, on503: policy.on503, keyWasGood: keyWasGood)
        guard lesson.stage == .recording || (verdict == .retry && wantsLastWords(lesson)) else {
            lesson.uplink.link = .failed(.transcription(failure.detail), .never)
            closeWhenComplete(lesson: &lesson, now: now, effects: &effects)
            return
        }
        switch verdict {
        case .retry:
            guard lesson.uplink.givenUp == nil, lesson.uplink.burst < policy.attempts else {
                giveUp(failure, probe: nextProbe(now), lesson: &lesson, effects: &effects)
                return
            }
            lesson.uplink.burst += 1
            let isStale = isStale(failure, lesson, now)
            if isStale { lesson.uplink.changedAt = nil }
            let wait = isStale ? 0 : policy.delay(beforeAttempt: lesson.uplink.burst, random: &random)
            let line = "attempt n=\(lesson.uplink.burst) of=\(policy.attempts) in_ms=\(wait)"
            effects.append(.log(LogEntry(.warning, line + " reason=\(LogEntry.quoted(failure.detail))")))
            guard wait > 0 else {
                beginAttempt(lesson: &lesson, now: now, effects: &effects)
                return
            }
            lesson.uplink.link = .waiting(until: now.adding(milliseconds: wait))
        case .retryAfter(let seconds):
            let wait = heldOff(seconds, lesson: &lesson, effects: &effects)
            giveUp(failure, probe: .at(now.adding(milliseconds: wait)), lesson: &lesson, effects: &effects)
        case .probe:
            giveUp(failure, probe: nextProbe(now), lesson: &lesson, effects: &effects)
        case .fatal:
            giveUp(failure, probe: .never, lesson: &lesson, effects: &effects)
        }
        // After STOP nothing is awaited from a service that was given up.
        closeWhenComplete(lesson: &lesson, now: now, effects: &effects)
    }

    /// How long a `Retry-After` is obeyed, in milliseconds: never sooner than the backoff would be, or a peer that says
    /// 0 would be asked without end; nor so long that the lesson is over.
    private mutating func heldOff(
        _ seconds: Int, lesson: inout Lesson, effects: inout [RecorderEffect]
    ) -> Int64 {
        if lesson.uplink.givenUp == nil { lesson.uplink.busyAnswers = 0 }
        lesson.uplink.busyAnswers += 1
        let floor = settings.reconnect.delay(beforeAttempt: lesson.uplink.busyAnswers + 1, random: &random)
        if Int64(seconds) * 1_000 > Limits.retryAfterMilliseconds {
            let line = "retry-after asked_s=\(seconds) obeyed_s=\(Limits.retryAfterMilliseconds / 1_000)"
            effects.append(.log(LogEntry(.warning, line)))
        }
        return max(floor, Limits.retryAfterMilliseconds(seconds))
    }

    /// Not for each of many attempts: what is older than a commit's own time is safe already.
    private func commitForAttempt(lesson: inout Lesson, now: MonotonicTime, effects: inout [RecorderEffect]) {
        if let last = lesson.uplink.committedAt, now.milliseconds(since: last) < Limits.commitMilliseconds { return }
        lesson.uplink.committedAt = now
        effects.append(.commitStore)
    }

    /// The first attempt after a change of the network may have failed for what was before: see
    /// `Limits.neighbourMilliseconds`. The second is made at once then, but no third.
    private func isStale(_ failure: UplinkFailure, _ lesson: Lesson, _ now: MonotonicTime) -> Bool {
        guard failure.kind == .unreachable, let changed = lesson.uplink.changedAt else { return false }
        return now.milliseconds(since: changed) < Limits.neighbourMilliseconds
    }

    /// The connection was lost after STOP, before the last words came: what time there is for them is used.
    private func wantsLastWords(_ lesson: Lesson) -> Bool {
        switch lesson.stage {
        case .stoppingCapture, .finalWords: lesson.transcript.coverage.end < lesson.end ?? SampleIndex(.max)
        case .recording, .closingStore: false
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

    // MARK: Sessions

    private mutating func sessionOpened(
        _ session: Int, took: Int64, lesson: inout Lesson, now: MonotonicTime, effects: inout [RecorderEffect]
    ) {
        if case .connecting(let request, _) = lesson.uplink.link, request.number == session {
            goLive(request, took: took, lesson: &lesson, now: now, effects: &effects)
        } else if case .connecting(let request, _)? = lesson.uplink.side?.step, request.number == session {
            sideOpened(request, took: took, lesson: &lesson, now: now, effects: &effects)
        } else {
            effects.append(.closeSession(session))
        }
    }

    mutating func goLive(
        _ request: SessionRequest, took: Int64, lesson: inout Lesson, now: MonotonicTime,
        effects: inout [RecorderEffect]
    ) {
        lesson.uplink.link = .live(request, since: now)
        lesson.uplink.lastLive = now
        lesson.uplink.holeTries = 0
        lesson.transcript.open(session: request.number, base: request.base)
        let replayed = max(0, head.samples(since: request.base)) / SampleIndex.samplesPerMillisecond
        let line = "live session=\(request.number) took_ms=\(took) replayed_ms=\(replayed)"
        effects.append(.log(LogEntry(.info, line + " from_ms=\(request.base.milliseconds)")))
        if let end = lesson.end {
            effects.append(.finishSession(request.number, end: end))
        } else if !lesson.uplink.hasSpare {
            fetchSpare(lesson: &lesson, now: now, effects: &effects)
        }
    }

    private mutating func receiveMessage(
        _ message: ServiceMessage, _ session: Int, lesson: inout Lesson, now: MonotonicTime,
        effects: inout [RecorderEffect]
    ) {
        if message.showsProgress, case .proving(let request, _, _)? = lesson.uplink.side?.step,
            request.number == session
        {
            takeOver(lesson: &lesson, now: now, effects: &effects)
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
            hear(heard, session, lesson: &lesson, effects: &effects)
            let worked = max(0, min(message.totalAudioMilliseconds, head.milliseconds))
            lesson.uplink.worked = request.base.advanced(by: worked * SampleIndex.samplesPerMillisecond)
            lesson.uplink.lastLive = now
            lesson.uplink.liveHead = head
            if head.samples(since: lesson.transcript.resumePoint) < Limits.behindSamples {
                lesson.uplink.isPaceHeld = false
            }
            if message.finished { finished(session, lesson: &lesson, now: now, effects: &effects) }
        } else if case .live(let request)? = lesson.uplink.side?.step, request.number == session {
            hear(message, session, lesson: &lesson, effects: &effects)
            lesson.uplink.side?.answerDue = now.adding(milliseconds: Limits.quietSessionMilliseconds)
            if message.finished { holeFilled(session, lesson: &lesson, now: now, effects: &effects) }
        }
    }

    private func hear(
        _ message: ServiceMessage, _ session: Int, lesson: inout Lesson, effects: inout [RecorderEffect]
    ) {
        lesson.uplink.heard = session
        effects.reached(message)
        // Nothing lies beyond what was recorded.
        let end = lesson.end ?? head
        let interim = lesson.transcript.interim
        let update = lesson.transcript.receive(message, session: session, end: end)
        if update.unkeptVoices > 0 { effects.append(.reached(.speakers, count: Int64(update.unkeptVoices))) }
        for match in update.speakers { effects.append(.log(match.entry(session: session))) }
        if !update.words.isEmpty || message.finished { store(update, lesson: lesson, effects: &effects) }
        if lesson.transcript.interim != interim { effects.append(.interim(lesson.transcript.interim)) }
    }

    func store(_ update: LiveTranscript.Update, lesson: Lesson, effects: inout [RecorderEffect]) {
        let tokens = update.words.map { $0.token }
        let coverage = lesson.transcript.coverage
        let holes = coverage.gaps(before: coverage.end, reason: "not transcribed yet")
        effects.append(.storeTokens(tokens, covered: coverage.withoutHoles, holes: holes))
        if !update.words.isEmpty { effects.append(.words(update.words)) }
    }

    /// A session is over; what it has told of the voices is kept.
    func closeTrack(_ session: Int, lesson: inout Lesson, effects: inout [RecorderEffect]) {
        for merge in lesson.transcript.close(session: session) {
            effects.append(.mergeSpeaker(merge.retired, into: merge.speaker))
            effects.append(.log(merge.entry(session: session)))
        }
    }

    private mutating func finished(
        _ session: Int, lesson: inout Lesson, now: MonotonicTime, effects: inout [RecorderEffect]
    ) {
        effects.append(.closeSession(session))
        guard lesson.end != nil else {
            let failure = UplinkFailure(.closedEarly, "the service finished before the lesson did")
            sessionLost(failure, lesson: &lesson, now: now, effects: &effects)
            return
        }
        closeTrack(session, lesson: &lesson, effects: &effects)
        lesson.uplink.link = .finished
        closeWhenComplete(lesson: &lesson, now: now, effects: &effects)
    }

    private mutating func sessionClosed(
        _ session: Int, _ failure: UplinkFailure, lesson: inout Lesson, now: MonotonicTime,
        effects: inout [RecorderEffect]
    ) {
        if let current = lesson.uplink.session, current.number == session {
            sessionLost(failure, lesson: &lesson, now: now, effects: &effects)
        } else if let side = lesson.uplink.side?.session, side.number == session {
            sideFailed(failure, lesson: &lesson, now: now, effects: &effects)
        }
    }

    /// The session of the live text is over, or did not come about.
    mutating func sessionLost(
        _ failure: UplinkFailure, lesson: inout Lesson, now: MonotonicTime, effects: inout [RecorderEffect]
    ) {
        guard let request = lesson.uplink.session else { return }
        let keyWasGood = request.isSpareKey || lesson.uplink.heard == request.number
        guard case .live(_, let since) = lesson.uplink.link else {
            attemptFailed(failure, keyWasGood: keyWasGood, lesson: &lesson, now: now, effects: &effects)
            return
        }
        if livedUntil(failure, lesson, now).milliseconds(since: since) >= Limits.stableSessionMilliseconds {
            lesson.uplink.burst = 0
        }
        holdPace(after: failure, lesson: &lesson)
        noteUnreadable(failure, request, lesson: &lesson)
        if !lesson.transcript.interim.isEmpty { effects.append(.interim("")) }
        closeTrack(request.number, lesson: &lesson, effects: &effects)
        effects.append(.commitStore)
        if promoteSuccessor(failure, lesson: &lesson, now: now, effects: &effects) { return }
        closeSide(lesson: &lesson, effects: &effects)
        attemptFailed(failure, keyWasGood: keyWasGood, lesson: &lesson, now: now, effects: &effects)
    }

    /// When the session last showed life: that it is silent is only noticed after seconds, and one that never said
    /// anything is no success.
    private func livedUntil(_ failure: UplinkFailure, _ lesson: Lesson, _ now: MonotonicTime) -> MonotonicTime {
        switch failure.kind {
        case .stalled, .timeout: lesson.uplink.lastLive ?? now
        default: now
        }
    }

    /// PROTOCOL, Messages: long bursts may be disconnected. A session that the service itself ended while catching up
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
