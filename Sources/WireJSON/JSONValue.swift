/// A parsed JSON text (RFC 8259).
package enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    case number(JSONNumber)
    case string(String)
    case array([JSONValue])
    case object([JSONMember])

    /// The member called `name`; of several, the last. Nil for a missing member and for anything but an object.
    package subscript(name: String) -> JSONValue? {
        @inline(never) get {
            guard case .object(let members) = self else { return nil }
            return members.last { $0.name == name }?.value
        }
    }

    package var bool: Bool? {
        guard case .bool(let value) = self else { return nil }
        return value
    }

    package var double: Double? {
        guard case .number(let number) = self else { return nil }
        return number.value
    }

    /// Nil unless the number is integral and fits.
    package var integer: Int64? {
        guard case .number(let number) = self else { return nil }
        return number.integer
    }

    package var string: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    package var array: [JSONValue]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }

    package var object: [JSONMember]? {
        guard case .object(let members) = self else { return nil }
        return members
    }

    package var isNull: Bool { self == .null }
}

/// A name and its value within an object.
package struct JSONMember: Equatable, Sendable {
    package var name: String
    package var value: JSONValue

    package init(_ name: String, _ value: JSONValue) {
        self.name = name
        self.value = value
    }
}

/// A number as the nearest Double and, when it was written without fraction and exponent and fits, exactly.
package struct JSONNumber: Equatable, Sendable {
    package var value: Double
    /// 1.0 and 1e3 count as well: integral doubles below 2^53 are exact.
    package var integer: Int64?

    package init(value: Double, integer: Int64?) {
        self.value = value
        self.integer = integer
    }

    /// `text` must satisfy the grammar of RFC 8259, section 6. Nil when it exceeds a Double.
    init?(grammatical text: String) {
        guard let value = Double(text), value.isFinite else { return nil }
        self.value = value
        if let exact = Int(text) {
            integer = Int64(exact)
        } else if value.magnitude < 9_007_199_254_740_992, value.rounded(.towardZero) == value {
            integer = Int64(value)
        } else {
            integer = nil
        }
    }
}

extension JSONValue {
    /// Parses a whole text.
    ///
    /// - Parameters:
    ///   - limitBytes: longer texts are refused.
    ///   - limitValues: values in the text, names not counted; each takes some tens of bytes of memory.
    package static func parse(
        _ text: String, limitBytes: Int, limitValues: Int = JSONParser.defaultLimitValues
    ) throws(JSONError) -> JSONValue {
        try parse(Array(text.utf8), limitBytes: limitBytes, limitValues: limitValues)
    }

    package static func parse(
        _ bytes: [UInt8], limitBytes: Int, limitValues: Int = JSONParser.defaultLimitValues, mendsText: Bool = false
    ) throws(JSONError) -> JSONValue {
        let parser = JSONParser(limitBytes: limitBytes, limitValues: limitValues, mendsText: mendsText)
        try parser.feed(bytes)
        return try parser.finish()
    }
}
