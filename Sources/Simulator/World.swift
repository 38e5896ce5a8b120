internal import RecorderCore

/// A mistake made on purpose around the core, to see that the simulator would find it.
package enum PlantedBug: String, CaseIterable, Sendable {
    /// The audio of a reconnect begins at the newest sample instead of the asked one.
    case wrongBase = "wrong-base"
    /// What a closed session says late is taken for the words of its successor.
    case lateMessages = "late-messages"
    /// What the next session hears again is stored again.
    case doubledOverlap = "doubled-overlap"
    /// The service's labels are taken for the box's speakers.
    case rawSpeakers = "raw-speakers"
    /// What is under way is not cancelled.
    case uncancelled = "uncancelled"
    /// Voices on the two sides of a filled gap keep two numbers.
    case unmergedVoices = "unmerged-voices"
    /// The light is solid as soon as a session is open.
    case greenTooSoon = "green-too-soon"
    /// Nobody tells the recorder that the microphone is gone.
    case untoldLoss = "untold-loss"
}

/// What became of a run.
package struct Outcome: Equatable, Sendable {
    package struct Failure: Equatable, Sendable {
        package var invariant: String
        package var detail: String
        package var event: Int
        package var at: Int64
    }

    package var failure: Failure?
    package var events = 0
    package var simulatedMilliseconds: Int64 = 0
    package var words = 0
    package var sessions = 0
    package var lessons = 0
    /// Lessons whose transcript had to be complete, and was.
    package var complete = 0
    /// Lessons that got their missing text afterwards.
    package var later = 0
    /// Of everything that happened, in order.
    package var hash: UInt64 = 0xCBF2_9CE4_8422_2325

    package init() {}

    mutating func mix(_ value: Int64) {
        hash = (hash ^ UInt64(bitPattern: value)) &* 0x100_0000_01B3
    }
}

