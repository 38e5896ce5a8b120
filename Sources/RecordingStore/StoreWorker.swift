internal import LinuxRuntime
internal import RecorderCore
internal import Synchronization

/// What the store thread runs. Its queues, its notifier and its atomics are for both threads; the rest is the store
/// thread's once `run` has begun.
final class StoreWorker: @unchecked Sendable {
    struct Closing {
        var end: SampleIndex
        var gaps: [Gap]
        var interrupted: Bool
    }

    enum Phase {
        case idle
        case open(OpenRecording)
        /// The disk would not take the end yet.
        case closing(OpenRecording, Closing)
    }

    let commands = BoundedQueue<StoreCommand>(capacity: Limits.storeCommands)
    let events = BoundedQueue<StoreEvent>(capacity: Limits.storeEvents)
    let heartbeat = ThreadHeartbeat("store")
    let wake: EventNotifier
    let isStopping = Atomic<Bool>(false)
    /// 0: not known.
    let bytesAMinute = Atomic<Int64>(0)
    private let listener: EventNotifier
    private let ring: SampleRing
    let layout: StateLayout
    let index: IndexWriter
    let summaries: RecordingIndex
    private let sizing: SegmentSizing
    let retention: RetentionWorker
    let postLesson: PostLessonWorker
    var left: InterruptedJournal?
    var phase = Phase.idle
    var nextCommit = MonotonicTime(milliseconds: 0)
    private var replay: JournalReplay?
    private var isFailing = false
    private var isOpened = false
    private var lock: DirectoryLock?
    /// How much of the recording that is to end was saved when that was last refused.
    private var closeFailedAt: SampleIndex?
    /// The index's log is long: somebody reads what was before it. It is tried to be emptied then.
    private var nextCheckpoint: MonotonicTime?
    /// A damaged index is not set aside before this; and what it is called now, if it was.
    var nextHealing = MonotonicTime(milliseconds: 0)
    var keptIndex: String?
    var isHealingRefused = false
    /// Events that found the queue full, but for commits, which the next commit replaces.
    private var unsent: [StoreEvent] = []

    init(
        layout: StateLayout, ring: SampleRing, listener: EventNotifier, wake: EventNotifier, index: IndexWriter,
        summaries: RecordingIndex, sizing: SegmentSizing, retention: RetentionWorker,
        postLesson: PostLessonWorker, left: InterruptedJournal?, lock: DirectoryLock?
    ) {
        self.layout = layout
        self.ring = ring
        self.listener = listener
        self.wake = wake
        self.index = index
        self.summaries = summaries
        self.sizing = sizing
        self.retention = retention
        self.postLesson = postLesson
        self.left = left
        self.lock = lock
    }

    /// Another recorder may have the directory; the thread has ended.
    func unlock() { lock = nil }

    func run() {
        begin()
        while !isStopping.load(ordering: .acquiring) {
            heartbeat.beat()
            if Poll.readable(wake.fileDescriptor, until: deadline) { wake.drain() }
            turn()
        }
        end()
    }

    func begin() {
        measure()
        heartbeat.begin()
        index.onProgress = { [heartbeat] in heartbeat.beat() }
        retention.plan(summaries, emit)
    }

    func turn() {
        sendEvents()
        checkFile()
        takeCommands()
        if let nextCommit = commitDeadline, nextCommit <= Clock.now { commit() }
        if let nextCheckpoint, nextCheckpoint <= Clock.now {
            index.database.checkpoint()
            checkLog()
        }
        readOn()
        retention.work(emit)
        postLesson.work(isRecording: isRecording)
        reportPostLesson()
        if postLesson.takeNeedOfSpace() { retention.plan(summaries, emit) }
        if let due = healingDeadline, due <= Clock.now { healIndex() }
    }

    func end() {
        takeCommands()
        postLesson.finish()
        reportPostLesson()
        stop()
    }

    /// What cannot be measured is no reason to stop: the last rate stays.
    private func measure() {
        if let rate = try? summaries.bytesAMinute() { bytesAMinute.store(rate, ordering: .relaxed) }
    }

