internal import CWebSockets
internal import RecorderCore

/// libwebsockets' one callback (lws-callbacks.h), translated to an `LWSEvent`. Non-zero closes the connection.
func lwsCallback(
    _ wsi: OpaquePointer?, _ reason: lws_callback_reasons, _ user: UnsafeMutableRawPointer?,
    _ input: UnsafeMutableRawPointer?, _ length: Int
) -> Int32 {
    guard let wsi = unsafe wsi, let context = unsafe lws_get_context(wsi),
        let timer = unsafe lws_context_user(context)?.assumingMemoryBound(to: chalk_lws_timer.self),
        let owner = unsafe timer.pointee.owner
    else { return 0 }
    let loop = unsafe Unmanaged<TransportLoop>.fromOpaque(owner).takeUnretainedValue()
    if reason == LWS_CALLBACK_EVENT_WAIT_CANCELLED {
        loop.didWake()
        return 0
    }
    guard let event = unsafe event(wsi, reason, input, length) else { return 0 }
    // The connection's number, not an address.
    let number = unsafe UInt(bitPattern: lws_wsi_user(wsi))
    let result = unsafe loop.dispatch(number, wsi, event)
    guard unsafe event.mayClose, result != .keepOpen else { return 0 }
    if case .writable = unsafe event { unsafe lws_close_reason(wsi, LWS_CLOSE_STATUS_NORMAL, nil, 0) }
    return -1
}

extension LWSEvent {
    /// Whether the callback may close its connection by its result.
    ///
    /// Those that bring a WebSocket's payload must not: libwebsockets 4.1.6 then leaves its receive buffer's fill
    /// level where it is (client-parser-ws.c: `if (m) return 1`, past `already_done`), says good-bye, and until the
    /// peer answers goes on writing what comes behind the end of the buffer. Such a connection is closed from outside.
    var mayClose: Bool {
        switch unsafe self {
        case .appendHeaders, .responseHead, .bodyReadable, .body, .bodyComplete, .established, .writable:
            true
        case .text, .binary, .pong, .closedByPeer, .failed, .closed:
            false
        }
    }

    /// Whether nothing more has to be done to close a connection that is given up in this callback.
    var closesByItself: Bool {
        switch unsafe self {
        case .failed, .closed: true
        case .appendHeaders, .responseHead, .bodyReadable, .body, .bodyComplete, .established, .writable,
            .text, .binary, .pong, .closedByPeer:
            unsafe mayClose
        }
    }
}

/// Nil for callbacks that are not handled here.
private func event(
    _ wsi: OpaquePointer, _ reason: lws_callback_reasons, _ input: UnsafeMutableRawPointer?, _ length: Int
) -> LWSEvent? {
    switch reason {
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
        guard let input = unsafe input else { return nil }
        let position = unsafe input.assumingMemoryBound(to: UnsafeMutablePointer<UInt8>?.self)
        guard let next = unsafe position.pointee else { return nil }
        return unsafe .appendHeaders(HeaderSpace(wsi: wsi, position: position, end: next + length))
    case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
        return unsafe .responseHead(status: status(wsi), retryAfterSeconds: retryAfter(wsi))
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP:
        return unsafe .bodyReadable
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ:
        return unsafe .body(bytes(input, length))
    case LWS_CALLBACK_COMPLETED_CLIENT_HTTP:
        return unsafe .bodyComplete
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        return unsafe .established
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return unsafe .writable
    case LWS_CALLBACK_CLIENT_RECEIVE:
        if unsafe lws_frame_is_binary(wsi) != 0 { return unsafe .binary }
        return unsafe .text(
            bytes(input, length), isFirst: lws_is_first_fragment(wsi) != 0,
            isLast: lws_is_final_fragment(wsi) != 0)
    case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
        return unsafe .pong(bytes(input, length))
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        let payload = unsafe bytes(input, length)
        return unsafe .closedByPeer(code: payload.count >= 2 ? Int(payload[0]) << 8 | Int(payload[1]) : 1005)
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        let reason = unsafe String(decoding: bytes(input, length).prefix { $0 != 0 }, as: UTF8.self)
        return unsafe .failed(reason: reason, status: status(wsi), retryAfterSeconds: retryAfter(wsi))
    case LWS_CALLBACK_CLIENT_CLOSED, LWS_CALLBACK_CLOSED_CLIENT_HTTP, LWS_CALLBACK_WSI_DESTROY:
        return unsafe .closed(errno: chalk_lws_errno())
    default:
        return nil
    }
}

/// A length beyond the library's own buffer counts as 0: its chunk parser lets a length become negative.
private func bytes(_ input: UnsafeMutableRawPointer?, _ length: Int) -> UnsafeBufferPointer<UInt8> {
    guard let input = unsafe input, length > 0, length <= 1 << 16 else {
        return unsafe UnsafeBufferPointer(start: nil, count: 0)
    }
    return unsafe UnsafeBufferPointer(start: input.assumingMemoryBound(to: UInt8.self), count: length)
}

private func status(_ wsi: OpaquePointer) -> Int { unsafe Int(lws_http_client_http_response(wsi)) }

/// RFC 9110 section 10.2.3; only the form in seconds, of up to a day.
private func retryAfter(_ wsi: OpaquePointer) -> Int? {
    var text = [CChar](repeating: 0, count: 16)
    let count = unsafe text.withUnsafeMutableBufferPointer { buffer in
        unsafe lws_hdr_copy(wsi, buffer.baseAddress, Int32(buffer.count), WSI_TOKEN_HTTP_RETRY_AFTER)
    }
    guard count > 0 else { return nil }
    let digits = text.prefix(Int(count)).map { UInt8(bitPattern: $0) }
    return String(decoding: digits, as: UTF8.self).decimal(upTo: 1 << 50).map { min($0, 86_400) }
}
