internal import RecorderCore

/// What the store promises, in a few lines: the answers that it must give to the same commands at the same turns, and
/// what is on the medium after each of them.
struct StoreModel {
    /// A recording on the medium.
    struct Journal {
        var id: RecordingID?
        /// The core may have been told that it is there.
        var isOpened = false
        var isStopped = false
        var isClosed = false
        var samples: Int64 = 0
        var words: [Word] = []
        var gaps: [Gap] = []
        /// Ends of silences, by where they begin.
        var silences: [Int64: Int64] = [:]

        mutating func add(_ mark: SilenceMark) {
            silences[mark.start.value] = max(silences[mark.start.value] ?? 0, mark.end.value)
        }

        /// Of what there is no sample nothing is known.
        mutating func end(at end: SampleIndex) {
            gaps = gaps.filter { $0.start < end }
            for place in gaps.indices { gaps[place].end = min(gaps[place].end, end) }
            silences = silences.filter { $0.key < end.value }.mapValues { min($0, end.value) }
        }
    }

    private struct Batch {
        var words: [Word] = []
        var silences: [SilenceMark] = []
        var merges: [(retired: Int, speaker: Int)] = []
        var isStopped = false
        var hasNewGaps = false

        var isEmpty: Bool { words.isEmpty && silences.isEmpty && merges.isEmpty && !isStopped && !hasNewGaps }
    }

    private enum Phase {
        case idle
        case open
        case closing(end: SampleIndex, gaps: [Gap])

        var isRecording: Bool {
            switch self {
            case .idle: false
            case .open, .closing: true
            }
        }
    }

    private(set) var saved = Journal()
    /// Those that are closed, by their names.
    private(set) var closed: [String: Journal] = [:]
    private var batch = Batch()
    private var phase = Phase.idle
    private var commands: [StoreCommand] = []
    private var nextCommit: Int64 = 0
    private var isFailing = false
    private var isOpenTold = false
    /// How much was saved when it was last told that the end could not be.
    private var closeFailureTold: Int64?
    /// Where the file that is written begins.
    private var base: Int64 = 0
    private var gaps: [Gap] = []
    /// The samples before this have been taken from the ring.
    private var taken: Int64 = 0
    /// The ring has the next recording's.
    private var isRingNew = false

    init() {}

    /// After a start that found a recording which may go on.
    init(interrupted journal: Journal) {
        saved = journal
    }

    mutating func captureStarts() { isRingNew = true }

    mutating func receive(_ command: StoreCommand) { commands.append(command) }

    /// Samples that the ring had lost before the store could take them.
    mutating func note(_ mark: SilenceMark) { saved.add(mark) }

    /// - Parameter isRefused: the disk takes no change.
    mutating func turn(now: Int64, head: SampleIndex, isRefused: Bool) -> [StoreEvent] {
        var answers: [StoreEvent] = []
        for command in commands {
            switch command {
            case .open(let header):
                endOpen(now, head, isRefused, &answers)
                saved = Journal(id: header.id)
                begin(at: 0)
                commit(now, head, isRefused, &answers)
            case .reopen:
                begin(at: saved.samples)
                commit(now, head, isRefused, &answers)
            case .commit: nextCommit = now
            default: if case .open = phase { take(command, now) }
            }
        }
        commands = []
        if nextCommit <= now { commit(now, head, isRefused, &answers) }
        return answers
    }

    private mutating func begin(at sample: Int64) {
        (phase, batch, base) = (.open, Batch(), sample)
        (taken, isRingNew) = (sample, false)
        (isFailing, isOpenTold, closeFailureTold) = (false, false, nil)
        gaps = saved.gaps
    }

    /// The next recording begins: what can be saved of this one is.
    private mutating func endOpen(
        _ now: Int64, _ head: SampleIndex, _ isRefused: Bool, _ answers: inout [StoreEvent]
    ) {
        if case .open = phase { phase = .closing(end: head, gaps: []) }
        commit(now, head, isRefused, &answers)
        phase = .idle
    }

    private mutating func take(_ command: StoreCommand, _ now: Int64) {
        switch command {
        case .words(let words, _, let new):
            batch.words += words
            if !words.isEmpty { nextCommit = min(nextCommit, now + Limits.wordsCommitMilliseconds) }
            if new != gaps { batch.hasNewGaps = true }
            gaps = new
        case .silence(let mark) where mark.start < mark.end: batch.silences.append(mark)
        case .mergeSpeaker(let retired, let speaker):
            batch.merges.append((retired, speaker))
            Self.merge(retired, speaker, &batch.words)
        case .stopped:
            batch.isStopped = true
            nextCommit = now
        case .close(let end, let gaps, _):
            phase = .closing(end: end, gaps: gaps)
            nextCommit = now
        default: break
        }
    }

    private static func merge(_ retired: Int, _ speaker: Int, _ words: inout [Word]) {
        for place in words.indices where words[place].speaker == retired { words[place].speaker = speaker }
    }

    /// A frame is encoded when the sample after it has come.
    private func frames(before head: SampleIndex) -> Int64 {
        max(0, head.value - base - 1) / Limits.flacBlockSamples * Limits.flacBlockSamples + base
    }