    var deadline: MonotonicTime? {
        guard replay?.isWorking != true, !retention.isWorking else { return Clock.now }
        let deadlines = [postLesson.due(isRecording: isRecording), commitDeadline, nextCheckpoint, healingDeadline]
        return deadlines.compactMap { $0 }.min()
    }

    /// Told once for each time that it grows.
    private func checkLog() {
        guard index.database.logBytes > Limits.indexLogBytes else {
            nextCheckpoint = nil
            return
        }
        if nextCheckpoint == nil { emit(.reached(.indexLog, count: 1)) }
        nextCheckpoint = Clock.now.adding(milliseconds: Limits.indexLogMilliseconds)
    }

    private var isRecording: Bool {
        switch phase {
        case .idle: false
        case .open, .closing: true
        }
    }

    /// Nothing wakes an idle store but a command.
    private var commitDeadline: MonotonicTime? {
        switch phase {
        case .idle: nil
        case .open, .closing: nextCommit
        }
    }

    private func takeCommands() {
        for command in commands.takeAll() {
            switch command {
            case .open(let header):
                open(header)
            case .reopen(let place):
                reopen(at: place)
            case .closeInterrupted:
                left = nil
                recover()
            case .read(let session, let from):
                guard let replay else {
                    emit(.audio(session: session, from: from, []))
                    break
                }
                replay.read(session: session, from: from)
            case .freeSpace:
                retention.plan(summaries, emit, isAsked: true)
            case .postLesson(let command):
                postLesson.receive(command)
            case .commit:
                nextCommit = Clock.now
            case .stopped, .close, .words, .silence, .mergeSpeaker, .level, .measured:
                if case .open(let recording) = phase { perform(command, on: recording) }
            }
        }
    }

    @inline(never)
    private func perform(_ command: StoreCommand, on recording: OpenRecording) {
        switch command {
        case .words(let words, let covered, let gaps):
            recording.add(words, covered: covered, gaps: gaps)
            if !words.isEmpty {
                nextCommit = min(nextCommit, Clock.now.adding(milliseconds: Limits.wordsCommitMilliseconds))
            }
        case .silence(let mark):
            recording.add(mark)
        case .mergeSpeaker(let retired, let speaker):
            recording.mergeSpeaker(retired, into: speaker)
        case .level(let quiet, let clipped):
            recording.addLevel(quiet: quiet, clipped: clipped)
        case .measured(let sound):
            recording.add(sound)
        case .stopped:
            recording.stopped()
            nextCommit = Clock.now
        case .close(let end, let gaps, let interrupted):
            phase = .closing(recording, Closing(end: end, gaps: gaps, interrupted: interrupted))
            nextCommit = Clock.now
        case .open, .reopen, .closeInterrupted, .read, .freeSpace, .postLesson, .commit:
            break
        }
        for limit in recording.takeLimits().counts { emit(.reached(limit.bound, count: limit.count)) }
    }

    @inline(never)
    private func open(_ header: RecordingHeader) {
        stop()
        left = nil
        // What the disk refused to the end before may go through now.
        recover()
        begin(OpenRecording(header, ring: ring, index: index, layout: layout, sizing: sizing))
    }

    private func recover() {
        if let failure = Recovery.run(layout, index).failure { emit(.recoveryFailed(failure.message)) }
    }

    @inline(never)
    private func reopen(at place: SampleIndex) {
        guard let left else { return }
        self.left = nil
        begin(OpenRecording(left, at: place, ring: ring, index: index, layout: layout, sizing: sizing))
    }

    private func begin(_ recording: OpenRecording) {
        postLesson.pause()
        isFailing = false
        isOpened = false
        closeFailedAt = nil
        replay = JournalReplay(layout, recording.header.id, sizing)
        phase = .open(recording)
        commit()
    }

    /// Ends whatever is open, as interrupted, or leaves it to the recovery.
    private func stop() {
        if case .open(let recording) = phase {
            let end = isStopping.load(ordering: .acquiring) ? ring.head : recording.taken
            phase = .closing(recording, Closing(end: end, gaps: [], interrupted: true))
        }
        commit()
        // An index that was made anew meanwhile.
        if isRecording { commit() }
        phase = .idle
        replay = nil
    }

