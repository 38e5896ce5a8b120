/// No answer came: the way to the peer, or back, failed.
package enum NetworkError: Equatable, Sendable {
    case nameResolution
    case refused
    case unreachable
    case timeout
    case reset
    /// The TLS handshake was cut or timed out.
    case tlsHandshake
    /// The peer's certificate was not accepted: unknown CA, wrong name, expired.
    case tlsUntrusted
    /// Closed by the peer before all was said.
    case closedEarly
    /// The connection is open, and nothing comes back for what was sent.
    case stalled
}

/// The box itself could not.
package enum LocalError: Equatable, Sendable {
    /// A URL, setting or secret that cannot work, such as `ws://` to another machine.
    case configuration
    /// A queue or the number of connections is at its bound.
    case busy
    /// Audio cannot be had from the journal.
    case journal
    /// A file that is to be sent cannot be read.
    case file
}

/// What was answered.
package enum ServiceError: Equatable, Sendable {
    /// Any status but success, as an answer of the peer's own (`ResponseOrigin`), with the service's `error_type` where
    /// it gives one that is known. Seconds of a `Retry-After` header.
    case httpStatus(Int, type: ServiceErrorType? = nil, retryAfterSeconds: Int? = nil)
    /// The same as an answer that may be of something else on the way: a portal's page, a proxy's, half an answer.
    case intercepted(Int, retryAfterSeconds: Int? = nil)
    /// Success of the token endpoint, or a key of its, that cannot be used.
    case keyMalformed
    /// An `error_code` message in a session; 0: without a number. `request`: the service's `request_id`, or empty.
    case message(code: Int, type: ServiceErrorType? = nil, request: String = "")
    /// A message that is no JSON, or JSON of another shape.
    case messageMalformed
    /// A message over `Limits.serviceMessageBytes`.
    case messageTooLarge
    /// A file that the service took and could not transcribe.
    case notTranscribed
    /// It has not worked through all the audio that it was sent in a session, and never will.
    case audioLeftOut
}

/// Why a request or a speech session failed, as the adapter saw it. What to do about it is decided in
/// `Classification.swift`.
package struct UplinkFailure: Equatable, Sendable {
    package enum Cause: Equatable, Sendable {
        case network(NetworkError)
        case local(LocalError)
        case service(ServiceError)
    }

    package let cause: Cause
    /// A sentence part for people: what the peer or the library said, naming the peer; never a secret.
    package let detail: String

    package init(_ cause: Cause, _ detail: String) {
        self.cause = cause
        self.detail = detail
    }

    package init(_ error: NetworkError, _ detail: String) { self.init(.network(error), detail) }
    package init(_ error: LocalError, _ detail: String) { self.init(.local(error), detail) }
    package init(_ error: ServiceError, _ detail: String) { self.init(.service(error), detail) }

    /// What the peer asked for with `Retry-After`.
    package var retryAfterSeconds: Int? {
        switch cause {
        case .service(.httpStatus(_, _, let seconds)), .service(.intercepted(_, let seconds)): seconds
        case .service, .network, .local: nil
        }
    }

    /// An answer that may not have been the peer's: it says nothing of whether the peer would.
    var isOfTheWay: Bool {
        switch cause {
        case .service(.intercepted), .service(.keyMalformed), .network(.tlsUntrusted): true
        case .service, .network, .local: false
        }
    }

    /// The key was not accepted (RFC 9110: 401 asks for other credentials, 403 refuses these).
    var refusesKey: Bool {
        switch cause {
        case .service(.httpStatus(_, let type?, _)), .service(.message(_, let type?, _)):
            type == .unauthenticated || type == .permissionDenied
        case .service(.httpStatus(let status, nil, _)), .service(.intercepted(let status, _)),
            .service(.message(let status, nil, _)):
            status == 401 || status == 403
        case .service, .network, .local: false
        }
    }

    /// A message came that cannot be read.
    package var isUnreadable: Bool {
        switch cause {
        case .service(.messageMalformed), .service(.messageTooLarge): true
        case .service, .network, .local: false
        }
    }
}
