/// The recording itself: microphone, disk and the way from STOP to saved.
extension Recorder {
    mutating func stop(lesson: inout Lesson, now: MonotonicTime, effects: inout [RecorderEffect]) {
        guard lesson.stage == .recording else {
            guard !cancelPending(effects: &effects) else { return }
            refuse("stop", "already finishing " + lesson.header.id.text, .busy, effects: &effects)
            return
        }
        lesson.stage = .stoppingCapture(deadline: now.adding(milliseconds: Limits.captureStopMilliseconds))
        effects.append(.stopCapture)
        effects.append(.storeStopped)
        // Who presses STOP while the network is away wants to go home: nothing more is tried.
        if !isUnderWay(lesson.uplink) { abandonUplink(lesson: &lesson, effects: &effects) }
        // The last words come from the session that has heard the others.
        if case .successor? = lesson.uplink.side?.purpose { closeSide(lesson: &lesson, effects: &effects) }
        dropSpare(lesson: &lesson, effects: &effects)
    }

    /// Live, or on the way to the first session: the last words can still come.
    private func isUnderWay(_ uplink: UplinkState) -> Bool {
        switch uplink.link {
        case .live: true
        case .requesting, .connecting: !uplink.wasLive && uplink.burst <= 1 && uplink.givenUp == nil
        case .off, .waiting, .finished, .failed: false
        }
    }

    mutating func captureStopped(
        _ end: SampleIndex, lesson: inout Lesson, now: MonotonicTime, effects: inout [RecorderEffect]
    ) {
        guard lesson.end == nil else { return }
        guard lesson.stage != .recording else {
            // It was stuck when the last lesson ended, and only now has come to that STOP.
            effects.append(.log(LogEntry(.warning, "capture state=late-stop")))
            return
        }
        lesson.end = end
        effects.append(.commitStore)
        guard !hasPendingStart else {
            // Who has pressed START again does not wait for the last words: they come later, by themselves.
            closeStore(lesson: &lesson, now: now, effects: &effects)
            return
        }
        lesson.stage = .finalWords(deadline: now.adding(milliseconds: Limits.finishMilliseconds))
        if case .live(let request, _) = lesson.uplink.link {
            effects.append(.finishSession(request.number, end: end))
        }
        // A hole's session may have been meant to go on beyond the lesson's end.
        if let side = lesson.uplink.side?.session, let last = side.end, last > end {
            effects.append(.finishSession(side.number, end: end))
        }
        closeWhenComplete(lesson: &lesson, now: now, effects: &effects)
    }

    /// Closes the recording when the service has nothing more to say.
    mutating func closeWhenComplete(
        lesson: inout Lesson, now: MonotonicTime, effects: inout [RecorderEffect]
    ) {
        guard case .finalWords = lesson.stage, !lesson.uplink.hasSide else { return }
        switch lesson.uplink.link {
        case .waiting, .requesting, .connecting, .live: return
        case .off, .finished, .failed: closeStore(lesson: &lesson, now: now, effects: &effects)
        }
    }

    /// Everything that can be had is there, or the time for it is over.
    mutating func closeStore(
        lesson: inout Lesson, now: MonotonicTime, effects: inout [RecorderEffect]
    ) {
        abandonUplink(lesson: &lesson, effects: &effects)
        storeLevel(lesson: &lesson, effects: &effects)
        // Half a word is better than none, but not where it will be heard again, whole.
        if !settings.transcribesLater {
            let last = lesson.transcript.finish()
            if !last.words.isEmpty { store(last, lesson: lesson, effects: &effects) }
        }
        let end = lesson.end ?? lesson.committed
        let reason = lesson.lastError.isEmpty ? "offline" : lesson.lastError
        let gaps = settings.transcription ? lesson.transcript.coverage.gaps(before: end, reason: reason) : []
        // The service may have come to the end without a word, and been lost before it said that it was done.
        if settings.transcription, gaps.isEmpty { effects.append(.storeTokens([], covered: end)) }
        effects.append(.closeStore(end: end, gaps: gaps, interrupted: false))
        lesson.stage = .closingStore(deadline: closeDeadline(now))
    }

