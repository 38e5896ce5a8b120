internal import RecorderCore

/// What is on the medium: what the last commit saved.
struct Medium {
    var journal: [Word] = []
    var covered = SampleIndex.zero
    var gaps: [Gap] = []
    var samples: Int64 = 0
    /// As the index told it.
    var told: Coverage?

    /// As the index tells it at the next start.
    var coverage: Coverage {
        if let told { return told }
        let end = gaps.isEmpty ? covered : journal.map(\.end).max() ?? .zero
        return Coverage(through: min(end, SampleIndex(samples)), gaps: gaps)
    }
}

extension World {
    /// Everything in the box is gone but what is on the medium; the world goes on.
    func powerGoes() {
        guard !isOff else { return }
        if let seat { cutPower(seat) }
        isOff = true
        queue.removeAll { $0.isInTheBox }
        let keys = uplink.keysEnd
        uplink = Uplink()
        uplink.keysEnd = keys
        tickEnds()
        recorder = Recorder(settings: plan.settings, seed: plan.seed &+ UInt64(now))
        journal = medium.journal
        capture.isRunning = false
        capture.stopDue = nil
        checker.powerGoes(coverage: medium.coverage.ranges, now: now)
        checker.voices = [:]
        for word in journal where word.speaker > 0 {
            if let number = wordNumber(of: word) { checker.voices[word.speaker] = script.words[number].voice }
        }
        guard checker.header != nil, checker.isStopAccepted || store.recording == 0 else { return }
        // It was STOP that ended it: it does not go on.
        endCut()
    }

    func powerReturns() {
        guard isOff else { return }
        isOff = false
        guard let header = checker.header else {
            seat.map { endInterrupted($0) }
            return
        }
        let place = max(0, now - capture.startedAt) / Self.periodMilliseconds * Limits.periodSamples
        seat.map { $0.lateUntil = max($0.lateUntil, now + 4_000) }
        let told = seat.map { $0.recovery.interruption } ?? interruption(header)
        guard let recording = told, recording.header.id == header.id else {
            endCut()
            return
        }
        // By a clock that is right, as far as the box knows the time of its last sample.
        let anchor = recording.anchor
        let moment = ClockReading(
            wall: WallTime(
                milliseconds: anchor.wall.milliseconds + SampleIndex(place).milliseconds - anchor.sample.milliseconds),
            isSynchronised: true, boot: BootTime(id: "another", milliseconds: 0))
        guard case .resume(let at) = Resumption.decide(recording, now: moment, seconds: 120) else {
            endCut()
            return
        }
        seat.map { $0.recovery.interruption = nil }
        script.silence(from: medium.samples / SampleIndex.samplesPerMillisecond, to: now - capture.startedAt)
        checker.resumes(journal.compactMap { wordNumber(of: $0) }, words: script.words.count)
        receive(.resume(recording, at: at))
    }

    /// As the index tells it.
    private func interruption(_ header: RecordingHeader) -> InterruptedRecording {
        let words = journal.ordered { $0.start < $1.start }
        return InterruptedRecording(
            header: header, saved: SampleIndex(medium.samples), coverage: medium.coverage,
            words: comparable(words, near: medium.gaps), wordCount: words.count,
            speakers: Array(Set(journal.map(\.speaker)).subtracting([0])).sorted())
    }

    /// As the index tells them: the newest, and those that a session which fills a gap hears again. Of the newest it
    /// is fewer than the store reads, since lessons here are short: no more than a session may hear again.
    private func comparable(_ words: [Word], near gaps: [Gap]) -> [Word] {
        let newest = words.suffix(64)
        let near = words.dropLast(newest.count).filter { word in
            gaps.contains { gap in
                [gap.start, gap.end].contains {
                    abs($0.samples(since: word.start)) <= Limits.comparedSamples
                }
            }
        }
        return (near.prefix(Limits.committedWords - Limits.recentWords) + newest).sorted { $0.start < $1.start }
    }

    /// The lesson is over without a word of the recorder.
    private func endCut() {
        seat.map { endInterrupted($0) }
        let closing = checker.closing ?? (end: medium.samples, gaps: [])
        checker.closing = closing
        compare(end: closing.end)
        outcome.lessons += 1
        checker.header = nil
    }
}

extension WorldEvent {
    /// Whether it is about something that goes with the power.
    var isInTheBox: Bool {
        switch self {
        case .faultBegins, .faultEnds, .flap, .horizon: false
        case .hint, .report, .commands, .answered, .connected, .step, .captureStarted, .captureStopped, .silence,
            .level, .commit, .stored, .tick:
            true
        }
    }
}

extension Checker {
    mutating func powerGoes(coverage: [Range<SampleIndex>], now: Int64) {
        sessions = []
        requests = []
        lastAttemptAt = Int64.min / 2
        attempts = 0
        liveSince = nil
        isCapturing = false
        isFromBefore = false
        light = Checker.Light()
        hearing = nil
        filled = nil
        before = nil
        secondaryFailures = 0
        self.coverage = coverage
        troubled(now: now)
    }

    mutating func resumes(_ stored: [Int], words: Int) {
        isStored = [Bool](repeating: false, count: words)
        for word in stored where word < words { isStored[word] = true }
    }
}
