import RecorderCore
import Testing

/// A recorder with a clock of its own: tests say what happens and read what it wants.
struct Box {
    var recorder: Recorder
    var now = MonotonicTime(milliseconds: 1_000_000)
    /// Effects of the last input, log lines left out.
    var effects: [RecorderEffect] = []
    var log: [String] = []
    var head = SampleIndex.zero

    static let key = SessionKey(secret: "k", webSocketURL: "")
    static let header = RecordingHeader(
        id: RecordingID(startedAt: WallTime(milliseconds: 1_790_000_000_000), randomHigh: 1, randomLow: 2),
        label: "7B maths", startedAt: WallTime(milliseconds: 1_790_000_000_000), clockSynchronised: true)

    init(transcription: Bool = true, policy: ReconnectPolicy = ReconnectPolicy(jitterMilliseconds: 0)) {
        self.init(settings: RecorderSettings(transcription: transcription, reconnect: policy))
    }

    init(settings: RecorderSettings) {
        recorder = Recorder(settings: settings, seed: 1)
    }

    mutating func happens(_ input: RecorderInput, after milliseconds: Int64 = 0) {
        now = now.adding(milliseconds: milliseconds)
        effects = []
        record(input)
        for effect in recorder.receive(input, now: now, head: head) {
            if case .log(let entry) = effect { log.append(entry.line) } else { effects.append(effect) }
        }
    }

    /// What a session has heard was recorded before.
    private mutating func record(_ input: RecorderInput) {
        guard case .uplink(.message(let number, let message)) = input, let uplink = recorder.lesson?.uplink else {
            return
        }
        for session in [uplink.session, uplink.secondary?.session] where session?.id == number {
            let ends = message.tokens.map(\.endMilliseconds) + [
                message.finalAudioMilliseconds, message.totalAudioMilliseconds,
            ]
            let heard = min(ends.max() ?? 0, 3_600_000)
            head = max(head, (session?.base ?? .zero).advanced(by: heard * SampleIndex.samplesPerMillisecond))
        }
    }

    /// Waits for exactly as long as the recorder wants to be left alone.
    mutating func untilDeadline() throws {
        let deadline = try #require(recorder.nextDeadline)
        happens(.tick, after: max(0, deadline.milliseconds(since: now)))
    }

    mutating func start() {
        happens(.start(StartRequest(header: Self.header)))
        happens(.capture(.started(realtime: true)))
        happens(.store(.opened(Self.header.id)))
    }

    /// START, token, session, the service's first progress: live.
    mutating func goLive() {
        start()
        happens(.uplink(.key(attempt: 1, Self.key)))
        opens(1)
    }

    /// The session is open, and the service comes on in it. `effects` are those of both.
    mutating func opens(_ session: SessionID, after milliseconds: Int64 = 0) {
        happens(.uplink(.opened(session: session, tookMilliseconds: 20)), after: milliseconds)
        let opening = effects
        happens(.uplink(.message(session: session, message([], total: 1))))
        effects = opening + effects
    }

    var request: SessionRequest? {
        for effect in effects {
            if case .uplink(.open(let request)) = effect { return request }
        }
        return nil
    }

    var requestedKey: KeyRequestID? {
        for effect in effects {
            if case .uplink(.requestKey(let attempt)) = effect { return attempt }
        }
        return nil
    }

    var closing: (end: SampleIndex, gaps: [Gap])? {
        for effect in effects {
            if case .store(.close(let end, let gaps, _)) = effect { return (end, gaps) }
        }
        return nil
    }
}

extension RecorderInput {
    /// The store has saved a recording.
    static func closed(
        samples: Int64, words: Int, of id: RecordingID = Box.header.id, sound: RecordedSound = RecordedSound()
    ) -> RecorderInput {
        var header = Box.header
        header.id = id
        var summary = RecordingSummary(
            header: header, state: .saved, samples: samples, words: words, speakers: 0, covered: 0, interrupted: false)
        summary.silenceSamples = sound.silenceSamples
        summary.quietSamples = sound.quietSamples
        summary.clippedSamples = sound.clippedSamples
        return .store(.closed(summary))
    }
}

func message(
    _ words: [(String, Int64, Int64)], speaker: String = "1", final: Int64 = 0, total: Int64 = 0,
    finished: Bool = false
) -> ServiceMessage {
    ServiceMessage(
        tokens: words.map {
            ServiceToken(
                text: $0.0, startMilliseconds: $0.1, endMilliseconds: $0.2, confidence: 0.9, isFinal: true,
                speaker: speaker, language: "en")
        }, finalAudioMilliseconds: final, totalAudioMilliseconds: total, finished: finished)
}
