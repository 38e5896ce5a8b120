internal import CWebSockets
internal import LinuxRuntime
package import RecorderCore
internal import Synchronization

/// What a callback decides about its connection.
package enum CallbackResult {
    case keepOpen
    case close
}

/// Speaks over one connection. Lives on the transport's thread, as everything here does.
package protocol ConnectionHandler: AnyObject {
    var connection: Connection { get }
    /// While this is true, the library's log is read for the reason of a failure.
    var isConnecting: Bool { get }
    /// One callback of libwebsockets.
    func receive(_ event: LWSEvent, loop: TransportLoop) -> CallbackResult
    /// The connection's `deadline` has passed.
    func deadlinePassed(loop: TransportLoop)
    /// The connection is over; nil: as it should be. Called once.
    func connectionEnded(_ failure: UplinkFailure?, loop: TransportLoop)
}

extension ConnectionHandler {
    package var endpoint: Endpoint { connection.endpoint }
}

/// One connection, from the look-up of its name to its end. libwebsockets knows it by its number only, so a late
/// callback finds nothing instead of a stale pointer.
@safe package final class Connection {
    let number: UInt
    package let endpoint: Endpoint
    package let startedAt: MonotonicTime
    /// When its handler's `deadlinePassed` is called.
    package var deadline: MonotonicTime
    /// Nil for a WebSocket.
    let method: String?
    /// The client certificate that it uses in TLS.
    let identity: ClientIdentity?
    /// The peer's address; nil while the name is looked up.
    var address: String?
    /// Nil before libwebsockets has made it, and after it is closed.
    private(set) var wsi: OpaquePointer?
    /// `Bearer …`, overwritten once it is sent.
    private var authorization: [UInt8]

    /// - Parameters:
    ///   - method: the HTTP method; nil for a WebSocket.
    ///   - secret: sent as `Authorization: Bearer …`, and not kept after that.
    package init(
        loop: TransportLoop, endpoint: Endpoint, method: String?, secret: String?,
        timeoutMilliseconds: Int64, identity: ClientIdentity? = nil
    ) {
        number = loop.nextNumber()
        self.endpoint = endpoint
        self.method = method
        self.identity = identity
        startedAt = Clock.now
        deadline = startedAt.adding(milliseconds: timeoutMilliseconds)
        authorization = secret.map { Array("Bearer ".utf8) + Array($0.utf8) } ?? []
    }

    deinit {
        eraseSecret()
    }

    func isWaiting(for name: String) -> Bool { address == nil && endpoint.host == name }

    /// When it stops waiting for the name server and uses a cached address; nil once it has an address.
    var cachedAddressDeadline: MonotonicTime? {
        address == nil ? startedAt.adding(milliseconds: TransportLimits.lookupMilliseconds) : nil
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

    /// Reads what has arrived of a response's body: the library decodes it and calls back with `.body`.
    package func readBody() -> CallbackResult {
        guard let wsi = unsafe wsi else { return .close }
        // Plain HTTP hands over the library's own buffer; TLS reads into the caller's.
        return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: TransportLimits.readBytes) { space in
            var buffer = space.baseAddress
            var length = Int32(space.count)
            return unsafe lws_http_client_read(wsi, &buffer, &length) < 0 ? .close : .keepOpen
        }
    }

    /// Why it failed before it was established, or before the head of its response.
    package func failure(
        _ reason: String = "", status: Int = 0, retryAfterSeconds: Int? = nil
    ) -> UplinkFailure {
        Diagnosis(
            peer: endpoint.peer, isTLS: endpoint.isTLS, reason: reason, status: status,
            origin: status == 0 ? .unknown : origin, retryAfterSeconds: retryAfterSeconds,
            connectError: LWSLog.connectError.load(ordering: .relaxed),
            certificateError: LWSLog.certificateError.load(ordering: .relaxed),
            elapsedMilliseconds: Clock.now.milliseconds(since: startedAt)
        ).failure
    }

    /// Why it was closed while it waited for its response.
    package func closedFailure(errno: Int32) -> UplinkFailure {
        guard errno == ECONNRESET || errno == ETIMEDOUT else { return failure() }
        return Diagnosis.connectFailure(errno, peer: endpoint.peer)
    }
}

extension Connection {
    /// Why an open connection was lost.
    ///
    /// - Parameters:
    ///   - errno: nil: the errno of the call that has just failed.
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

/// The callbacks of libwebsockets that are handled here (lws-callbacks.h).
@unsafe package enum LWSEvent {
    case appendHeaders(HeaderSpace)
    /// The head of an HTTP response is complete.
    case responseHead(status: Int, retryAfterSeconds: Int?)
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
    /// A header of the response that the library has no token for; only valid while `.responseHead` is handled.
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

    /// A header of the response that the library has a token for.
    func header(_ token: lws_token_indexes) -> String? {
        guard let wsi = unsafe wsi else { return nil }
        return unsafe Self.text { space in
            unsafe lws_hdr_copy(wsi, space.baseAddress, Int32(space.count), token)
        }
    }

    /// The text that `copy` writes; nil when it writes nothing, or more than a URL may have.
    private static func text(_ copy: (UnsafeMutableBufferPointer<CChar>) -> Int32) -> String? {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Limits.urlBytes + 1) { space in
            let count = unsafe copy(space)
            guard count > 0, Int(count) < space.count else { return nil }
            let bytes = unsafe UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(space)[..<Int(count)])
            return unsafe String(decoding: bytes, as: UTF8.self).trimmingSpaces
        }
    }

    // MARK: A body beside the library's own states

    /// Switches off the library's own time-outs, which do not know how long a body takes.
    func prepareForBody() {
        guard let wsi = unsafe wsi else { return }
        unsafe chalk_lws_wait(wsi)
        unsafe chalk_lws_set_unsent(wsi, TransportLimits.unsentBytes)
    }

    /// Whether the library has to read before more is written: a response, or TLS's own messages.
    var hasInput: Bool { unsafe wsi.map { unsafe chalk_lws_has_input($0) } ?? false }

    var isChoked: Bool { unsafe wsi.map { unsafe lws_send_pipe_choked($0) != 0 } ?? true }

    /// Bytes that were written and that the peer's host has not acknowledged.
    package var unacknowledgedBytes: Int64 { unsafe wsi.map { unsafe Int64(chalk_lws_unacknowledged($0)) } ?? 0 }
}

extension String {
    /// Whether it is visible ASCII of a sane length, with nothing that would end a header line.
    package var isHeaderValue: Bool {
        !isEmpty && utf8.count <= TransportLimits.headerValueBytes && isEvery { $0 > 0x20 && $0 < 0x7F }
    }
}
