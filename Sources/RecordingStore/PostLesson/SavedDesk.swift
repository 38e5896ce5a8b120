internal import LinuxRuntime
internal import RecorderCore

/// What the store does for recordings that are saved, in slices between its commits: it notes how far text and upload
/// have come, packs, and reads.
final class SavedDesk {
    private let index: IndexWriter
    private let summaries: RecordingIndex
    private let layout: StateLayout
    private let roll: SegmentRoll
    private let later: LaterPolicy
    private let parcels: ParcelDesk
    private let cutter: AudioCutter
    private var notes = SavedNotes()
    private var retry = Retry()
    /// Recordings that the next text is not to be of; nil when nobody has asked.
    private var textRequest: [RecordingID]?
    private var replay: (id: RecordingID, reader: JournalReplay)?
    private var needsRoom = false
    private var events: [StoreEvent] = []

    init(
        _ layout: StateLayout, _ index: IndexWriter, _ summaries: RecordingIndex, _ roll: SegmentRoll,
        _ later: LaterPolicy
    ) {
        self.layout = layout
        self.index = index
        self.summaries = summaries
        self.roll = roll
        self.later = later
        parcels = ParcelDesk(layout, index, summaries, later)
        cutter = AudioCutter(layout, roll)
    }

    func take(_ command: SavedCommand) {
        retry.hurry()
        switch command {
        case .nextParcel(let skipped):
            parcels.ask(skipping: skipped)
        case .nextText(let skipped):
            notes.refused = nil
            textRequest = skipped
        case .read(let session, let id, let from):
            if replay?.id != id { replay = (id, JournalReplay(layout, id, roll)) }
            replay?.reader.read(session: session, from: from)
        case .cutAudio(let id, let range):
            cutter.ask(id, range)
        case .removeCut(let id):
            cutter.remove(id)
        case .parcelFile, .parcelDone, .textTokens, .mergeSpeaker, .settleText, .noteJob:
            if let lost = notes.add(command) { events.append(.saved(.textLost(lost))) }
        }
    }

    /// A lesson begins.
    func pause() {
        parcels.pause()
        cutter.pause()
    }

    func resume() {
        parcels.resume()
    }

    /// The index was made anew.
    func forgetRows() { parcels.forgetRows() }

    /// What has happened since this was last asked.
    func takeEvents() -> [StoreEvent] {
        defer { events = [] }
        return events
    }

    /// The disk was full, which is asked once.
    func takeNeedOfRoom() -> Bool {
        defer { needsRoom = false }
        return needsRoom
    }

    /// When there is something to do; nil: not before the next command.
    func due(isRecording: Bool) -> MonotonicTime? {
        if replay?.reader.isWorking == true { return Retry.now }
        let cut = cutter.due(isRecording: isRecording)
        let other = notes.isEmpty
            ? (textRequest == nil ? parcels.due(isRecording: isRecording) : Retry.now) : retry.due
        guard let cut, let other else { return cut ?? other }
        return min(cut, other)
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
        while !notes.isEmpty {
            guard writeNote() else { return }
        }
    }

    private func step(isRecording: Bool) {
        readOn()
        if !notes.isEmpty {
            if retry.due <= Clock.now { _ = writeNote() }
        } else if let skipped = textRequest {
            textRequest = nil
            answerText(skipped)
        } else if let due = parcels.due(isRecording: isRecording), due <= Clock.now {
            attempt(parcels.failed) { () throws(StoreError) in try parcels.step(isRecording: isRecording) }
        }
        if let due = cutter.due(isRecording: isRecording), due <= Clock.now {
            attempt(cutter.failed) { () throws(StoreError) in try cutter.step() }
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
            let text = later.transcribes ? try index.nextText(summaries, skipping: skipped) : nil
            events.append(.saved(.text(text)))
        } catch {
            tell(error, isNews: true)
            events.append(.saved(.text(nil)))
        }
    }

    /// - Returns: whether the disk took it.
    private func writeNote() -> Bool {
        do throws(StoreError) {
            if let event = try notes.writeFirst(index) { events.append(.saved(event)) }
            retry.succeeded()
            return true
        } catch {
            tell(error, isNews: retry.failed())
            return false
        }
    }
}
