internal import RecorderCore
internal import WireJSON

/// A message of the speech service, as values: what it says, or the failure that it is.
enum ServiceMessageReader {
    static func read(_ value: JSONValue, peer: String) throws(UplinkFailure) -> ServiceMessage {
        guard value.object != nil else { throw malformed("a message that is no object", peer) }
        if let failure = serviceError(value, peer: peer) { throw failure }
        var message = ServiceMessage()
        message.finalAudioMilliseconds = try milliseconds(value["final_audio_proc_ms"], otherwise: 0, peer)
        message.totalAudioMilliseconds = try milliseconds(value["total_audio_proc_ms"], otherwise: 0, peer)
        message.finished = value["finished"]?.bool ?? false
        switch value["tokens"] {
        case nil, .null:
            break
        case .array(let elements):
            guard elements.count <= Limits.serviceMessageTokens else {
                throw UplinkFailure(
                    .messageTooLarge, "\(peer) sent a message with over \(Limits.serviceMessageTokens) tokens")
            }
            message.tokens.reserveCapacity(elements.count)
            for element in elements {
                let before = message.tokens.last?.endMilliseconds ?? 0
                message.tokens.append(try token(element, after: before, peer))
            }
        case .bool, .number, .string, .object:
            throw malformed("tokens that are no list", peer)
        }
        return message
    }

    private static func token(
        _ value: JSONValue, after before: Int64, _ peer: String
    ) throws(UplinkFailure) -> ServiceToken {
        guard let text = value["text"]?.string else { throw malformed("a token without text", peer) }
        let start = try milliseconds(value["start_ms"], otherwise: before, peer)
        let end = max(start, try milliseconds(value["end_ms"], otherwise: start, peer))
        return ServiceToken(
            text: text, startMilliseconds: start, endMilliseconds: end,
            confidence: min(1, max(0, value["confidence"]?.double ?? 0)), isFinal: value["is_final"]?.bool ?? false,
            speaker: label(value["speaker"]), language: value["language"]?.string ?? "")
    }

    /// Labels are strings; a number is taken for its decimal text.
    private static func label(_ value: JSONValue?) -> String {
        guard let value else { return "" }
        if let number = value.integer { return number.description }
        return value.string ?? ""
    }

    /// A missing time is `otherwise`, a negative one 0; one beyond any session says that the message is not sane.
    private static func milliseconds(
        _ value: JSONValue?, otherwise: Int64, _ peer: String
    ) throws(UplinkFailure) -> Int64 {
        guard let number = value?.double else { return otherwise }
        guard number <= Double(UplinkLimits.serviceMilliseconds) else { throw malformed("a time beyond a day", peer) }
        return number > 0 ? Int64(number) : 0
    }

    private static func serviceError(_ value: JSONValue, peer: String) -> UplinkFailure? {
        guard let given = value["error_code"], !given.isNull else { return nil }
        let code = given.integer ?? given.string.flatMap { Int64($0) } ?? 0
        let said = clipped(value["error_message"]?.string ?? "", bytes: Limits.errorMessageBytes)
        return UplinkFailure(
            .service(code: Int(truncatingIfNeeded: code)),
            "\(peer) answered error \(code)" + (said.isEmpty ? "" : ": " + said),
            errorType: clipped(value["error_type"]?.string ?? "", bytes: UplinkLimits.errorTypeBytes),
            requestID: clipped(value["request_id"]?.string ?? "", bytes: UplinkLimits.requestIDBytes))
    }

    private static func malformed(_ what: String, _ peer: String) -> UplinkFailure {
        UplinkFailure(.messageMalformed, "\(peer) sent \(what)")
    }

    /// At most `bytes` of UTF-8, whole characters, control characters as spaces.
    static func clipped(_ text: String, bytes: Int) -> String {
        var result = ""
        var used = 0
        for scalar in text.unicodeScalars {
            used += UTF8.width(scalar)
            guard used <= bytes else { break }
            result.unicodeScalars.append(scalar.value < 0x20 || scalar.value == 0x7F ? " " : scalar)
        }
        return result
    }
}

extension JSONError {
    /// As the failure of a message of `peer`.
    func failure(_ peer: String) -> UplinkFailure {
        let kind: UplinkFailure.Kind =
            switch self {
            case .tooLong, .tooManyValues: .messageTooLarge
            case .tooDeep, .nameTooLong, .syntax, .encoding, .incomplete, .trailing: .messageMalformed
            }
        return UplinkFailure(kind, "\(peer) sent a bad message: " + message)
    }
}
