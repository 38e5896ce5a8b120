internal import RecorderCore

/// What happens to a lesson that ended with gaps: the backfill as it ships, and a service that is not always kind. It
/// has a time of its own, and one thing happens after another.
struct BackfillSimulation {
    /// Trouble comes to an end, so that there is an end.
    private static let troubles = 8
    private static let steps = 20_000

    let world: World
    let header: RecordingHeader
    let end: SampleIndex
    let isByFiles: Bool
    private(set) var gaps: [Gap]
    private var backfill: Backfill
    private var random: RandomSource
    private var now: Int64 = 0
    private var troubles = 0
    private var refusals = 0
    private var queue: [(time: Int64, input: BackfillInput)] = []
    private var session: (request: SessionRequest, recogniser: Recogniser)?
    private var serial = 1_000
    private var heard: Int64 = 0
    private var clip: Range<SampleIndex>?
    private var job = TranscriptionJob()
    private(set) var settled: String?

    init(_ world: World, header: RecordingHeader, end: SampleIndex, gaps: [Gap]) {
        self.world = world
        self.header = header
        self.end = end
        self.gaps = gaps
        random = RandomSource(seed: world.plan.seed, stream: 5)
        isByFiles = random.percent(50)
        backfill = Self.backfill(world, isByFiles: isByFiles)
    }

    private static func backfill(_ world: World, isByFiles: Bool) -> Backfill {
        let isShort = world.plan.seed % 3 == 0
        return Backfill(
            settings: BackfillSettings(
                mode: isByFiles ? .files : .live, catchUpRate: world.plan.settings.catchUpRate,
                pieceMilliseconds: isShort ? 20_000 : 55 * 60_000),
            seed: world.plan.seed)
    }

    mutating func run() {
        queue.append((0, .saved))
        for _ in 0..<Self.steps {
            guard settled == nil, world.outcome.failure == nil else { return }
            guard let input = next() else {
                world.fail("saved lessons get their text", "nothing happens any more")
                return
            }
            receive(input)
            if random.percent(1), troubles < Self.troubles { interrupt() }
        }
        world.fail("saved lessons get their text", "not after \(Self.steps) steps")
    }

    private mutating func next() -> BackfillInput? {
        let deadline = backfill.nextDeadline.map { $0.milliseconds - World.epoch }
        guard let first = queue.indices.min(by: { queue[$0].time < queue[$1].time }) else {
            guard let deadline else { return nil }
            now = max(now, deadline)
            return .tick
        }
        if let deadline, deadline < queue[first].time {
            now = max(now, deadline)
            return .tick
        }
        now = max(now, queue[first].time)
        return queue.remove(at: first).input
    }

    /// Another lesson, or a restart: what was noted is all that is known afterwards.
    private mutating func interrupt() {
        troubles += 1
        if random.percent(50) {
            receive(.lessonBegan)
            now += random.between(1_000, 100_000)
            receive(.lessonEnded)
        } else {
            queue = []
            session = nil
            clip = nil
            backfill = Self.backfill(world, isByFiles: isByFiles)
            guard let seat = world.seat else { return }
            world.restart(seat)
            // A start settles what has all its text.
            if gaps.isEmpty, job == TranscriptionJob() { settled = "" }
        }
    }

    private mutating func receive(_ input: BackfillInput) {
        world.trace?("later \(now) > \(Trace.line(input))")
        let time = MonotonicTime(milliseconds: World.epoch + now)
        for effect in backfill.receive(input, now: time) { perform(effect) }
    }

    private mutating func answer(_ input: BackfillInput, after milliseconds: Int64 = 50) {
        queue.append((now + milliseconds, input))
    }

    private mutating func isTrouble(_ percent: Int64) -> Bool {
        guard troubles < Self.troubles, random.percent(percent) else { return false }
        troubles += 1
        return true
    }

    private mutating func perform(_ effect: BackfillEffect) {
        switch effect {
        case .store(let command): perform(command)
        case .uplink(.requestKey(let attempt)):
            answer(
                isTrouble(15)
                    ? .uplink(.keyFailed(attempt: attempt, UplinkFailure(.timeout, "no token")))
                    : .uplink(.key(attempt: attempt, SessionKey(secret: "key", webSocketURL: ""))))
        case .uplink(.open(let request)): open(request)
        case .uplink(.close(let number)): close(number)
        case .request(let request): exchange(request)
        case .reached: break
        case .cancelRequest: queue.removeAll { if case .answer = $0.input { true } else { false } }
        case .uplink(.cancelKey), .uplink(.finish), .uplink(.audio), .log: break
        }
    }

    private mutating func perform(_ command: PostLessonCommand) {
        let told = world.seat.flatMap { world.carryOut(command, $0, model: text, of: header.id) }
        switch command {
        case .nextText: answer(.store(told ?? .text(text)))
        case .words(_, let words, _, let gaps):
            for word in words {
                world.checkWord(word)
                world.journal.append(word)
            }
            self.gaps = gaps
        case .mergeSpeaker(_, let retired, let speaker):
            world.checkMerge(retired, into: speaker)
            world.mergeSpeaker(retired, into: speaker)
        case .settleText(let id, let reason):
            settled = reason
            answer(.store(told ?? .textSettled(id)))
        case .makeClip(let id, let range):
            clip = range
            let made = told ?? .clipMade(id, path: "/cut", bytes: 1)
            answer(.store(isTrouble(10) ? .clipMade(id, path: "/cut", bytes: 0) : made))
        case .noteJob(_, let job): self.job = job
        case .nextPackage, .packageFile, .packageDone, .read, .removeClip: break
        }
    }

