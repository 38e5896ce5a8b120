/// Sessions of a lesson: how a try begins, and where its key, its opening and its end lead. The session of the live
/// text and the one beside it go the same way here; what follows from a failure is each one's own.
extension Recorder {
    mutating func receiveUplink(_ event: UplinkEvent, _ lesson: inout Lesson, _ turn: inout Turn) {
        switch event {
        case .key(let attempt, let key):
            receiveKey(key, attempt: attempt, &lesson, &turn)
        case .keyFailed(let attempt, let failure):
            keyFailed(failure, attempt: attempt, &lesson, &turn)
        case .opened(let session, let took):
            sessionOpened(session, took: took, &lesson, &turn)
        case .message(let session, let message):
            receiveMessage(message, session, &lesson, &turn)
        case .closed(let session, let failure):
            let failure = failure ?? UplinkFailure(.closedEarly, "the service closed the connection")
            if let place = lesson.uplink.place(ofSession: session) { failed(place, failure, &lesson, &turn) }
        // The store is asked by who holds both.
        case .sent, .audioWanted:
            break
        }
    }

    // MARK: A try

    /// With the key that was fetched in advance, or with a fresh one: an old key may be what ended the last session.
    mutating func begin(_ place: UplinkState.Place, _ lesson: inout Lesson, _ turn: inout Turn) {
        if let earliest = lesson.uplink.earliestAttempt, turn.now < earliest {
            lesson.uplink[place].backOff(until: earliest, &turn)
            return
        }
        lesson.uplink.attemptedAt = turn.now
        switch place {
        case .primary:
            if !lesson.uplink.hasFailed { lesson.uplink.attemptsInBurst = max(1, lesson.uplink.attemptsInBurst) }
            // Every attempt but the first begins with what is known being safe.
            if lesson.uplink.requests > 0 { commitForAttempt(&lesson, &turn) }
        case .secondary:
            lesson.uplink.secondary?.tries += 1
        }
        if let key = takePrefetched(&lesson, &turn) {
            connect(place, key, isPrefetched: true, &lesson, &turn)
        } else {
            lesson.uplink[place].requestKey(nextKeyRequest(&lesson), &turn)
        }
    }

    mutating func connect(
        _ place: UplinkState.Place, _ key: SessionKey, isPrefetched: Bool, _ lesson: inout Lesson,
        _ turn: inout Turn
    ) {
        let (base, end) = span(place, lesson, &turn)
        newestSession += 1
        lesson.uplink.sessions += 1
        let request = SessionRequest(
            id: .lesson(newestSession), key: key, isPrefetchedKey: isPrefetched, recording: lesson.header.id,
            base: base, end: end, catchUpRate: holdsPace(from: base, lesson, turn) ? 1 : settings.catchUpRate)
        lesson.uplink[place].connect(request, &turn)
    }

    /// Where the session begins, and where it ends; nil: with the lesson.
    private func span(
        _ place: UplinkState.Place, _ lesson: Lesson, _ turn: inout Turn
    ) -> (base: SampleIndex, end: SampleIndex?) {
        let transcript = lesson.transcript
        guard place == .secondary, let secondary = lesson.uplink.secondary else {
            return (skipping(transcript.baseOfNextSession(head: head), lesson, &turn), nil)
        }
        switch secondary.purpose {
        case .successor:
            return (skipping(transcript.overlapped(transcript.resumePoint), lesson, &turn), nil)
        case .gap(let gap):
            // So far that the voices on the other side are heard too.
            let end = gap.upperBound.advanced(by: Limits.longestOverlapSamples)
            return (transcript.overlapped(gap.lowerBound), min(lesson.end ?? SampleIndex(.max), end))
        case .secondHearing(let base):
            return (base, nil)
        }
    }

