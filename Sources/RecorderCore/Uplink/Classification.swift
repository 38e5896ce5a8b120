/// What to do about a failed attempt or a lost session.
package enum Verdict: Equatable, Sendable {
    /// It may well work the next time: the backoff burst.
    case retry
    /// The session's own time was over, by rule and not by a fault: the next one at once, and nothing to be told.
    case renew
    /// Likewise its key's time: the next one at once, with a key that is asked for now.
    case renewKey
    /// The service has too much to do: the backoff burst, which begins with a wait, and then on at its longest pause.
    case busy
    /// The peer named the time.
    case retryAfter(seconds: Int)
    /// Trying again at once cannot help but time may: red at once, then the slow probes.
    case probe
    /// Only a person can mend it: red, no further attempt in this lesson.
    case fatal

    /// It passes, by itself and soon.
    package var isTransient: Bool {
        switch self {
        case .retry, .renew, .renewKey, .busy: true
        case .retryAfter, .probe, .fatal: false
        }
    }

    /// Nothing has gone wrong.
    var isRenewal: Bool { self == .renew || self == .renewKey }
}

/// `reconnect.on_503`.
package enum On503: Sendable {
    case retry
    case fail
}

/// The table of every way an attempt or a session can fail: one line and one test each.
///
/// What may have been said by something between the box and the service (a log-in page, a proxy, half an answer) is a
/// condition of the network, which passes: never `.fatal`. Only a person can mend, and no other attempt is made for:
/// - a setting, or a secret's file, that cannot work (`.configuration`);
/// - a refusal of the endpoint or of the service in its own words: 400, 401, 402, 403, 404 and the other 4xx but 407,
///   408, 425, 429 and 451, as a JSON answer or as an error message in a session;
/// - 503, likewise, where `reconnect.on_503 = fail`.
/// Where the service gives an `error_type` that is known, that decides, and not the number.
/// Another network makes no attempt for these either: the first is the box's own, and the others came over TLS from
/// who holds the peer's certificate (without TLS there are only loopback addresses).
package enum Classification {
    /// - Parameter keyWasGood: the service had accepted the session's key, or the key was old: then a refusal means
    ///   that it has expired, and a fresh one may well do.
    package static func verdict(
        on failure: UplinkFailure, on503: On503, keyWasGood: Bool = false
    ) -> Verdict {
        if keyWasGood, failure.refusesKey { return .retry }
        return switch failure.cause {
        case .network(let error): verdict(on: error)
        case .local(let error): verdict(on: error)
        case .service(let error): verdict(on: error, on503)
        }
    }

    private static func verdict(on error: NetworkError) -> Verdict {
        switch error {
        case .nameResolution: .retry
        case .refused: .retry
        case .unreachable: .retry
        case .timeout: .retry
        case .reset: .retry
        case .tlsHandshake: .retry
        // A captive portal or a clock that is not set yet: both pass.
        case .tlsUntrusted: .probe
        case .closedEarly: .retry
        case .stalled: .retry
        }
    }

    private static func verdict(on error: LocalError) -> Verdict {
        switch error {
        case .configuration: .fatal
        case .busy: .retry
        case .journal: .retry
        case .file: .retry
        }
    }

    private static func verdict(on error: ServiceError, _ on503: On503) -> Verdict {
        switch error {
        // It names the time, whatever the type.
        case .httpStatus(429, _, let seconds?): .retryAfter(seconds: seconds)
        case .httpStatus(_, let type?, _), .message(_, let type?, _): verdict(on: type, on503)
        case .httpStatus(let status, nil, let seconds): verdict(onStatus: status, seconds, on503, isOwn: true)
        case .intercepted(let status, let seconds): verdict(onStatus: status, seconds, on503, isOwn: false)
        case .keyMalformed: .probe
        // An error without a number, as some services send it.
        case .message(code: 0, nil, _): .retry
        // In a session these have no other meaning, and no `Retry-After`.
        case .message(code: 413, nil, _): verdict(on: .maxDurationReached, on503)
        case .message(code: 429, nil, _): verdict(on: .limitExceeded, on503)
        case .message(let code, nil, _): verdict(onStatus: code, nil, on503, isOwn: true)
        case .messageMalformed: .retry
        case .messageTooLarge: .retry
        case .notTranscribed: .retry
        case .audioLeftOut: .retry
        }
    }

    /// The service's `error_type`s (PROTOCOL, Errors).
    private static func verdict(on type: ServiceErrorType, _ on503: On503) -> Verdict {
        switch type {
        case .serviceUnavailable: on503 == .fail ? .fatal : .retry
        case .requestTimeout: .retry
        case .internalError: .retry
        case .maxDurationReached: .renew
        case .keySessionExpired: .renewKey
        case .limitExceeded: .busy
        case .connectionsReached: .busy
        case .unauthenticated: .fatal
        case .permissionDenied: .fatal
        case .balanceExhausted: .fatal
        case .organizationBudgetExhausted: .fatal
        case .projectBudgetExhausted: .fatal
        case .invalidRequest: .fatal
        case .modelNotAvailable: .fatal
        }
    }

    /// HTTP statuses and the service's `error_code`s, which are numbered alike (PROTOCOL, Errors).
    private static func verdict(
        onStatus status: Int, _ retryAfterSeconds: Int?, _ on503: On503, isOwn: Bool
    ) -> Verdict {
        switch status {
        // RFC 9110 section 15.5.8, RFC 7725, RFC 6585 section 6: of what stands between.
        case 407, 451, 511: .probe
        case 408, 425: .retry
        case 429: retryAfterSeconds.map { .retryAfter(seconds: $0) } ?? .probe
        case 400..<500 where isOwn: .fatal
        case 503 where isOwn && on503 == .fail: .fatal
        case 500..<600: .retry
        // Answers to no request of ours: 1xx as the last word, 2xx to a handshake, redirects, pages of a portal.
        default: .probe
        }
    }
}