    /// What is read back is not worth a red light: the session is told that it cannot be had.
    private func readOn() {
        guard let replay, replay.isWorking else { return }
        do throws(StoreError) {
            if let answer = try replay.step() { emit(answer) }
        } catch {
            if let refusal = replay.refuse() { emit(refusal) }
        }
    }

    private func commit() {
        nextCommit = Clock.now.adding(milliseconds: Limits.commitMilliseconds)
        do throws(StoreError) {
            switch phase {
            case .idle:
                return
            case .open(let recording):
                defer { report(recording.takeMarks()) }
                if recording.isEntered { checkRow(of: recording) }
                try recording.commit()
                if !isOpened { emit(.opened(recording.header.id)) }
                isOpened = true
                committed(recording)
            case .closing(let recording, let closing):
                defer { report(recording.takeMarks()) }
                if recording.isEntered { checkRow(of: recording) }
                try recording.close(end: closing.end, gaps: closing.gaps, interrupted: closing.interrupted)
                // It is saved, also if that cannot be read now.
                let summary = (try? summaries.summary(recording.header.id)).flatMap { $0 }
                checkRow(of: recording)
                try index.check()
                committed(recording)
                if recording.saved < closing.end { notClosed(recording, closing, Self.overtaken) }
                phase = .idle
                replay = nil
                postLesson.resume()
                emit(.closed(summary ?? recording.summary))
                measure()
                retention.plan(summaries, emit)
            }
        } catch {
            failed(error)
        }
    }

    private static let overtaken = "the next recording had taken its place in memory"

    /// What is to end and cannot is told each time that it has come further.
    @inline(never)
    private func notClosed(_ recording: OpenRecording, _ closing: Closing, _ reason: String) {
        guard closeFailedAt != recording.saved else { return }
        closeFailedAt = recording.saved
        emit(
            .closeFailed(
                CloseFailure(
                    id: recording.header.id, saved: min(recording.saved, closing.end), wanted: closing.end,
                    reason: reason)))
    }

    /// The index's file is gone: it is made anew at once, from what SQLite still has open.
    @inline(never)
    private func renewIndex() {
        do throws(StoreError) {
            try index.renew(layout)
            try summaries.reopen()
            var holder: Int32 = 0
            if let new = DirectoryLock(layout.directory, holder: &holder) { lock = new }
            nextCommit = Clock.now
        } catch {
            // With the next commit.
        }
    }

    private func committed(_ recording: OpenRecording) {
        if isFailing { emit(.recovered) }
        isFailing = false
        emit(.committed(through: recording.saved))
        if nextCheckpoint == nil { checkLog() }
    }

    private func report(_ marks: [SilenceMark]) {
        for mark in marks { emit(.ringOverrun(mark)) }
    }

    private func reportPostLesson() {
        for event in postLesson.takeEvents() { emit(event) }
    }

    @inline(never)
    private func failed(_ error: StoreError) {
        if !isFailing {
            emit(.failed(error.message))
            // The lesson that runs is worth more than one that is safe elsewhere.
            if error.isNoSpace { retention.plan(summaries, emit) }
        }
        isFailing = true
        if case .closing(let recording, let closing) = phase { notClosed(recording, closing, error.message) }
        if isFaulty {
            healIndex()
        } else if case .vanished(let file) = error, file == index.database.path {
            renewIndex()
        }
    }

    func emit(_ event: StoreEvent) {
        unsent.append(event)
        sendEvents()
        if unsent.count > Limits.storeEvents {
            unsent.removeAll { if case .committed = $0 { true } else { false } }
        }
    }

    /// As many as the queue has room for. Who empties a full one wakes this thread for the rest.
    private func sendEvents() {
        guard !unsent.isEmpty else { return }
        var count = 0
        while count < unsent.count, events.push(unsent[count]) { count += 1 }
        unsent.removeFirst(count)
        listener.raise()
    }
}
