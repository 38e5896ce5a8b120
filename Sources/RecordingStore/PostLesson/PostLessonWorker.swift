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
    private var retry = Retry()
    /// Recordings that the next text is not to be of; nil when nobody has asked.
    private var textRequest: [RecordingID]?
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

    func take(_ command: SavedCommand) {
        retry.reset()
        switch command {
        case .nextPackage(let skipped):
            packages.ask(skipping: skipped)
        case .nextText(let skipped):
            pendingWrites.refused = nil
            textRequest = skipped
        case .read(let session, let id, let from):
            if replay?.id != id { replay = (id, JournalReplay(layout, id, sizing)) }
            replay?.reader.read(session: session, from: from)
        case .makeClip(let id, let range):
            clipper.ask(id, range)
        case .removeClip(let id):
            clipper.remove(id)
        case .packageFile, .packageDone, .textTokens, .mergeSpeaker, .settleText, .noteJob:
            if let lost = pendingWrites.add(command) { events.append(.saved(.textLost(lost))) }
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
        if replay?.reader.isWorking == true { return Retry.now }
        let clip = clipper.due(isRecording: isRecording)
        let other = pendingWrites.isEmpty
            ? (textRequest == nil ? packages.due(isRecording: isRecording) : Retry.now) : retry.due
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
            guard writeNote() else { return }
        }
    }

    private func step(isRecording: Bool) {
        readOn()
        if !pendingWrites.isEmpty {
            if retry.due <= Clock.now { _ = writeNote() }
        } else if let skipped = textRequest {
            textRequest = nil
            answerText(skipped)
        } else if let due = packages.due(isRecording: isRecording), due <= Clock.now {
            attempt(packages.failed) { () throws(StoreError) in try packages.step(isRecording: isRecording) }
        }
        if let due = clipper.due(isRecording: isRecording), due <= Clock.now {
            attempt(clipper.failed) { () throws(StoreError) in try clipper.step() }
        }
    }

    private func attempt(
        _ failed: () -> Bool, _ body: () throws(StoreError) -> SavedEvent?
    ) {
        do throws(StoreError) {
            if let event = try body() { events.append(.saved(event)) }
        } catch {
            tell(error, isNews: failed())
        }
    }

    private func tell(_ error: StoreError, isNews: Bool) {
        guard isNews else { return }
        needsRoom = needsRoom || error.isNoSpace
        events.append(.saved(.failed(error)))
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

    private func answerText(_ skipped: [RecordingID]) {
        do throws(StoreError) {
            let text = policy.transcribes ? try index.nextText(summaries, skipping: skipped) : nil
            events.append(.saved(.text(text)))
        } catch {
            tell(error, isNews: true)
            events.append(.saved(.text(nil)))
        }
    }

    /// - Returns: whether the disk took it.
    private func writeNote() -> Bool {
        do throws(StoreError) {
            if let event = try pendingWrites.writeFirst(index) { events.append(.saved(event)) }
            retry.succeeded()
            return true
        } catch {
            tell(error, isNews: retry.failed())
            return false
        }
    }
}
