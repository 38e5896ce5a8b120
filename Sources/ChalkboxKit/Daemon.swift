internal import AudioCapture
internal import Configuration
internal import LinuxRuntime
internal import RecorderCore
internal import RecordingStore
internal import SpeechUplink
internal import WebTransport
internal import WireJSON

/// The loop thread: it owns the state machine, hands it what happens, and has its effects carried out.
final class Daemon {
    let settings: Settings
    /// What was wrong with the configuration at the start, for people.
    private let firstMistakes: [String]
    /// What is wrong with it: a file that it names is read again and again.
    private(set) var mistakes: [String]
    let log: Log
    let loop: EventLoop
    let notifier: EventNotifier
    let ring: SampleRing
    let capture: CaptureThread
    let store: StoreThread
    let transport: TransportThread?
    let uplink: SpeechClient?
    /// Why there can be no uplink although it is wanted: told at every attempt, so that the light is red.
    let uplinkProblem: UplinkFailure?
    var recorder: Recorder
    var backfill: Backfill
    let uploads: UploadDriver
    var outbox: Outbox
    /// As `noteLesson` last saw it.
    var hadLesson = false
    let network: NetworkDriver
    let watchdog: WatchdogDriver
    var panel: PanelDriver
    let clients: ControlClients
    /// The microphone as it was opened last; nil: it was not yet.
    var opening: CaptureOpening?
    /// When its card's mixer is looked at again.
    var mixerDue: MonotonicTime?
    /// What was too much, and how often.
    private(set) var bounds = BoundCounts()
    /// What the last command was answered by the state machine.
    var refusal: (why: String, code: RefusalCode)?
    private(set) var stopping = false
    private var resumption = ResumptionWait(nil, seconds: 0)

    enum Token {
        static let notifier: UInt64 = 0
        static let listener: UInt64 = 1
        static let panel: UInt64 = 2
        static let network: UInt64 = 3
        static let firstClient: UInt64 = 1_000
    }

    init(_ dependencies: DaemonDependencies) {
        settings = dependencies.settings
        firstMistakes = dependencies.mistakes
        mistakes = dependencies.mistakes
        log = dependencies.log
        loop = dependencies.loop
        notifier = dependencies.notifier
        ring = dependencies.ring
        capture = dependencies.capture
        store = dependencies.store
        transport = dependencies.transport.thread
        uploads = dependencies.uploads
        outbox = Outbox(settings: dependencies.settings.outbox, seed: Process.random())
        uplink = dependencies.transport.uplink
        uplinkProblem = dependencies.transport.uplinkProblem
        network = NetworkDriver(log: dependencies.log)
        watchdog = WatchdogDriver(log: dependencies.log)
        panel = dependencies.panel
        clients = ControlClients(dependencies.listener)
        recorder = Recorder(settings: dependencies.settings.recorder, seed: Process.random())
        backfill = Backfill(settings: dependencies.settings.backfill, seed: Process.random())
    }

    /// Runs until SIGTERM or SIGINT; a lesson in progress is then ended and saved.
    func run() throws(SystemError) {
        try loop.add(notifier.fileDescriptor, token: Token.notifier)
        try clients.listen(loop: loop)
        panel.care(now: Clock.now, loop: loop)
        for descriptor in network.fileDescriptors { try loop.add(descriptor, token: Token.network) }
        if let rebuilt = store.rebuilt, !rebuilt.isTakenUp { reached(.index) }
        Process.notify("READY=1\nSTATUS=idle")
        log.write(.info, "ready name=\(LogEntry.quoted(settings.box.name)) version=\(Help.version)")
        resumption = ResumptionWait(store.interruption?.recording, seconds: settings.box.resumeSeconds)
        while true {
            resumeOrClose()
            publishState()
            if stopping, !recorder.isRecording { break }
            panel.care(now: Clock.now, loop: loop)
            try loop.setTimer(nextDeadline)
            for wake in try loop.wait() { handle(wake) }
        }
        Process.notify("STOPPING=1")
        panel.show(Lamps(), now: Clock.now)
        capture.shutdown()
        transport?.shutdown()
        store.shutdown()
        log.write(.info, "exit")
    }

    private var nextDeadline: MonotonicTime? {
        [
            recorder.nextDeadline, panel.nextDeadline(after: Clock.now), network.nextDeadline, resumption.nextDeadline,
            backfill.nextDeadline, outbox.nextDeadline, uploads.nextDeadline(isBlocked: outbox.isAuthorizationBlocked),
            watchdog.nextDeadline, clients.nextDeadline, store.nextDeadline, meterDeadline,
            mixerDue,
        ].compactMap { $0 }.min()
    }