    /// - Returns: what became of the lesson, when it is over.
    mutating func stageDeadline(
        lesson: inout Lesson, now: MonotonicTime, effects: inout [RecorderEffect]
    ) -> Ending? {
        switch lesson.stage {
        case .recording:
            return nil
        case .stoppingCapture:
            effects.append(.log(LogEntry(.error, "capture state=stuck wait_ms=\(Limits.captureStopMilliseconds)")))
            captureStopped(lesson.committed, lesson: &lesson, now: now, effects: &effects)
            return nil
        case .finalWords:
            lesson.lastError = "the service's last words did not come in \(Limits.finishMilliseconds / 1000) s"
            effects.append(.log(LogEntry(.warning, "finish reason=\(LogEntry.quoted(lesson.lastError))")))
            closeStore(lesson: &lesson, now: now, effects: &effects)
            return nil
        case .closingStore:
            effects.append(.log(LogEntry(.error, "store state=stuck committed=\(lesson.committed.value)")))
            return closed(lesson, samples: nil, words: lesson.transcript.wordCount, effects: &effects)
        }
    }

    mutating func receiveCapture(
        _ input: RecorderInput, lesson: inout Lesson, effects: inout [RecorderEffect]
    ) {
        switch input {
        case .captureStarted, .captureBack:
            if case .lost = lesson.microphone {
                effects.append(.log(LogEntry(.warning, "microphone state=back")))
            }
            lesson.microphone = .recording
        case .captureLost(let reason):
            lesson.microphone = .lost(reason)
            lesson.level = LevelWatch()
            lesson.lastError = "microphone: " + reason
            effects.append(.log(LogEntry(.warning, "microphone state=lost reason=\(LogEntry.quoted(reason))")))
        case .captureLevel(let second):
            heard(second, lesson: &lesson, effects: &effects)
        case .captureSilence(let mark):
            let lost = mark.end.samples(since: mark.start)
            // A microphone that stays away gives a mark a second; one line is enough for all of them.
            let goesOn = mark.start == lesson.silenceEnd
            lesson.silenceEnd = mark.end
            if !goesOn { lesson.silences += 1 }
            lesson.lostSamples += lost
            if mark.reason == .overrun { lesson.overruns += 1 }
            effects.append(.storeSilence(mark))
            let line = "xrun lost_ms=\(lost / SampleIndex.samplesPerMillisecond) at_ms=\(mark.start.milliseconds)"
            let reason = " reason=\(LogEntry.quoted(mark.reason.name))"
            effects.append(.log(LogEntry(goesOn ? .debug : .error, line + reason)))
        default:
            break
        }
    }

    private func heard(_ second: LevelSecond, lesson: inout Lesson, effects: inout [RecorderEffect]) {
        let before = lesson.level.state
        let seconds = lesson.level.heard(second, thresholdTenths: settings.levelWarningDecibels * 10)
        lesson.untoldLevel.quiet += seconds.quiet
        lesson.untoldLevel.clipped += seconds.clipped
        let state = lesson.level.state
        guard state != before else { return }
        let line = "level state=\(state.name) from=\(before.name) peak_dbfs=\(second.peakTenths / 10)"
        effects.append(.log(LogEntry(.warning, line)))
    }

    /// With each commit, not with each second: a device may deliver faster than a disk writes.
    func storeLevel(lesson: inout Lesson, effects: inout [RecorderEffect]) {
        let level = lesson.untoldLevel
        guard level.quiet + level.clipped > 0 else { return }
        lesson.untoldLevel = Lesson.UntoldLevel()
        let rate = SampleIndex.samplesPerSecond
        effects.append(
            .storeLevel(quietSamples: Int64(level.quiet) * rate, clippedSamples: Int64(level.clipped) * rate))
    }

    mutating func receiveStore(
        _ input: RecorderInput, lesson: inout Lesson, now: MonotonicTime, effects: inout [RecorderEffect]
    ) {
        switch input {
        case .storeCommitted(let through):
            lesson.committed = through
            lesson.lastSave = now
            if lesson.stage == .recording { storeLevel(lesson: &lesson, effects: &effects) }
            let words = lesson.transcript.wordCount
            effects.append(.log(LogEntry(.debug, "saved samples=\(through.value) words=\(words)")))
        case .storeFailed(let reason):
            lesson.disk = .failed(reason)
            lesson.lastError = "disk: " + reason
        case .storeRecovered:
            lesson.disk = .writing
            effects.append(.log(LogEntry(.warning, "disk state=back")))
        default:
            break
        }
    }
}
