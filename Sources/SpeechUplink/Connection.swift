internal import CWebSockets
internal import LinuxRuntime
internal import RecorderCore
internal import Synchronization

/// One connection of the library's, from the wish to the end. It lives on the uplink thread; the library knows it by
/// its number only, so a late callback finds nothing instead of a stale pointer.
@safe class Connection {
    enum Answer {
        case goOn
        /// End the connection.
        case end
    }

    let number: UInt
    let endpoint: Endpoint
    let startedAt: MonotonicTime
    /// When the engine has to look at it again.
    var deadline: MonotonicTime
    /// Where it goes; nil while the name is looked up.
    var address: String?
    /// Nil before the library has made it and after it is gone.
    private(set) var wsi: OpaquePointer?
    /// `Bearer …`, overwritten once it is sent.
    private var authorization: [UInt8]

    init(number: UInt, endpoint: Endpoint, secret: String?, now: MonotonicTime, timeoutMilliseconds: Int64) {
        self.number = number
        self.endpoint = endpoint
        startedAt = now
        deadline = now.adding(milliseconds: timeoutMilliseconds)
        authorization = secret.map { Array("Bearer ".utf8) + Array($0.utf8) } ?? []
    }

    deinit {
        eraseSecret()
    }

    /// POST or nil for a WebSocket.
    var method: String? { nil }
    /// What an answer that is no valid one is called.
    var malformed: UplinkFailure.Kind { .messageMalformed }
    /// The speech session that it is, if it is one.
    var session: Int? { nil }
    /// The token request that it is, if it is one.
    var tokenAttempt: Int? { nil }
    /// Whether the library still has to be listened to for the reason of a failure.
    var isConnecting: Bool { true }

    /// One callback of the library's.
    func receive(_ event: LibraryEvent, engine: UplinkEngine) -> Answer { .goOn }
    /// The lesson has ended: see `UplinkCommand.finish`.
    func finish(at end: SampleIndex, engine: UplinkEngine) {}
    /// `deadline` has passed.
    func timerFired(engine: UplinkEngine) {}
    /// It is over: tell the daemon. Called once.
    func report(_ failure: UplinkFailure?, engine: UplinkEngine) {}

    func isWaiting(for name: String) -> Bool { address == nil && endpoint.host == name }

    /// When an address from an earlier look-up is good enough; nil once there is one.
    var patienceEnds: MonotonicTime? {
        address == nil ? startedAt.adding(milliseconds: UplinkLimits.lookupMilliseconds) : nil
    }

    /// More audio out of the journal: see `UplinkCommand.audio`.
    func take(_ samples: [Int16], from start: SampleIndex, engine: UplinkEngine) {}

    func attach(_ wsi: OpaquePointer) { unsafe self.wsi = wsi }
    func detach() {
        unsafe wsi = nil
        eraseSecret()
    }

    func askForWriting() {
        guard let wsi = unsafe wsi else { return }
        _ = unsafe lws_callback_on_writable(wsi)
    }

    /// Adds the authorization to the handshake, and forgets it.
    func appendAuthorization(_ headers: HeaderSpace) -> Bool {
        guard !authorization.isEmpty else { return true }
        defer { eraseSecret() }
        return unsafe headers.append("authorization:", authorization)
    }

    private func eraseSecret() {
        for index in authorization.indices { authorization[index] = 0 }
        authorization = []
    }

    func diagnosis(_ reason: String, status: Int, retryAfterSeconds: Int?) -> Diagnosis {
        Diagnosis(
            peer: endpoint.peer, isTLS: endpoint.isTLS, reason: reason, status: status,
            retryAfterSeconds: retryAfterSeconds,
            connectError: LibraryLog.connectError.load(ordering: .relaxed),
            certificateError: LibraryLog.certificateError.load(ordering: .relaxed),
            elapsedMilliseconds: Clock.now.milliseconds(since: startedAt), malformed: malformed)
    }
}

/// Room in the library's buffer for more lines of a request's head.
@unsafe struct HeaderSpace {
    let wsi: OpaquePointer
    /// The library's write position.
    let position: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>
    let end: UnsafeMutablePointer<UInt8>

    /// - Parameter name: with its colon.
    func append(_ name: StaticString, _ value: [UInt8]) -> Bool {
        unsafe value.withUnsafeBufferPointer { bytes in
            unsafe lws_add_http_header_by_name(
                wsi, name.utf8Start, bytes.baseAddress, Int32(bytes.count), position, end) == 0
        }
    }
}

/// The library's callbacks that matter here (lws-callbacks.h).
@unsafe enum LibraryEvent {
    case appendHeaders(HeaderSpace)
    /// The head of an HTTP answer is complete.
    case answered(status: Int, retryAfterSeconds: Int?)
    case bodyWritable
    case bodyReadable
    case body(UnsafeBufferPointer<UInt8>)
    case bodyComplete
    case established
    case writable
    case text(UnsafeBufferPointer<UInt8>, isFirst: Bool, isLast: Bool)
    case binary
    case pong(UnsafeBufferPointer<UInt8>)
    case closedByPeer(code: Int)
    case failed(reason: String, status: Int, retryAfterSeconds: Int?)
    case closed(errno: Int32)
}
