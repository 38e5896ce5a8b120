internal import CWebSockets
internal import RecorderCore
internal import Synchronization

/// Two reasons that libwebsockets 4.1.6 writes to its log only: the errno of a connect(2) that failed later, and
/// OpenSSL's verdict on a certificate. Nothing else of its log is kept, and none of it is shown: it contains headers.
enum LWSLog {
    /// `errno`, or 0.
    static let connectError = Atomic<Int32>(0)
    /// X509_V_ERR_*, or 0.
    static let certificateError = Atomic<Int32>(0)

    static func clear() {
        connectError.store(0, ordering: .relaxed)
        certificateError.store(0, ordering: .relaxed)
    }

    /// - Parameter diagnosing: true while a connection is being made; otherwise the library need not write these lines.
    static func setLevel(diagnosing: Bool) {
        unsafe lws_set_log_level(chalk_lws_levels(diagnosing)) { _, line in
            guard let line = unsafe line else { return }
            unsafe LWSLog.parse(line)
        }
    }

    private static func parse(_ line: UnsafePointer<CChar>) {
        // connect.c and openssl-client.c: "connect says errno: %d", "getsockopt fd %d says err %d",
        // "SSL error: %s (preverify_ok=%d;err=%d;depth=%d)".
        if let number = unsafe number(in: line, after: "says err ") ?? number(in: line, after: "says errno: ") {
            if number != 0, number != EINPROGRESS { connectError.store(number, ordering: .relaxed) }
        } else if let number = unsafe number(in: line, after: ";err=") {
            certificateError.store(number, ordering: .relaxed)
        }
    }

    private static func number(in line: UnsafePointer<CChar>, after words: StaticString) -> Int32? {
        let found = unsafe words.utf8Start.withMemoryRebound(to: CChar.self, capacity: words.utf8CodeUnitCount + 1) {
            unsafe strstr(line, $0)
        }
        guard let found = unsafe found else { return nil }
        return unsafe Int32(truncatingIfNeeded: strtol(found + words.utf8CodeUnitCount, nil, 10))
    }
}

extension UplinkFailure {
    /// Whether another address of the same name might work.
    var concernsAddress: Bool {
        guard case .network(let error) = cause else { return false }
        switch error {
        case .refused, .unreachable, .timeout, .tlsHandshake: return true
        case .nameResolution, .reset, .tlsUntrusted, .closedEarly, .stalled: return false
        }
    }
}

/// Names the failure of a connection that was never established.
struct Diagnosis {
    var peer: String
    var isTLS: Bool
    /// The text that came with CLIENT_CONNECTION_ERROR.
    var reason: String
    /// 0: no response came.
    var status: Int
    var origin = ResponseOrigin.unknown
    var retryAfterSeconds: Int?
    var connectError: Int32
    var certificateError: Int32
    /// Time since the connection was opened.
    var elapsedMilliseconds: Int64

    var failure: UplinkFailure {
        if status != 0, status != 101 {
            // The library keeps no body of the response to a handshake.
            return ErrorResponse.failure(
                status: status, origin, body: nil, retryAfterSeconds: retryAfterSeconds, peer: peer)
        }
        if certificateError != 0 {
            return UplinkFailure(
                .tlsUntrusted, "\(peer) has no trusted certificate: " + Self.certificateText(certificateError))
        }
        if ["connect SYSCALL", "connect SSL", "Timed out"].contains(where: reason.begins) {
            return UplinkFailure(.tlsHandshake, "the TLS handshake with \(peer) failed: " + reason)
        }
        if ["HS:", "problems parsing", "ws protocol"].contains(where: reason.begins) {
            return UplinkFailure(.messageMalformed, "\(peer) sent no valid response: " + reason)
        }
        if reason == "Unable to connect" || (reason.isEmpty && connectError != 0) {
            return Self.connectFailure(connectError, peer: peer)
        }
        if elapsedMilliseconds >= TransportLimits.stepMilliseconds {
            return UplinkFailure(.timeout, "\(peer) did not answer within \((elapsedMilliseconds + 100) / 1_000) s")
        }
        return UplinkFailure(.closedEarly, "\(peer) closed the connection before its answer was complete")
    }

    static func connectFailure(_ number: Int32, peer: String) -> UplinkFailure {
        let error: NetworkError =
            switch number {
            case ECONNREFUSED: .refused
            case ECONNRESET, EPIPE: .reset
            case ETIMEDOUT, 0: .timeout
            default: .unreachable
            }
        let text = number == 0 ? "no answer" : unsafe String(cString: strerror(number))
        return UplinkFailure(error, "cannot connect to \(peer): \(text)")
    }

    /// openssl/x509_vfy.h; the common ones in plain words.
    private static func certificateText(_ number: Int32) -> String {
        switch number {
        case 9: "it is not valid yet, or this box's clock is wrong"
        case 10: "it has expired, or this box's clock is wrong"
        case 18, 19: "it is self-signed"
        case 2, 20, 21: "it was issued by an authority that this box does not know"
        case 62, 64: "it was issued for another name"
        default: "OpenSSL verify error \(number)"
        }
    }
}
