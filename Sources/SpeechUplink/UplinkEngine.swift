internal import CWebSockets
internal import LinuxRuntime
internal import RecorderCore
internal import Synchronization

/// The uplink thread's own side: the library's context, the connections and their timer. Everything but the queues,
/// the atomics and `wake` belongs to that thread.
@safe final class UplinkEngine: @unchecked Sendable {
    let settings: UplinkSettings
    let ring: SampleRing
    let commands = BoundedQueue<UplinkCommand>(capacity: Limits.uplinkCommands)
    let events = BoundedQueue<UplinkEvent>(capacity: Limits.uplinkEvents)
    let stopping = Atomic<Bool>(false)
    /// Milliseconds; -1 before the first pong.
    let roundTrip = Atomic<Int64>(-1)
    /// Raised when `run` has returned.
    let ended: EventNotifier

    private static var protocolName: UnsafePointer<CChar> {
        let name: StaticString = "chalkbox"
        return unsafe UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
    }

    private let notifier: EventNotifier
    private let log: Log
    private let context: OpaquePointer
    private let protocols: UnsafeMutablePointer<lws_protocols>
    private let timer: UnsafeMutablePointer<chalk_lws_timer>
    private var connections: [Connection] = []
    private var resolver = Resolver()
    /// Last events of connections that found the queue full.
    private var held: [UplinkEvent] = []
    private var lastNumber: UInt = 0
    /// The connection whose running callback will end it by its result, or tells of its end.
    private var endingBy: UInt = 0

    init(
        settings: UplinkSettings, ring: SampleRing, notifier: EventNotifier, log: Log
    ) throws(UplinkError) {
        do throws(SystemError) {
            ended = try EventNotifier()
        } catch {
            throw .system(error)
        }
        self.settings = settings
        self.ring = ring
        self.notifier = notifier
        self.log = log
        LibraryLog.listen(diagnosing: false)
        log.write(.debug, "uplink started box=\(LogEntry.quoted(settings.boxName))")
        // A name, and an entry of zeros that ends the list; the library keeps the pointer.
        unsafe protocols = .allocate(capacity: 2)
        unsafe protocols.initialize(repeating: lws_protocols(), count: 2)
        unsafe protocols[0].name = Self.protocolName
        unsafe protocols[0].callback = libraryCallback
        unsafe protocols[0].rx_buffer_size = 4_096
        unsafe timer = .allocate(capacity: 1)
        unsafe timer.initialize(to: chalk_lws_timer())
        let caFile = settings.caFile
        let made =
            caFile.isEmpty
            ? unsafe chalk_lws_create(protocols, nil, timer) : unsafe chalk_lws_create(protocols, caFile, timer)
        guard let made = unsafe made else {
            unsafe protocols.deallocate()
            unsafe timer.deallocate()
            throw .library
        }
        unsafe context = made
        unsafe timer.pointee.owner = Unmanaged.passUnretained(self).toOpaque()
    }

    deinit {
        // Without owner, so that the callbacks of the connections that end now find nobody.
        unsafe timer.pointee.owner = nil
        unsafe lws_sul_cancel(&timer.pointee.entry)
        unsafe lws_context_destroy(context)
        unsafe timer.deallocate()
        unsafe protocols.deallocate()
    }

    /// The thread's body: until `stopping`.
    func run() {
        while !stopping.load(ordering: .acquiring) {
            guard unsafe lws_service(context, 0) >= 0 else {
                log.write(.error, "uplink stopped reason=\"libwebsockets cannot poll\"")
                break
            }
        }
        ended.raise()
    }

    /// Makes the thread look at the commands; the one call that any thread may make (lws-service.h).
    func wake() {
        unsafe lws_cancel_service(context)
    }

    // MARK: Events

    /// - Parameter isLast: a last event that finds the queue full is kept, there is one a connection.
    @discardableResult
    func post(_ event: UplinkEvent, isLast: Bool = false) -> Bool {
        let isTaken = held.isEmpty && events.push(event)
        if isTaken {
            notifier.raise()
        } else if isLast {
            held.append(event)
        }
        return isTaken
    }

    private func postHeld() {
        while let event = held.first, events.push(event) {
            held.removeFirst()
            notifier.raise()
        }
    }

    // MARK: Commands

