internal import Foundation

/// What a session does to its connection.
protocol SessionConnection: AnyObject {
    func send(text: String)
    func send(binary: [UInt8])
    /// Stops or resumes reading, so that a client faster than the recogniser is held back by TCP.
    func setReading(_ isOn: Bool)
    /// Ends the WebSocket in order.
    func close(code: Int)
    /// Resets the TCP connection without a word.
    func reset()
    /// Closes the TCP connection without a word.
    func cut()
    /// Shuts the sending side of the TCP connection.
    func halfClose()
    /// Neither reads nor writes from now on.
    func stall()
    func afterIdle(milliseconds: Int, _ action: @escaping @Sendable () -> Void)
    /// Runs on the session's event loop.
    func execute(_ action: @escaping @Sendable () -> Void)
    /// Monotonic.
    var nowMilliseconds: Int { get }
}

/// One speech session: the service's protocol from the handshake to the close. Lives on its event loop.
final class SpeechSession: @unchecked Sendable {
    private enum Phase {
        case awaitingConfiguration
        case streaming(Transcriber)
        /// The client has ended its audio; whatever it sends now is ignored.
        case finishing(Transcriber)
        case closed
    }

    /// Audio that may wait for the recogniser: 30 s, and where reading goes on again.
    private static let highWaterBytes = 30 * 32_000
    private static let lowWaterBytes = 15 * 32_000
    private static let normalClosure = 1_000
    private static let hugeMessageBytes = 10_000_000

    let number: Int
    private let state: CloudState
    private let handshakeKey: String?
    /// Holds this session in turn, until the connection is gone.
    private let connection: any SessionConnection
    private var phase = Phase.awaitingConfiguration
    private var key: String?
    private var faults = SessionFaults()
    /// Against real time, and against the rate a client may keep up.
    private var lead = PacingMeter()
    private var burst = PacingMeter()
    private var audioBytes = 0
    private var waitingBytes = 0
    private var isHeldBack = false
    private var isFrozen = false
    private var leftOut = LeftOutAudio()
    private var lastHeardMilliseconds = 0

    init(state: CloudState, handshakeKey: String?, connection: any SessionConnection) {
        self.state = state
        self.handshakeKey = handshakeKey
        self.connection = connection
        number = state.log.open()
    }

    // MARK: - From the client

    func opened() {
        lastHeardMilliseconds = connection.nowMilliseconds
        do throws(ServiceError) {
            if let handshakeKey { try authenticate(handshakeKey) }
            if let refusal = state.sessions.refusal(state.faults.plan, at: connection.nowMilliseconds) { throw refusal }
            state.sessions.admit(self, at: connection.nowMilliseconds)
            state.log.admitted(number)
            watchIdle(for: state.configuration.idleTimeoutMilliseconds)
        } catch {
            fail(error)
        }
    }

    private func authenticate(_ key: String) throws(ServiceError) {
        self.key = key
        state.log.presented(number, keyHash: KeyRing.fingerprint(of: key))
        guard let admission = state.keys.admit(key) else { throw ServiceError(code: 401) }
        guard let end = admission.endsSession else { return }
        let left = Int((end.timeIntervalSinceNow * 1_000).rounded(.up))
        connection.afterIdle(milliseconds: max(left, 0)) { [weak self] in self?.keyExpired() }
    }

    private func keyExpired() {
        fail(ServiceError(.keySessionExpired))
    }

    func received(text: String) {
        do throws(ServiceError) {
            switch phase {
            case .awaitingConfiguration: try configure(text)
            case .streaming(let transcriber): try control(ControlMessage.parse(text), transcriber)
            case .finishing, .closed: break
            }
        } catch {
            fail(error)
        }
    }

    func received(binary bytes: [UInt8]) {
        switch phase {
        case .awaitingConfiguration: fail(.badRequest("The first message must be a text message with the request."))
        case .streaming(let transcriber):
            if bytes.isEmpty {
                finish(transcriber)
            } else {
                audio(bytes, transcriber)
            }
        case .finishing, .closed: break
        }
    }

