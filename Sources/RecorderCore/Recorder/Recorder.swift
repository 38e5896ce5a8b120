/// The recorder's decisions, and nothing else: inputs in, effects out, time and randomness passed in. It owns no
/// device, file or socket, so the same machine runs in the box, in tests and in simulations.
///
/// # Theory of operation
///
/// One `Lesson` at a time goes through three machines that run side by side; none of them waits for another:
///
/// - **The recording** (`Lesson.Stage`): recording → stopping capture → final words → closing store. STOP begins the
///   way to the end, and each of its steps has a deadline. Microphone and disk (`Lesson.Microphone`, `Lesson.Disk`)
///   are facts beside it: audio goes on as zeros, words wait in memory.
/// - **The primary session** (`UplinkState.primary`, a `SessionAttempt`): idle, backing off, requesting a key,
///   connecting, live. A loss leads to a burst of attempts with growing waits, then to `failure` and slow probes.
/// - **The secondary session** (`UplinkState.secondary`, with a `SessionAttempt` of its own): a successor that takes
///   over when the service has come on in it, one that fills a gap out of the journal, or one that hears a stretch
///   again so that voices are known again (a second hearing).
///
/// Beside them are a key fetched in advance (`PrefetchedKey`), and a START that waits for the lesson before
/// (`pendingStart`). Saved lessons get their text by another machine, `Backfill`, whose sessions are `SessionAttempt`s
/// too; they go to the school by `Outbox`.
///
/// Joint states that are legal; debug builds check them after every input (`checkJointStates`):
///
/// | stage            | primary                                              | secondary                      |
/// |------------------|------------------------------------------------------|--------------------------------|
/// | recording        | any; idle: record only, or only a person can mend it | only while the primary is live |
/// | stopping capture | any                                                  | only for a gap                 |
/// | final words      | any                                                  | only for a gap                 |
/// | closing store    | idle                                                 | none                           |
///
/// What is shown (`phase`) is derived from these and never stored.
///
/// # The calling contract
///
/// - One thread calls `receive`, with times that never go back, and carries out the effects in their order before the
///   next call. It calls with `.tick` when `nextDeadline` has passed; earlier or later does no harm.
/// - Answers may come late, twice or never: each names its request, session or recording; what is over is not heard.
/// - Whatever was asked for and is not wanted any more is cancelled by an effect: nothing is left open.
package struct Recorder: Equatable, Sendable {
    typealias Turn = RecorderCore.Turn<RecorderEffect>

    package enum State: Equatable, Sendable {
        case idle
        indirect case active(Lesson)
        /// What became of the lesson is `ending`.
        case finished
    }

    /// What became of the last lesson.
    package struct Ending: Equatable, Sendable {
        package var id: RecordingID
        /// Samples that were recorded, and that are safely on disk.
        package var recorded: SampleIndex
        package var saved: SampleIndex
        /// Why what was recorded is not all saved; nil when it is.
        package var problem: String?
        /// What is wrong with the sound of what is saved, as the store counted it.
        package var sound = RecordedSound()
    }

    /// A START that was pressed while something else was still being finished.
    struct PendingStart: Equatable, Sendable {
        var request: StartRequest
        var pressedAt: MonotonicTime
    }

    struct RefusedStart: Equatable, Sendable {
        var reason: FailureReason
        var until: MonotonicTime
    }

    package internal(set) var state = State.idle
    let settings: RecorderSettings
    var random: RandomSource
    /// The index after the newest recorded sample, as told with the last input.
    var head = SampleIndex.zero
    /// Why there is no route out of the box; nil while there is one, or nothing is known.
    var networkLoss: String?
    /// They name the answer that is awaited, and go on from lesson to lesson: one that comes late is nobody else's.
    var newestRequest = 0
    var newestSession = 0
    /// It begins as soon as the lesson before is closed and the microphone is free.
    var pendingStart: PendingStart?
    /// A recording was begun whose `captureStopped` has not come yet. Another one must not begin: a driver that hangs
    /// would come back into its samples.
    var isCaptureBusy = false
    /// The microphone between lessons.
    package private(set) var standby = Standby.off
    /// Why it is away then; else empty.
    package private(set) var standbyProblem = ""
    /// A START that was refused, for as long as the light tells of it.
    var refusedStart: RefusedStart?

    package init(settings: RecorderSettings, seed: UInt64) {
        self.settings = settings
        random = RandomSource(seed: seed)
    }

    // Stored, as of the last input: who asks for them would copy the whole machine otherwise.
    /// When `tick` is due, whatever else happens.
    package private(set) var nextDeadline: MonotonicTime?
    package private(set) var phase = Phase.idle
    /// Of the microphone, while a lesson is recorded.
    package private(set) var level = LevelWatch.State.fine

    private var currentPhase: Phase {
        switch state {
        case .active(let lesson): return lesson.phase
        case .idle, .finished: break
        }
        if hasPendingStart { return .failed(.microphone(Self.busyMicrophone)) }
        if let refusedStart { return .failed(refusedStart.reason) }
        guard case .finished = state else { return .idle }
        return ending?.problem.map { .failed(.disk($0)) } ?? .finished
    }

    private static let busyMicrophone =
        "its driver has not ended the last recording yet; if it stays so, unplug the microphone"

    /// The last lesson that ended, also while the next one is recorded.
    package internal(set) var ending: Ending?

    /// Whether STOP has something to end: with one button for both, that is what a press means.
    package var isStoppable: Bool { hasPendingStart || lesson?.stage == .recording }

    /// A lesson's samples come, or are waited for: the capture thread has the microphone.
    package var isHearing: Bool {
        guard let lesson else { return false }
        return lesson.end == nil
    }

    /// Rather than `pendingStart != nil`, which compares whole requests.
    var hasPendingStart: Bool {
        if case .some = pendingStart { return true }
        return false
    }

    /// The recording that START was last pressed for.
    package var newestRecording: RecordingID? { pendingStart?.request.header.id ?? lesson?.header.id }

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

    /// Takes in what happened.
    /// - Parameter head: the index after the newest recorded sample.
    /// - Returns: what is to be done about it, in order.
    package mutating func receive(_ input: RecorderInput, now: MonotonicTime, head: SampleIndex) -> [RecorderEffect] {
        self.head = head
        let before = phase
        var turn = Turn(now: now)
        if case .capture(.standby(let state, let reason)) = input { standBy(state, reason, &turn) }
        switch state {
        case .idle, .finished:
            receiveAtRest(input, &turn)
        case .active(var lesson):
            // Taken out, so that what changes is not copied first.
            state = .idle
            if let ending = receive(input, &lesson, &turn) {
                self.ending = ending
                state = .finished
            } else {
                state = .active(lesson)
            }
        }
        beginPending(&turn)
        phase = currentPhase
        nextDeadline = deadline
        level = lesson?.level.state ?? .fine
        logPhase(from: before, &turn)
        assert(checkJointStates(), "a joint state that cannot be: \(timers(now: now))")
        return turn.effects
    }

    private mutating func receiveAtRest(_ input: RecorderInput, _ turn: inout Turn) {
        switch input {
        case .start(let request):
            start(request, &turn)
        case .resume(let recording, let place):
            resume(recording, at: place, &turn)
        case .stop:
            guard !cancelPending(&turn) else { return }
            refuse("stop", "nothing is being recorded", .notRecording, &turn)
        case .capture(.stopped):
            isCaptureBusy = false
        case .store(let event):
            if case .closed(let summary) = event { savedLate(summary, &turn) }
        case .tick:
            if let refusedStart, refusedStart.until <= turn.now { self.refusedStart = nil }
        case .uplink(.opened(let session, _)):
            turn.emit(.uplink(.close(session: session)))
        case .networkChanged:
            networkLoss = nil
        case .networkLost(let what):
            networkLoss = what
        case .capture, .uplink:
            break
        }
    }

    mutating func start(_ request: StartRequest, _ turn: inout Turn) {
        refusedStart = nil
        if let refusal = request.spaceRefusal {
            refuse("start", refusal, .noSpace, &turn)
            let until = turn.after(milliseconds: Limits.refusedStartMilliseconds)
            refusedStart = RefusedStart(reason: .disk(refusal), until: until)
            return
        }
        guard !isCaptureBusy else {
            awaitStart(request, &turn)
            return
        }
        // A new time line: what was told belongs to the last recording.
        head = .zero
        isCaptureBusy = true
        var lesson = Lesson(header: request.header, now: turn.now)
        let before = request.preRollMilliseconds == 0 ? "" : " pre_roll_ms=\(request.preRollMilliseconds)"
        let label = LogEntry.quoted(request.header.label)
        turn.log(.info, "start id=\(request.header.id.text) label=" + label + before)
        // Audio first, before any key or network: not a word is to be lost.
        turn.emit(.capture(.start(at: .zero)))
        turn.emit(.store(.open(request.header)))
        if settings.transcription { beginAttempt(&lesson, &turn) }
        state = .active(lesson)
    }

    private mutating func resume(_ recording: InterruptedRecording, at place: SampleIndex, _ turn: inout Turn) {
        head = place
        isCaptureBusy = true
        var lesson = Lesson(header: recording.header, now: turn.now)
        lesson.transcript = LiveTranscript(resuming: recording)
        lesson.committed = recording.saved
        let away = place.samples(since: recording.saved) / SampleIndex.samplesPerMillisecond
        let line = "resume id=\(recording.header.id.text) at_ms=\(place.milliseconds) away_ms=\(away)"
        turn.log(.warning, line + " words=\(recording.wordCount)")
        turn.emit(.capture(.start(at: place)))
        turn.emit(.store(.reopen(at: place)))
        if settings.transcription { beginAttempt(&lesson, &turn) }
        state = .active(lesson)
    }

    /// - Returns: what became of the lesson, when it is over.
    private mutating func receive(_ input: RecorderInput, _ lesson: inout Lesson, _ turn: inout Turn) -> Ending? {
        switch input {
        case .start(let request):
            startMeanwhile(request, &lesson, &turn)
        case .resume:
            break
        case .stop:
            stop(&lesson, &turn)
        case .capture(let event):
            receiveCapture(event, &lesson, &turn)
        case .store(let event):
            return receiveStore(event, &lesson, &turn)
        case .uplink(let event):
            receiveUplink(event, &lesson, &turn)
        case .networkChanged(let what):
            networkChanged(what, &lesson, &turn)
        case .networkLost(let what):
            networkLost(what, &lesson, &turn)
        case .tick:
            return tick(&lesson, &turn)
        }
        return nil
    }

    private mutating func standBy(_ state: Standby, _ reason: String, _ turn: inout Turn) {
        standby = state
        standbyProblem = state == .away ? reason : ""
        let line = "standby state=" + state.name
        turn.log(state == .away ? .warning : .info, reason.isEmpty ? line : line + " reason=" + LogEntry.quoted(reason))
    }

    func refuse(_ what: String, _ why: String, _ code: RefusalCode, _ turn: inout Turn) {
        turn.log(.info, "refused what=\(what) why=\(LogEntry.quoted(why))")
        turn.emit(.refused(why: why, code: code))
    }

    private func logPhase(from before: Phase, _ turn: inout Turn) {
        let after = phase
        guard before != after else { return }
        var line = "phase from=\(before.name) to=\(after.name)"
        var level = LogLevel.info
        switch after {
        case .reconnecting(let attempt): line += " attempt=\(attempt)/\(settings.reconnect.attempts)"
        case .failed(let reason):
            line += " reason=\(LogEntry.quoted(reason.text))"
            level = .error
        case .idle, .starting, .requesting, .connecting, .live, .finishing, .finished: break
        }
        // An attempt number that counts up is no change of phase; its own line tells it.
        if case .reconnecting = before, case .reconnecting = after { return }
        if case .reconnecting = after, let error = lesson?.lastError, !error.isEmpty {
            line += " reason=\(LogEntry.quoted(error))"
        }
        turn.log(level, line)
    }
}
