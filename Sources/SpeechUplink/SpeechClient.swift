package import LinuxRuntime
package import RecorderCore
internal import Synchronization
package import WebTransport

/// Fetches session keys and holds sessions with the speech service. Commands go in by `send`, events come out by
/// `takeEvents`; the notifier is raised when there are events. Those two are for the daemon's loop, everything else
/// runs on the transport's thread.
@safe package final class SpeechClient: TransportClient, HTTPExchangeDelegate, @unchecked Sendable {
    let settings: UplinkSettings
    let ring: SampleRing
    let events: EventQueue<UplinkEvent>
    /// Milliseconds; -1 before the first pong.
    let roundTrip = Atomic<Int64>(-1)
    /// What was wrong with `transcription.terms_file` when it was read last: an errno, or 0; and the most lines that
    /// were left out of it.
    private let termsError = Atomic<Int32>(0)
    private let termsLeftOut = Atomic<Int64>(0)
    private let loop: TransportLoop
    private let commands = BoundedQueue<UplinkCommand>(capacity: Limits.uplinkCommands)
    private let log: Log
    private var sessions: [SpeechSession] = []
    private var keyRequests: [(attempt: KeyRequestID, exchange: HTTPExchange)] = []

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
        _ = readTerms()
        thread.add(self)
    }

    /// False when the queue is full or the thread is shut down. Places are reserved for commands that end something, so
    /// these are queued when others are refused.
    package func send(_ command: UplinkCommand) -> Bool {
        guard !loop.isStopping, commands.push(command, leaving: command.reservedPlaces) else { return false }
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

    /// Why `transcription.terms_file` cannot be read, for people; nil: it can, or there is none.
    package var termsProblem: String? {
        let number = termsError.load(ordering: .relaxed)
        return number == 0 ? nil : SystemError("read", settings.termsFile, number: number).message
    }

    /// The most lines of it that were left out.
    package var unsentTerms: Int64 { termsLeftOut.load(ordering: .relaxed) }

    // MARK: On the transport's thread

    /// The class's vocabulary as it is now. A session goes without it rather than not at all.
    func readTerms() -> [String] {
        do throws(SystemError) {
            let file = try TermsFile(path: settings.termsFile)
            termsError.store(0, ordering: .relaxed)
            if file.leftOut > unsentTerms { termsLeftOut.store(Int64(file.leftOut), ordering: .relaxed) }
            return file.terms
        } catch {
            let isNews = termsError.exchange(error.number, ordering: .relaxed) != error.number
            let line = "configuration file=\(LogEntry.quoted(settings.termsFile)) key=\"transcription.terms_file\""
            if isNews { log.write(.warning, line + " reason=\(LogEntry.quoted(error.message))") }
            return []
        }
    }

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
        case .requestKey(let attempt): requestKey(attempt)
        case .cancelKey(let attempt):
            if let place = keyRequests.firstIndex(where: { $0.attempt == attempt }) {
                keyRequests.remove(at: place).exchange.cancel(loop)
            }
        case .open(let request): open(request)
        case .finish(let session, let end): find(session)?.finish(at: end, loop: loop)
        case .close(let session):
            if let session = find(session) { loop.close(session, nil) }
        case .audio(let session, let from, let samples):
            find(session)?.replay(samples, from: from, loop: loop)
        }
    }

    private func find(_ session: SessionID) -> SpeechSession? {
        sessions.first { $0.id == session }
    }

    private func requestKey(_ attempt: KeyRequestID) {
        do throws(UplinkFailure) {
            let endpoint = try Endpoint(
                settings.tokenURL, name: "transcription.token_url", secure: "https", plain: "http")
            if let bearer = settings.tokenBearer, !bearer.isHeaderValue {
                throw UplinkFailure(.configuration, "transcription.token_bearer_file contains no valid secret")
            }
            try checkRoom()
            let request = HTTPRequest(
                .post, endpoint, headers: [HTTPHeader("content-type:", "application/json")],
                body: .bytes(Array("{}".utf8)), secret: settings.tokenBearer,
                timeoutMilliseconds: Limits.keyTimeoutMilliseconds)
            let exchange = HTTPExchange(request, delegate: self, loop: loop)
            keyRequests.append((attempt, exchange))
            loop.open(exchange)
        } catch {
            events.post(.keyFailed(attempt: attempt, error), isLast: true)
        }
    }

    private func open(_ request: SessionRequest) {
        do throws(UplinkFailure) {
            let endpoint = try endpoint(of: request.key)
            guard request.key.secret.isHeaderValue else {
                throw UplinkFailure(.keyMalformed, "the session key contains characters that no key has")
            }
            try checkRoom()
            let session = SpeechSession(request, endpoint: endpoint, client: self, loop: loop)
            sessions.append(session)
            loop.open(session)
        } catch {
            events.post(.closed(session: request.id, error), isLast: true)
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
            throw UplinkFailure(.keyMalformed, error.detail)
        }
    }

    /// docs/PROTOCOL.md, Handshake.
    private static let serviceURL = "wss://stt-rt.soniox.com/transcribe-websocket"

    private func checkRoom() throws(UplinkFailure) {
        let count = sessions.count + keyRequests.count
        guard count < UplinkLimits.connections else {
            throw UplinkFailure(.busy, "\(count) connections are open already")
        }
    }

    // MARK: Called by the exchanges and sessions

    package func exchange(_ exchange: HTTPExchange, didSend bytes: Int64) {}

    package func exchange(_ exchange: HTTPExchange, endedWith outcome: HTTPOutcome) {
        guard let place = keyRequests.firstIndex(where: { $0.exchange === exchange }) else { return }
        let attempt = keyRequests.remove(at: place).attempt
        do throws(UplinkFailure) {
            let key = try KeyResponse.read(outcome, from: exchange.endpoint, now: Clock.wall)
            events.post(.key(attempt: attempt, key), isLast: true)
        } catch {
            events.post(.keyFailed(attempt: attempt, error), isLast: true)
        }
    }

    /// Posts the session's last event.
    func ended(_ session: SpeechSession, _ failure: UplinkFailure?) {
        sessions.removeAll { $0 === session }
        events.post(.closed(session: session.id, failure), isLast: true)
    }

    func logLoss(session: SessionID, _ loss: (afterMilliseconds: Int64, signal: MissingSignal)) {
        let sign = loss.signal == .traffic ? "silence" : "progress"
        log.write(.warning, "dead after_ms=\(loss.afterMilliseconds) sign=\(sign) session=\(session.rawValue)")
    }
}
