/// The recorder's decisions, and nothing else: inputs in, effects out, time and randomness passed in. It owns no
/// device, file or socket, so the same machine runs in the box, in tests and in simulations.
package struct Recorder: Equatable, Sendable {
    package enum State: Equatable, Sendable {
        case idle
        indirect case active(Lesson)
        case finished(RecordingID)
    }

    package internal(set) var state = State.idle
    let settings: RecorderSettings
    var random: RandomSource
    /// The index after the newest recorded sample, as told with the last input.
    var head = SampleIndex.zero
    /// Why there is no way out of the box; nil while there is one, or nothing is known.
    var networkLoss: String?
    /// They name the answer that is awaited, and go on from lesson to lesson: one that comes late is nobody else's.
    var newestRequest = 0
    var newestSession = 0

    package init(settings: RecorderSettings, seed: UInt64) {
        self.settings = settings
        random = RandomSource(seed: seed)
    }

    package var phase: Phase {
        switch state {
        case .idle: .idle
        case .active(let lesson): lesson.phase
        case .finished: .finished
        }
    }

    /// The recording in progress.
    package var lesson: Lesson? {
        if case .active(let lesson) = state { return lesson }
        return nil
    }

    /// Rather than `lesson == nil`, which copies and compares whole lessons.
    package var isRecording: Bool {
        if case .active = state { return true }
        return false
    }

    /// When `tick` is due, whatever else happens.
    package var nextDeadline: MonotonicTime? {
        guard let lesson else { return nil }
        return [lesson.stageDeadline, uplinkDeadline(of: lesson)].compactMap { $0 }.min()
    }

    /// Takes in what happened.
    /// - Parameter head: the index after the newest recorded sample.
    /// - Returns: what is to be done about it, in order.
    package mutating func receive(
        _ input: RecorderInput, now: MonotonicTime, head: SampleIndex
    ) -> [RecorderEffect] {
        self.head = head
        let before = phase
        var effects: [RecorderEffect] = []
        switch state {
        case .idle, .finished:
            receiveAtRest(input, now: now, effects: &effects)
        case .active(var lesson):
            // Taken out, so that what changes is not copied first.
            state = .idle
            let ended = receive(input, lesson: &lesson, now: now, effects: &effects)
            state = ended ? .finished(lesson.header.id) : .active(lesson)
        }
        logPhase(from: before, effects: &effects)
        return effects
    }

    private mutating func receiveAtRest(
        _ input: RecorderInput, now: MonotonicTime, effects: inout [RecorderEffect]
    ) {
        switch input {
        case .start(let request):
            start(request, now: now, effects: &effects)
        case .resume(let recording, let place):
            resume(recording, at: place, now: now, effects: &effects)
        case .stop:
            refuse("stop", "nothing is being recorded", .notRecording, effects: &effects)
        case .sessionOpened(let session, _):
            effects.append(.closeSession(session))
        case .networkChanged:
            networkLoss = nil
        case .networkLost(let what):
            networkLoss = what
        case .captureStarted, .captureSilence, .captureLost, .captureFailed, .captureBack, .captureStopped,
            .storeOpened, .storeCommitted, .storeFailed, .storeRecovered, .storeClosed, .token, .tokenFailed,
            .sessionMessage, .sessionClosed, .tick:
            break
        }
    }

    private mutating func start(_ request: StartRequest, now: MonotonicTime, effects: inout [RecorderEffect]) {
        if let refusal = request.spaceRefusal {
            refuse("start", refusal, .noSpace, effects: &effects)
            return
        }
        if let refusal = request.microphoneRefusal {
            refuse("start", refusal, .microphone, effects: &effects)
            return
        }
        // A new time line: what was told belongs to the last recording.
        head = .zero
        var lesson = Lesson(header: request.header, uplink: UplinkState(enabled: settings.transcription))
        effects.append(
            .log(
                LogEntry(
                    .info, "start id=\(request.header.id.text) label=\(LogEntry.quoted(request.header.label))")))
        // Audio first, before any token or network: not a word is to be lost.
        effects.append(.startCapture(at: .zero))
        effects.append(.openStore(request.header))
        if settings.transcription { beginAttempt(lesson: &lesson, now: now, effects: &effects) }
        state = .active(lesson)
    }

    private mutating func resume(
        _ recording: InterruptedRecording, at place: SampleIndex, now: MonotonicTime, effects: inout [RecorderEffect]
    ) {
        head = place
        var lesson = Lesson(header: recording.header, uplink: UplinkState(enabled: settings.transcription))
        lesson.transcript = LiveTranscript(resuming: recording)
        lesson.committed = recording.saved
        let away = place.samples(since: recording.saved) / SampleIndex.samplesPerMillisecond
        let line = "resume id=\(recording.header.id.text) at_ms=\(place.milliseconds) away_ms=\(away)"
        effects.append(.log(LogEntry(.warning, line + " words=\(recording.wordCount)")))
        effects.append(.startCapture(at: place))
        effects.append(.reopenStore(at: place))
        if settings.transcription { beginAttempt(lesson: &lesson, now: now, effects: &effects) }
        state = .active(lesson)
    }

    /// - Returns: whether the lesson is over.
    private mutating func receive(
        _ input: RecorderInput, lesson: inout Lesson, now: MonotonicTime, effects: inout [RecorderEffect]
    ) -> Bool {
        switch input {
        case .start:
            refuse("start", "already recording " + lesson.header.id.text, .busy, effects: &effects)
        case .resume:
            break
        case .stop:
            stop(lesson: &lesson, now: now, effects: &effects)
        case .captureStarted, .captureSilence, .captureLost, .captureFailed, .captureBack:
            receiveCapture(input, lesson: &lesson, effects: &effects)
        case .captureStopped(let end):
            captureStopped(end, lesson: &lesson, now: now, effects: &effects)
        case .storeOpened, .storeCommitted, .storeFailed, .storeRecovered:
            receiveStore(input, lesson: &lesson, now: now, effects: &effects)
        case .storeClosed(let samples, let words):
            // The disk may refuse the end of a recording until the next one begins: that is not this one's end.
            guard case .closingStore = lesson.stage else { return false }
            effects.append(.log(LogEntry(.info, "stop id=\(lesson.header.id.text) samples=\(samples) words=\(words)")))
            return true
        case .token, .tokenFailed, .sessionOpened, .sessionMessage, .sessionClosed, .networkChanged, .networkLost:
            receiveUplink(input, lesson: &lesson, now: now, effects: &effects)
        case .tick:
            return tick(lesson: &lesson, now: now, effects: &effects)
        }
        return false
    }

    private mutating func tick(lesson: inout Lesson, now: MonotonicTime, effects: inout [RecorderEffect]) -> Bool {
        uplinkTick(lesson: &lesson, now: now, effects: &effects)
        guard let deadline = lesson.stageDeadline, deadline <= now else { return false }
        return stageDeadline(lesson: &lesson, now: now, effects: &effects)
    }

    func refuse(_ what: String, _ why: String, _ code: RefusalCode, effects: inout [RecorderEffect]) {
        effects.append(.log(LogEntry(.info, "refused what=\(what) why=\(LogEntry.quoted(why))")))
        effects.append(.refused(why: why, code: code))
    }

    private func logPhase(from before: Phase, effects: inout [RecorderEffect]) {
        let after = phase
        guard before != after else { return }
        var line = "phase from=\(before.name) to=\(after.name)"
        var level = LogLevel.info
        switch after {
        case .reconnecting(let attempt): line += " attempt=\(attempt)/\(settings.reconnect.attempts)"
        case .failed(let reason):
            line += " reason=\(LogEntry.quoted(reason.text))"
            level = .error
        case .idle, .requesting, .connecting, .live, .finishing, .finished: break
        }
        // An attempt number that counts up is no change of phase; its own line tells it.
        if case .reconnecting = before, case .reconnecting = after { return }
        if case .reconnecting = after, let error = lesson?.lastError, !error.isEmpty {
            line += " reason=\(LogEntry.quoted(error))"
        }
        effects.append(.log(LogEntry(level, line)))
    }
}
