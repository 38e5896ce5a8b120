internal import RecorderCore
internal import WebTransport
internal import WireJSON

/// The token endpoint's answer: `apiKey` as the school's endpoint says it, `api_key` as the service's own does.
enum TokenAnswer {
    /// - Parameter now: for the answer's `expiresAt`; a box whose clock is wrong may not believe it.
    static func read(
        _ bytes: [UInt8], _ sign: AnswerSign, peer: String, now: WallTime
    ) throws(UplinkFailure) -> SessionKey {
        let body = AnswerBody(bytes, sign, limitValues: 1_024)
        guard let value = body.object else {
            throw UplinkFailure(.tokenMalformed, "\(peer) gave no token but " + body.complaint)
        }
        guard let secret = (value["apiKey"] ?? value["api_key"])?.string else {
            throw UplinkFailure(.tokenMalformed, "\(peer) gave no token: no apiKey in the answer")
        }
        guard secret.isHeaderValue else {
            throw UplinkFailure(.tokenMalformed, "\(peer) gave a token that cannot be one")
        }
        let url = (value["websocketUrl"] ?? value["websocket_url"])?.string ?? ""
        let lifetime = lifetime((value["expiresAt"] ?? value["expires_at"])?.string, now)
        return SessionKey(secret: secret, webSocketURL: url, lifetimeMilliseconds: lifetime)
    }

    /// A time in the past, or more than a day away, says that one of the two clocks is wrong: nothing is known then.
    private static func lifetime(_ expiry: String?, _ now: WallTime) -> Int64? {
        guard let expiry, let end = WallTime(rfc3339: expiry) else { return nil }
        let lifetime = end.milliseconds - now.milliseconds
        return (0...86_400_000).contains(lifetime) ? lifetime : nil
    }
}
