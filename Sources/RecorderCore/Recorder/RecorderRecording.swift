/// The recording itself: microphone, disk and the way from STOP to saved.
extension Recorder {
    mutating func stop(_ lesson: inout Lesson, _ turn: inout Turn) {
        guard lesson.stage == .recording else {
            guard !cancelPending(&turn) else { return }
            refuse("stop", "already finishing " + lesson.header.id.text, .busy, &turn)
            return
        }
        lesson.stage = .stoppingCapture(deadline: turn.after(milliseconds: Limits.captureStopMilliseconds))
        turn.emit(.capture(.stop))
        turn.emit(.store(.stopped))
        // Who presses STOP while the network is away wants to go home: nothing more is tried.
        if !isUnderWay(lesson.uplink) { abandonUplink(&lesson, &turn) }
        // The last words come from the session that has heard the others, and nobody waits for a second hearing.
        if lesson.uplink.secondary?.fillsGap == false { closeSecondary(&lesson, &turn) }
        dropPrefetched(&lesson, &turn)
    }

    /// Live, or on the way to the first session: the last words can still come.
    private func isUnderWay(_ uplink: UplinkState) -> Bool {
        switch uplink.primary.state {
        case .live: true
        case .requestingKey, .connecting: !uplink.hasBeenLive && uplink.attemptsInBurst <= 1 && !uplink.hasFailed
        case .idle, .backingOff: false
        }
    }

    mutating func captureStopped(_ end: SampleIndex, _ lesson: inout Lesson, _ turn: inout Turn) {
        guard lesson.end == nil else { return }
        guard lesson.stage != .recording else {
            // It was stuck when the last lesson ended, and only now has come to that STOP.
            turn.log(.warning, "capture state=late-stop")
            return
        }
        lesson.end = end
        tellMeasured(&lesson, &turn)
        turn.emit(.store(.commit))
        guard !hasPendingStart else {
            // Who has pressed START again does not wait for the last words: they come later, by themselves.
            closeStore(&lesson, &turn)
            return
        }
        lesson.stage = .finalWords(deadline: turn.after(milliseconds: Limits.finishMilliseconds))
        if let live = lesson.uplink.primary.live { turn.emit(.uplink(.finish(session: live.id, end: end))) }
        // A gap's session may have been meant to go on beyond the lesson's end.
        if let session = lesson.uplink.secondary?.session, let last = session.end, last > end {
            turn.emit(.uplink(.finish(session: session.id, end: end)))
        }
        closeWhenComplete(&lesson, &turn)
    }

    /// Closes the recording when the service has nothing more to say.
    mutating func closeWhenComplete(_ lesson: inout Lesson, _ turn: inout Turn) {
        guard case .finalWords = lesson.stage, !lesson.uplink.hasSecondary, lesson.uplink.isAtRest else { return }
        closeStore(&lesson, &turn)
    }

    /// Everything that can be had is there, or the time for it is over.
    mutating func closeStore(_ lesson: inout Lesson, _ turn: inout Turn) {
        abandonUplink(&lesson, &turn)
        storeLevel(&lesson, &turn)
        // Half a word is better than none, but not where it will be heard again, whole.
        if !settings.transcribesLater {
            let last = lesson.transcript.finish()
            take(last, lesson.uplink.lastAnsweredSession, lesson, &turn)
        }
        let end = lesson.end ?? lesson.committed
        let reason = lesson.lastError.isEmpty ? "offline" : lesson.lastError
        let gaps = settings.transcription ? lesson.transcript.coverage.gaps(before: end, reason: reason) : []
        // The service may have come to the end without a word, and been lost before it said that it was done.
        if settings.transcription, gaps.isEmpty { turn.emit(.store(.words([], covered: end))) }
        turn.emit(.store(.close(end: end, gaps: gaps, interrupted: false)))
        lesson.stage = .closingStore(deadline: closeDeadline(turn))
    }

    /// - Returns: what became of the lesson, when it is over.
    mutating func stageExpired(_ lesson: inout Lesson, _ turn: inout Turn) -> Ending? {
        switch lesson.stage {
        case .recording:
            return nil
        case .stoppingCapture:
            turn.log(.error, "capture state=stuck wait_ms=\(Limits.captureStopMilliseconds)")
            captureStopped(lesson.committed, &lesson, &turn)
            return nil
        case .finalWords:
            lesson.lastError = "the service's last words did not come in \(Limits.finishMilliseconds / 1000) s"
            turn.log(.warning, "finish reason=\(LogEntry.quoted(lesson.lastError))")
            closeStore(&lesson, &turn)
            return nil
        case .closingStore:
            turn.log(.error, "store state=stuck committed=\(lesson.committed.value)")
            return closed(lesson, samples: nil, words: lesson.transcript.wordCount, RecordedSound(), &turn)
        }
    }

