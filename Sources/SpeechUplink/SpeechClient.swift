package import LinuxRuntime
internal import RecorderCore
internal import Synchronization
package import WebTransport

/// The way to the token endpoint and the speech service. It is told by `send` and answers by `takeEvents`; the notifier
/// is raised when there is something to take. Those two belong to the daemon's loop, everything else to the transport's
/// thread.
@safe package final class SpeechClient: WebClient, @unchecked Sendable {
    let settings: UplinkSettings
    let ring: SampleRing
    let outlet: EventOutlet<UplinkEvent>
    /// Milliseconds; -1 before the first pong.
    let roundTrip = Atomic<Int64>(-1)
    private let engine: WebEngine
    private let commands = BoundedQueue<UplinkCommand>(capacity: Limits.uplinkCommands)
    private let log: Log
    private var sessions: [SpeechSession] = []
    private var requests: [TokenRequest] = []

    /// Takes its place on the thread; connects to nothing yet.
    ///
    /// - Parameters:
    ///   - ring: the audio; sessions read it at their own positions.
    ///   - notifier: raised after each event.
    package init(
        settings: UplinkSettings, ring: SampleRing, thread: WebThread, notifier: EventNotifier, log: Log
    ) {
        self.settings = settings
        self.ring = ring
        self.log = log
        engine = thread.engine
        outlet = EventOutlet(capacity: Limits.uplinkEvents, notifier: notifier)
        thread.host(self)
    }

    /// False when the queue is full or the thread is shut down. What ends something is taken when nothing else is any
    /// more: there is no more of it than was begun.
    package func send(_ command: UplinkCommand) -> Bool {
        guard !engine.isStopping, commands.push(command, leaving: command.reserve) else { return false }
        engine.wake()
        return true
    }

    /// Events that found no room so far.
    package var refusedEvents: Int { outlet.refused }

    /// What has happened since the last call, in order.
    package func takeEvents() -> [UplinkEvent] { outlet.takeAll() }

    /// Milliseconds that the newest ping took to come back; nil before the first.
    package var roundTripMilliseconds: Int64? {
        let value = roundTrip.load(ordering: .relaxed)
        return value < 0 ? nil : value
    }

    // MARK: On the transport's thread

    package var isHolding: Bool { outlet.isHolding }

    package func engineEnded() {
        sessions = []
        requests = []
    }

    package func wake(_ engine: WebEngine) {
        for command in commands.takeAll() { carryOut(command) }
        outlet.postHeld()
    }

    private func carryOut(_ command: UplinkCommand) {
        switch command {
        case .fetchToken(let attempt): fetchToken(attempt)
        case .cancelToken(let attempt):
            if let request = requests.first(where: { $0.attempt == attempt }) { engine.end(request, nil) }
        case .open(let request): open(request)
        case .finish(let session, let end): find(session)?.finish(at: end, engine: engine)
        case .close(let session):
            if let session = find(session) { engine.end(session, nil) }
        case .audio(let session, let from, let samples):
            find(session)?.take(samples, from: from, engine: engine)
        }
    }

    private func find(_ session: Int) -> SpeechSession? {
        sessions.first { $0.number == session }
    }

    private func fetchToken(_ attempt: Int) {
        do throws(UplinkFailure) {
            let endpoint = try Endpoint(
                settings.tokenURL, name: "transcription.token_url", secure: "https", plain: "http")
            if let bearer = settings.tokenBearer, !bearer.isHeaderValue {
                throw UplinkFailure(.configuration, "transcription.token_bearer_file holds no valid secret")
            }
            try checkRoom()
            let request = TokenRequest(attempt: attempt, endpoint: endpoint, client: self, engine: engine)
            requests.append(request)
            engine.begin(request)
        } catch {
            outlet.post(.tokenFailed(attempt: attempt, error), isLast: true)
        }
    }

    private func open(_ request: SessionRequest) {
        do throws(UplinkFailure) {
            let endpoint = try endpoint(of: request.key)
            guard request.key.secret.isHeaderValue else {
                throw UplinkFailure(.tokenMalformed, "the session key cannot be one")
            }
            try checkRoom()
            let session = SpeechSession(request, endpoint: endpoint, client: self, engine: engine)
            sessions.append(session)
            engine.begin(session)
        } catch {
            outlet.post(.closed(session: request.number, error), isLast: true)
        }
    }

    private func endpoint(of key: SessionKey) throws(UplinkFailure) -> Endpoint {
        guard settings.webSocketURL.isEmpty, !key.webSocketURL.isEmpty else {
            let url = settings.webSocketURL.isEmpty ? Self.serviceURL : settings.webSocketURL
            return try Endpoint(url, name: "transcription.websocket_url", secure: "wss", plain: "ws")
        }
        do throws(UplinkFailure) {
            return try Endpoint(key.webSocketURL, name: "the token answer's websocketUrl", secure: "wss", plain: "ws")
        } catch {
            // A mistake of the endpoint's, which may soon be mended there: not of the box's own configuration.
            throw UplinkFailure(.tokenMalformed, error.detail)
        }
    }

    /// SPEECH.md.
    private static let serviceURL = "wss://stt-rt.soniox.com/transcribe-websocket"

    private func checkRoom() throws(UplinkFailure) {
        let count = sessions.count + requests.count
        guard count < UplinkLimits.connections else {
            throw UplinkFailure(.stalled, "\(count) connections are being made or open already")
        }
    }

    // MARK: From the dialogues

    /// The session's last event.
    func ended(_ session: SpeechSession, _ failure: UplinkFailure?) {
        sessions.removeAll { $0 === session }
        outlet.post(.closed(session: session.number, failure), isLast: true)
    }

    /// - Parameter event: nil when nobody waits for one.
    func ended(_ request: TokenRequest, _ event: UplinkEvent?) {
        requests.removeAll { $0 === request }
        if let event { outlet.post(event, isLast: true) }
    }

    func logDeath(session: Int, _ death: (afterMilliseconds: Int64, sign: Pulse.Sign)) {
        let sign = death.sign == .silence ? "silence" : "progress"
        log.write(.warning, "dead after_ms=\(death.afterMilliseconds) sign=\(sign) session=\(session)")
    }
}
