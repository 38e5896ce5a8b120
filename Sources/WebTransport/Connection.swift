internal import CWebSockets
internal import LinuxRuntime
package import RecorderCore
internal import Synchronization

/// What becomes of a connection after a callback.
package enum Answer {
    case goOn
    /// End the connection.
    case end
}

/// What is said over one connection. It lives on the transport's thread, as everything here does.
package protocol Dialogue: AnyObject {
    var connection: Connection { get }
    /// Whether the library still has to be listened to for the reason of a failure.
    var isConnecting: Bool { get }
    /// One callback of the library's.
    func receive(_ event: LibraryEvent, engine: WebEngine) -> Answer
    /// The connection's `deadline` has passed.
    func timerFired(engine: WebEngine)
    /// It is over: tell those who wait. Called once.
    func report(_ failure: UplinkFailure?, engine: WebEngine)
}

extension Dialogue {
    package var endpoint: Endpoint { connection.endpoint }
}

/// One connection of the library's, from the wish to the end. The library knows it by its number only, so a late
/// callback finds nothing instead of a stale pointer.
@safe package final class Connection {
    let number: UInt
    package let endpoint: Endpoint
    package let startedAt: MonotonicTime
    /// When its dialogue has to look at it again.
    package var deadline: MonotonicTime
    /// Nil for a WebSocket.
    let method: String?
    /// What it shows of itself in TLS.
    let identity: ClientIdentity?
    /// What an answer that is no valid one is called.
    let malformed: UplinkFailure.Kind
    /// Where it goes; nil while the name is looked up.
    var address: String?
    /// Nil before the library has made it and after it is gone.
    private(set) var wsi: OpaquePointer?
    /// `Bearer …`, overwritten once it is sent.
    private var authorization: [UInt8]

    /// - Parameters:
    ///   - method: of HTTP; nil for a WebSocket.
    ///   - secret: goes into the request's head, and nowhere else.
    package init(
        engine: WebEngine, endpoint: Endpoint, method: String?, secret: String?, malformed: UplinkFailure.Kind,
        timeoutMilliseconds: Int64, identity: ClientIdentity? = nil
    ) {
        number = engine.nextNumber()
        self.endpoint = endpoint
        self.method = method
        self.malformed = malformed
        self.identity = identity
        startedAt = Clock.now
        deadline = startedAt.adding(milliseconds: timeoutMilliseconds)
        authorization = secret.map { Array("Bearer ".utf8) + Array($0.utf8) } ?? []
    }

    deinit {
        eraseSecret()
    }

    func isWaiting(for name: String) -> Bool { address == nil && endpoint.host == name }

    /// When an address from an earlier look-up is good enough; nil once there is one.
    var patienceEnds: MonotonicTime? {
        address == nil ? startedAt.adding(milliseconds: WebLimits.lookupMilliseconds) : nil
    }

    func attach(_ wsi: OpaquePointer) { unsafe self.wsi = wsi }
    func detach() {
        unsafe wsi = nil
        eraseSecret()
    }

    package func askForWriting() {
        guard let wsi = unsafe wsi else { return }
        _ = unsafe lws_callback_on_writable(wsi)
    }

    /// The request has a body: `bodyWritable` comes until there is no more of it.
    package func setBody(isPending: Bool) {
        guard let wsi = unsafe wsi else { return }
        unsafe lws_client_http_body_pending(wsi, isPending ? 1 : 0)
    }

    /// tcp(7): unacknowledged data for this long ends the connection with ETIMEDOUT.
    package func setUserTimeout(milliseconds: Int64) {
        guard let wsi = unsafe wsi else { return }
        _ = unsafe chalk_lws_set_user_timeout(wsi, UInt32(clamping: milliseconds))
    }

    /// Adds the authorization to the handshake, and forgets it.
    package func appendAuthorization(_ headers: HeaderSpace) -> Bool {
        guard !authorization.isEmpty else { return true }
        defer { eraseSecret() }
        return unsafe headers.append("authorization:", authorization)
    }

    private func eraseSecret() {
        for index in authorization.indices { authorization[index] = 0 }
        authorization = []
    }

    /// An answer's body is there to be read: the library undoes the chunks and comes back with `.body`.
    package func readBody() -> Answer {
        guard let wsi = unsafe wsi else { return .end }
        // Plain HTTP hands over the library's own buffer; TLS reads into the caller's.
        return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: WebLimits.readBytes) { space in
            var buffer = space.baseAddress
            var length = Int32(space.count)
            return unsafe lws_http_client_read(wsi, &buffer, &length) < 0 ? .end : .goOn
        }
    }

    /// Why it failed before it was established, or before an answer's head.
    package func failure(
        _ reason: String = "", status: Int = 0, retryAfterSeconds: Int? = nil
    ) -> UplinkFailure {
        Diagnosis(
            peer: endpoint.peer, isTLS: endpoint.isTLS, reason: reason, status: status,
            sign: status == 0 ? .none : sign, retryAfterSeconds: retryAfterSeconds,
            connectError: LibraryLog.connectError.load(ordering: .relaxed),
            certificateError: LibraryLog.certificateError.load(ordering: .relaxed),
            elapsedMilliseconds: Clock.now.milliseconds(since: startedAt), malformed: malformed
        ).failure
    }

    /// Why one that waits for its answer was closed.
    package func closedFailure(errno: Int32) -> UplinkFailure {
        guard errno == ECONNRESET || errno == ETIMEDOUT else { return failure() }
        return Diagnosis.connectFailure(errno, peer: endpoint.peer)
    }
}