    func takeCommands() {
        for command in commands.takeAll() {
            switch command {
            case .fetchToken(let attempt): fetchToken(attempt)
            case .cancelToken(let attempt):
                if let request = connections.first(where: { $0.tokenAttempt == attempt }) { _ = end(request, nil) }
            case .open(let request): open(request)
            case .finish(let session, let end): find(session)?.finish(at: end, engine: self)
            case .close(let session):
                if let session = find(session) { _ = self.end(session, nil) }
            case .audio(let session, let from, let samples):
                find(session)?.take(samples, from: from, engine: self)
            }
        }
        takeAddresses()
        postHeld()
        reschedule()
    }

    private func find(_ session: Int) -> Connection? {
        connections.first { $0.session == session }
    }

    private func fetchToken(_ attempt: Int) {
        do throws(UplinkFailure) {
            let endpoint = try Endpoint(
                settings.tokenURL, name: "transcription.token_url", secure: "https", plain: "http")
            if let bearer = settings.tokenBearer, !TokenAnswer.isHeaderValue(bearer) {
                throw UplinkFailure(.configuration, "transcription.token_bearer_file holds no valid secret")
            }
            try checkRoom()
            lastNumber += 1
            connect(
                TokenRequest(
                    number: lastNumber, attempt: attempt, endpoint: endpoint, bearer: settings.tokenBearer,
                    now: Clock.now))
        } catch {
            post(.tokenFailed(attempt: attempt, error), isLast: true)
        }
    }

    private func open(_ request: SessionRequest) {
        do throws(UplinkFailure) {
            let url = !settings.webSocketURL.isEmpty ? settings.webSocketURL : request.key.webSocketURL
            let endpoint = try Endpoint(
                url.isEmpty ? Self.serviceURL : url,
                name: settings.webSocketURL.isEmpty && !url.isEmpty
                    ? "the token answer's websocketUrl" : "transcription.websocket_url",
                secure: "wss", plain: "ws")
            guard TokenAnswer.isHeaderValue(request.key.secret) else {
                throw UplinkFailure(.tokenMalformed, "the session key cannot be one")
            }
            try checkRoom()
            lastNumber += 1
            connect(
                SpeechSession(
                    number: lastNumber, request: request, endpoint: endpoint, settings: settings, now: Clock.now))
        } catch {
            post(.closed(session: request.number, error), isLast: true)
        }
    }

    /// SPEECH.md.
    private static let serviceURL = "wss://stt-rt.soniox.com/transcribe-websocket"

    private func checkRoom() throws(UplinkFailure) {
        guard connections.count < UplinkLimits.connections else {
            throw UplinkFailure(.stalled, "\(connections.count) connections are being made or open already")
        }
    }

    // MARK: Connections

    /// Looks the name up first; an address is its own answer, at once.
    private func connect(_ connection: Connection) {
        connections.append(connection)
        guard !connection.endpoint.isAddress else {
            connect(connection, to: connection.endpoint.host)
            return
        }
        do throws(SystemError) {
            try resolver.ask(connection.endpoint.host) { self.wake() }
        } catch {
            _ = end(connection, UplinkFailure(.nameResolution, error.message))
        }
    }

    /// Connects those whose address is known by now.
    private func takeAddresses() {
        for (name, answer) in resolver.takeAnswers() {
            for connection in connections where connection.isWaiting(for: name) {
                switch answer {
                case .address(let address):
                    connect(connection, to: address)
                case .failed(let code):
                    let peer = connection.endpoint.peer
                    let text = "the name in \(peer) was not found (getaddrinfo \(code))"
                    _ = end(connection, UplinkFailure(.nameResolution, text))
                }
            }
        }
    }

    /// A name server that is silent does not keep us from an address that was good before.
    private func useRememberedAddresses(_ now: MonotonicTime) {
        for connection in connections where connection.patienceEnds.map({ $0 <= now }) ?? false {
            if let address = resolver.remembered(connection.endpoint.host) { connect(connection, to: address) }
        }
    }

