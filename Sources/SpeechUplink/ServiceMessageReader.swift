internal import RecorderCore
internal import WebTransport
internal import WireJSON

/// Parses the speech service's messages (docs/PROTOCOL.md, Messages); error messages are thrown as failures.
enum ServiceMessageReader {
    /// - Parameter spoken: milliseconds up to which the session has had words.
    static func read(_ value: JSONValue, after spoken: Int64, peer: String) throws(UplinkFailure) -> ServiceMessage {
        guard value.object != nil else { throw ServiceJSON.malformed("a message that is not an object", peer) }
        if let failure = serviceError(value, peer: peer) { throw failure }
        var message = try ServiceJSON.message(
            value, limit: Limits.serviceMessageTokens, after: spoken, peer: peer)
        message.finalAudioMilliseconds = position(value["final_audio_proc_ms"], &message)
        message.totalAudioMilliseconds = position(value["total_audio_proc_ms"], &message)
        message.finished = value["finished"]?.bool ?? false
        return message
    }

    /// 0 when it is missing or impossible.
    private static func position(_ value: JSONValue?, _ message: inout ServiceMessage) -> Int64 {
        guard let value, !value.isNull else { return 0 }
        guard let place = ServiceJSON.milliseconds(value) else {
            message.oddPositions += 1
            return 0
        }
        return place
    }

    private static func serviceError(_ value: JSONValue, peer: String) -> UplinkFailure? {
        let given = value["error_code"] ?? .null
        let type = value["error_type"]?.string ?? ""
        guard !given.isNull || !type.isEmpty else { return nil }
        let code = given.integer ?? given.string.flatMap { Int64($0) } ?? 0
        let error = ServiceError.message(
            code: Int(truncatingIfNeeded: code), type: ServiceErrorType(type),
            request: (value["request_id"]?.string ?? "").clipped(bytes: TransportLimits.requestIDBytes))
        return UplinkFailure(
            error, "\(peer) answered error \(code)", typeName: type, said: value["error_message"]?.string ?? "",
            .session)
    }
}