    /// The client closed, or the connection is gone.
    func ended(reason: String) {
        abandon(reason: reason)
    }

    private func configure(_ text: String) throws(ServiceError) {
        let configuration = try SessionConfiguration.parse(text)
        switch (handshakeKey, configuration.apiKey) {
        case (.some, .some): throw .badRequest("API key given both in the handshake and in the request.")
        case (nil, nil): throw ServiceError(code: 401, type: "unauthenticated", message: "Missing API key.")
        case (.some, nil): break
        case (nil, .some(let key)): try authenticate(key)
        }
        let plan = state.faults.plan
        if configuration.model == plan.goneModel { throw ServiceError(.modelNotAvailable) }
        if let longest = plan.maximumSessionMilliseconds {
            connection.afterIdle(milliseconds: longest) { [weak self] in self?.fail(ServiceError(.maxDurationReached)) }
        }
        heard()
        state.log.configured(
            number, clientReferenceID: configuration.clientReferenceID,
            configuration: SessionConfiguration.withoutKey(text))
        let extras = ServiceMessage.Extras(
            speaker: configuration.enableSpeakerDiarization ?? false,
            language: configuration.enableLanguageIdentification ?? false,
            translation: configuration.translation != nil)
        phase = .streaming(
            Transcriber(
                kind: state.configuration.recogniser, session: number, extras: extras, faults: state.faults
            ) { [weak self] outcome in
                self?.onLoop { $0.handle(outcome) }
            })
    }

    private func control(_ message: ControlMessage, _ transcriber: Transcriber) throws(ServiceError) {
        heard()
        switch message {
        case .keepalive: break
        case .finalize: transcriber.finalize()
        case .finish: finish(transcriber)
        }
    }

    private func audio(_ bytes: [UInt8], _ transcriber: Transcriber) {
        heard()
        audioBytes += bytes.count
        guard isPaced(bytes.count) else {
            fail(.badRequest("Audio is sent faster than real time or near real time."))
            return
        }
        guard !isFrozen else { return }
        for (kind, value) in faults.due(state.faults, audioMilliseconds: audioMilliseconds) { suffer(kind, value) }
        // A frozen session has not even heard this frame.
        guard case .streaming = phase, !isFrozen, !leftOut.takes(bytes.count) else { return }
        waitingBytes += bytes.count
        if waitingBytes > Self.highWaterBytes, !isHeldBack {
            isHeldBack = true
            connection.setReading(false)
        }
        transcriber.feed(bytes)
    }

    private var audioMilliseconds: Int { audioBytes / 2 / samplesPerMillisecond }

    /// Notes audio, and says whether it came within the limit.
    private func isPaced(_ count: Int) -> Bool {
        let limit = state.faults.plan.pacing
        let milliseconds = Double(count) / 2 / Double(samplesPerMillisecond)
        let now = connection.nowMilliseconds
        _ = lead.audio(milliseconds: milliseconds, rate: 1, at: now)
        let ahead = burst.audio(milliseconds: milliseconds, rate: limit?.rate ?? 2, at: now)
        state.log.audio(
            number, bytes: count, worstLead: lead.worstMilliseconds, worstBurst: burst.worstMilliseconds)
        guard let limit, ahead > limit.burstMilliseconds else { return true }
        state.log.fault(number, name: "pacing", audioMilliseconds: audioMilliseconds)
        return false
    }

    // MARK: - Faults

    func perform(_ action: CloudAction) {
        switch action {
        case .reset: suffer(.reset, 0)
        case .cut: suffer(.cut, 0)
        case .halfClose: suffer(.halfClose, 0)
        case .close(let code): suffer(.close, code)
        case .error(let code): suffer(.errorCode, code)
        case .typedError(let type): fail(ServiceError(type))
        case .expireKeys: if let key, !state.keys.isPermanent(key) { keyExpired() }
        case .expireUploads, .forgetUploads, .forgetObjects: break
        }
    }

