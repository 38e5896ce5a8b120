internal import RecorderCore

/// What the invariants have to remember.
struct Checker {
    struct Opened {
        var id: SessionID
        var base: Int64
        /// The first sample that it is to give text for; what is before it was heard by others.
        var edge: Int64
        /// The voices that had a number in the overlap, and the number.
        var known: [(voice: Int, speaker: Int)]
        var isOpen = false
        /// It fills a gap.
        var isSecondary = false
        /// The service has come on in it.
        var hasProgressed = false
    }

    /// What the light has to tell of, as it passed between the recorder and what surrounds it.
    struct Light {
        enum Microphone {
            case opening(since: Int64)
            case delivering
            case lost
        }

        var microphone = Microphone.lost
        var isDiskFailing = false
        /// Seconds in a row.
        var quiet = 0
        var lastProgressAt = Int64.min / 2
    }

    var light = Light()
    /// What is being received.
    var input = RecorderInput.tick
    var header: RecordingHeader?
    /// Sessions and key requests that the box has asked for and not ended.
    var sessions: [Opened] = []
    var requests: [KeyRequestID] = []
    var lastAttemptAt = Int64.min / 2
    var attempts = 0
    var liveSince: Int64?
    var isStopAccepted = false
    var isCapturing = false
    /// What is being delivered belongs to an earlier recording.
    var isFromBefore = false
    var closedRecording = 0
    /// The session whose message is being received.
    var hearing: SessionID?
    /// The session that has just filled a gap, and the sample to which it heard.
    var filled: (session: Opened, end: Int64)?
    /// The state before an input that must not change it.
    var before: Recorder.State?
    // The transcript
    var coverage: [Range<SampleIndex>] = []
    /// What the service has said the last word about.
    var claimed = Coverage()
    /// The voice of each of the box's speakers.
    var voices: [Int: Int] = [:]
    var isStored: [Bool] = []
    /// The first thing in the journal that may be wrong: the proof comes with the end of the lesson.
    var suspicion: (event: Int, text: String)?
    var closing: (end: Int64, gaps: [Gap])?
    // Calm
    var lastTroubleAt = Int64.min / 2
    var calmSince: Int64?
    var calmDebt: Int64 = 0
    var secondaryFailures = 0
    var mustBeComplete = false

    /// A fault is over, but for what it leaves behind.
    mutating func faultEnded(_ fault: Fault, now: Int64) {
        if fault.disturbsUplink { lastTroubleAt = max(lastTroubleAt, now) }
    }

    mutating func troubled(now: Int64) {
        lastTroubleAt = max(lastTroubleAt, now)
        calmSince = nil
        mustBeComplete = false
    }

    mutating func told(toWaitUntil time: Int64) {
        lastTroubleAt = max(lastTroubleAt, time)
    }

    /// A new lesson; what the network has done stays known.
    mutating func lessonBegins(_ header: RecordingHeader, words: Int) {
        let (trouble, light, input) = (lastTroubleAt, light, input)
        self = Checker()
        lastTroubleAt = trouble
        self.light = light
        self.input = input
        self.header = header
        isStored = [Bool](repeating: false, count: words)
    }
}

extension World {
    // MARK: Before

    func willReceive(_ input: RecorderInput) {
        checker.before = nil
        checker.input = input
        var isUnknown = false
        switch input {
        case .uplink(.message(let number, _)):
            isUnknown = !checker.sessions.contains { $0.id == number && $0.isOpen }
        case .uplink(.closed(let number, let failure)):
            isUnknown = !checker.sessions.contains { $0.id == number }
            if failure != nil, recorder.lesson?.uplink.secondary?.session?.id == number {
                checker.secondaryFailures += 1
            }
        case .uplink(.key(let attempt, _)), .uplink(.keyFailed(let attempt, _)):
            isUnknown = !checker.requests.contains(attempt)
        default: break
        }
        checker.hearing = nil
        checker.filled = nil
        if case .uplink(.message(let number, _)) = input { checker.hearing = number }
        if case .uplink(.message(let number, let message)) = input, message.finished {
            noteFilled(number, SampleIndex(milliseconds: message.totalAudioMilliseconds).value)
        }
        if planted == .lateMessages || planted == .uncancelled { isUnknown = false }
        if isUnknown || checker.isFromBefore { checker.before = recorder.state }
        noteLight(input)
        if case .uplink(.message(let number, let message)) = input, !isUnknown { claim(message, of: number) }
        if case .uplink(.closed(let number, _)) = input { checker.sessions.removeAll { $0.id == number } }
        if let since = checker.liveSince, now - since >= Limits.stableSessionMilliseconds, showsLife(input) {
            checker.attempts = 0
        }
        switch input {
        case .uplink(.key(let attempt, _)), .uplink(.keyFailed(let attempt, _)):
            checker.requests.removeAll { $0 == attempt }
        case .networkChanged:
            checker.attempts = 0
            checker.troubled(now: now)
        case .networkLost: checker.troubled(now: now)
        default: break
        }
    }

    private func noteFilled(_ number: SessionID, _ heard: Int64) {
        guard let secondary = recorder.lesson?.uplink.secondary, case .gap = secondary.purpose,
            secondary.session?.id == number,
            let session = checker.sessions.first(where: { $0.id == number && $0.isOpen })
        else { return }
        checker.filled = (session, session.base + heard)
    }

