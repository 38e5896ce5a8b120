/// What to do about a failed attempt or a lost session.
package enum Verdict: Equatable, Sendable {
    /// It may well work the next time: the backoff burst.
    case retry
    /// The peer named the time.
    case retryAfter(seconds: Int)
    /// Trying again at once cannot help but time may: red at once, then the slow probes.
    case probe
    /// Only a person can mend it: red, no further attempt in this lesson.
    case fatal
}

/// `reconnect.on_503`.
package enum On503: Sendable {
    case retry
    case fail
}

/// The table of every way an attempt or a session can fail: one line and one test each.
package enum Classification {
    /// - Parameter keyWasGood: the service had accepted the session's key, or the key was old: then a refusal means
    ///   that it has expired, and a fresh one may well do.
    package static func verdict(
        on failure: UplinkFailure, on503: On503, keyWasGood: Bool = false
    ) -> Verdict {
        if keyWasGood, failure.refusesKey { return .retry }
        return switch failure.kind {
        case .nameResolution: .retry
        case .refused: .retry
        case .unreachable: .retry
        case .timeout: .retry
        case .reset: .retry
        case .tlsHandshake: .retry
        // A captive portal or a clock that is not set yet: both pass.
        case .tlsUntrusted: .probe
        case .httpStatus(let status): verdict(onStatus: status, failure, on503)
        case .tokenMalformed: .fatal
        case .service(let code): verdict(onStatus: code, failure, on503)
        case .closedEarly: .retry
        case .stalled: .retry
        case .messageMalformed: .retry
        case .messageTooLarge: .retry
        case .configuration: .fatal
        case .unknown: verdict(onMessage: failure.detail)
        }
    }

    /// HTTP statuses and the service's `error_code`s, which are numbered alike (SPEECH).
    private static func verdict(onStatus status: Int, _ failure: UplinkFailure, _ on503: On503) -> Verdict {
        switch status {
        // A redirect is not the endpoint's: captive portals answer so.
        case 300..<400: .probe
        case 408: .retry
        case 425: .retry
        case 429: failure.retryAfterSeconds.map { .retryAfter(seconds: $0) } ?? .probe
        case 400..<500: .fatal
        case 503: on503 == .retry ? .retry : .fatal
        case 500..<600: .retry
        default: verdict(onMessage: failure.detail)
        }
    }

    /// What names no status is judged by its words; what names neither is not recoverable.
    private static func verdict(onMessage message: String) -> Verdict {
        let text = message.inLowerCase
        return recoverableWords.contains { contains(text, $0) } ? .retry : .fatal
    }

    private static let recoverableWords = [
        "network", "connection", "timeout", "disconnect", "econnrefused", "enotfound", "enetunreach", "websocket",
        "socket closed",
    ]

    private static func contains(_ text: String, _ word: String) -> Bool {
        let bytes = Array(text.utf8)
        let wanted = Array(word.utf8)
        guard bytes.count >= wanted.count else { return false }
        return (0...(bytes.count - wanted.count)).contains { offset in
            bytes[offset..<(offset + wanted.count)].elementsEqual(wanted)
        }
    }
}
