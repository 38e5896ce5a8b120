internal import CWebSockets
internal import LinuxRuntime
package import RecorderCore
internal import Synchronization

/// Makes connections on the transport's thread, with queues of its own to and from the thread that it works for.
package protocol TransportClient: AnyObject, Sendable {
    /// The thread was woken, or its timer went off: carry out the commands, and flush the events.
    func loopDidWake(_ loop: TransportLoop)
    /// Whether events wait for room in their queue.
    var hasPendingEvents: Bool { get }
    /// The thread ends: release the connections.
    func loopEnded()
}

/// What runs on the transport's thread: libwebsockets' context, the connections and their timer. Only `newClients`, the
/// atomics and `wake` may be used by other threads.
@safe package final class TransportLoop: @unchecked Sendable {
    let newClients = BoundedQueue<any TransportClient>(capacity: TransportLimits.clients)
    let stopping = Atomic<Bool>(false)
    /// Raised when `run` has returned.
    let ended: EventNotifier

    private static var protocolName: UnsafePointer<CChar> {
        let name: StaticString = "chalkbox"
        return unsafe UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
    }

    let heartbeat = ThreadHeartbeat("uplink")
    private let log: Log
    private let context: OpaquePointer
    private let protocols: UnsafeMutablePointer<lws_protocols>
    private let timer: UnsafeMutablePointer<chalk_lws_timer>
    private var clients: [any TransportClient] = []
    private var handlers: [any ConnectionHandler] = []
    private let caFile: String
    /// The one client certificate that this box uses.
    private var identity: (identity: ClientIdentity, vhost: OpaquePointer)?
    private var resolver = Resolver()
    private var lastNumber: UInt = 0
    /// The connection whose running callback closes it by its result, or reports its end.
    private var closingNumber: UInt = 0

    init(caFile: String, boxName: String, log: Log) throws(TransportError) {
        do throws(SystemError) {
            ended = try EventNotifier()
        } catch {
            throw .system(error)
        }
        self.log = log
        self.caFile = caFile
        LWSLog.setLevel(diagnosing: false)
        log.write(.debug, "uplink started box=\(LogEntry.quoted(boxName))")
        // A name, and an entry of zeros that ends the list; the library keeps the pointer.
        unsafe protocols = .allocate(capacity: 2)
        unsafe protocols.initialize(repeating: lws_protocols(), count: 2)
        unsafe protocols[0].name = Self.protocolName
        unsafe protocols[0].callback = lwsCallback
        unsafe protocols[0].rx_buffer_size = 4_096
        unsafe timer = .allocate(capacity: 1)
        unsafe timer.initialize(to: chalk_lws_timer())
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
        // Without an owner, the callbacks of the connections that end now find nobody.
        unsafe timer.pointee.owner = nil
        unsafe lws_sul_cancel(&timer.pointee.entry)
        unsafe lws_context_destroy(context)
        unsafe timer.deallocate()
        unsafe protocols.deallocate()
    }

    /// The thread's body: returns once `stopping` is set.
    func run() {
        heartbeat.begin()
        while !stopping.load(ordering: .acquiring) {
            heartbeat.beat()
            guard unsafe lws_service(context, 0) >= 0 else {
                log.write(.error, "uplink stopped reason=\"libwebsockets cannot poll\"")
                break
            }
        }
        for client in clients + newClients.takeAll() { client.loopEnded() }
        clients = []
        handlers = []
        ended.raise()
    }

    /// Makes the thread call its clients; the one call that any thread may make (lws-service.h).
    package func wake() {
        unsafe lws_cancel_service(context)
    }

    /// Commands are no longer carried out.
    package var isStopping: Bool { stopping.load(ordering: .acquiring) }

    func didWake() {
        clients += newClients.takeAll()
        for client in clients { client.loopDidWake(self) }
        connectResolved()
        reschedule()
    }

    func nextNumber() -> UInt {
        lastNumber += 1
        return lastNumber
    }

    // MARK: Connections

    /// Looks the name up, unless it is an address, and connects.
    package func open(_ handler: any ConnectionHandler) {
        let connection = handler.connection
        handlers.append(handler)
        guard !connection.endpoint.isAddress else {
            connect(handler, to: connection.endpoint.host)
            return
        }
        do throws(SystemError) {
            try resolver.lookUp(connection.endpoint.host) { self.wake() }
        } catch {
            close(handler, UplinkFailure(.nameResolution, error.message))
        }
    }

    /// Connects the handlers whose names were resolved.
    private func connectResolved() {
        for (name, resolution) in resolver.takeFinished() {
            for handler in handlers where handler.connection.isWaiting(for: name) {
                switch resolution {
                case .address(let address):
                    connect(handler, to: address)
                case .failed(let code):
                    let peer = handler.endpoint.peer
                    let text = "the name in \(peer) was not found (getaddrinfo \(code))"
                    close(handler, UplinkFailure(.nameResolution, text))
                }
            }
        }
    }

    /// Connects with cached addresses when the name server is silent for too long.
    private func useCachedAddresses(_ now: MonotonicTime) {
        for handler in handlers where handler.connection.cachedAddressDeadline.map({ $0 <= now }) ?? false {
            if let address = resolver.cachedAddress(handler.endpoint.host) { connect(handler, to: address) }
        }
    }

    private func connect(_ handler: any ConnectionHandler, to address: String) {
        let connection = handler.connection
        connection.address = address
        LWSLog.setLevel(diagnosing: true)
        LWSLog.clear()
        log.write(.debug, "uplink connecting=\(LogEntry.quoted(connection.endpoint.peer)) address=\(address)")
        let endpoint = connection.endpoint
        let number = connection.number
        var vhost: OpaquePointer?
        if let identity = connection.identity {
            unsafe vhost = self.vhost(identity)
            guard unsafe vhost != nil else {
                let text = "no certificate and its key in \(identity.certificateFile) and \(identity.keyFile)"
                close(handler, UplinkFailure(.configuration, text))
                return
            }
        }
        let wsi =
            if let method = connection.method {
                unsafe chalk_lws_connect(
                    context, vhost, address, Int32(endpoint.port), endpoint.isTLS, endpoint.path, endpoint.authority,
                    method, Self.protocolName, number)
            } else {
                unsafe chalk_lws_connect(
                    context, vhost, address, Int32(endpoint.port), endpoint.isTLS, endpoint.path, endpoint.authority,
                    nil, Self.protocolName, number)
            }
        guard handlers.contains(where: { $0 === handler }) else { return }
        guard let wsi = unsafe wsi else {
            // The library reports a failure in this very call by its result alone.
            close(handler, connection.failure())
            return
        }
        unsafe connection.attach(wsi)
    }

    /// Nil when the files hold no certificate and key. They are read once: the library never frees a vhost.
    private func vhost(_ identity: ClientIdentity) -> OpaquePointer? {
        if let known = unsafe self.identity, unsafe known.identity == identity { return unsafe known.vhost }
        guard unsafe self.identity == nil, (try? identity.check()) != nil else { return nil }
        let caFile = caFile
        let made =
            caFile.isEmpty
            ? unsafe chalk_lws_identity(context, protocols, nil, identity.certificateFile, identity.keyFile)
            : unsafe chalk_lws_identity(context, protocols, caFile, identity.certificateFile, identity.keyFile)
        guard let made = unsafe made else { return nil }
        unsafe self.identity = (identity, made)
        return unsafe made
    }

    /// Ends the handler at once, whatever the library still does about its connection.
    @discardableResult
    package func close(_ handler: any ConnectionHandler, _ failure: UplinkFailure?) -> CallbackResult {
        guard let index = handlers.firstIndex(where: { $0 === handler }) else { return .close }
        handlers.remove(at: index)
        let connection = handler.connection
        if let address = connection.address, let failure, failure.concernsAddress {
            resolver.markUnreachable(address, of: connection.endpoint.host)
        }
        let wsi = unsafe connection.wsi
        let isAbrupt = handler.isConnecting || failure != nil
        connection.detach()
        handler.connectionEnded(failure, loop: self)
        LWSLog.clear()
        connectingChanged()
        if let wsi = unsafe wsi, closingNumber != connection.number {
            // A session that went well sends its close frame first; others are just dropped.
            unsafe chalk_lws_kill(wsi, isAbrupt ? 0 : TransportLimits.closeSeconds)
            if !isAbrupt { _ = unsafe lws_callback_on_writable(wsi) }
        }
        return .close
    }

    /// A handler's `isConnecting` has changed.
    package func connectingChanged() {
        LWSLog.setLevel(diagnosing: handlers.contains { $0.isConnecting })
    }

    /// Passes a callback to the handler of connection `number`; nil when that is over already.
    func dispatch(_ number: UInt, _ wsi: OpaquePointer, _ event: LWSEvent) -> CallbackResult? {
        guard let handler = handlers.first(where: { $0.connection.number == number }) else { return nil }
        let outer = closingNumber
        closingNumber = unsafe event.closesByItself ? number : 0
        defer { closingNumber = outer }
        unsafe handler.connection.attach(wsi)
        let result = unsafe handler.receive(event, loop: self)
        reschedule()
        return result
    }

    // MARK: Timer

    fileprivate func timerFired() {
        for client in clients { client.loopDidWake(self) }
        let now = Clock.now
        useCachedAddresses(now)
        for handler in handlers where handler.connection.deadline <= now {
            handler.deadlinePassed(loop: self)
        }
        reschedule()
    }

    /// Sets the timer anew: a deadline has changed, or an event is pending.
    package func reschedule() {
        var next = handlers.map { $0.connection.deadline }.min()
        for handler in handlers {
            guard let deadline = handler.connection.cachedAddressDeadline,
                resolver.cachedAddress(handler.endpoint.host) != nil
            else { continue }
            next = next.map { min($0, deadline) } ?? deadline
        }
        if clients.contains(where: { $0.hasPendingEvents }) {
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
    unsafe Unmanaged<TransportLoop>.fromOpaque(owner).takeUnretainedValue().timerFired()
}
