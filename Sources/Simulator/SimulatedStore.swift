package import RecorderCore

/// What a store of a simulated world sees of that world.
package struct StoreMoment: Sendable {
    /// How the disk takes changes.
    package enum Disk: Sendable {
        case works
        case isFull
        case fails
    }

    package var now: MonotonicTime
    package var wall: WallTime
    /// The microphone has delivered the samples before this.
    package var head: SampleIndex
    package var disk: Disk

    package init(now: MonotonicTime, wall: WallTime, head: SampleIndex = .zero, disk: Disk = .works) {
        self.now = now
        self.wall = wall
        self.head = head
        self.disk = disk
    }
}

/// A recording as it is read back from the medium.
package struct SavedRecording: Equatable, Sendable {
    package var isSaved: Bool
    package var isInterrupted: Bool
    package var samples: Int64
    /// What the audio files hold, if they were read, and the first sample that is not the one that was recorded.
    package var audioSamples: Int64 = 0
    package var firstWrongSample: Int64?
    package var words: [Word] = []
    package var gaps: [Gap] = []
    package var silences: [SilenceMark] = []
    /// What `recordings verify` says of it.
    package var problems: [String] = []

    package init(samples: Int64 = 0, isSaved: Bool = false, isInterrupted: Bool = false) {
        self.samples = samples
        self.isSaved = isSaved
        self.isInterrupted = isInterrupted
    }
}

/// What a start finds after a power cut.
package struct StoreRecovery: Sendable {
    /// The recording that may go on.
    package var interruption: InterruptedRecording?
    /// Where and how the power went, for people.
    package var place: String

    package init(_ interruption: InterruptedRecording? = nil, place: String = "") {
        self.interruption = interruption
        self.place = place
    }
}

/// Why a store of a simulated world cannot go on.
package struct SimulatedStoreError: Error {
    package var message: String

    package init(_ message: String) {
        self.message = message
    }
}

/// A store that answers in a world in the model's place. It has no thread and no time of its own: it does everything in
/// its turns, and `moment` is set before each call.
package protocol SimulatedStore: AnyObject {
    var moment: StoreMoment { get set }
    /// The ring begins anew, with this sample.
    func captureStarts(at place: SampleIndex)
    func receive(_ command: StoreCommand)
    /// One turn of the store's thread, and what it reports.
    func turn() throws(SimulatedStoreError) -> [StoreEvent]
    var nextTurn: MonotonicTime? { get }
    /// What the backfill wants of it, done at once.
    func receive(_ command: PostLessonCommand) throws(SimulatedStoreError) -> [PostLessonEvent]
    /// The recorder ends and starts again.
    func restart() throws(SimulatedStoreError)
    /// The power goes and is back.
    /// - Parameter isInLastTurn: it goes in the middle of the last turn.
    func cutPower(isInLastTurn: Bool, seed: UInt64) throws(SimulatedStoreError) -> StoreRecovery
    /// Nil: the index does not know it.
    /// - Parameter withAudio: every sample as well, which takes longest.
    func readBack(_ id: RecordingID, withAudio: Bool) throws(SimulatedStoreError) -> SavedRecording?
}

/// Makes the store of one lesson.
package typealias StoreFactory = @Sendable (Plan) throws(SimulatedStoreError) -> any SimulatedStore

extension World {
    /// Plays a plan, with a store that is made for it.
    package static func play(
        _ plan: Plan, planted: PlantedBug? = nil, store: StoreFactory? = nil, trace: ((String) -> Void)? = nil
    ) -> Outcome {
        do throws(SimulatedStoreError) {
            return World(plan, planted: planted, store: try store?(plan), trace: trace).run()
        } catch {
            var outcome = Outcome()
            outcome.failure = Outcome.Failure(
                invariant: "the store does its work", detail: error.message, event: 0, at: 0)
            return outcome
        }
    }
}