    mutating func receiveCapture(_ event: CaptureEvent, _ lesson: inout Lesson, _ turn: inout Turn) {
        switch event {
        case .started, .deviceBack:
            if case .lost = lesson.microphone {
                turn.log(.warning, "microphone state=back")
            }
            lesson.microphone = .recording
        case .deviceLost(_, let reason):
            lesson.microphone = .lost(reason)
            lesson.level = LevelWatch()
            lesson.lastError = "microphone: " + reason
            turn.log(.warning, "microphone state=lost reason=\(LogEntry.quoted(reason))")
        case .level(let level, let clipped):
            heard(level, isClipped: clipped > 0, &lesson, &turn)
        case .channels(let faults):
            heard(faults, &lesson, &turn)
        case .clock(let clock):
            heard(clock, &lesson, &turn)
        case .silence(let mark):
            silent(mark, &lesson, &turn)
        case .standby:
            // Of the time between lessons.
            break
        case .stopped(let end):
            if lesson.stage != .recording { isCaptureBusy = false }
            captureStopped(end, &lesson, &turn)
        }
    }

    private func silent(_ mark: SilenceMark, _ lesson: inout Lesson, _ turn: inout Turn) {
        let lost = mark.end.samples(since: mark.start)
        // A microphone that stays away gives a mark a second; one line is enough for all of them.
        let goesOn = mark.start == lesson.silenceEnd
        lesson.silenceEnd = mark.end
        if !goesOn { lesson.silences += 1 }
        lesson.lostSamples += lost
        if mark.reason == .overrun { lesson.overruns += 1 }
        turn.emit(.store(.silence(mark)))
        let line = "silence lost_ms=\(lost / SampleIndex.samplesPerMillisecond) at_ms=\(mark.start.milliseconds)"
        let reason = " reason=\(LogEntry.quoted(mark.reason.name))"
        turn.log(goesOn ? .debug : .error, line + reason)
    }

    private func heard(
        _ second: CaptureLevel, isClipped: Bool, _ lesson: inout Lesson, _ turn: inout Turn
    ) {
        let before = lesson.level.state
        lesson.measured.heard(rmsTenths: second.rmsTenths)
        let seconds = lesson.level.heard(
            peakTenths: second.peakTenths, isClipped: isClipped, thresholdTenths: settings.levelWarningDecibels * 10)
        lesson.untoldLevel.quiet += seconds.quiet
        lesson.untoldLevel.clipped += seconds.clipped
        let state = lesson.level.state
        guard state != before else { return }
        let line = "level state=\(state.name) from=\(before.name) peak_dbfs=\(second.peakTenths / 10)"
        turn.log(.warning, line)
    }

    /// With each commit, not with each second: a device may deliver faster than a disk writes.
    func storeLevel(_ lesson: inout Lesson, _ turn: inout Turn) {
        let level = lesson.untoldLevel
        guard level.quiet + level.clipped > 0 else { return }
        lesson.untoldLevel = Lesson.UntoldLevel()
        let rate = SampleIndex.samplesPerSecond
        turn.emit(
            .store(.level(quietSamples: Int64(level.quiet) * rate, clippedSamples: Int64(level.clipped) * rate)))
    }

    /// - Returns: what became of the lesson, when it is over.
    mutating func receiveStore(_ event: StoreEvent, _ lesson: inout Lesson, _ turn: inout Turn) -> Ending? {
        switch event {
        case .committed(let through):
            committed(through, &lesson, &turn)
        case .closeFailed(let failure):
            // The audio may be safe although the index is not: STOP tells how much of it is.
            if failure.id == lesson.header.id { committed(failure.saved, &lesson, &turn) }
        case .ringOverrun(let mark):
            silent(mark, &lesson, &turn)
        case .failed(let reason):
            lesson.disk = .failed(reason)
            lesson.lastError = "disk: " + reason
        case .recovered:
            lesson.disk = .writing
            turn.log(.warning, "disk state=back")
        case .closed(let summary):
            // The disk may refuse the end of a recording until the next one begins: that is not this one's end.
            guard case .closingStore = lesson.stage, summary.header.id == lesson.header.id else {
                savedLate(summary, &turn)
                return nil
            }
            return closed(lesson, samples: summary.samples, words: summary.words, summary.sound, &turn)
        case .opened, .rebuilt, .reached, .deleted, .recoveryFailed, .deletionFailed, .audio, .postLesson:
            break
        }
        return nil
    }

    private func committed(_ through: SampleIndex, _ lesson: inout Lesson, _ turn: inout Turn) {
        lesson.committed = through
        lesson.lastSave = turn.now
        if lesson.stage == .recording { storeLevel(&lesson, &turn) }
        let words = lesson.transcript.wordCount
        turn.log(.debug, "saved samples=\(through.value) words=\(words)")
    }
}