    /// As the journal tells it: of the words, those near the gaps.
    private var text: GapsToFill {
        let words = world.journal.ordered { $0.start < $1.start }
        let near = words.filter { word in
            gaps.contains { gap in
                [gap.start, gap.end].contains { abs(word.start.samples(since: $0)) <= Limits.comparedSamples }
            }
        }
        let recording = InterruptedRecording(
            header: header, saved: end, coverage: Coverage(through: end, gaps: gaps),
            words: near.sorted { $0.start < $1.start }, wordCount: words.count,
            speakers: Array(Set(world.journal.map(\.speaker)).subtracting([0])).sorted())
        return GapsToFill(recording: recording, gaps: gaps, job: job)
    }

    // MARK: The live service

    private func recogniser(_ base: SampleIndex) -> Recogniser {
        Recogniser(
            seed: world.plan.seed, serial: serial, script: world.script, base: base.milliseconds,
            offset: world.plan.sessionOffset, finality: world.plan.finality,
            mixesModels: world.plan.mixesModels)
    }

    private mutating func open(_ request: SessionRequest) {
        serial += 1
        guard !isTrouble(10) else {
            answer(.uplink(.closed(session: request.id, UplinkFailure(.refused, "refused"))))
            return
        }
        guard request.isSaved, request.end != nil, request.id.owner == .backfill, !gaps.isEmpty else {
            world.fail("saved lessons get their text", "session \(request.id.rawValue) is not for a saved lesson")
            return
        }
        session = (request, recogniser(request.base))
        heard = request.base.milliseconds
        answer(.uplink(.opened(session: request.id, tookMilliseconds: 0)))
        speak()
    }

    private mutating func close(_ id: SessionID) {
        if session?.request.id == id { session = nil }
        queue.removeAll { queued in
            switch queued.input {
            case .uplink(.message(id, _)), .uplink(.closed(id, _)), .uplink(.opened(id, _)): true
            default: false
            }
        }
    }

    /// All messages up to the end, or to the end of the connection.
    private mutating func speak() {
        guard let request = session?.request, var recogniser = session?.recogniser, let end = request.end else {
            return
        }
        var wait: Int64 = 100
        while heard < end.milliseconds {
            heard = min(end.milliseconds, heard + random.between(300, 3_000))
            wait += 300
            if isTrouble(2) {
                answer(.uplink(.closed(session: request.id, UplinkFailure(.reset, "reset"))), after: wait)
                return
            }
            let isFinished = heard == end.milliseconds
            let message = recogniser.hear(through: heard, extraDelay: 0, isFinished: isFinished)
            answer(.uplink(.message(session: request.id, message)), after: wait)
        }
    }

    // MARK: The asynchronous service

    private mutating func exchange(_ request: TranscriptionRequest) {
        if isTrouble(10) {
            let cause: UplinkFailure.Cause = random.percent(50) ? .network(.reset) : .service(.httpStatus(500))
            answer(.answer(.failed(UplinkFailure(cause, "no"))))
            return
        }
        switch request {
        case .uploadAudio: answer(.answer(.file("file")))
        case .create(_, let file): answer(.answer(file == job.file ? .transcription("job") : .failed(Self.unknown)))
        case .state: answer(.answer(state()))
        case .transcript: answer(.answer(.text(ServiceMessage(tokens: transcript()))))
        case .deleteTranscription, .deleteFile: answer(.answer(.deleted))
        }
    }

    private mutating func state() -> TranscriptionAnswer {
        if random.percent(50) { return .pending }
        // Of what is refused again and again, the box takes no for an answer.
        guard refusals < Limits.backfillRefusals - 1, isTrouble(5) else { return .completed }
        refusals += 1
        return .refused("noise")
    }

    private static let unknown = UplinkFailure(.httpStatus(404), "unknown")

    private mutating func transcript() -> [ServiceToken] {
        guard let clip else { return [] }
        serial += 1
        var recogniser = recogniser(clip.lowerBound)
        return recogniser.hear(through: clip.upperBound.milliseconds, extraDelay: 0, isFinished: true).tokens.filter(
            \.isFinal)
    }
}

extension World {
    /// The gaps of a lesson that is saved are filled, and then nothing is missing.
    func transcribeLater(_ closing: (end: Int64, gaps: [Gap])) {
        guard outcome.failure == nil, let header = checker.header, plan.settings.transcription else { return }
        checker.hearing = nil
        let end = SampleIndex(seat?.saved[header.id.text]?.samples ?? closing.end)
        var aftermath = BackfillSimulation(self, header: header, end: end, gaps: closing.gaps)
        aftermath.run()
        guard outcome.failure == nil else { return }
        if let reason = aftermath.settled, !reason.isEmpty {
            fail("saved lessons get their text", "given up: \(reason)")
        }
        if let gap = aftermath.gaps.first {
            fail("saved lessons get their text", "gap \(Trace.span(gap.start..<gap.end))")
        }
        checker.coverage = [SampleIndex.zero..<SampleIndex(closing.end)]
        if let seat { checkLater(seat, header.id) }
        compare(end: closing.end)
        outcome.later += 1
        outcome.mix(Int64(journal.count))
    }
}
