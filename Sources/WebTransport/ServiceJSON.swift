package import RecorderCore
package import WireJSON

/// The JSON that the service's live and asynchronous interfaces have in common.
package enum ServiceJSON {
    /// The tokens of a message or a transcript; may be none. An odd token is repaired or left out, and the others are
    /// kept: a second session would get the same odd token again.
    ///
    /// - Parameters:
    ///   - spoken: milliseconds up to which there were words before; a token without times is placed there.
    ///   - odd: raised by one for each odd token.
    package static func tokens(
        _ value: JSONValue, limit: Int, after spoken: Int64 = 0, peer: String, odd: inout Int
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
                let (token, isOdd) = token(element, after: tokens.last?.endMilliseconds ?? spoken)
                if isOdd { odd += 1 }
                if let token { tokens.append(token) }
            }
        case .bool, .number, .string, .object:
            throw malformed("tokens that are not a list", peer)
        }
        return tokens
    }

    /// Translated tokens have no times (docs/PROTOCOL.md, Messages): that is not odd.
    private static func token(_ value: JSONValue, after before: Int64) -> (ServiceToken?, isOdd: Bool) {
        guard let text = value["text"]?.string else { return (nil, true) }
        let given = (value["start_ms"].flatMap(milliseconds), value["end_ms"].flatMap(milliseconds))
        let start = given.0 ?? given.1.map { min($0, before) } ?? before
        let end = given.1 ?? start
        let isOdd = (given.0 == nil) != (value["start_ms"]?.isNull ?? true)
            || (given.1 == nil) != (value["end_ms"]?.isNull ?? true) || end < start
        let token = ServiceToken(
            text: text, startMilliseconds: start, endMilliseconds: max(start, end),
            confidence: min(1, max(0, value["confidence"]?.double ?? 0)), isFinal: value["is_final"]?.bool ?? false,
            speaker: label(value["speaker"]), language: value["language"]?.string ?? "")
        return (token, isOdd)
    }

    /// Labels are strings; a number counts as its decimal text.
    private static func label(_ value: JSONValue?) -> String {
        guard let value else { return "" }
        if let number = value.integer { return number.description }
        return value.string ?? ""
    }

    /// Nil for what cannot be a time in a session: negative, beyond a day, or not a number.
    package static func milliseconds(_ value: JSONValue) -> Int64? {
        guard let number = value.double, number > -1, number <= Double(TransportLimits.serviceMilliseconds) else {
            return nil
        }
        return Int64(number)
    }

    package static func malformed(_ what: String, _ peer: String) -> UplinkFailure {
        UplinkFailure(.messageMalformed, "\(peer) sent \(what)")
    }
}

extension JSONError {
    /// The failure that such a message from `peer` is.
    package func failure(_ peer: String) -> UplinkFailure {
        let error: ServiceError =
            switch self {
            case .tooLong, .tooManyValues: .messageTooLarge
            case .tooDeep, .nameTooLong, .syntax, .encoding, .incomplete, .trailing: .messageMalformed
            }
        return UplinkFailure(error, "\(peer) sent a bad message: " + message)
    }
}
