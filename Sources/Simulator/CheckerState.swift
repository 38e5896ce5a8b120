internal import RecorderCore

/// Invariants of the state, after each input.
extension World {
    func didReceive(_ input: RecorderInput) {
        if let before = checker.before, before != recorder.state {
            // An old session's opening is answered, but changes nothing either.
            fail("what is over is not heard", Trace.line(input))
        }
        if let filled = checker.filled { checkVoices(filled.session, through: filled.end) }
        switch recorder.state {
        case .idle: return
        case .finished:
            lessonEnded(input)
            checkRestingLamps()
        case .active(let lesson):
            follow(input, lesson)
            checkLesson(lesson)
            checkUplink(lesson)
            checkCoverage(lesson)
            checkLamps(lesson)
            watchCalm(lesson)
        }
    }

    private func follow(_ input: RecorderInput, _ lesson: Lesson) {
        switch input {
        case .stop:
            if !checker.isStopAccepted, lesson.stage != .recording { stopAccepted(lesson) }
        case .start:
            // The next lesson is worth more than this one's last words, which come later.
            if recorder.newestRecording != lesson.header.id { checker.mustBeComplete = false }
        case .uplink(.opened(let number, _)):
            if let place = checker.sessions.firstIndex(where: { $0.id == number }) {
                checker.sessions[place].isOpen = true
            }
        default: break
        }
    }

    private func checkLesson(_ lesson: Lesson) {
        if lesson.header != checker.header { fail("a lesson keeps its name and start", lesson.header.id.text) }
        if lesson.stage == .recording {
            if !checker.isCapturing { fail("recording ends by STOP", "capture was stopped") }
        } else if !checker.isStopAccepted {
            fail("recording ends by STOP", "nobody pressed it")
        }
    }

    private func checkUplink(_ lesson: Lesson) {
        let uplink = lesson.uplink
        if checker.sessions.count > 2 { fail("at most two sessions", "\(checker.sessions.count) are open") }
        for session in checker.sessions {
            let wanted = [uplink.session?.id, uplink.secondary?.session?.id]
            guard wanted.contains(session.id) else {
                fail("nothing is left open", "session \(session.id.rawValue) is nobody's")
                return
            }
        }
        let wanted = (uplink.session == nil ? 0 : 1) + (uplink.secondary?.session == nil ? 0 : 1)
        if checker.sessions.count < wanted { fail("what is awaited exists", "\(checker.sessions.count) sessions") }
        let requests = checker.requests.count { uplink.place(requesting: $0) == nil }
        if requests > 1 { fail("nothing is left open", "\(requests) requests for a spare key") }
        if uplink.attemptsInBurst > plan.settings.reconnect.attempts {
            fail("a burst ends", "attempt \(uplink.attemptsInBurst)")
        }
        checker.liveSince = uplink.primary.isLive ? checker.liveSince ?? now : nil
        if uplink.isAtRest { checker.attempts = 0 }
    }

    func isLive(_ lesson: Lesson) -> Bool { lesson.uplink.primary.isLive }

    private func checkCoverage(_ lesson: Lesson) {
        let ranges = lesson.transcript.coverage.ranges
        guard ranges != checker.coverage else { return }
        for old in checker.coverage where !ranges.contains(where: { $0.contains(old) }) {
            fail("coverage never shrinks", Trace.span(old))
        }
        for new in ranges where !checker.claimed.ranges.contains(where: { $0.contains(new) }) {
            fail("coverage claims what is final", Trace.span(new))
        }
        checker.coverage = ranges
        outcome.mix(lesson.transcript.coverage.samples)
    }

    // MARK: Calm

    private func watchCalm(_ lesson: Lesson) {
        let isTroubled = isAnyTroubleActive
        if isTroubled { checker.troubled(now: now) }
        guard plan.settings.transcription, lesson.stage == .recording else { return }
        guard isLive(lesson), !isTroubled else {
            checker.calmSince = nil
            checkReturn(lesson)
            return
        }
        guard checker.calmSince == nil else { return }
        checker.calmSince = now
        let rate = Int64((lesson.uplink.session?.catchUpRate ?? 1) * 1_000) - 1_000
        let lag = head.samples(since: lesson.transcript.resumePoint) / SampleIndex.samplesPerMillisecond
        var debt = lag < 6_000 ? 8_000 : rate > 0 ? lag * 1_000 / rate : 10_000_000
        let base = lesson.uplink.session?.base ?? .zero
        for gap in lesson.transcript.coverage.gaps(before: base, reason: "") {
            let length = gap.end.samples(since: gap.start) / SampleIndex.samplesPerMillisecond
            debt += length * 3 / 2 + 40_000
        }
        // A session beside that failed may be waiting for its next probe.
        if checker.secondaryFailures > 0 { debt += 75_000 }
        if checker.secondaryFailures >= Limits.gapTries - 1 { debt += 10_000_000 }
        checker.calmDebt = plan.settings.sessionMilliseconds < 600_000 ? debt * 2 : debt
    }

    private var isAnyTroubleActive: Bool {
        for (number, fault) in plan.faults.enumerated() where isActive[number] && fault.disturbsUplink { return true }
        return false
    }

    /// When nothing is wrong any more, the box finds its way back by itself.
    private func checkReturn(_ lesson: Lesson) {
        let uplink = lesson.uplink
        if uplink.hasFailed, uplink.isAtRest, uplink.primary.deadline == nil { return }
        guard !isAnyTroubleActive, let header = checker.header, header == lesson.header else { return }
        let wait = now - max(checker.lastTroubleAt, capture.startedAt)
        if wait > 130_000 { fail("the box comes back by itself", "\(wait) ms after the last trouble it is away") }
    }

    private func stopAccepted(_ lesson: Lesson) {
        checker.isStopAccepted = true
        guard let since = checker.calmSince, isLive(lesson) else { return }
        checker.mustBeComplete = now - since >= checker.calmDebt + 20_000
        trace?("\(time) # calm for \(now - since) ms, debt \(checker.calmDebt) ms")
    }
}

extension Range<SampleIndex> {
    func contains(_ other: Self) -> Bool { lowerBound <= other.lowerBound && other.upperBound <= upperBound }
}
