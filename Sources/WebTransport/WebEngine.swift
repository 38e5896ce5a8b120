internal import CWebSockets
internal import LinuxRuntime
package import RecorderCore
internal import Synchronization

/// Who has something said over the network: it makes connections on the transport's thread, and has queues of its own
/// to the thread that it works for.
package protocol WebClient: AnyObject, Sendable {
    /// The thread was woken, or its timer went off: look for commands, and for room in the queue of events.
    func wake(_ engine: WebEngine)
    /// When events wait for room in their queue.
    var isHolding: Bool { get }
    /// The thread ends: let go of what lives on it.
    func engineEnded()
}

/// The transport's thread's own side: the library's context, the connections and their timer. Everything but the
/// arrivals, the atomics and `wake` belongs to that thread.
@safe package final class WebEngine: @unchecked Sendable {
    let arrivals = BoundedQueue<any WebClient>(capacity: WebLimits.clients)
    let stopping = Atomic<Bool>(false)
    /// Raised when `run` has returned.
    let ended: EventNotifier

    private static var protocolName: UnsafePointer<CChar> {
        let name: StaticString = "chalkbox"
        return unsafe UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
    }

    let life = LifeSign("uplink")
    private let log: Log
    private let context: OpaquePointer
    private let protocols: UnsafeMutablePointer<lws_protocols>
    private let timer: UnsafeMutablePointer<chalk_lws_timer>
    private var clients: [any WebClient] = []
    private var dialogues: [any Dialogue] = []
    private let caFile: String
    /// The one certificate that this box shows.
    private var identity: (identity: ClientIdentity, vhost: OpaquePointer)?
    private var resolver = Resolver()
    private var lastNumber: UInt = 0
    /// The connection whose running callback will end it by its result, or tells of its end.
    private var endingBy: UInt = 0

    init(caFile: String, boxName: String, log: Log) throws(TransportError) {
        do throws(SystemError) {
            ended = try EventNotifier()
        } catch {
            throw .system(error)
        }
        self.log = log
        self.caFile = caFile
        LibraryLog.listen(diagnosing: false)
        log.write(.debug, "uplink started box=\(LogEntry.quoted(boxName))")
        // A name, and an entry of zeros that ends the list; the library keeps the pointer.
        unsafe protocols = .allocate(capacity: 2)
        unsafe protocols.initialize(repeating: lws_protocols(), count: 2)
        unsafe protocols[0].name = Self.protocolName
        unsafe protocols[0].callback = libraryCallback
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
        // Without owner, so that the callbacks of the connections that end now find nobody.
        unsafe timer.pointee.owner = nil
        unsafe lws_sul_cancel(&timer.pointee.entry)
        unsafe lws_context_destroy(context)
        unsafe timer.deallocate()
        unsafe protocols.deallocate()
    }

    /// The thread's body: until `stopping`.
    func run() {
        life.begin()
        while !stopping.load(ordering: .acquiring) {
            life.answer()
            guard unsafe lws_service(context, 0) >= 0 else {
                log.write(.error, "uplink stopped reason=\"libwebsockets cannot poll\"")
                break
            }
        }
        for client in clients + arrivals.takeAll() { client.engineEnded() }
        clients = []
        dialogues = []
        ended.raise()
    }

    /// Makes the thread look at the commands; the one call that any thread may make (lws-service.h).
    package func wake() {
        unsafe lws_cancel_service(context)
    }

    /// Nothing is taken from the clients any more.
    package var isStopping: Bool { stopping.load(ordering: .acquiring) }

    func woken() {
        clients += arrivals.takeAll()
        for client in clients { client.wake(self) }
        takeAddresses()
        reschedule()
    }

    func nextNumber() -> UInt {
        lastNumber += 1
        return lastNumber
    }

    // MARK: Connections

    /// Looks the name up first; an address is its own answer, at once.
    package func begin(_ dialogue: any Dialogue) {
        let connection = dialogue.connection
        dialogues.append(dialogue)
        guard !connection.endpoint.isAddress else {
            connect(dialogue, to: connection.endpoint.host)
            return
        }
        do throws(SystemError) {
            try resolver.ask(connection.endpoint.host) { self.wake() }
        } catch {
            end(dialogue, UplinkFailure(.nameResolution, error.message))
        }
    }

    /// Connects those whose address is known by now.
    private func takeAddresses() {
        for (name, answer) in resolver.takeAnswers() {
            for dialogue in dialogues where dialogue.connection.isWaiting(for: name) {
                switch answer {
                case .address(let address):
                    connect(dialogue, to: address)
                case .failed(let code):
                    let peer = dialogue.endpoint.peer
                    let text = "the name in \(peer) was not found (getaddrinfo \(code))"
                    end(dialogue, UplinkFailure(.nameResolution, text))
                }
            }
        }
    }

    /// A name server that is silent does not keep us from an address that was good before.
    private func useRememberedAddresses(_ now: MonotonicTime) {
        for dialogue in dialogues where dialogue.connection.patienceEnds.map({ $0 <= now }) ?? false {
            if let address = resolver.remembered(dialogue.endpoint.host) { connect(dialogue, to: address) }
        }
    }

    private func connect(_ dialogue: any Dialogue, to address: String) {
        let connection = dialogue.connection
        connection.address = address
        LibraryLog.listen(diagnosing: true)
        LibraryLog.forget()
        log.write(.debug, "uplink connecting=\(LogEntry.quoted(connection.endpoint.peer)) address=\(address)")
        let endpoint = connection.endpoint
        let number = connection.number
        var vhost: OpaquePointer?
        if let identity = connection.identity {
            unsafe vhost = self.vhost(identity)
            guard unsafe vhost != nil else {
                let text = "no certificate and its key in \(identity.certificateFile) and \(identity.keyFile)"
                end(dialogue, UplinkFailure(.configuration, text))
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
        guard dialogues.contains(where: { $0 === dialogue }) else { return }
        guard let wsi = unsafe wsi else {
            // The library reports a failure in this very call by its result alone.
            end(dialogue, connection.failure())
            return
        }
        unsafe connection.attach(wsi)
    }

    /// Nil when the files are not what they should be. They are read once: the library never gives one of these back.
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

    /// The dialogue is over, whatever the library still does about its connection.
    @discardableResult
    package func end(_ dialogue: any Dialogue, _ failure: UplinkFailure?) -> Answer {
        guard let index = dialogues.firstIndex(where: { $0 === dialogue }) else { return .end }
        dialogues.remove(at: index)
        let connection = dialogue.connection
        if let address = connection.address, let failure, failure.isOfAddress {
            resolver.passOver(address, of: connection.endpoint.host)
        }
        let wsi = unsafe connection.wsi
        let isAbrupt = dialogue.isConnecting || failure != nil
        connection.detach()
        dialogue.report(failure, engine: self)
        LibraryLog.forget()
        noteConnecting()
        if let wsi = unsafe wsi, endingBy != connection.number {
            // A session that went well says good-bye when it can be written; others just go.
            unsafe chalk_lws_kill(wsi, isAbrupt ? 0 : WebLimits.closeSeconds)
            if !isAbrupt { _ = unsafe lws_callback_on_writable(wsi) }
        }
        return .end
    }

    /// A dialogue's `isConnecting` has changed.
    package func noteConnecting() {
        LibraryLog.listen(diagnosing: dialogues.contains { $0.isConnecting })
    }

    /// One callback of the library's for the connection called `number`; nil when it is over already.
    func dispatch(_ number: UInt, _ wsi: OpaquePointer, _ event: LibraryEvent) -> Answer? {
        guard let dialogue = dialogues.first(where: { $0.connection.number == number }) else { return nil }
        let outer = endingBy
        endingBy = unsafe event.endsByItself ? number : 0
        defer { endingBy = outer }
        unsafe dialogue.connection.attach(wsi)
        let answer = unsafe dialogue.receive(event, engine: self)
        reschedule()
        return answer
    }

    // MARK: Timer

    fileprivate func timerFired() {
        for client in clients { client.wake(self) }
        let now = Clock.now
        useRememberedAddresses(now)
        for dialogue in dialogues where dialogue.connection.deadline <= now {
            dialogue.timerFired(engine: self)
        }
        reschedule()
    }

    /// A deadline has changed, or an event is held.
    package func reschedule() {
        var next = dialogues.map { $0.connection.deadline }.min()
        for dialogue in dialogues {
            guard let patience = dialogue.connection.patienceEnds, resolver.remembered(dialogue.endpoint.host) != nil
            else { continue }
            next = next.map { min($0, patience) } ?? patience
        }
        if clients.contains(where: { $0.isHolding }) {
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
    unsafe Unmanaged<WebEngine>.fromOpaque(owner).takeUnretainedValue().timerFired()
}
