package import RecorderCore
package import WireJSON

/// What the service's live and its asynchronous interface say in the same words.
package enum ServiceJSON {
    /// The tokens of a message or a transcript; none when it has none.
    package static func tokens(
        _ value: JSONValue, limit: Int, peer: String
    ) throws(UplinkFailure) -> [ServiceToken] {
        var tokens: [ServiceToken] = []
        switch value["tokens"] {
        case nil, .null:
            break
        case .array(let elements):
            guard elements.count <= limit else {
                throw UplinkFailure(.messageTooLarge, "\(peer) sent a message with over \(limit) tokens")
            }
            tokens.reserveCapacity(elements.count)
            for element in elements {
                tokens.append(try token(element, after: tokens.last?.endMilliseconds ?? 0, peer))
            }
        case .bool, .number, .string, .object:
            throw malformed("tokens that are no list", peer)
        }
        return tokens
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
    package static func milliseconds(
        _ value: JSONValue?, otherwise: Int64, _ peer: String
    ) throws(UplinkFailure) -> Int64 {
        guard let number = value?.double else { return otherwise }
        guard number <= Double(WebLimits.serviceMilliseconds) else { throw malformed("a time beyond a day", peer) }
        return number > 0 ? Int64(number) : 0
    }

    package static func malformed(_ what: String, _ peer: String) -> UplinkFailure {
        UplinkFailure(.messageMalformed, "\(peer) sent \(what)")
    }
}

extension JSONError {
    /// As the failure of a message of `peer`.
    package func failure(_ peer: String) -> UplinkFailure {
        let kind: UplinkFailure.Kind =
            switch self {
            case .tooLong, .tooManyValues: .messageTooLarge
            case .tooDeep, .nameTooLong, .syntax, .encoding, .incomplete, .trailing: .messageMalformed
            }
        return UplinkFailure(kind, "\(peer) sent a bad message: " + message)
    }
}