    private func handle(_ wake: EventLoop.Wake) {
        switch wake {
        case .timer:
            receive(.tick)
            clients.elapsed(now: Clock.now, loop: loop)
            postLessonTick()
            panel.look(now: Clock.now) { pressed($0) }
            if let input = network.elapsed(now: Clock.now) {
                receive(input)
                noteNetwork(input)
            }
        case .signal(let number):
            // A terminal that goes, or a habit of reloading, must not end a lesson.
            guard EventLoop.isEnd(number) else {
                log.write(.warning, "signal number=\(number) state=ignored reason=\"settings are read at a start\"")
                return
            }
            log.write(.info, "signal number=\(number)")
            stopping = true
            if recorder.isStoppable { receive(.stop) }
        case .ready(Token.notifier, _):
            notifier.drain()
            drainAdapters()
        case .ready(Token.listener, _):
            acceptClient()
        case .ready(Token.panel, let hangUp):
            panel.look(now: Clock.now, hangUp: hangUp) { pressed($0) }
        case .ready(Token.network, _):
            network.readable(now: Clock.now)
        case .ready(let token, let hangUp):
            serveClient(token, hangUp: hangUp)
        }
    }

    /// After each round: what people see follows what is.
    private func publishState() {
        if store.tend(now: Clock.now) { drainStore() }
        noteLesson()
        noteBounds()
        noteMixer()
        noteTerms()
        // A command has the microphone to itself between lessons.
        capture.standsBy = settings.capture.standsBy && !clients.hasBorrower
        while uploads.hasAnswers { takeAnswers() }
        let now = Clock.now
        watchdog.elapsed(now: now, capture: capture, store: store, transport: transport)
        let lamps = Lamps(
            phase: recorder.phase, hasAmber: panel.hasAmber, level: recorder.level,
            isUploading: outbox.isUploading, copying: clients.copying,
            isListening: recorder.standby == .open && settings.audio.preRollSeconds > 0,
            isMisconfigured: !mistakes.isEmpty || !panel.problem.isEmpty || recorder.standby == .away)
        panel.show(lamps, now: now)
        clients.publish(status: { self.statusLine() }, key: statusKey, periods: meteredPeriods, loop: loop)
        clients.feed(from: ring, isHearing: recorder.isHearing, now: now, loop: loop)
    }

    private func noteTerms() {
        let problem = uplink?.termsProblem.map { "transcription.terms_file: " + $0 + "; lessons go on without it" }
        let all = firstMistakes + (problem.map { [$0] } ?? [])
        if all.count != mistakes.count { mistakes = all }
    }

    /// An interrupted lesson goes on, or is over: by the clock, or since something was pressed.
    private func resumeOrClose() {
        let step = resumption.decide(isPressed: recorder.isRecording || stopping, at: Clock.now) {
            ClockReading(
                wall: Clock.wall, isSynchronised: Clock.isSynchronised, agreesWithRTC: Clock.agreesWithRTC,
                boot: Clock.boot)
        }
        switch step {
        case .wait: break
        case .resume(let recording, let place): receive(.resume(recording, at: place))
        case .close:
            log.write(.warning, "resume state=refused reason=\"away for too long, or for an unknown time\"")
            toStore(.closeInterrupted)
        }
    }

    /// A lesson that began now would hold up the end, or be cut off by it.
    static let isEnding = "the recorder is ending: press START again when it is back"

    @inline(never)
    func pressed(_ button: ButtonPress) {
        log.write(.info, "button name=\(button.name)")
        if stopping, button != .stop {
            log.write(.warning, "refused what=start why=\(LogEntry.quoted(Self.isEnding))")
            return
        }
        switch button {
        case .start: receive(.start(startRequest(label: "")))
        case .stop: receive(.stop)
        case .toggle: receive(recorder.isStoppable ? .stop : .start(startRequest(label: "")))
        }
    }

    /// A new recording's name and time, and whether there is room for it.
    @inline(never)
    func startRequest(label: String) -> StartRequest {
        let preRoll = capture.preRollMilliseconds
        let began = WallTime(milliseconds: Clock.wall.milliseconds - preRoll)
        var boot = Clock.boot
        boot.milliseconds -= preRoll
        let bits = Process.random()
        let id = RecordingID(
            startedAt: began, randomHigh: UInt16(truncatingIfNeeded: Process.random()), randomLow: bits)
        let header = RecordingHeader(
            id: id, label: label, startedAt: began, clockSynchronised: Clock.isSynchronised, boot: boot)
        return StartRequest(header: header, spaceRefusal: spaceRefusal(), preRollMilliseconds: preRoll)
    }

