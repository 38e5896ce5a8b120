internal import RecorderCore

/// The capture thread, as far as the loop knows it.
struct Microphone {
    var isRunning = false
    /// When sample 0 was recorded.
    var startedAt: Int64 = 0
    /// The head while it does not run.
    var end: Int64 = 0
    /// A STOP that the thread has not carried out yet.
    var stopDue: Int64?
}

/// The store thread, as far as the loop knows it.
struct Store {
    var recording = 0
    var isClosing = false
    var isFailing = false
    var closeEnd: Int64 = 0
    /// Commands since it last looked.
    var waiting = 0
    var busyUntil: Int64 = 0
    var nextCommit: Int64 = 0
    var covered = SampleIndex.zero
    var gaps: [Gap] = []
}

extension World {
    static let periodMilliseconds = Limits.periodSamples / SampleIndex.samplesPerMillisecond

    // MARK: Microphone

    /// The ring's head.
    var head: SampleIndex {
        guard capture.isRunning else { return SampleIndex(capture.end) }
        return SampleIndex(max(0, now - capture.startedAt) / Self.periodMilliseconds * Limits.periodSamples)
    }

    func startCapture() {
        recording += 1
        journal.removeAll(keepingCapacity: true)
        medium = Medium()
        capture.end = 0
        capture.startedAt = now + random.skewed(20, 2_500)
        var silences: [Range<Int64>] = []
        for fault in plan.faults where fault.kind == .microphoneLost || fault.kind == .overrun {
            silences.append((fault.at - capture.startedAt)..<(fault.at + fault.duration - capture.startedAt))
        }
        script = spoken ?? Script(
            seed: plan.seed &+ UInt64(recording), length: plan.length - now + 1_000, silences: silences,
            writing: plan.writing)
        beginCapture()
    }

    func beginCapture() {
        capture.isRunning = true
        for (number, fault) in plan.faults.enumerated() {
            guard fault.kind == .microphoneLost || fault.kind == .overrun else { continue }
            let end = fault.at + fault.duration
            let first = fault.kind == .overrun ? end : max(fault.at, capture.startedAt) + 1_000
            guard end > capture.startedAt, end >= now else { continue }
            queue.add(.silence(fault: number, recording: recording), at: max(now, min(first, end)))
        }
        for (number, fault) in plan.faults.enumerated() where fault.kind == .muted && fault.at + fault.duration > now {
            let first = max(fault.at, now, capture.startedAt) + 1_000
            queue.add(.level(fault: number, recording: recording), at: first)
        }
        let first = max(now, capture.startedAt) + Self.periodMilliseconds
        queue.add(.captureStarted(recording: recording), at: first)
    }

    func captureStarted(_ number: Int) {
        guard number == recording else { return }
        guard isOn({ $0 == .microphoneLost }) else {
            receive(.capture(.started(realtime: true)))
            return
        }
        if planted != .untoldLoss { receive(.capture(.deviceLost(reason: "no such device"))) }
    }

    /// A second of sound: quiet while the fault lasts, and then a loud one.
    func level(_ number: Int, _ forRecording: Int) {
        guard forRecording == recording, capture.isRunning else { return }
        let isQuiet = isActive[number]
        // A microphone that is gone gives no sound, not even a quiet one.
        if !isOn({ $0 == .microphoneLost }) {
            receive(.capture(.level(CaptureLevel(peakTenths: isQuiet ? -900 : -200, rmsTenths: -900), clipped: 0)))
        }
        if isQuiet { queue.add(.level(fault: number, recording: recording), at: now + 1_000) }
    }

    func stopCapture() {
        guard capture.stopDue == nil else { return }
        capture.end = capture.isRunning ? max(0, now - capture.startedAt) * SampleIndex.samplesPerMillisecond : 0
        capture.isRunning = false
        capture.stopDue = now + (isOn { $0 == .captureStuck } ? random.between(2_500, 7_000) : random.between(5, 300))
        queue.add(.captureStopped(recording: recording), at: capture.stopDue ?? now)
    }

    func captureStopped(_ number: Int) {
        capture.stopDue = nil
        receive(.capture(.stopped(end: SampleIndex(capture.end))))
    }

