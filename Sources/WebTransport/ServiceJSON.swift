package import RecorderCore
package import WireJSON

/// The JSON that the service's live and asynchronous interfaces have in common.
package enum ServiceJSON {
    /// The spoken tokens of a message or a transcript; may be none. An odd token is repaired or left out, the others
    /// are kept: a second session would get the same odd token again. Translations are counted, and no speech.
    ///
    /// - Parameter spoken: milliseconds up to which there were words before; a token without times is placed near them.
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
            var places = TokenPlaces(after: spoken)
            for element in elements {
                if element["translation_status"]?.string == "translation" {
                    message.translatedTokens += 1
                } else {
                    add(element, to: &message, &places)
                }
            }
            let isFinal = message.tokens.last?.isFinal == true
            let through = value[isFinal ? "final_audio_proc_ms" : "total_audio_proc_ms"].flatMap(milliseconds)
            places.finish(&message.tokens, through: through ?? 0)
        case .bool, .number, .string, .object:
            throw malformed("tokens that are not a list", peer)
        }
        return message
    }

    private static func add(_ value: JSONValue, to message: inout ServiceMessage, _ places: inout TokenPlaces) {
        guard let text = value["text"]?.string else {
            message.oddTokens += 1
            return
        }
        let token = ServiceToken(
            text: text, startMilliseconds: 0, endMilliseconds: 0,
            confidence: min(1, max(0, value["confidence"]?.double ?? 0)), isFinal: value["is_final"]?.bool ?? false,
            speaker: label(value["speaker"]), language: value["language"]?.string ?? "")
        // Nothing but a marker is no token, and nothing odd.
        if token.text.isEmpty, !text.isEmpty { return }
        let isOdd = places.add(
            token, from: value["start_ms"].flatMap(milliseconds), to: value["end_ms"].flatMap(milliseconds),
            &message.tokens)
        if isOdd { message.oddTokens += 1 }
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
