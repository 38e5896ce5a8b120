internal import LinuxRuntime
internal import RecorderCore

/// What the store does for recordings that are saved, in slices between its commits: it notes how far text and upload
/// have come, packs, and reads.
final class PostLessonWorker {
    private let index: IndexWriter
    private let summaries: RecordingIndex
    private let layout: StateLayout
    private let sizing: SegmentSizing
    private let policy: PostLessonPolicy
    private let packages: UploadPackageQueue
    private let clipper: AudioClipper
    private var pendingWrites = PendingIndexWrites()
    private var retry = DiskRetry()
    private var isTextAsked = false
    private var replay: (id: RecordingID, reader: JournalReplay)?
    private var needsRoom = false
    private var events: [StoreEvent] = []

    init(
        _ layout: StateLayout, _ index: IndexWriter, _ summaries: RecordingIndex, _ sizing: SegmentSizing,
        _ policy: PostLessonPolicy
    ) {
        self.layout = layout
        self.index = index
        self.summaries = summaries
        self.sizing = sizing
        self.policy = policy
        packages = UploadPackageQueue(layout, index, summaries, policy)
        clipper = AudioClipper(layout, sizing)
    }

    func receive(_ command: PostLessonCommand) {
        retry.reset()
        switch command {
        case .nextPackage(let skipped):
            packages.ask(skipping: skipped)
        case .nextText:
            pendingWrites.refused = nil
            isTextAsked = true
        case .read(let session, let id, let from):
            if replay?.id != id { replay = (id, JournalReplay(layout, id, sizing)) }
            replay?.reader.read(session: session, from: from)
        case .makeClip(let id, let range):
            clipper.ask(id, range)
        case .removeClip(let id):
            clipper.remove(id)
        case .packageFile, .packageDone, .words, .mergeSpeaker, .settleText, .noteJob:
            if let lost = pendingWrites.add(command) { events.append(.postLesson(.textLost(lost))) }
        }
    }

    /// A lesson begins.
    func pause() {
        packages.pause()
        clipper.pause()
    }

    func resume() {
        packages.resume()
    }

    /// The index was made anew.
    func forgetRows() { packages.forgetRows() }

    /// What has happened since this was last asked.
    func takeEvents() -> [StoreEvent] {
        defer { events = [] }
        return events
    }

    /// The disk was full, which is asked once.
    func takeNeedOfSpace() -> Bool {
        defer { needsRoom = false }
        return needsRoom
    }

    /// When there is something to do; nil: not before the next command.
    func due(isRecording: Bool) -> MonotonicTime? {
        if replay?.reader.isWorking == true { return DiskRetry.now }
        let clip = clipper.due(isRecording: isRecording)
        let other = pendingWrites.isEmpty
            ? (isTextAsked ? DiskRetry.now : packages.due(isRecording: isRecording)) : retry.due
        guard let clip, let other else { return clip ?? other }
        return min(clip, other)
    }

    /// One slice of work.
    func work(isRecording: Bool) {
        let end = Clock.now.adding(milliseconds: Limits.sliceMilliseconds)
        repeat {
            guard let due = due(isRecording: isRecording), due <= Clock.now else { return }
            step(isRecording: isRecording)
        } while Clock.now < end
    }

    /// The store ends: what can still be written, is.
    func finish() {
        while !pendingWrites.isEmpty {
            guard writeFirst() else { return }
        }
    }

    private func step(isRecording: Bool) {
        readOn()
        if !pendingWrites.isEmpty {
            if retry.due <= Clock.now { _ = writeFirst() }
        } else if isTextAsked {
            isTextAsked = false
            answerText()
        } else if let due = packages.due(isRecording: isRecording), due <= Clock.now {
            attempt(packages.failed) { () throws(StoreError) in try packages.step(isRecording: isRecording) }
        }
        if let due = clipper.due(isRecording: isRecording), due <= Clock.now {
            attempt(clipper.failed) { () throws(StoreError) in try clipper.step() }
        }
    }

    private func attempt(
        _ failed: () -> Bool, _ body: () throws(StoreError) -> PostLessonEvent?
    ) {
        do throws(StoreError) {
            if let event = try body() { events.append(.postLesson(event)) }
        } catch {
            report(error, isNews: failed())
        }
    }

    private func report(_ error: StoreError, isNews: Bool) {
        guard isNews else { return }
        needsRoom = needsRoom || error.isNoSpace
        events.append(.postLesson(.failed(error.message)))
    }

    /// As with the open recording: the session is told that it cannot be had.
    private func readOn() {
        guard let reader = replay?.reader, reader.isWorking else { return }
        do throws(StoreError) {
            if let answer = try reader.step() { events.append(answer) }
        } catch {
            if let refusal = reader.refuse() { events.append(refusal) }
        }
    }

    private func answerText() {
        do throws(StoreError) {
            let text = policy.transcribes ? try index.nextText(summaries) : nil
            events.append(.postLesson(.text(text)))
        } catch {
            report(error, isNews: true)
            events.append(.postLesson(.text(nil)))
        }
    }

    /// - Returns: whether the disk took it.
    private func writeFirst() -> Bool {
        do throws(StoreError) {
            if let event = try pendingWrites.writeFirst(index) { events.append(.postLesson(event)) }
            retry.succeeded()
            return true
        } catch {
            report(error, isNews: retry.failed())
            return false
        }
    }
}
