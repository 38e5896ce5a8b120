package import LinuxRuntime
internal import RecorderCore
internal import Synchronization
package import WebTransport

/// Fetches session keys and holds sessions with the speech service. Commands go in by `send`, events come out by
/// `takeEvents`; the notifier is raised when there are events. Those two are for the daemon's loop, everything else
/// runs on the transport's thread.
@safe package final class SpeechClient: TransportClient, @unchecked Sendable {
    let settings: UplinkSettings
    let ring: SampleRing
    let events: EventQueue<UplinkEvent>
    /// Milliseconds; -1 before the first pong.
    let roundTrip = Atomic<Int64>(-1)
    private let loop: TransportLoop
    private let commands = BoundedQueue<UplinkCommand>(capacity: Limits.uplinkCommands)
    private let log: Log
    private var sessions: [SpeechSession] = []
    private var keyRequests: [KeyRequest] = []

    /// Joins the transport's thread; connects to nothing yet.
    ///
    /// - Parameters:
    ///   - ring: the audio; sessions read it at their own positions.
    ///   - notifier: raised after each event.
    package init(
        settings: UplinkSettings, ring: SampleRing, thread: TransportThread, notifier: EventNotifier, log: Log
    ) {
        self.settings = settings
        self.ring = ring
        self.log = log
        loop = thread.loop
        events = EventQueue(capacity: Limits.uplinkEvents, notifier: notifier)
        thread.add(self)
    }

    /// False when the queue is full or the thread is shut down. Places are reserved for commands that end something, so
    /// these are queued when others are refused.
    package func send(_ command: UplinkCommand) -> Bool {
        guard !loop.isStopping, commands.push(command, leaving: command.reserve) else { return false }
        loop.wake()
        return true
    }

    /// Events that found no room so far.
    package var refusedEvents: Int { events.refused }

    /// What has happened since the last call, in order.
    package func takeEvents() -> [UplinkEvent] { events.takeAll() }

    /// Milliseconds that the newest ping took to come back; nil before the first.
    package var roundTripMilliseconds: Int64? {
        let value = roundTrip.load(ordering: .relaxed)
        return value < 0 ? nil : value
    }

    // MARK: On the transport's thread

    package var hasPendingEvents: Bool { events.hasPendingEvents }

    package func loopEnded() {
        sessions = []
        keyRequests = []
    }

    package func loopDidWake(_ loop: TransportLoop) {
        for command in commands.takeAll() { execute(command) }
        events.flush()
    }

    private func execute(_ command: UplinkCommand) {
        switch command {
        case .fetchToken(let attempt): requestKey(attempt)
        case .cancelToken(let attempt):
            if let request = keyRequests.first(where: { $0.attempt == attempt }) { loop.close(request, nil) }
        case .open(let request): open(request)
        case .finish(let session, let end): find(session)?.finish(at: end, loop: loop)
        case .close(let session):
            if let session = find(session) { loop.close(session, nil) }
        case .audio(let session, let from, let samples):
            find(session)?.replay(samples, from: from, loop: loop)
        }
    }

    private func find(_ session: Int) -> SpeechSession? {
        sessions.first { $0.number == session }
    }

    private func requestKey(_ attempt: Int) {
        do throws(UplinkFailure) {
            let endpoint = try Endpoint(
                settings.tokenURL, name: "transcription.token_url", secure: "https", plain: "http")
            if let bearer = settings.tokenBearer, !bearer.isHeaderValue {
                throw UplinkFailure(.configuration, "transcription.token_bearer_file contains no valid secret")
            }
            try checkRoom()
            let request = KeyRequest(attempt: attempt, endpoint: endpoint, client: self, loop: loop)
            keyRequests.append(request)
            loop.open(request)
        } catch {
            events.post(.tokenFailed(attempt: attempt, error), isLast: true)
        }
    }

    private func open(_ request: SessionRequest) {
        do throws(UplinkFailure) {
            let endpoint = try endpoint(of: request.key)
            guard request.key.secret.isHeaderValue else {
                throw UplinkFailure(.tokenMalformed, "the session key contains characters that no key has")
            }
            try checkRoom()
            let session = SpeechSession(request, endpoint: endpoint, client: self, loop: loop)
            sessions.append(session)
            loop.open(session)
        } catch {
            events.post(.closed(session: request.number, error), isLast: true)
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
            // The endpoint's mistake, which may soon be corrected there; the box's own configuration is fine.
            throw UplinkFailure(.tokenMalformed, error.detail)
        }
    }

    /// docs/PROTOCOL.md, Handshake.
    private static let serviceURL = "wss://stt-rt.soniox.com/transcribe-websocket"

    private func checkRoom() throws(UplinkFailure) {
        let count = sessions.count + keyRequests.count
        guard count < UplinkLimits.connections else {
            throw UplinkFailure(.stalled, "\(count) connections are open already")
        }
    }

    // MARK: Called by the handlers

    /// Posts the session's last event.
    func ended(_ session: SpeechSession, _ failure: UplinkFailure?) {
        sessions.removeAll { $0 === session }
        events.post(.closed(session: session.number, failure), isLast: true)
    }

    /// - Parameter event: nil after a cancellation, when nobody waits for one.
    func ended(_ request: KeyRequest, _ event: UplinkEvent?) {
        keyRequests.removeAll { $0 === request }
        if let event { events.post(event, isLast: true) }
    }

    func logLoss(session: Int, _ loss: (afterMilliseconds: Int64, signal: MissingSignal)) {
        let sign = loss.signal == .traffic ? "silence" : "progress"
        log.write(.warning, "dead after_ms=\(loss.afterMilliseconds) sign=\(sign) session=\(session)")
    }
}