    private func suffer(_ kind: SessionFaults.Kind, _ value: Int) {
        if case .closed = phase { return }
        state.log.fault(number, name: kind.name, audioMilliseconds: audioMilliseconds)
        switch kind {
        case .malformedJSON: connection.send(text: #"{"tokens":[{"text":"cut"#)
        case .wrongTypes: connection.send(text: ServiceMessage.wrongTypes)
        case .hugeMessage:
            let text = String(repeating: "x", count: Self.hugeMessageBytes)
            connection.send(text: #"{"tokens":[{"text":"\#(text)","is_final":false}]}"#)
        case .binaryGarbage: connection.send(binary: (0..<4_096).map { _ in UInt8.random(in: 0...255) })
        case .stall: connection.stall()
        case .freeze: isFrozen = true
        case .pause: if case .streaming(let transcriber) = phase { transcriber.pause(milliseconds: value) }
        case .leaveOut: leftOut.begin(milliseconds: value)
        case .halfClose: connection.halfClose()
        case .errorCode: fail(ServiceError(code: value))
        case .errorType: fail(ServiceError(ErrorType.allCases[value]))
        case .close:
            abandon(reason: "closed by fault close \(value)")
            connection.close(code: value)
        case .reset:
            abandon(reason: "reset by fault reset")
            connection.reset()
        case .cut:
            abandon(reason: "cut by fault cut")
            connection.cut()
        }
    }

    private func finish(_ transcriber: Transcriber) {
        heard()
        phase = .finishing(transcriber)
        transcriber.finish()
    }

    // MARK: - From the recogniser

    private func onLoop(_ action: @escaping @Sendable (SpeechSession) -> Void) {
        connection.execute { [self] in action(self) }
    }

    private func handle(_ outcome: Transcriber.Outcome) {
        if case .closed = phase { return }
        switch outcome {
        case .message(let text, let said):
            connection.send(text: text)
            state.log.said(number, said)
        case .consumed(let bytes):
            waitingBytes -= bytes
            if isHeldBack, waitingBytes <= Self.lowWaterBytes {
                isHeldBack = false
                connection.setReading(true)
            }
        case .finished(let last, let said, let finished):
            connection.send(text: last)
            state.log.said(number, said)
            let isCut = state.faults.claim(\.closeBeforeFinished) != nil
            if !isCut { connection.send(text: finished) }
            abandon(reason: isCut ? "closed by fault close-before-finished" : "finished")
            connection.close(code: Self.normalClosure)
        case .failed(let error):
            fail(ServiceError(code: 500, type: "internal_error", message: error.description))
        }
    }

    // MARK: - Ends

    private func fail(_ error: ServiceError) {
        if case .closed = phase { return }
        var error = error
        if let number = state.faults.plan.errorNumber { error.code = number }
        connection.send(text: ServiceMessage.failure(error))
        abandon(reason: "error \(error.code) \(error.type)")
        connection.close(code: Self.normalClosure)
    }

    private func abandon(reason: String) {
        switch phase {
        case .closed: return
        case .awaitingConfiguration: break
        case .streaming(let transcriber), .finishing(let transcriber): transcriber.abandon()
        }
        phase = .closed
        state.sessions.remove(self)
        state.log.close(number, reason: reason)
    }

    private func heard() { lastHeardMilliseconds = connection.nowMilliseconds }

    private func watchIdle(for milliseconds: Int) {
        connection.afterIdle(milliseconds: milliseconds) { [weak self] in self?.checkIdle() }
    }

    private func checkIdle() {
        switch phase {
        case .closed, .finishing: return
        case .awaitingConfiguration, .streaming: break
        }
        let left = lastHeardMilliseconds + state.configuration.idleTimeoutMilliseconds - connection.nowMilliseconds
        if left > 0 || isHeldBack {
            watchIdle(for: max(left, 10))
        } else {
            fail(ServiceError(code: 408))
        }
    }
}