    private func connect(_ connection: Connection, to address: String) {
        connection.address = address
        LibraryLog.listen(diagnosing: true)
        LibraryLog.forget()
        log.write(.debug, "uplink connecting=\(LogEntry.quoted(connection.endpoint.peer)) address=\(address)")
        let endpoint = connection.endpoint
        let number = connection.number
        let wsi =
            if let method = connection.method {
                unsafe chalk_lws_connect(
                    context, address, Int32(endpoint.port), endpoint.isTLS, endpoint.path, endpoint.authority,
                    method, Self.protocolName, number)
            } else {
                unsafe chalk_lws_connect(
                    context, address, Int32(endpoint.port), endpoint.isTLS, endpoint.path, endpoint.authority,
                    nil, Self.protocolName, number)
            }
        guard connections.contains(where: { $0 === connection }) else { return }
        guard let wsi = unsafe wsi else {
            // The library reports a failure in this very call by its result alone.
            _ = end(connection, connection.diagnosis("", status: 0, retryAfterSeconds: nil).failure)
            return
        }
        unsafe connection.attach(wsi)
    }

    /// The connection is over, whatever the library still does about it.
    func end(_ connection: Connection, _ failure: UplinkFailure?) -> Connection.Answer {
        guard let index = connections.firstIndex(where: { $0 === connection }) else { return .end }
        connections.remove(at: index)
        if let address = connection.address, let failure, failure.isOfAddress {
            resolver.passOver(address, of: connection.endpoint.host)
        }
        let wsi = unsafe connection.wsi
        let isAbrupt = connection.isConnecting || failure != nil
        connection.detach()
        connection.report(failure, engine: self)
        LibraryLog.forget()
        noteConnecting()
        if let wsi = unsafe wsi, endingBy != connection.number {
            // A session that went well says good-bye when it can be written; others just go.
            unsafe chalk_lws_kill(wsi, isAbrupt ? 0 : UplinkLimits.closeSeconds)
            if !isAbrupt { _ = unsafe lws_callback_on_writable(wsi) }
        }
        return .end
    }

    func logDeath(session: Int, _ death: (afterMilliseconds: Int64, sign: Pulse.Sign)) {
        let sign = death.sign == .silence ? "silence" : "progress"
        log.write(.warning, "dead after_ms=\(death.afterMilliseconds) sign=\(sign) session=\(session)")
    }

    func noteConnecting() {
        LibraryLog.listen(diagnosing: connections.contains { $0.isConnecting })
    }

    /// One callback of the library's for the connection called `number`; nil when it is over already.
    func dispatch(_ number: UInt, _ wsi: OpaquePointer, _ event: LibraryEvent) -> Connection.Answer? {
        guard let connection = connections.first(where: { $0.number == number }) else { return nil }
        let outer = endingBy
        endingBy = unsafe event.endsByItself ? number : 0
        defer { endingBy = outer }
        unsafe connection.attach(wsi)
        let answer = unsafe connection.receive(event, engine: self)
        reschedule()
        return answer
    }

    // MARK: Timer

    fileprivate func timerFired() {
        postHeld()
        let now = Clock.now
        useRememberedAddresses(now)
        for connection in connections where connection.deadline <= now {
            connection.timerFired(engine: self)
        }
        reschedule()
    }

    func reschedule() {
        var next = connections.map { $0.deadline }.min()
        for connection in connections {
            guard let patience = connection.patienceEnds, resolver.remembered(connection.endpoint.host) != nil
            else { continue }
            next = next.map { min($0, patience) } ?? patience
        }
        if !held.isEmpty {
            let retry = Clock.now.adding(milliseconds: 100)
            next = next.map { min($0, retry) } ?? retry
        }
        guard let next else {
            unsafe lws_sul_cancel(&timer.pointee.entry)
            return
        }
        // The library rounds poll(2)'s time-out down to milliseconds and spins for the rest. Set anew after each
        // wake-up, to whole milliseconds and a little more, the time-out lasts until then.
        let microseconds = max(0, next.milliseconds(since: Clock.now)) * 1_000 + 200
        unsafe lws_sul_schedule(context, 0, &timer.pointee.entry, timerCallback, microseconds)
    }
}

private func timerCallback(_ entry: UnsafeMutablePointer<lws_sorted_usec_list>?) {
    guard let entry = unsafe entry else { return }
    let timer = unsafe UnsafeMutableRawPointer(entry).assumingMemoryBound(to: chalk_lws_timer.self)
    guard let owner = unsafe timer.pointee.owner else { return }
    unsafe Unmanaged<UplinkEngine>.fromOpaque(owner).takeUnretainedValue().timerFired()
}
