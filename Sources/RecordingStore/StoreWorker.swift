internal import LinuxRuntime
internal import RecorderCore
internal import Synchronization

/// What the store thread runs. Its queues, its notifier and its atomics are for both threads; the rest is the store
/// thread's once `run` has begun.
final class StoreWorker: @unchecked Sendable {
    private struct Closing {
        var end: SampleIndex
        var gaps: [Gap]
        var interrupted: Bool
    }

    private enum Phase {
        case idle
        case open(OpenRecording)
        /// The disk would not take the end yet.
        case closing(OpenRecording, Closing)
    }

    let commands = BoundedQueue<StoreCommand>(capacity: Limits.storeCommands)
    let events = BoundedQueue<StoreEvent>(capacity: Limits.storeEvents)
    let life = LifeSign("store")
    let wake: EventNotifier
    let isStopping = Atomic<Bool>(false)
    /// 0: not known.
    let bytesAMinute = Atomic<Int64>(0)
    private let listener: EventNotifier
    private let ring: SampleRing
    private let layout: StateLayout
    private let index: IndexWriter
    private let summaries: RecordingIndex
    private let roll: SegmentRoll
    let room: RoomKeeper
    private let saved: SavedDesk
    private var left: LeftOpen?
    private var phase = Phase.idle
    private var nextCommit = MonotonicTime(milliseconds: 0)
    private var replay: JournalReplay?
    private var isFailing = false
    private var isOpened = false
    /// Events that found the queue full, but for commits, which the next commit replaces.
    private var unsent: [StoreEvent] = []

    init(
        layout: StateLayout, ring: SampleRing, listener: EventNotifier, wake: EventNotifier, index: IndexWriter,
        summaries: RecordingIndex, roll: SegmentRoll, room: RoomKeeper, saved: SavedDesk, left: LeftOpen?
    ) {
        self.layout = layout
        self.ring = ring
        self.listener = listener
        self.wake = wake
        self.index = index
        self.summaries = summaries
        self.roll = roll
        self.room = room
        self.saved = saved
        self.left = left
    }

    func run() {
        measure()
        life.begin()
        room.plan(summaries, emit)
        while !isStopping.load(ordering: .acquiring) {
            life.answer()
            if Poll.readable(wake.fileDescriptor, until: deadline) { wake.drain() }
            takeCommands()
            if let nextCommit = commitDeadline, nextCommit <= Clock.now { commit() }
            readOn()
            room.work(emit)
            saved.work(isRecording: isRecording)
            tellOfSaved()
            if saved.takeNeedOfRoom() { room.plan(summaries, emit) }
        }
        takeCommands()
        saved.finish()
        tellOfSaved()
        stop()
    }

    /// What cannot be measured is no reason to stop: the last rate stays.
    private func measure() {
        if let rate = try? summaries.bytesAMinute() { bytesAMinute.store(rate, ordering: .relaxed) }
    }

    private var deadline: MonotonicTime? {
        guard replay?.isWorking != true, !room.isWorking else { return Clock.now }
        guard let later = saved.due(isRecording: isRecording) else { return commitDeadline }
        return min(later, commitDeadline ?? later)
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
            case .tokens(let tokens, let covered, let holes):
                if case .open(let recording) = phase {
                    do throws(StoreError) {
                        try recording.add(tokens, covered: covered, holes: holes)
                    } catch {
                        failed(error)
                    }
                }
            case .silence(let mark):
                if case .open(let recording) = phase { recording.add(mark) }
            case .mergeSpeaker(let retired, let speaker):
                if case .open(let recording) = phase { recording.mergeSpeaker(retired, into: speaker) }
            case .level(let quiet, let clipped):
                if case .open(let recording) = phase { recording.addLevel(quiet: quiet, clipped: clipped) }
            case .read(let session, let from):
                guard let replay else {
                    emit(.audio(session: session, from: from, []))
                    break
                }
                replay.read(session: session, from: from)
            case .makeRoom:
                room.plan(summaries, emit, isAsked: true)
            case .saved(let command):
                saved.take(command)
            case .commit:
                nextCommit = Clock.now
            case .stopped:
                if case .open(let recording) = phase { recording.stopped() }
                nextCommit = Clock.now
            case .close(let end, let gaps, let interrupted):
                if case .open(let recording) = phase {
                    phase = .closing(recording, Closing(end: end, gaps: gaps, interrupted: interrupted))
                    nextCommit = Clock.now
                }
            }
        }
    }

    private func open(_ header: RecordingHeader) {
        stop()
        left = nil
        // What the disk refused to the end before may go through now.
        recover()
        begin(OpenRecording(header, ring: ring, index: index, layout: layout, roll: roll))
    }

    private func recover() {
        if let failure = Recovery.run(layout, index).failure { emit(.recoveryFailed(failure)) }
    }

    private func reopen(at place: SampleIndex) {
        guard let left else { return }
        self.left = nil
        begin(OpenRecording(left, at: place, ring: ring, index: index, layout: layout, roll: roll))
    }

    private func begin(_ recording: OpenRecording) {
        saved.pause()
        isFailing = false
        isOpened = false
        replay = JournalReplay(layout, recording.header.id, roll)
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
        let start = Clock.now
        nextCommit = start.adding(milliseconds: Limits.commitMilliseconds)
        do throws(StoreError) {
            switch phase {
            case .idle:
                return
            case .open(let recording):
                defer { tell(of: recording.takeMarks()) }
                try recording.commit()
                if !isOpened { emit(.opened(recording.header.id)) }
                isOpened = true
                committed(recording, since: start)
            case .closing(let recording, let closing):
                defer { tell(of: recording.takeMarks()) }
                try recording.close(end: closing.end, gaps: closing.gaps, interrupted: closing.interrupted)
                committed(recording, since: start)
                phase = .idle
                replay = nil
                saved.resume()
                if let summary = try summaries.summary(recording.header.id) { emit(.closed(summary)) }
                measure()
                room.plan(summaries, emit)
            }
        } catch {
            failed(error)
        }
    }

    private func committed(_ recording: OpenRecording, since start: MonotonicTime) {
        if isFailing { emit(.recovered) }
        isFailing = false
        emit(.committed(through: recording.saved, tookMilliseconds: Clock.now.milliseconds(since: start)))
    }

    private func tell(of marks: [SilenceMark]) {
        for mark in marks { emit(.ringOverrun(mark)) }
    }

    private func tellOfSaved() {
        for event in saved.takeEvents() { emit(event) }
    }

    private func failed(_ error: StoreError) {
        if !isFailing {
            emit(.failed(error))
            // The lesson that runs is worth more than one that is safe elsewhere.
            if error.isNoSpace { room.plan(summaries, emit) }
        }
        isFailing = true
    }

    private func emit(_ event: StoreEvent) {
        unsent.append(event)
        while let first = unsent.first, events.push(first) { unsent.removeFirst() }
        if unsent.count > Limits.storeEvents {
            unsent.removeAll { if case .committed = $0 { true } else { false } }
        }
        listener.raise()
    }
}
