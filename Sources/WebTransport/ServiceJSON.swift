package import RecorderCore
package import WireJSON

/// The JSON that the service's live and asynchronous interfaces have in common.
package enum ServiceJSON {
    /// The spoken tokens of a message or a transcript; may be none. An odd token is repaired or left out, the others
    /// are kept: a second session would get the same odd token again. Translations are counted, and no speech.
    ///
    /// - Parameter spoken: milliseconds up to which there were words before; a token without times is placed there.
    package static func message(
        _ value: JSONValue, limit: Int, after spoken: Int64 = 0, peer: String
    ) throws(UplinkFailure) -> ServiceMessage {
        var message = ServiceMessage()
        switch value["tokens"] {
        case nil, .null:
            break
        case .array(let elements):
            guard elements.count <= limit else {
                throw UplinkFailure(.messageTooLarge, "\(peer) sent a message with over \(limit) tokens")
            }
            message.tokens.reserveCapacity(elements.count)
            for element in elements {
                if element["translation_status"]?.string == "translation" {
                    message.translatedTokens += 1
                    continue
                }
                let (token, isOdd) = token(element, after: message.tokens.last?.endMilliseconds ?? spoken)
                if isOdd { message.oddTokens += 1 }
                if let token { message.tokens.append(token) }
            }
        case .bool, .number, .string, .object:
            throw malformed("tokens that are not a list", peer)
        }
        return message
    }

    private static func token(_ value: JSONValue, after before: Int64) -> (ServiceToken?, isOdd: Bool) {
        guard let given = value["text"]?.string else { return (nil, true) }
        let text = withoutMarkers(given)
        // Nothing but a marker is no token, and nothing odd.
        if text.isEmpty, !given.isEmpty { return (nil, false) }
        let times = (value["start_ms"].flatMap(milliseconds), value["end_ms"].flatMap(milliseconds))
        let start = times.0 ?? times.1.map { min($0, before) } ?? before
        let end = times.1 ?? start
        let isOdd = (times.0 == nil) != (value["start_ms"]?.isNull ?? true)
            || (times.1 == nil) != (value["end_ms"]?.isNull ?? true) || end < start
        let token = ServiceToken(
            text: text, startMilliseconds: start, endMilliseconds: max(start, end),
            confidence: min(1, max(0, value["confidence"]?.double ?? 0)), isFinal: value["is_final"]?.bool ?? false,
            speaker: label(value["speaker"]), language: value["language"]?.string ?? "")
        return (token, isOdd)
    }

    /// `<end>` and `<fin>` are the service's own and never text, however they are written, and whatever they stick to
    /// (docs/PROTOCOL.md, Messages).
    private static func withoutMarkers(_ text: String) -> String {
        guard text.holds(0x3C) else { return text }
        let bytes = Array(text.utf8)
        var kept: [UInt8] = []
        var place = 0
        while place < bytes.count {
            if isMarker(bytes, place) {
                place += 5
            } else {
                kept.append(bytes[place])
                place += 1
            }
        }
        return String(decoding: kept, as: UTF8.self)
    }

    private static func isMarker(_ bytes: [UInt8], _ place: Int) -> Bool {
        guard place + 5 <= bytes.count, bytes[place] == 0x3C, bytes[place + 4] == 0x3E else { return false }
        var name: UInt32 = 0
        for letter in 1...3 { name = name << 8 | UInt32(bytes[place + letter] | 0x20) }
        // "end" and "fin".
        return name == 0x65_6E_64 || name == 0x66_69_6E
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
