internal import Glibc
internal import LinuxRuntime
internal import PowerCut
package import RecorderCore
internal import RecordingStore
package import Simulator

/// The recorder's own store in a simulated world: FLAC files and an index in a directory of its own, in memory where
/// there is one. It runs on the thread of the world, in its time, and its power goes by the model of the disk (decision
/// simulator-real-store).
package final class RealStore: SimulatedStore {
    package var moment = StoreMoment(now: MonotonicTime(milliseconds: 1), wall: WallTime(milliseconds: 1))
    private let root: String
    private let transcribes: Bool
    /// All changes on the disk are kept, for a power cut.
    private let keepsChanges: Bool
    private let planted: PlantedStoreBug?
    private let trace = DiskTrace()
    private let notifier: EventNotifier
    private var ring = SampleRing()
    private var store: StoreThread?
    private var starts = 0
    private var disk: DiskModel
    /// Changes before the last turn, and in it.
    private var changes: [StorageEffect] = []
    private var lastChanges: [StorageEffect] = []
    private var pattern = StairPattern(salt: 0)
    private var salts: [String: Int64] = [:]
    private var interrupted: RecordingID?
    /// `droppedBatch`
    private var held: [StoreCommand] = []
    private var isClosing = false

    private static let segmentSamples = 30 * SampleIndex.samplesPerSecond
    private static let memory = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"

    package static func factory(_ planted: PlantedStoreBug? = nil) -> StoreFactory {
        { (plan: Plan) throws(SimulatedStoreError) in try RealStore(plan, planted: planted) }
    }

    package init(_ plan: Plan, planted: PlantedStoreBug? = nil) throws(SimulatedStoreError) {
        var template = Array("\(Self.memory)/chalkbox-sim-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SimulatedStoreError("mkdtemp: \(SystemError.text(of: errno))") }
        root = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        transcribes = plan.settings.transcribesLater
        keepsChanges = plan.faults.contains { $0.kind == .powerCut }
        self.planted = planted
        disk = DiskModel(root: root)
        do throws(SystemError) {
            notifier = try EventNotifier()
        } catch {
            throw SimulatedStoreError(error.message)
        }
        _ = try start(DiskImage())
    }

    deinit {
        end()
        remove(root)
    }

    private func end() {
        atItsTime { store = nil }
        trace.end(.thread)
    }

    private func remove(_ directory: String) {
        guard let names = try? FileSystem.list(directory) else { return }
        for name in names {
            let path = directory + "/" + name
            if unlink(path) != 0 { remove(path) }
        }
        rmdir(directory)
    }

    private var directory: String { "\(root)/\(starts)/state" }

    /// Everything that the store does is done at the world's time.
    private func atItsTime<Value, Failure: Error>(_ body: () throws(Failure) -> Value) throws(Failure) -> Value {
        Clock.simulate(moment.now, wall: moment.wall)
        defer { Clock.simulate(nil, wall: nil) }
        return try body()
    }

    // MARK: Starts

    /// - Parameter image: what is on the disk; nil: it stays as it is.
    private func start(_ image: DiskImage?) throws(SimulatedStoreError) -> StoreRecovery {
        if let image {
            end()
            remove("\(root)/\(starts)")
            starts += 1
            let top = "\(root)/\(starts)"
            guard mkdir(top, 0o750) == 0 else { throw SimulatedStoreError("mkdir: \(SystemError.text(of: errno))") }
            image.write(to: top)
            disk = DiskModel(root: top, image)
            (changes, lastChanges) = ([], [])
            trace.respond(keeping: keepsChanges, nil)
            trace.begin(top + "/", .thread)
            ring = SampleRing()
        }
        (held, isClosing) = ([], false)
        var recovery = StoreRecovery()
        do throws(StoreError) {
            try atItsTime { () throws(StoreError) in
                store = nil
                let started = try StoreThread(
                    directory: directory, ring: ring, notifier: notifier, segmentSamples: Self.segmentSamples,
                    resumes: true, postLesson: PostLessonPolicy(transcribes: transcribes),
                    storage: trace.storage(), isThreaded: false)
                store = started
                recovery.interruption = started.interruption?.recording
                if let failure = started.recoveryFailure { throw failure }
            }
        } catch {
            throw SimulatedStoreError(error.message)
        }
        // Nothing but power cuts is between two starts.
        if let rebuilt = store?.rebuilt { throw SimulatedStoreError("the index is made anew: \(rebuilt.reason)") }
        return recovery
    }

    package func restart() throws(SimulatedStoreError) {
        _ = try start(nil)
    }

    package func cutPower(isInLastTurn: Bool, seed: UInt64) throws(SimulatedStoreError) -> StoreRecovery {
        takeChanges()
        var dice = Dice(seed: seed)
        let count = isInLastTurn ? dice.roll(lastChanges.count + 1) : lastChanges.count
        for change in changes + lastChanges.prefix(count) {
            if planted == .missingSync, case .sync(let path) = change, path.hasSuffix(".flac") { continue }
            disk.apply(change)
        }
        let fate: DiskModel.Fate = [.dropped, .kept, .mixed(seed: seed)][dice.roll(3)]
        let place = "\(count) of \(lastChanges.count) changes into a turn, what was not synced \(fate)"
        var recovery = try start(disk.cut(fate))
        recovery.place = place
        interrupted = recovery.interruption?.header.id
        if let interrupted { pattern.salt = salts[interrupted.text] ?? 0 }
        return recovery
    }

    private func takeChanges() {
        guard keepsChanges else { return }
        lastChanges += trace.takeEffects()
    }

    // MARK: Turns

    package var nextTurn: MonotonicTime? { store?.nextTurn }

    package func captureStarts(at place: SampleIndex) {
        if place == .zero { pattern.salt += 1 + (salts.values.max() ?? 0) }
        ring.reset(to: place)
    }

    package func receive(_ command: StoreCommand) {
        switch command {
        case .open(let header): salts[header.id.text] = pattern.salt
        case .reopen: if let interrupted { salts[interrupted.text] = pattern.salt }
        case .mergeSpeaker where planted == .unmergedRows: return
        case .words where planted == .droppedBatch:
            held.append(command)
            return
        case .close: isClosing = true
        default: break
        }
        send(command)
    }

    private func send(_ command: StoreCommand) {
        atItsTime { _ = store?.send(command) }
    }

    package func turn() throws(SimulatedStoreError) -> [StoreEvent] {
        takeChanges()
        changes += lastChanges
        lastChanges = []
        if planted == .droppedBatch {
            // Before a close that came after them, which is too late.
            if !isClosing { for command in held { send(command) } }
            (held, isClosing) = ([], false)
        }
        feed()
        return try events()
    }

    private func feed() {
        let isShifted = planted == .shiftedAudio
        let place = SampleIndex(100_003)
        if isShifted, ring.head < place { pattern.append(through: min(place, moment.head), to: ring, shift: 0) }
        pattern.append(through: moment.head, to: ring, shift: isShifted ? 1 : 0)
    }

    private func events() throws(SimulatedStoreError) -> [StoreEvent] {
        guard let store else { return [] }
        let error: Int32 = switch moment.disk {
        case .works: 0
        case .isFull: ENOSPC
        case .fails: EIO
        }
        let respond: @Sendable (Int, StorageEffect) -> Int32 = { _, _ in error }
        trace.respond(keeping: keepsChanges && error == 0, error == 0 ? nil : respond)
        defer { trace.respond(keeping: keepsChanges, nil) }
        let events = atItsTime {
            _ = store.tend(now: moment.now)
            store.turn()
            return store.takeEvents()
        }
        for event in events {
            if case .rebuilt(let index) = event { throw SimulatedStoreError("the index is made anew: \(index.reason)") }
            if case .recoveryFailed(let failure) = event, error == 0 { throw SimulatedStoreError(failure) }
        }
        return events
    }

    // MARK: After the lesson

    package func receive(_ command: PostLessonCommand) throws(SimulatedStoreError) -> [PostLessonEvent] {
        send(.postLesson(command))
        var answers: [PostLessonEvent] = []
        repeat {
            for event in try events() {
                guard case .postLesson(let answer) = event else { continue }
                if case .failed(let reason) = answer { throw SimulatedStoreError(reason) }
                answers.append(answer)
            }
        } while nextTurn.map { $0 <= moment.now } ?? false
        return answers
    }

    // MARK: The medium

    package func readBack(
        _ id: RecordingID, withAudio: Bool
    ) throws(SimulatedStoreError) -> SavedRecording? {
        do throws(StoreError) {
            return try atItsTime { () throws(StoreError) in try found(id, withAudio) }
        } catch {
            throw SimulatedStoreError(error.message)
        }
    }

    private func found(_ id: RecordingID, _ withAudio: Bool) throws(StoreError) -> SavedRecording? {
        let index = try RecordingIndex(directory: directory)
        guard let summary = try index.summary(id) else { return nil }
        var found = SavedRecording(
            samples: summary.samples, isSaved: summary.state != .recording, isInterrupted: summary.interrupted)
        found.words = try index.words(id)
        found.gaps = try index.gaps(id)
        found.silences = try index.silences(id)
        // A recording that was cut off before its first frame has no header.
        guard withAudio, summary.samples > 0 else { return found }
        let silences = found.silences.filter { [.interruption, .ringOverrun].contains($0.reason) }
            .map { $0.start.value..<$0.end.value }
        let stairs = StairPattern(salt: salts[id.text] ?? 0)
        var (place, wrong): (Int64, Int64?) = (0, nil)
        found.audioSamples = try AudioExport.readSamples(id, directory: directory) { block in
            if wrong == nil { wrong = stairs.firstOther(block, at: place, silences: silences) }
            place += Int64(block.count)
            return true
        }
        found.firstWrongSample = wrong
        if found.isSaved {
            found.problems = try Verification(directory: directory).check(id) { _, _ in }.problems
        }
        return found
    }
}
