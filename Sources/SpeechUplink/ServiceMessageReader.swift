internal import RecorderCore
internal import WebTransport
internal import WireJSON

/// A message of the speech service, as values: what it says, or the failure that it is.
enum ServiceMessageReader {
    static func read(_ value: JSONValue, peer: String) throws(UplinkFailure) -> ServiceMessage {
        guard value.object != nil else { throw ServiceJSON.malformed("a message that is no object", peer) }
        if let failure = serviceError(value, peer: peer) { throw failure }
        var message = ServiceMessage()
        message.finalAudioMilliseconds = try ServiceJSON.milliseconds(value["final_audio_proc_ms"], otherwise: 0, peer)
        message.totalAudioMilliseconds = try ServiceJSON.milliseconds(value["total_audio_proc_ms"], otherwise: 0, peer)
        message.finished = value["finished"]?.bool ?? false
        message.tokens = try ServiceJSON.tokens(value, limit: Limits.serviceMessageTokens, peer: peer)
        return message
    }

    private static func serviceError(_ value: JSONValue, peer: String) -> UplinkFailure? {
        guard let given = value["error_code"], !given.isNull else { return nil }
        let code = given.integer ?? given.string.flatMap { Int64($0) } ?? 0
        let said = (value["error_message"]?.string ?? "").clipped(bytes: Limits.errorMessageBytes)
        return UplinkFailure(
            .service(code: Int(truncatingIfNeeded: code)),
            "\(peer) answered error \(code)" + (said.isEmpty ? "" : ": " + said),
            errorType: (value["error_type"]?.string ?? "").clipped(bytes: WebLimits.errorTypeBytes),
            requestID: (value["request_id"]?.string ?? "").clipped(bytes: WebLimits.requestIDBytes))
    }
}
