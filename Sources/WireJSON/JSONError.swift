/// Why a text was refused as JSON. Offsets are bytes from the start of the text.
package enum JSONError: Error, Equatable, Sendable {
    /// The text is longer than the caller allowed.
    case tooLong(limitBytes: Int)
    /// More values than the caller allowed.
    case tooManyValues(limit: Int)
    /// More than `JSONParser.maximumDepth` containers within each other.
    case tooDeep(offset: Int)
    /// A member's name over `JSONParser.maximumNameBytes`.
    case nameTooLong(offset: Int)
    /// The grammar of RFC 8259 is broken here.
    case syntax(offset: Int)
    /// A string that is not UTF-8, or has half a surrogate pair.
    case encoding(offset: Int)
    /// The text ended before its value did, or was empty.
    case incomplete
    /// Something other than white space after the value.
    case trailing(offset: Int)

    package var message: String {
        switch self {
        case .tooLong(let limit): "JSON text over \(limit) bytes"
        case .tooManyValues(let limit): "JSON text with over \(limit) values"
        case .tooDeep(let offset): "JSON nested too deep at byte \(offset)"
        case .nameTooLong(let offset): "JSON member name too long at byte \(offset)"
        case .syntax(let offset): "not JSON: unexpected byte at \(offset)"
        case .encoding(let offset): "JSON string at byte \(offset) is not valid Unicode"
        case .incomplete: "JSON text ends too early"
        case .trailing(let offset): "JSON text goes on after its value, at byte \(offset)"
        }
    }
}