    /// Why there is no room for a recording, after what may be deleted was.
    private func spaceRefusal() -> String? {
        let reserve = settings.box.reserveMegabytes
        guard disk.refusal(reserveMB: reserve) != nil else { return nil }
        if !recorder.isRecording { store.freeSpace() }
        return disk.refusal(reserveMB: reserve)
    }

    var disk: DiskStatus { DiskStatus(directory: settings.box.stateDirectory) }

    /// Hands the state machine an input and carries out what it wants, until it wants nothing more.
    func receive(_ input: RecorderInput) {
        for effect in recorder.receive(input, now: Clock.now, head: ring.head) { perform(effect) }
    }

    @inline(never)
    private func perform(_ effect: RecorderEffect) {
        switch effect {
        case .capture(.start(let place)):
            ring.reset(to: place)
            capture.start()
        case .capture(.stop):
            capture.stop()
        case .store(let command):
            toStore(command)
            if case .mergeSpeaker(let retired, let speaker) = command {
                clients.publish(merged: retired, into: speaker, loop: loop)
            }
        case .uplink(let command):
            if let event = toUplink(command) { receive(.uplink(event)) }
        case .words(let words):
            clients.publish(words: words, loop: loop)
        case .interim(let text):
            clients.publish(interim: text, loop: loop)
        case .refused(let why, let code):
            refusal = (why, code)
        case .reached(let bound, let count):
            reached(bound, count: count)
        case .log(let entry):
            log.write(entry)
        }
    }

    func reached(_ bound: Bound, count: Int64 = 1) {
        if let entry = bounds.reached(bound, count: count) { log.write(entry) }
    }

    /// For a counter that somebody else keeps.
    func counted(_ bound: Bound, total: Int64) {
        if let entry = bounds.counted(bound, total: total) { log.write(entry) }
    }

    func toStore(_ command: StoreCommand) { store.send(command) }

    /// What the store says to others than the state machine.
    private func forward(_ event: StoreEvent) {
        switch event {
        case .audio(let session, let from, let samples):
            toUplink(.audio(session: session, from: from, samples))
        case .deleted(let deletion):
            let what = "id=\(deletion.id.text) state=uploaded bytes=\(deletion.bytes)"
            log.write(.info, "deleted \(what) reason=\(deletion.reason.name)")
        case .recoveryFailed(let reason):
            log.write(.error, "recovery reason=\(LogEntry.quoted(reason))")
        case .deletionFailed(let reason):
            log.write(.error, "delete reason=\(LogEntry.quoted(reason))")
        case .postLesson(.failed(let reason)):
            log.write(.error, "store what=saved reason=\(LogEntry.quoted(reason))")
        case .postLesson(let event):
            transcribe(.store(event))
            deliver(.store(event))
        case .closeFailed(let failure):
            let ms = "saved_ms=\(failure.saved.milliseconds) wanted_ms=\(failure.wanted.milliseconds)"
            let reason = LogEntry.quoted(failure.reason)
            log.write(.error, "close id=\(failure.id.text) \(ms) reason=\(reason)")
        case .rebuilt(let index):
            DaemonCommand.tell(of: index, log)
            reached(.index)
        case .reached(let bound, let count):
            reached(bound, count: count)
        case .opened, .committed, .ringOverrun, .failed, .recovered, .closed:
            break
        }
    }

    /// - Returns: what follows at once when it was not taken.
    @discardableResult
    func toUplink(_ command: UplinkCommand) -> UplinkEvent? {
        guard let uplink, uplinkProblem == nil else {
            let problem = uplinkProblem ?? UplinkFailure(.configuration, "transcription is not configured")
            return command.refused(problem)
        }
        guard !uplink.send(command) else { return nil }
        reached(.uplinkCommands)
        return command.refused(UplinkFailure(.busy, "the network's thread does not keep up"))
    }

    private func readAudio(_ session: SessionID, _ from: SampleIndex) {
        switch session.owner {
        case .lesson:
            toStore(.read(session: session, from: from))
        case .backfill:
            guard let id = backfill.status?.recording else { return }
            toStore(.postLesson(.read(session: session, id, from: from)))
        }
    }

    private func drainStore() {
        for event in store.takeEvents() {
            forward(event)
            receive(.store(event))
        }
    }

    private func drainAdapters() {
        while let event = capture.nextEvent() {
            note(event)
            receive(.capture(event))
        }
        drainStore()
        takeAnswers()
        if let uplink { counted(.uplinkEvents, total: Int64(uplink.refusedEvents)) }
        for event in uplink?.takeEvents() ?? [] {
            if case .audioWanted(let session, let from) = event { readAudio(session, from) }
            switch event.owner {
            case .lesson: receive(.uplink(event))
            case .backfill: transcribe(.uplink(event))
            }
        }
    }
}
