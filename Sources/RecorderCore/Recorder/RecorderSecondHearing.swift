/// A stretch that has its text is heard again beside the live session, when a new speaker may be an earlier one who was
/// silent over a drop (`SecondHearing.swift`). Everything else that a second session can be for goes before it, and
/// what fails is no loss: decision second-hearing-for-speakers.
extension Recorder {
    @inline(never)
    func secondHearingAt(_ lesson: Lesson) -> MonotonicTime? {
        let uplink = lesson.uplink
        guard settings.hearsAgain, lesson.transcript.wantsSecondHearing, lesson.stage == .recording,
            !uplink.hasSecondary, uplink.isAnswered,
            head.samples(since: uplink.worked) < Limits.behindSamples,
            uplink.gapTries >= Limits.gapTries || nextGap(lesson) == nil
        else { return nil }
        let stable = uplink.primary.since.adding(milliseconds: Limits.secondHearingDelayMilliseconds)
        return max(stable, uplink.secondHearingAt ?? stable)
    }

    @inline(never)
    mutating func hearAgain(_ lesson: inout Lesson, _ turn: inout Turn) {
        guard lesson.uplink.secondHearings < Limits.secondHearings else {
            turn.emit(.reached(.secondHearings, count: Int64(lesson.transcript.newSpeakers.count)))
            lesson.transcript.newSpeakers = []
            return
        }
        guard let base = lesson.transcript.nextSecondHearing() else { return }
        lesson.uplink.secondHearings += 1
        lesson.uplink.secondary = SecondarySession(.secondHearing(base))
        begin(.secondary, &lesson, &turn)
    }

    @inline(never)
    func beginHearing(_ request: SessionRequest, _ lesson: inout Lesson, _ turn: inout Turn) {
        lesson.transcript.open(session: request.id.rawValue, base: request.base, gap: request.base..<request.base)
        turn.log(.info, "speaker compare session=\(request.id.rawValue) from_ms=\(request.base.milliseconds)")
    }

    /// The service has said something in it.
    @inline(never)
    mutating func hearVoices(_ session: SessionID, _ lesson: inout Lesson, _ turn: inout Turn) {
        let known = lesson.transcript.compareVoices(session: session.rawValue)
        merge(known.merges, session, &turn)
        if known.isDone { secondaryFinished(session, &lesson, &turn) }
    }
}