    private mutating func commit(
        _ now: Int64, _ head: SampleIndex, _ isRefused: Bool, _ answers: inout [StoreEvent]
    ) {
        nextCommit = now + Limits.commitMilliseconds
        guard phase.isRecording, let id = saved.id else { return }
        let frames = frames(before: head)
        if isRefused, hasWork(frames) {
            if !isFailing { answers.append(.failed("")) }
            isFailing = true
            takeInVain(head)
            if case .closing(let end, _) = phase { notClosed(id, wanted: end, &answers) }
            return
        }
        save()
        if case .open = phase, !isOpenTold { answers.append(.opened(id)) }
        (isOpenTold, saved.isOpened) = (true, true)
        if isFailing { answers.append(.recovered) }
        isFailing = false
        guard case .closing(let end, let gaps) = phase else {
            saved.samples = max(saved.samples, frames)
            taken = max(taken, head.value)
            answers.append(.committed(through: SampleIndex(saved.samples)))
            return
        }
        // What was taken stays: a microphone that hangs may have given more than was waited for.
        close(isRingNew ? SampleIndex(taken) : max(end, SampleIndex(taken)), gaps)
        answers.append(.committed(through: SampleIndex(saved.samples)))
        if saved.samples < end.value { notClosed(id, wanted: end, &answers) }
        answers.append(.closed(RecordingSummary(closed: id, samples: saved.samples, words: saved.words.count)))
    }

    /// What was taken waits in memory for a disk that refuses it, and nothing more is taken before that has gone.
    private mutating func takeInVain(_ head: SampleIndex) {
        guard isOpenTold, !isRingNew, frames(before: SampleIndex(taken)) <= saved.samples else { return }
        if case .closing(let end, _) = phase { taken = max(taken, min(head, end).value) } else { taken = head.value }
    }

    private mutating func notClosed(_ id: RecordingID, wanted: SampleIndex, _ answers: inout [StoreEvent]) {
        guard closeFailureTold != saved.samples else { return }
        closeFailureTold = saved.samples
        let safe = min(SampleIndex(saved.samples), wanted)
        answers.append(.closeFailed(CloseFailure(id: id, saved: safe, wanted: wanted, reason: "")))
    }

    private func hasWork(_ frames: Int64) -> Bool {
        if case .closing = phase { return true }
        return !isOpenTold || frames > saved.samples || !batch.isEmpty
    }

    private mutating func save() {
        for merge in batch.merges { Self.merge(merge.retired, merge.speaker, &saved.words) }
        saved.words += batch.words
        for mark in batch.silences { saved.add(mark) }
        saved.isStopped = saved.isStopped || batch.isStopped
        saved.gaps = gaps
        batch = Batch()
    }

    private mutating func close(_ end: SampleIndex, _ gaps: [Gap]) {
        (saved.samples, saved.gaps, saved.isClosed) = (end.value, gaps, true)
        saved.end(at: end)
        phase = .idle
        if let id = saved.id { closed[id.text] = saved }
    }
}

extension StoreModel {
    /// Whether an answer is the one that the model gives.
    static func agree(_ answer: StoreEvent, _ model: StoreEvent) -> Bool {
        switch (answer, model) {
        case (.failed, .failed): true
        case (.committed(let through), .committed(let wanted)): agree(through, wanted)
        case (.closeFailed(let failure), .closeFailed(let wanted)):
            failure.id == wanted.id && agree(failure.saved, wanted.saved)
        case (.closed(let summary), .closed(let wanted)):
            RecordingSummary(closed: summary.header.id, samples: summary.samples, words: summary.words) == wanted
        default: answer == model
        }
    }

    /// A file that is full ends with its last sample; another waits for the next one.
    private static func agree(_ through: SampleIndex, _ wanted: SampleIndex) -> Bool {
        abs(through.samples(since: wanted)) <= Limits.flacBlockSamples
    }

    /// Whether the model gives such an answer, too.
    static func answers(_ event: StoreEvent) -> Bool {
        switch event {
        case .opened, .committed, .failed, .recovered, .closed, .closeFailed: true
        case .ringOverrun, .rebuilt, .reached, .deleted, .recoveryFailed, .deletionFailed, .audio, .postLesson: false
        }
    }
}

extension StoreModel.Journal {
    /// Words as the index has them: none reaches far beyond the recording's end.
    func words(endingAt samples: Int64) -> [Word] {
        words.map { word in
            guard word.end.value > samples + 2 * Limits.flacBlockSamples else { return word }
            var bounded = word
            bounded.start = min(word.start, SampleIndex(samples))
            bounded.end = SampleIndex(samples)
            return bounded
        }
    }
}

extension RecordingSummary {
    /// What a model tells of a recording that it has closed.
    init(closed id: RecordingID, samples: Int64, words: Int) {
        let header = RecordingHeader(
            id: id, label: "", startedAt: WallTime(milliseconds: 0), clockSynchronised: false)
        self.init(
            header: header, state: .saved, samples: samples, words: words, speakers: 0, covered: 0, interrupted: false)
    }
}
