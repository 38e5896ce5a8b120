internal import RecorderCore
internal import WebTransport
internal import WireJSON

/// The token endpoint's response (docs/PROTOCOL.md, Token): `apiKey` from the school's endpoint, `api_key` from the
/// service's own.
enum KeyResponse {
    /// - Parameter now: the wall clock, to which `expiresAt` is compared.
    static func read(
        _ outcome: HTTPOutcome, from endpoint: Endpoint, now: WallTime
    ) throws(UplinkFailure) -> SessionKey {
        switch outcome {
        case .response(let response):
            guard response.isSuccess else { throw response.refusal(at: endpoint) }
            return try read(response.body, response.origin, peer: endpoint.peer, now: now)
        case .failed(let failure):
            throw failure.isUnreadable ? UplinkFailure(.keyMalformed, failure.detail) : failure
        }
    }

    static func read(
        _ bytes: [UInt8], _ origin: ResponseOrigin, peer: String, now: WallTime
    ) throws(UplinkFailure) -> SessionKey {
        let body = ResponseBody(bytes, origin, limitValues: 1_024)
        guard let value = body.object else {
            throw UplinkFailure(.keyMalformed, "\(peer) gave no key but " + body.complaint)
        }
        guard let secret = (value["apiKey"] ?? value["api_key"])?.string else {
            throw UplinkFailure(.keyMalformed, "\(peer) gave no key: no apiKey in the answer")
        }
        guard secret.isHeaderValue else {
            throw UplinkFailure(.keyMalformed, "\(peer) gave a key with characters that no key has")
        }
        let url = (value["websocketUrl"] ?? value["websocket_url"])?.string ?? ""
        let lifetime = lifetime((value["expiresAt"] ?? value["expires_at"])?.string, now)
        return SessionKey(secret: secret, webSocketURL: url, lifetimeMilliseconds: lifetime)
    }

    /// Nil when it is not known: also for a time in the past or more than a day away, since one of the two clocks is
    /// wrong then.
    private static func lifetime(_ expiry: String?, _ now: WallTime) -> Int64? {
        guard let expiry, let end = WallTime(rfc3339: expiry) else { return nil }
        let lifetime = end.milliseconds - now.milliseconds
        return (0...86_400_000).contains(lifetime) ? lifetime : nil
    }
}