    /// Whether the live session was alive until now. A stall is noticed late.
    private func showsLife(_ input: RecorderInput) -> Bool {
        switch input {
        case .networkLost: true
        case .uplink(.message(let number, _)): number == recorder.lesson?.uplink.session?.id
        case .uplink(.closed(let number, let failure)):
            switch failure?.cause {
            case .network(.stalled), .network(.timeout), .local: false
            case nil, .network, .service: number == recorder.lesson?.uplink.session?.id
            }
        default: false
        }
    }

    private func claim(_ message: ServiceMessage, of number: SessionID) {
        guard let session = checker.sessions.first(where: { $0.id == number }) else { return }
        let base = SampleIndex(session.base)
        var through = message.finished ? message.totalAudioMilliseconds : message.finalAudioMilliseconds
        for token in message.tokens where token.isFinal { through = max(through, token.endMilliseconds) }
        checker.claimed.insert(base..<base.advanced(by: through * SampleIndex.samplesPerMillisecond))
    }

    // MARK: Effects

    func checkEffect(_ effect: RecorderEffect) {
        switch effect {
        case .capture(.start):
            // Another lesson has waited for the end of the last one.
            if let header = checker.header, recorder.lesson?.header != header { lessonEnded(checker.input) }
            checker.light.microphone = .opening(since: now)
            checker.light.quiet = 0
            checker.light.isDiskFailing = false
            if checker.isCapturing { fail("no double start", "capture is started while it runs") }
        case .store(.open(let header)):
            checker.lessonBegins(header, words: script.words.count)
            checker.isCapturing = true
        case .capture(.stop):
            checker.isCapturing = false
        case .uplink(.requestKey(let attempt)):
            checker.requests.append(attempt)
            if isForSession(attempt) { attempted() }
        case .uplink(.cancelKey(let attempt)):
            checker.requests.removeAll { $0 == attempt }
        case .uplink(.open(let request)):
            if request.isPrefetchedKey { attempted() }
            opened(request)
        case .uplink(.close(let number)):
            checker.sessions.removeAll { $0.id == number }
        case .store(.reopen):
            checker.isCapturing = true
        case .store(.words(let words, _, _)):
            if checker.closing != nil { fail("nothing is stored after the end", words.first?.text ?? "") }
            for word in words { checkWord(word) }
        case .store(.mergeSpeaker(let retired, let speaker)):
            checkMerge(retired, into: speaker)
        case .store(.close(let end, let gaps, _)):
            if checker.closing != nil { fail("a recording is closed once", "closed again") }
            checker.closing = (end.value, gaps)
        case .uplink(.finish), .uplink(.audio), .store, .words, .interim, .refused, .reached, .log:
            break
        }
    }

    /// Whether a key is for a session that is wanted now, and not a spare one.
    private func isForSession(_ attempt: KeyRequestID) -> Bool {
        recorder.lesson?.uplink.place(requesting: attempt) != nil
    }

    private func attempted() {
        let distance = now - checker.lastAttemptAt
        if distance < Limits.attemptSpacingMilliseconds {
            fail("attempts keep their distance", "\(distance) ms after the last")
        }
        checker.lastAttemptAt = now
        // A probe is none of a burst, nor is an attempt beside a live session.
        if case .failed = recorder.phase { return }
        if recorder.lesson?.uplink.secondary == nil { checker.attempts += 1 }
        if checker.attempts > plan.settings.reconnect.attempts {
            fail("a burst ends", "attempt \(checker.attempts) of \(plan.settings.reconnect.attempts)")
        }
    }

    private func opened(_ request: SessionRequest) {
        guard let lesson = recorder.lesson else {
            fail("sessions belong to lessons", "session \(request.id.rawValue) is opened at rest")
            return
        }
        let resume = lesson.transcript.resumePoint
        var edge = resume
        if case .gap(let gap)? = lesson.uplink.secondary?.purpose,
            lesson.uplink.secondary?.session?.id == request.id
        {
            edge = gap.lowerBound
        }
        // It gives no text, and goes back as far as voices are looked for.
        var isHearing = false
        if lesson.uplink.secondary?.session?.id == request.id, case .secondHearing? = lesson.uplink.secondary?.purpose {
            isHearing = true
            edge = request.base
            checkSecondHearing(request)
        }
        let isLiveFirst =
            head.samples(since: resume) > Limits.longestReplaySamples
            && head.samples(since: request.base) == min(head.value, Limits.overlapSamples)
        // What ended two sessions at one place is passed over, and told.
        let isSkipped = lesson.uplink.skipped > .zero && request.base == min(lesson.uplink.skipped, head)
        if isSkipped { checker.troubled(now: now) }
        if request.base > edge && !isLiveFirst && !isSkipped || request.base < .zero || request.base > head {
            fail("replay begins before the gap", "base \(request.base.milliseconds), gap \(edge.milliseconds) ms")
        }
        if edge.samples(since: request.base) > Limits.longestOverlapSamples, !isLiveFirst {
            fail("replay is bounded", "base \(request.base.milliseconds), gap \(edge.milliseconds) ms")
        }
        checker.sessions.append(
            Checker.Opened(
                id: request.id, base: request.base.value, edge: max(edge, request.base).value,
                known: known(from: request.base, to: edge), isSecondary: request.end != nil || isHearing))
    }
}
