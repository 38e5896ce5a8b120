/// What the service says in a session, and how it gets into the transcript.
extension Recorder {
    mutating func receiveMessage(
        _ message: ServiceMessage, _ session: SessionID, _ lesson: inout Lesson, _ turn: inout Turn
    ) {
        guard let place = lesson.uplink.place(ofSession: session), lesson.uplink[place].isLive else { return }
        switch place {
        case .primary:
            receivePrimary(message, session, &lesson, &turn)
        case .secondary where lesson.uplink.secondary?.isSuccessor == true:
            guard message.showsProgress else { return }
            takeOver(&lesson, &turn)
            receivePrimary(message, session, &lesson, &turn)
        case .secondary:
            hear(message, session, &lesson, &turn)
            lesson.uplink.secondary?.attempt.heard(turn)
            if message.finished {
                secondaryFinished(session, &lesson, &turn)
            } else if lesson.uplink.secondary?.fillsGap == false {
                hearVoices(session, &lesson, &turn)
            }
        }
    }

    private mutating func receivePrimary(
        _ message: ServiceMessage, _ session: SessionID, _ lesson: inout Lesson, _ turn: inout Turn
    ) {
        guard let request = lesson.uplink.primary.live else { return }
        if message.showsProgress {
            lesson.uplink.progressed = session
            lesson.uplink.hasBeenLive = true
            lesson.uplink.failure = nil
        }
        // A service that ends before it was asked to has not said the last word about the lesson.
        var heard = message
        if lesson.end == nil { heard.finished = false }
        guard hearInPlace(heard, session, &lesson, &turn) else { return }
        let worked = max(0, min(message.totalAudioMilliseconds, head.milliseconds))
        lesson.uplink.worked = request.base.advanced(by: worked * SampleIndex.samplesPerMillisecond)
        lesson.uplink.lastLive = turn.now
        lesson.uplink.primary.heard(turn)
        lesson.uplink.liveHead = head
        if head.samples(since: lesson.transcript.resumePoint) < Limits.behindSamples {
            lesson.uplink.isCatchUpDisabled = false
        }
        if message.finished { finished(session, &lesson, &turn) }
    }

    @inline(never)
    func hear(_ message: ServiceMessage, _ session: SessionID, _ lesson: inout Lesson, _ turn: inout Turn) {
        lesson.uplink.lastAnsweredSession = session
        turn.reached(message)
        // Nothing lies beyond what was recorded.
        let end = lesson.end ?? head
        let interim = lesson.transcript.interim
        let update = lesson.transcript.receive(message, session: session.rawValue, end: end)
        take(update, session, lesson, &turn)
        if update.words.isEmpty, message.finished { store(update, lesson, &turn) }
        if lesson.transcript.interim != interim { turn.emit(.interim(lesson.transcript.interim)) }
    }

    /// New words go to the journal, and what is told of their speakers to the log.
    @inline(never)
    func take(_ update: LiveTranscript.Update, _ session: SessionID?, _ lesson: Lesson, _ turn: inout Turn) {
        if update.unkeptVoices > 0 { turn.emit(.reached(.speakers, count: Int64(update.unkeptVoices))) }
        for match in update.speakers { turn.log(match.entry(session: session?.rawValue ?? 0)) }
        if !update.words.isEmpty { store(update, lesson, &turn) }
    }

    func store(_ update: LiveTranscript.Update, _ lesson: Lesson, _ turn: inout Turn) {
        let coverage = lesson.transcript.coverage
        let gaps = coverage.gaps(before: coverage.end, reason: "not transcribed yet")
        turn.emit(.store(.words(update.words, covered: coverage.withoutGaps, gaps: gaps)))
        if !update.words.isEmpty { turn.emit(.words(update.words)) }
    }

    /// The service has said its last word in the primary session.
    private mutating func finished(_ session: SessionID, _ lesson: inout Lesson, _ turn: inout Turn) {
        lesson.uplink.primary.abort(&turn)
        guard lesson.end != nil else {
            let failure = UplinkFailure(.closedEarly, "the service finished before the lesson did")
            primaryFailed(failure, &lesson, &turn)
            return
        }
        closeTrack(session, &lesson, &turn)
        lesson.uplink.primary.end(&turn)
        closeWhenComplete(&lesson, &turn)
    }
}

extension ServiceMessage {
    /// The service has worked through some of what it was sent: it does not only answer.
    var showsProgress: Bool { totalAudioMilliseconds > 0 || !tokens.isEmpty || finished }
}
