/// What a session does to its connection.
protocol SessionConnection: AnyObject {
    func send(text: String)
    func send(binary: [UInt8])
    /// Stops or resumes reading, so that a client faster than the recogniser is held back by TCP.
    func setReading(_ isOn: Bool)
    /// Ends the WebSocket in order.
    func close()
    /// Resets the TCP connection without a word.
    func reset()
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
    private static let hugeMessageBytes = 10_000_000

    let number: Int
    private let state: CloudState
    private let handshakeKey: String?
    /// Holds this session in turn, until the connection is gone.
    private let connection: any SessionConnection
    private var phase = Phase.awaitingConfiguration
    private var audioBytes = 0
    private var waitingBytes = 0
    private var isHeldBack = false
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
        if let handshakeKey, !state.keys.admits(handshakeKey) {
            fail(ServiceError(code: 401))
        } else {
            watchIdle(for: state.configuration.idleTimeoutMilliseconds)
        }
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
        case (nil, .some(let key)): if !state.keys.admits(key) { throw ServiceError(code: 401) }
        }
        heard()
        state.log.configured(
            number, clientReferenceID: configuration.clientReferenceID,
            configuration: SessionConfiguration.withoutKey(text))
        let extras = ServiceMessage.Extras(
            speaker: configuration.enableSpeakerDiarization ?? false,
            language: configuration.enableLanguageIdentification ?? false)
        phase = .streaming(
            Transcriber(kind: state.configuration.recogniser, extras: extras) { [weak self] outcome in
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
        let isFirst = audioBytes == 0
        audioBytes += bytes.count
        state.log.audio(number, bytes: bytes.count)
        if state.claimDrop(audioMilliseconds: audioBytes / 2 / samplesPerMillisecond) {
            abandon(reason: "reset by fault drop-after-ms")
            connection.reset()
            return
        }
        waitingBytes += bytes.count
        if waitingBytes > Self.highWaterBytes, !isHeldBack {
            isHeldBack = true
            connection.setReading(false)
        }
        transcriber.feed(bytes)
        if isFirst { misbehave() }
    }

    private func misbehave() {
        let faults = state.faults
        if faults.malformedJSON { connection.send(text: #"{"tokens":[{"text":"cut"#) }
        if faults.hugeMessage {
            let text = String(repeating: "x", count: Self.hugeMessageBytes)
            connection.send(text: #"{"tokens":[{"text":"\#(text)","is_final":false}]}"#)
        }
        if faults.binaryGarbage {
            connection.send(binary: (0..<4_096).map { _ in UInt8.random(in: 0...255) })
        }
        if let code = faults.errorCode { fail(ServiceError(code: code)) }
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
        case .message(let text): connection.send(text: text)
        case .consumed(let bytes):
            waitingBytes -= bytes
            if isHeldBack, waitingBytes <= Self.lowWaterBytes {
                isHeldBack = false
                connection.setReading(true)
            }
        case .finished(let last, let finished):
            connection.send(text: last)
            let isCut = state.faults.closeBeforeFinished
            if !isCut { connection.send(text: finished) }
            abandon(reason: isCut ? "closed by fault close-before-finished" : "finished")
            connection.close()
        case .failed(let error):
            fail(ServiceError(code: 500, type: "internal_error", message: error.description))
        }
    }

    // MARK: - Ends

    private func fail(_ error: ServiceError) {
        connection.send(text: ServiceMessage.failure(error))
        abandon(reason: "error \(error.code) \(error.type)")
        connection.close()
    }

    private func abandon(reason: String) {
        switch phase {
        case .closed: return
        case .awaitingConfiguration: break
        case .streaming(let transcriber), .finishing(let transcriber): transcriber.abandon()
        }
        phase = .closed
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
