/// Why a token request or a speech session failed, as the adapter saw it. What to do about it is decided in
/// `Classification.swift`.
package struct UplinkFailure: Equatable, Sendable {
    package enum Kind: Equatable, Sendable {
        // The way there
        case nameResolution
        case refused
        case unreachable
        case timeout
        case reset
        /// The TLS handshake was cut or timed out.
        case tlsHandshake
        /// The peer's certificate was not accepted: unknown CA, wrong name, expired.
        case tlsUntrusted
        // The token endpoint, or the service's answer to the handshake
        /// Any status but 2xx (token) or 101 (WebSocket), as an answer of the peer's own (`ResponseOrigin`).
        case httpStatus(Int)
        /// The same as an answer that may be of something else on the way: a portal's page, a proxy's, half an answer.
        case intercepted(Int)
        /// 2xx from the token endpoint with a body that is no token answer.
        case tokenMalformed
        // The session
        /// An `error_code` message of the service.
        case service(code: Int)
        /// Closed by the peer before `finished`.
        case closedEarly
        /// Nothing came back for the audio that was sent.
        case stalled
        /// A message that is no JSON, or JSON of another shape.
        case messageMalformed
        /// A message over `Limits.serviceMessageBytes`.
        case messageTooLarge
        /// A URL or setting that cannot work, such as `ws://` to another machine.
        case configuration
        /// Anything else.
        case unknown
    }

    package var kind: Kind
    /// A sentence part for people: what the peer or the library said, naming the peer; never a secret.
    package var detail: String
    /// The service's `request_id`, or empty.
    package var requestID: String
    /// Seconds of a `Retry-After` header.
    package var retryAfterSeconds: Int?

    package init(
        _ kind: Kind, _ detail: String, requestID: String = "", retryAfterSeconds: Int? = nil
    ) {
        self.kind = kind
        self.detail = detail
        self.requestID = requestID
        self.retryAfterSeconds = retryAfterSeconds
    }

    /// An answer that may not have been the peer's: it says nothing of whether the peer would.
    var isOfTheWay: Bool {
        switch kind {
        case .intercepted, .tokenMalformed, .tlsUntrusted: true
        default: false
        }
    }

    /// The key was not accepted (RFC 9110: 401 asks for other credentials, 403 refuses these).
    var refusesKey: Bool {
        switch kind {
        case .httpStatus(401), .httpStatus(403), .intercepted(401), .intercepted(403), .service(code: 401),
            .service(code: 403):
            true
        default: false
        }
    }
}
