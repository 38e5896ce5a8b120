package import LinuxRuntime
package import RecorderCore
internal import Synchronization

/// A recording that was saved at a start, and what of it was not.
package struct RecoveredRecording: Equatable, Sendable {
    package var summary: RecordingSummary
    /// Of a frame that was being written, and of files without a header.
    package var truncatedBytes: Int64
    /// Damaged frames of the last file, and the truncated bytes by that file's own rate.
    package var lostSamples: Int64
    /// Files without a readable header that may hold audio: they are kept, as `audio-NNNN.flac.damaged`.
    package var damagedFiles: Int
}

/// The newest recording, when it ended without STOP: it may go on.
package struct Interruption: Equatable, Sendable {
    package var recording: InterruptedRecording
    /// As of `RecoveredRecording`.
    package var truncatedBytes: Int64
    package var lostSamples: Int64
    package var damagedFiles: Int
}

extension RebuiltIndex {
    /// Nil when the index was whole, or has nothing to know.
    init?(_ opened: IndexFile.Opened, isNew: Bool, _ recordings: [RecoveredRecording], _ outcome: Recovery.Outcome) {
        guard opened.kept != nil || !opened.reason.isEmpty || opened.isTakenUp || (isNew && !recordings.isEmpty)
        else { return nil }
        self.init(
            kept: opened.kept, reason: opened.reason, isTakenUp: opened.isTakenUp, recordings: recordings.count,
            words: recordings.reduce(0) { $0 + $1.summary.words }, unmarked: outcome.saved.count { !$0.isMarked })
    }
}

