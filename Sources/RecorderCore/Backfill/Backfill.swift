/// Gives saved lessons the text that they lack: gap after gap, one lesson at a time, while no lesson is recorded.
/// The words are placed by the same rules as live ones (`LiveTranscript`), so the transcript is that of an undisturbed
/// lesson.
package struct Backfill {
    typealias Turn = RecorderCore.Turn<BackfillEffect>

    let settings: BackfillSettings
    var random: RandomSource
    var work = Work.none
    /// A lesson is recorded: nothing is begun.
    var isPaused = false
    private var gate = OfflineGate()
    var askAt: MonotonicTime?
    private var newestNumber = 0
    /// What somebody else has to answer, and by when.
    var answerDue = MonotonicTime(milliseconds: 0)
    /// Of the lesson whose text is asked for anew.
    var kept: Kept?
    // Stored, as of the last input: who asks for them would copy the whole machine otherwise.
    /// When `.tick` is due; nil: nothing is waited for.
    package private(set) var nextDeadline: MonotonicTime?
    /// The lesson in hand; nil when there is none.
    package private(set) var status: BackfillStatus?

    enum Work {
        case none
        /// The store was asked.
        case asked
        case lesson(Job)
    }

    /// A lesson in hand.
    struct Job {
        var recording: InterruptedRecording
        var transcript: LiveTranscript
        var step: Step
        /// What the service still holds of it.
        var atService: TranscriptionJob
        /// What the session in hand fills.
        var filling: Range<SampleIndex>?
        /// The samples that the service was sent, and the gap in them.
        var clip: Clip?
        /// How often its state was asked for.
        var polls = 0
        /// What of the coverage the journal has.
        var stored: Coverage
        /// How often the service could not transcribe a file, and how often it did not delete one.
        var refusals = 0
        var undeleted = 0
        /// A gap was filled: the words near the next one are asked for anew, since only so many are kept.
        var needsReload = false
        /// Where gaps begin that are left: what is there ends each session.
        var skipped: [SampleIndex] = []
        /// Sessions in a row that were ended by a message that cannot be read.
        var unreadable = 0
        /// Failures since the last progress.
        var failures = 0
        var lastError = ""

        init(_ text: GapsToFill) {
            recording = text.recording
            atService = text.job
            transcript = LiveTranscript(resuming: recording)
            stored = recording.coverage
            step = .trying(Self.noAttempt)
        }

        static let noAttempt = SessionAttempt("backfill")

        /// Idle while something else is done.
        var attempt: SessionAttempt {
            @inline(never) get { if case .trying(let attempt) = step { attempt } else { Self.noAttempt } }
            @inline(never) set { step = .trying(newValue) }
        }

        var isWaiting: Bool {
            if case .trying(let attempt) = step { attempt.state.step == .backingOff } else { false }
        }

        var id: RecordingID { recording.header.id }
        var end: SampleIndex { recording.saved }
        var isAtService: Bool { clip != nil || !atService.isEmpty }
        var missingMilliseconds: Int64 { gaps.reduce(0) { $0 + $1.end.milliseconds - $1.start.milliseconds } }
        var gaps: [Gap] { transcript.coverage.gaps(before: end, reason: "not transcribed yet") }
    }

    struct Clip: Equatable {
        var gap: Range<SampleIndex>
        var range: Range<SampleIndex>
        /// Empty while the store makes the file.
        var path = ""
    }

    enum Step: Equatable {
        /// A gap on its way through the live service, or whatever waits for its time; without a deadline: for the end
        /// of a lesson, or for the network.
        case trying(SessionAttempt)
        case makingClip
        case exchanging(TranscriptionRequest)
        /// The service is asked again then.
        case polling(at: MonotonicTime)
        /// The store writes the lesson's row.
        case settling(reason: String)
        case done
    }

    package init(settings: BackfillSettings, seed: UInt64) {
        self.settings = settings
        random = RandomSource(seed: seed)
        // What was saved before the last start may lack text.
        if settings.mode != .none { askAt = MonotonicTime(milliseconds: 0) }
        nextDeadline = deadline
    }

    private var deadline: MonotonicTime? {
        switch work {
        case .none: isPaused ? nil : askAt
        case .asked: isPaused ? nil : answerDue
        case .lesson(let job):
            switch job.step {
            case .trying(let attempt): job.isWaiting ? retryAt(attempt) : attempt.deadline
            case .polling(let at): gate.time(at)
            case .makingClip, .exchanging, .settling: isPaused ? nil : answerDue
            case .done: nil
            }
        }
    }

    /// When what waits may go on, as far as is known.
    private func retryAt(_ attempt: SessionAttempt) -> MonotonicTime? {
        isPaused ? nil : attempt.deadline.map { gate.time($0) }
    }

    private var report: BackfillStatus? {
        guard case .lesson(let job) = work else { return nil }
        var next: MonotonicTime?
        if job.isWaiting { next = job.attempt.deadline }
        return BackfillStatus(
            recording: job.id, gaps: job.gaps.count, milliseconds: job.missingMilliseconds, nextAttempt: next,
            lastError: job.lastError)
    }

    package mutating func receive(_ input: BackfillInput, now: MonotonicTime) -> [BackfillEffect] {
        var turn = Turn(now: now)
        switch input {
        case .saved: askAt = settings.mode == .none ? nil : turn.after(milliseconds: Limits.backfillDelayMilliseconds)
        case .lessonBegan: pause(&turn)
        case .lessonEnded:
            isPaused = false
            expectAnswer(within: Limits.storeWorkMilliseconds, turn)
            wake(turn.after(milliseconds: Limits.backfillDelayMilliseconds), &turn)
        case .networkChanged:
            gate.open()
            forgive()
            wake(turn.now, &turn)
        case .networkLost: gate.close(at: turn.now)
        case .retry: wake(turn.now, &turn)
        case .store(.text(let text)): begin(text, &turn)
        case .store(.textLost(let id)): abandon(id, &turn)
        case .uplink, .store, .answer, .tick:
            guard case .lesson(var job) = work else { break }
            receive(input, &job, &turn)
            work = .lesson(job)
        }
        if case .tick = input { answerMissing(&turn) }
        advance(&turn)
        (nextDeadline, status) = (deadline, report)
        return turn.effects
    }

    private mutating func receive(_ input: BackfillInput, _ job: inout Job, _ turn: inout Turn) {
        switch input {
        case .uplink(let event):
            receiveLive(event, &job, &turn)
        case .store(.clipMade(job.id, let path, let bytes)):
            clipMade(path, bytes: bytes, &job, &turn)
        case .store(.textSettled(job.id)):
            settled(&job, &turn)
        case .answer(let answer):
            if case .exchanging(let request) = job.step { receive(answer, of: request, &job, &turn) }
        case .tick: expire(&job, &turn)
        case .saved, .lessonBegan, .lessonEnded, .networkChanged, .networkLost, .store, .retry:
            break
        }
    }

    private func settled(_ job: inout Job, _ turn: inout Turn) {
        guard case .settling(let reason) = job.step else { return }
        let state = reason.isEmpty ? "complete" : "given-up reason=\(LogEntry.quoted(reason))"
        let level: LogLevel = reason.isEmpty ? .info : .error
        let line = "transcribe id=\(job.id.text) state=\(state) words=\(job.transcript.wordCount)"
        turn.log(level, line)
        job.step = .done
    }

    // MARK: What is done next

    private mutating func advance(_ turn: inout Turn) {
        if case .lesson(let job) = work, case .done = job.step {
            work = .none
            askAt = turn.now
        }
        switch work {
        case .none:
            guard !isPaused, let due = askAt, due <= turn.now else { return }
            askAt = nil
            askText(&turn)
        case .asked:
            break
        case .lesson(var job):
            guard job.isWaiting, let retryAt = retryAt(job.attempt), retryAt <= turn.now else { return }
            gate.pass(at: turn.now)
            guard !job.needsReload || job.gaps.isEmpty || job.isAtService else {
                kept = Kept(job)
                askText(&turn)
                return
            }
            step(&job, &turn)
            work = .lesson(job)
        }
    }

    private mutating func askText(_ turn: inout Turn) {
        work = .asked
        expectAnswer(within: Limits.storeAnswerMilliseconds, turn)
        turn.emit(.store(.nextText))
    }

    private mutating func begin(_ text: GapsToFill?, _ turn: inout Turn) {
        guard case .asked = work else { return }
        work = .none
        guard let text else { return }
        var job = Job(text)
        job.attempt.backOff(until: turn.now, &turn)
        kept?.give(to: &job)
        kept = nil
        let what = "gaps=\(job.gaps.count) missing_ms=\(job.missingMilliseconds)"
        turn.log(.info, "transcribe id=\(job.id.text) state=begun " + what)
        work = .lesson(job)
    }

    /// One thing after another: what an earlier try left at the service goes first, then the next gap, then the end.
    private mutating func step(_ job: inout Job, _ turn: inout Turn) {
        if settings.mode == .files, stepFiles(&job, &turn) { return }
        guard let gap = nextGap(job) else {
            settle(job.gaps.isEmpty ? "" : job.lastError, &job, &turn)
            return
        }
        if settings.mode == .files { makeClip(of: gap, &job, &turn) } else { requestKey(&job, &turn) }
    }

    /// The first gap, or as much of it as goes at a time.
    func nextGap(_ job: Job) -> Range<SampleIndex>? {
        guard let gap = job.gaps.first(where: { !job.skipped.contains($0.start) }) else { return nil }
        let limit = gap.start.advanced(by: settings.pieceMilliseconds * SampleIndex.samplesPerMillisecond)
        return gap.start..<min(gap.end, limit)
    }

    private mutating func settle(_ reason: String, _ job: inout Job, _ turn: inout Turn) {
        job.step = .settling(reason: reason)
        expectAnswer(within: Limits.storeAnswerMilliseconds, turn)
        turn.emit(.store(.settleText(job.id, reason: reason)))
    }

    mutating func nextNumber() -> Int {
        newestNumber += 1
        return newestNumber
    }

    /// Where a session begins and ends to fill a gap: it hears the voices on both sides.
    func span(of gap: Range<SampleIndex>, _ job: Job) -> Range<SampleIndex> {
        let end = min(job.end, gap.upperBound.advanced(by: Limits.longestOverlapSamples))
        return job.transcript.overlapped(gap.lowerBound)..<end
    }

    mutating func take(_ message: ServiceMessage, session: SessionID, _ job: inout Job, _ turn: inout Turn) {
        if message.oddTokens > 0 { turn.emit(.reached(.serviceTokens, count: Int64(message.oddTokens))) }
        if message.oddPositions > 0 { turn.emit(.reached(.servicePositions, count: Int64(message.oddPositions))) }
        if message.translatedTokens > 0 {
            turn.emit(.reached(.translatedTokens, count: Int64(message.translatedTokens)))
        }
        let update = job.transcript.receive(message, session: session.rawValue, end: job.end)
        for match in update.speakers { turn.log(match.entry(session: session.rawValue)) }
        if !update.words.isEmpty || message.finished { store(update.words, &job, &turn) }
    }

    private func store(_ words: [Word], _ job: inout Job, _ turn: inout Turn) {
        job.failures = 0
        job.unreadable = 0
        job.stored = job.transcript.coverage
        turn.emit(.store(.words(job.id, words, covered: job.stored.withoutGaps, gaps: job.gaps)))
    }

    func close(session: SessionID, _ job: inout Job, _ turn: inout Turn) {
        // Silence has no words to be stored with.
        if job.transcript.coverage != job.stored { store([], &job, &turn) }
        job.needsReload = true
        for merge in job.transcript.close(session: session.rawValue) {
            turn.emit(.store(.mergeSpeaker(job.id, merge.retired, into: merge.speaker)))
            turn.log(merge.entry(session: session.rawValue))
        }
    }

    // MARK: Failures

    /// - Parameter isFinal: no other try can do better.
    mutating func failed(_ failure: UplinkFailure, isFinal: Bool = false, _ job: inout Job, _ turn: inout Turn) {
        let verdict = Classification.verdict(on: failure, on503: settings.on503)
        guard !isRenewal(verdict, job, turn) else {
            job.attempt.backOff(until: turn.now, &turn)
            return
        }
        job.failures += 1
        job.lastError = failure.detail
        // Nobody of the service's has said no: then the lesson would not get to the school either.
        if gate.isOffline || failure.isOfTheWay { job.failures = min(job.failures, Limits.backfillTries - 1) }
        let backoff = Backoff(capMilliseconds: Limits.backfillCapMilliseconds, jitter: .half)
        var wait = backoff.milliseconds(job.failures, random: &random)
        switch verdict {
        case .retry, .renew, .renewKey, .busy: break
        case .retryAfter(let seconds): wait = max(wait, Limits.retryAfterMilliseconds(seconds))
        // What a person has to mend is not asked every second.
        case .probe, .fatal: wait = max(wait, Limits.backfillRefusedMilliseconds)
        }
        guard !isFinal, job.failures < Limits.backfillTries else {
            settle(failure.detail, &job, &turn)
            return
        }
        let line = "transcribe id=\(job.id.text) state=waiting in_ms=\(wait) try=\(job.failures)"
        turn.log(.warning, line + " reason=\(LogEntry.quoted(failure.detail))")
        job.attempt.backOff(until: turn.after(milliseconds: wait), &turn)
    }

    private mutating func expire(_ job: inout Job, _ turn: inout Turn) {
        switch job.step {
        case .trying(let attempt):
            guard let deadline = attempt.deadline, deadline <= turn.now, let failure = attempt.overdue else { return }
            attempt.abort(&turn)
            if attempt.isLive, let session = attempt.sessionID {
                close(session: session, &job, &turn)
                turn.log(.error, "transcribe state=stuck")
            }
            failed(failure, &job, &turn)
        case .polling(let at) where gate.time(at) <= turn.now:
            exchange(.state(transcription: job.atService.transcription), &job, &turn)
        case .makingClip, .exchanging, .polling, .settling, .done:
            break
        }
    }

    // MARK: Interruptions

    /// A lesson begins: the network and the flash are its own.
    private mutating func pause(_ turn: inout Turn) {
        isPaused = true
        guard case .lesson(var job) = work else { return }
        leave(&job, &turn)
        switch job.step {
        // The store answers these in its own time.
        case .makingClip, .settling, .done: break
        case .trying, .exchanging, .polling: job.attempt.backOff(until: nil, &turn)
        }
        work = .lesson(job)
    }

    /// What the store has of it is where it goes on.
    private mutating func abandon(_ id: RecordingID, _ turn: inout Turn) {
        guard case .lesson(var job) = work, job.id == id else { return }
        leave(&job, &turn)
        work = .none
        askAt = turn.after(milliseconds: Limits.backfillRefusedMilliseconds)
    }

    private mutating func leave(_ job: inout Job, _ turn: inout Turn) {
        switch job.step {
        case .trying(let attempt):
            job.attempt.cancel(&turn)
            if attempt.isLive, let session = attempt.sessionID { close(session: session, &job, &turn) }
        case .exchanging:
            turn.emit(.cancelRequest)
        case .makingClip, .polling, .settling, .done:
            break
        }
    }

    /// A try that was brought forward must not use up the number of tries, however the network flaps.
    private mutating func forgive() {
        guard case .lesson(var job) = work, job.isWaiting else { return }
        job.failures = max(0, job.failures - 1)
        work = .lesson(job)
    }

    /// Nothing is waited for any longer.
    private mutating func wake(_ time: MonotonicTime, _ turn: inout Turn) {
        guard case .lesson(var job) = work, job.isWaiting else { return }
        job.attempt.backOff(until: time, &turn)
        work = .lesson(job)
    }
}