/// A school, a service and a box under virtual time: the recorder of `RecorderCore` as it ships, and everything around
/// it simulated. It carries out effects as `chalkbox`'s `Daemon` does.
package final class World {
    /// Of the monotonic clock, when the world begins.
    static let epoch: Int64 = 1_000_000
    static let horizonMilliseconds: Int64 = 90_000

    let plan: Plan
    let planted: PlantedBug?
    let trace: ((String) -> Void)?
    var now: Int64 = 0
    var queue = EventQueue()
    var recorder: Recorder
    var outcome = Outcome()
    var checker = Checker()
    var isActive: [Bool]
    /// Number of the recording; the first is 1.
    var recording = 0
    /// Of the recordings so far, by their numbers.
    var identifiers: [Int: RecordingID] = [:]
    var script = Script(seed: 0, length: 0, silences: [])
    /// What is said in the first recording, when it is not the seed's.
    var spoken: Script?
    var secondHearings = 0
    var journal: [Word] = []
    var random: RandomSource
    var capture = Microphone()
    var store = Store()
    var medium = Medium()
    /// Nil: the model of the store answers.
    let seat: StoreSeat?
    /// There is no power.
    var isOff = false
    var network = Network()
    var uplink = Uplink()
    private var tickAt: Int64?
    private var lateTicks = 0
    private var wallOffset: Int64 = 0

    /// - Parameter store: answers in place of the model (decision simulator-real-store).
    package init(
        _ plan: Plan, planted: PlantedBug? = nil, store: (any SimulatedStore)? = nil, trace: ((String) -> Void)? = nil
    ) {
        seat = store.map { StoreSeat($0) }
        self.plan = plan
        self.planted = planted
        self.trace = trace
        recorder = Recorder(settings: plan.settings, seed: plan.seed)
        random = RandomSource(seed: plan.seed, stream: 3)
        isActive = [Bool](repeating: false, count: plan.faults.count)
    }

    /// Plays the plan to its end or to the first broken invariant.
    package func run() -> Outcome {
        for (number, fault) in plan.faults.enumerated() { queue.add(.faultBegins(number), at: fault.at) }
        queue.add(.horizon, at: plan.length)
        while outcome.failure == nil, let due = queue.next() {
            // A tick that was planned and is not due any more.
            if case .tick = due.event, tickAt != due.time { continue }
            now = due.time
            outcome.events += 1
            outcome.mix(now)
            handle(due.event)
            if now > plan.length + Self.horizonMilliseconds { break }
        }
        if outcome.failure == nil { checkRest() }
        outcome.simulatedMilliseconds = now
        return outcome
    }

    func fail(_ invariant: String, _ detail: String) {
        guard outcome.failure == nil else { return }
        outcome.failure = Outcome.Failure(invariant: invariant, detail: detail, event: outcome.events, at: now)
        trace?("\(time) FAILED \(invariant): \(detail)")
    }

    var time: String { padded(now / 1_000, 4) + "." + padded(now % 1_000, 3) }

    func isOn(_ wanted: (Fault.Kind) -> Bool) -> Bool {
        for (number, fault) in plan.faults.enumerated() where isActive[number] && wanted(fault.kind) { return true }
        return false
    }

    // MARK: Events

    private func handle(_ event: WorldEvent) {
        switch event {
        case .faultBegins(let number): begin(number)
        case .faultEnds(let number): end(number)
        case .flap(let number, let edge): flap(number, edge)
        case .hint(let isUp):
            receive(isUp ? .networkChanged("wlan0 has an address") : .networkLost("wlan0 is down"))
        case .report: deliverReport()
        case .commands: takeCommands()
        case .answered(let request): answer(request)
        case .connected(let session): connected(session)
        case .step(let session): step(session)
        case .captureStarted(let number): captureStarted(number)
        case .captureStopped(let number): captureStopped(number)
        case .silence(let fault, let number): silence(fault, number)
        case .level(let fault, let number): level(fault, number)
        case .commit(let number): commit(number)
        case .stored(let report): stored(report)
        case .tick: tick()
        case .horizon:
            if recorder.isStoppable { receive(.stop) }
            if recorder.lesson != nil || isOff { queue.add(.horizon, at: now + 1_000) }
        }
    }

    /// No tick is awaited any more.
    func tickEnds() {
        tickAt = nil
        lateTicks = 0
    }

    private func tick() {
        tickAt = nil
        receive(.tick)
        guard let deadline = recorder.nextDeadline, deadline <= monotonic else {
            lateTicks = 0
            return
        }
        lateTicks += 1
        if lateTicks > 8 { fail("time goes on", "\(lateTicks) ticks, still due: \(recorder.timers(now: monotonic))") }
    }

    var monotonic: MonotonicTime { MonotonicTime(milliseconds: Self.epoch + now) }

    func press(isStart: Bool) {
        guard !isOff else { return }
        guard isStart else {
            receive(.stop)
            return
        }
        let wall = WallTime(milliseconds: 1_790_000_000_000 + now + wallOffset)
        let id = RecordingID(
            startedAt: wall, randomHigh: UInt16(truncatingIfNeeded: random.next()), randomLow: random.next())
        let header = RecordingHeader(id: id, label: "", startedAt: wall, clockSynchronised: false)
        receive(.start(StartRequest(header: header)))
    }

    func jumpWallClock() {
        wallOffset += random.between(-86_400_000, 86_400_000)
    }

    // MARK: The core

    /// Hands the recorder an input and carries out what it wants.
    func receive(_ input: RecorderInput) {
        trace.map { $0("\(time) > \(Trace.line(input))") }
        willReceive(input)
        let effects = recorder.receive(input, now: monotonic, head: head)
        outcome.mix(Int64(effects.count { !Trace.isStep($0) }))
        for effect in effects {
            if let trace, let line = Trace.line(effect) { trace("\(time)     \(line)") }
            if planted == .unmergedVoices, case .store(.mergeSpeaker) = effect { continue }
            let effect = planted == .rawSpeakers ? withRawSpeakers(effect, input) : effect
            checkEffect(effect)
            perform(effect)
        }
        if planted == .doubledOverlap { storeAgain(input) }
        didReceive(input)
        setTimer()
    }

    private func setTimer() {
        guard let deadline = recorder.nextDeadline else {
            tickAt = nil
            return
        }
        // A timer comes late by a little, never early.
        let due = max(now, deadline.milliseconds - Self.epoch) + (random.percent(20) ? random.between(1, 4) : 0)
        guard tickAt.map({ $0 < now || due < $0 || $0 < deadline.milliseconds - Self.epoch || $0 > due + 4 }) ?? true
        else { return }
        tickAt = due
        queue.add(.tick, at: due)
    }

    private func perform(_ effect: RecorderEffect) {
        switch effect {
        case .capture(.start(let place)):
            seat.map { captureStarts($0, at: place) }
            if checker.header == nil { startCapture() } else { beginCapture() }
        case .capture(.stop): stopCapture()
        case .store(let command): if let seat { carryOut(command, seat) } else { perform(command) }
        case .uplink(let given): command(given)
        case .words, .interim, .refused, .reached, .log: break
        }
    }
}