    /// After STOP, a session that keeps to real time is of use only when it comes to the end while it is waited for.
    private func holdsPace(from base: SampleIndex, _ lesson: Lesson, _ turn: Turn) -> Bool {
        guard lesson.uplink.isCatchUpDisabled else { return false }
        let left: Int64
        switch lesson.stage {
        case .recording: return true
        case .stoppingCapture: left = Limits.finishMilliseconds
        case .finalWords(let deadline), .closingStore(let deadline): left = deadline.milliseconds(since: turn.now)
        }
        return (lesson.end ?? head).samples(since: base) <= left * SampleIndex.samplesPerMillisecond
    }

    /// Not for each of many attempts: what is older than a commit's own time is safe already.
    private func commitForAttempt(_ lesson: inout Lesson, _ turn: inout Turn) {
        let last = lesson.uplink.committedAt
        if let last, turn.now.milliseconds(since: last) < Limits.commitMilliseconds { return }
        lesson.uplink.committedAt = turn.now
        turn.emit(.store(.commit))
    }

    // MARK: It is open

    private mutating func sessionOpened(
        _ session: SessionID, took: Int64, _ lesson: inout Lesson, _ turn: inout Turn
    ) {
        guard let place = lesson.uplink.place(ofSession: session), !lesson.uplink[place].isLive else {
            turn.emit(.uplink(.close(session: session)))
            return
        }
        switch place {
        case .primary:
            lesson.uplink.primary.opened(&turn)
            goLive(took: took, &lesson, &turn)
        case .secondary:
            secondaryOpened(took: took, &lesson, &turn)
        }
    }

    /// The primary session is open.
    mutating func goLive(took: Int64, _ lesson: inout Lesson, _ turn: inout Turn) {
        guard let request = lesson.uplink.primary.live else { return }
        lesson.uplink.lastLive = turn.now
        lesson.uplink.gapTries = 0
        lesson.uplink.lag = LagWatch(
            opened: turn.now, isBelieved: lesson.uplink.leftOut >= Limits.leftOutSessions)
        lesson.transcript.open(session: request.id.rawValue, base: request.base)
        let replayed = max(0, head.samples(since: request.base)) / SampleIndex.samplesPerMillisecond
        let line = "live session=\(request.id.rawValue) took_ms=\(took) replayed_ms=\(replayed)"
        turn.log(.info, line + " from_ms=\(request.base.milliseconds)")
        if let end = lesson.end {
            turn.emit(.uplink(.finish(session: request.id, end: end)))
        } else if lesson.uplink.prefetched.isNone {
            prefetchKey(&lesson, &turn)
        }
    }

    // MARK: It ends

    /// The peer said no, or the connection is gone: nothing is left to be closed.
    mutating func failed(
        _ place: UplinkState.Place, _ failure: UplinkFailure, _ lesson: inout Lesson, _ turn: inout Turn
    ) {
        switch place {
        case .primary: primaryFailed(failure, &lesson, &turn)
        case .secondary: secondaryFailed(failure, &lesson, &turn)
        }
    }

    /// The deadline of a try has passed.
    mutating func attemptExpired(_ place: UplinkState.Place, _ lesson: inout Lesson, _ turn: inout Turn) {
        guard let failure = lesson.uplink[place].overdue else {
            switch place {
            case .primary: beginAttempt(&lesson, &turn)
            case .secondary: resumeSecondary(&lesson, &turn)
            }
            return
        }
        if place == .primary, lesson.uplink.primary.isLive, head <= lesson.uplink.liveHead {
            // Without new audio there is nothing to say.
            lesson.uplink.lastLive = turn.now
            lesson.uplink.primary.heard(turn)
            return
        }
        lesson.uplink[place].abort(&turn)
        failed(place, failure, &lesson, &turn)
    }

    /// A session is over; what it has told of the voices is kept.
    @inline(never)
    func closeTrack(_ session: SessionID, _ lesson: inout Lesson, _ turn: inout Turn) {
        merge(lesson.transcript.close(session: session.rawValue), session, &turn)
    }

    @inline(never)
    func merge(_ merges: [LiveTranscript.SpeakerMerge], _ session: SessionID, _ turn: inout Turn) {
        for merge in merges {
            turn.emit(.store(.mergeSpeaker(merge.retired, into: merge.speaker)))
            turn.log(merge.entry(session: session.rawValue))
        }
    }
}