    /// A second of silence is marked, or what is left of it.
    func silence(_ number: Int, _ forRecording: Int) {
        guard forRecording == recording, capture.isRunning else { return }
        let fault = plan.faults[number]
        let here = now - capture.startedAt
        let start = max(0, fault.at - capture.startedAt, fault.kind == .overrun ? 0 : here - 1_000)
        let mark = SilenceMark(
            start: SampleIndex(milliseconds: start), end: SampleIndex(milliseconds: max(start, here)),
            reason: fault.kind == .overrun ? .overrun : .deviceLost)
        receive(.capture(.silence(mark)))
        let end = fault.at + fault.duration
        if now < end { queue.add(.silence(fault: number, recording: recording), at: min(end, now + 1_000)) }
    }

    // MARK: Store

    func perform(_ command: StoreCommand) {
        switch command {
        case .open(let header):
            identifiers[recording] = header.id
            openStore()
        case .reopen: reopenStore()
        case .words(let words, let covered, let gaps): storeWords(words, covered, gaps)
        case .mergeSpeaker(let retired, let speaker): mergeSpeaker(retired, into: speaker)
        case .commit: queue.add(.commit(recording: recording), at: now + 1)
        case .close(let end, let gaps, _): closeStore(end: end, gaps: gaps)
        case .silence, .level, .measured, .stopped, .closeInterrupted, .read, .freeSpace, .postLesson: break
        }
    }

    private func openStore() {
        if store.isClosing, !isOn({ $0 == .diskFails }) {
            // What the disk refused to the last recording goes through now.
            closed(store.recording, at: now + 1)
        }
        beginStore()
    }

    private func reopenStore() {
        beginStore()
        store.covered = medium.covered
        store.gaps = medium.gaps
    }

    private func beginStore() {
        store = Store(recording: recording)
        queue.add(.stored(.opened), at: now + random.between(5, 60))
        queue.add(.commit(recording: recording), at: now + Limits.commitMilliseconds)
    }

    func storeWords(_ words: [Word], _ covered: SampleIndex, _ gaps: [Gap]) {
        store.covered = max(store.covered, covered)
        store.gaps = gaps
        store.waiting = now < store.busyUntil ? store.waiting + 1 : 1
        if store.waiting > Limits.storeCommands { fail("queues are bounded", "\(store.waiting) store commands") }
        journal += words
        outcome.words += words.count
    }

    func mergeSpeaker(_ retired: Int, into speaker: Int) {
        for place in journal.indices where journal[place].speaker == retired { journal[place].speaker = speaker }
    }

    private func closeStore(end: SampleIndex, gaps: [Gap]) {
        store.isClosing = true
        store.closeEnd = end.value
        queue.add(.commit(recording: recording), at: now + 1)
    }

    func commit(_ number: Int) {
        if let seat { return takeTurn(seat) }
        guard number == store.recording, store.recording > 0 else { return }
        let isDisk = isOn { $0 == .diskFails }
        if isDisk {
            if !store.isFailing { queue.add(.stored(.failed), at: now + 2) }
            store.isFailing = true
        } else {
            if store.isFailing { queue.add(.stored(.recovered), at: now + 2) }
            store.isFailing = false
            let took = isOn { $0 == .diskSlow } ? random.between(500, 4_000) : random.between(2, 60)
            store.busyUntil = now + took
            if number == recording {
                medium = Medium(
                    journal: journal, covered: max(medium.covered, store.covered), gaps: store.gaps,
                    samples: store.isClosing ? store.closeEnd : head.value)
            }
            if store.isClosing {
                closed(number, at: now + took)
                store.recording = 0
                store.isClosing = false
                return
            }
            queue.add(.stored(.committed(through: head.value)), at: now + took)
        }
        guard store.nextCommit <= now else { return }
        store.nextCommit = now + Limits.commitMilliseconds
        queue.add(.commit(recording: number), at: store.nextCommit)
    }

    private func closed(_ number: Int, at time: Int64) {
        queue.add(
            .stored(.closed(samples: store.closeEnd, words: journal.count, recording: number)), at: time)
    }

    func stored(_ report: StoreReport) {
        switch report {
        case .opened: if let id = identifiers[recording] { receive(.store(.opened(id))) }
        case .committed(let through):
            receive(.store(.committed(through: SampleIndex(through))))
        case .failed: receive(.store(.failed("no space left on device")))
        case .recovered: receive(.store(.recovered))
        case .closed(let samples, let words, let number):
            checker.closedRecording = number
            if let id = identifiers[number] {
                receive(.store(.closed(RecordingSummary(closed: id, samples: samples, words: words))))
            }
        case .seat: seat.map { deliver($0) }
        }
    }
}