extension Connection {
    /// Why an open WebSocket ended before its time.
    ///
    /// - Parameters:
    ///   - errno: nil: that of the call that has just failed.
    ///   - closeCode: RFC 6455 section 7.4; 0 when the peer gave none.
    package func lostFailure(errno given: Int32? = nil, closeCode: Int) -> UplinkFailure {
        let errno = given ?? chalk_lws_errno()
        if closeCode == 0, errno == ECONNRESET || errno == EPIPE {
            return UplinkFailure(.reset, "\(endpoint.peer) reset the connection")
        }
        if closeCode == 0, errno == ETIMEDOUT {
            return UplinkFailure(.timeout, "\(endpoint.peer) acknowledged nothing any more")
        }
        let code = closeCode == 0 ? "" : " with code \(closeCode)"
        return UplinkFailure(.closedEarly, "\(endpoint.peer) closed the connection" + code)
    }
}

/// Room in the library's buffer for more lines of a request's head.
@unsafe package struct HeaderSpace {
    let wsi: OpaquePointer
    /// The library's write position.
    let position: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>
    let end: UnsafeMutablePointer<UInt8>

    /// - Parameter name: with its colon.
    package func append(_ name: StaticString, _ value: [UInt8]) -> Bool {
        unsafe value.withUnsafeBufferPointer { bytes in
            unsafe lws_add_http_header_by_name(
                wsi, name.utf8Start, bytes.baseAddress, Int32(bytes.count), position, end) == 0
        }
    }
}

/// The library's callbacks that matter here (lws-callbacks.h).
@unsafe package enum LibraryEvent {
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

extension Connection {
    /// A header of the answer that the library does not know; only while the answer's head is told of.
    ///
    /// - Parameter name: in lower case, with its colon.
    func header(_ name: StaticString) -> String? {
        guard let wsi = unsafe wsi else { return nil }
        return unsafe Self.text { space in
            unsafe name.utf8Start.withMemoryRebound(to: CChar.self, capacity: name.utf8CodeUnitCount) { name8 in
                unsafe lws_hdr_custom_copy(
                    wsi, space.baseAddress, Int32(space.count), name8, Int32(name.utf8CodeUnitCount))
            }
        }
    }

    /// A header of the answer that the library knows.
    func header(_ token: lws_token_indexes) -> String? {
        guard let wsi = unsafe wsi else { return nil }
        return unsafe Self.text { space in
            unsafe lws_hdr_copy(wsi, space.baseAddress, Int32(space.count), token)
        }
    }

    /// What `copy` leaves; nil when there is nothing, or more than a URL may have.
    private static func text(_ copy: (UnsafeMutableBufferPointer<CChar>) -> Int32) -> String? {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Limits.urlBytes + 1) { space in
            let count = unsafe copy(space)
            guard count > 0, Int(count) < space.count else { return nil }
            let bytes = unsafe UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(space)[..<Int(count)])
            return unsafe String(decoding: bytes, as: UTF8.self).trimmingSpaces
        }
    }

    // MARK: A body beside the library's own states

    /// The library's own time-outs do not know how long a body takes.
    func prepareForBody() {
        guard let wsi = unsafe wsi else { return }
        unsafe chalk_lws_wait(wsi)
        unsafe chalk_lws_set_unsent(wsi, WebLimits.unsentBytes)
    }

    /// Whether the library has to read first: an answer, or what TLS says between.
    var hasInput: Bool { unsafe wsi.map { unsafe chalk_lws_has_input($0) } ?? false }

    var isChoked: Bool { unsafe wsi.map { unsafe lws_send_pipe_choked($0) != 0 } ?? true }

    var unacknowledgedBytes: Int64 { unsafe wsi.map { unsafe Int64(chalk_lws_unacknowledged($0)) } ?? 0 }
}

extension String {
    /// Visible ASCII of a sane length: nothing that ends a header line.
    package var isHeaderValue: Bool {
        !isEmpty && utf8.count <= WebLimits.headerValueBytes && isEvery { $0 > 0x20 && $0 < 0x7F }
    }
}