/// The only thread that writes to the flash: takes samples from the ring, encodes, writes, syncs, and keeps the index.
package final class StoreThread {
    private let worker: StoreWorker
    /// Nil: the caller takes the thread's turns.
    private let thread: Thread?
    private let directory: String
    private var waiting = WaitingCommands()
    /// Since when commands wait.
    private var waitsSince: MonotonicTime?
    /// They have waited for so long that the disk counts as failing.
    private var isLate = false
    /// The worker has said that the disk refuses.
    private var isFailing = false
    private var own: [StoreEvent] = []
    /// Recordings that a power cut had left open and that were saved, as interrupted, at this start; and those that
    /// the index did not know.
    package let recovered: [RecoveredRecording]
    /// Why a recording that was left open could not go on or be saved at this start; the next `open` tries again.
    package let recoveryFailure: StoreError?
    /// A recording that is neither saved nor open: it waits for `reopen` or `closeInterrupted`; `open` closes it too.
    package let interruption: Interruption?
    /// An index that was damaged or missing and was made anew at this start.
    package let rebuilt: RebuiltIndex?
    /// Recordings of which no file has a readable header: they are kept as they are.
    package let unreadable: [RecordingID]
    /// Saved recordings of which there is no audio file any more: nothing is deleted from the index for that.
    package let withoutAudio: [RecordingID]
    /// Rows of the index that this start left out, because what they hold is possible nowhere.
    package let skippedRows: Int

    /// Opens the index, or makes it anew, saves what a power cut left open, and starts the thread.
    ///
    /// - Parameters:
    ///   - directory: `box.state_directory`; made, with mode 0750, when missing.
    ///   - notifier: raised when there are events to take.
    ///   - segmentSamples: the length of one audio file.
    ///   - resumes: whether an interrupted recording may go on.
    ///   - retention: nil: nothing is ever deleted.
    ///   - postLesson: what becomes of recordings once they are saved.
    ///   - storage: makes every change on the disk but SQLite's own.
    ///   - isThreaded: false: nothing happens but by `turn`, on the caller's thread; for simulations.
    package init(
        directory: String, ring: SampleRing, notifier: EventNotifier, segmentSamples: Int64 = Limits.segmentSamples,
        resumes: Bool = false, retention: RetentionPolicy? = nil, postLesson: PostLessonPolicy = PostLessonPolicy(),
        storage: Storage = Storage(), isThreaded: Bool = true
    ) throws(StoreError) {
        let layout = StateLayout(directory, storage)
        let wake = try onFile { () throws(SystemError) -> EventNotifier in
            try storage.makeDirectories(layout.recordings)
            try storage.perform(.syncDirectory(directory))
            return try EventNotifier()
        }
        var holder: Int32 = 0
        let lock = DirectoryLock(directory, holder: &holder)
        // A file system without locks is no reason not to record.
        guard holder < 0 else { throw .inUse(directory: directory, process: Int(holder)) }
        let opened = try IndexFile(layout, now: Clock.wall).open()
        let index = try IndexWriter(opened.database)
        let summaries = try RecordingIndex(directory: directory)
        let isNew = try index.isEmpty()
        let orphans = OrphanImport(layout, index, kept: opened.kept)
        if opened.isTakenUp { try orphans.forgetOutdated() }
        var left: InterruptedJournal?
        var leftFailure: StoreError?
        do throws(StoreError) {
            if resumes { left = try InterruptedJournal.find(layout, index) }
        } catch {
            leftFailure = error
        }
        let recovery = Recovery.run(layout, index, sparing: left?.number) + orphans.run()
        AudioClipper.clear(layout)
        // A disk that refuses it must not keep the box from recording.
        _ = try? index.settleFilled()
        let recovered = try summaries.recovered(recovery)
        let missing = (try? summaries.withoutAudio()) ?? []
        opened.database.shortenWait()
        summaries.shortenWait()
        let skipped = opened.database.skippedRows + summaries.skippedRows
        let sizing = SegmentSizing(segmentSamples: segmentSamples)
        let worker = StoreWorker(
            layout: layout, ring: ring, listener: notifier, wake: wake, index: index, summaries: summaries,
            sizing: sizing, retention: try RetentionWorker(layout, index, retention),
            postLesson: PostLessonWorker(layout, index, summaries, sizing, postLesson), left: left, lock: lock)
        thread = try !isThreaded ? nil
            : onFile { () throws(SystemError) in try Thread(name: "store") { worker.run() } }
        if !isThreaded { worker.begin() }
        self.worker = worker
        self.directory = directory
        self.recovered = recovered
        recoveryFailure = leftFailure ?? recovery.failure
        interruption = left.map { $0.interruption }
        rebuilt = RebuiltIndex(opened, isNew: isNew, recovered, recovery)
        unreadable = recovery.unreadable
        withoutAudio = missing
        skippedRows = skipped
    }

    deinit {
        shutdown()
    }

    /// Hands a command over. When `Limits.storeCommands` are on their way already, it waits for `tend`.
    ///
    /// - Returns: false when it waits.
    @discardableResult
    package func send(_ command: StoreCommand) -> Bool {
        defer { worker.wake.raise() }
        waiting.move(to: worker.commands)
        if waiting.isEmpty, worker.commands.push(command) { return true }
        waitsSince = waitsSince ?? Clock.now
        waiting.add(command)
        own.append(.reached(.storeCommands, count: 1))
        return false
    }

    /// Hands over what waits. A store that takes nothing for a while counts as a disk that fails.
    ///
    /// - Returns: whether there are events to take.
    package func tend(now: MonotonicTime) -> Bool {
        guard let since = waitsSince else { return false }
        waiting.move(to: worker.commands)
        worker.wake.raise()
        if waiting.isEmpty {
            waitsSince = nil
            if isLate, !isFailing { own.append(.recovered) }
            isLate = false
        } else if !isLate, now.milliseconds(since: since) >= Limits.storeLateMilliseconds {
            isLate = true
            if !isFailing { own.append(.failed(StoreError.late(directory: directory).message)) }
        }
        return !own.isEmpty
    }

    /// When `tend` is to be called.
    package var nextDeadline: MonotonicTime? {
        waitsSince == nil ? nil : Clock.now.adding(milliseconds: Limits.storeTendMilliseconds)
    }

    /// Has uploaded recordings deleted that may go, and waits for it, but not for long: the rest follows.
    package func freeSpace() {
        worker.retention.done.drain()
        guard send(.freeSpace) else { return }
        _ = Poll.readable(
            worker.retention.done.fileDescriptor, until: Clock.now.adding(milliseconds: Limits.freeSpaceMilliseconds))
    }

    /// What happened since the last call, in order.
    package func takeEvents() -> [StoreEvent] {
        var events = own
        own = []
        let new = worker.events.takeAll()
        // The worker may keep events that found no room.
        if new.count >= Limits.storeEvents { worker.wake.raise() }
        for event in new {
            if case .failed = event { isFailing = true }
            if case .recovered = event {
                isFailing = false
                // It is still red.
                if isLate { continue }
            }
            events.append(event)
        }
        return events
    }

    /// What a minute of the newest recordings took; nil when there are none to speak of.
    package var bytesAMinute: Int64? {
        let bytes = worker.bytesAMinute.load(ordering: .relaxed)
        return bytes > 0 ? bytes : nil
    }

    /// One turn of a store without a thread: commands, the commit if it is due, a slice of the other work.
    package func turn() { worker.turn() }

    /// When a store without a thread has its next turn; nil: not before the next command.
    package var nextTurn: MonotonicTime? { worker.deadline }

    package var heartbeat: ThreadHeartbeat { worker.heartbeat }

    package func requestHeartbeat() {
        worker.heartbeat.request()
        worker.wake.raise()
    }

    /// Saves what is open, as interrupted, and waits for the thread's end.
    package func shutdown() {
        while !waiting.isEmpty {
            waiting.move(to: worker.commands)
            worker.wake.raise()
            _ = Poll.readable(worker.retention.done.fileDescriptor, until: Clock.now.adding(milliseconds: 10))
        }
        worker.isStopping.store(true, ordering: .releasing)
        worker.wake.raise()
        if let thread { thread.join() } else { worker.end() }
        worker.unlock()
    }
}
