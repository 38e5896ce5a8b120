/// What LEJP of libwebsockets 4.1.6 (lib/misc/lejp.c) lets through or cuts short, checked byte by byte before it sees
/// the text:
/// - `[1}` closes an array, `[1,]` ends after a comma, `#` starts a comment, `\` may stand before a NUL;
/// - `01`, `1e+` and `1e5.` pass as numbers, while more than 20 digits are refused, although RFC 8259 allows
///   `0.00012345678901234567` and programs write it; so numbers are collected here and LEJP is shown a 0;
/// - a name is appended to a 128-byte path without a check.
struct JSONPrevalidator {
    enum Verdict {
        /// For LEJP.
        case pass
        /// For LEJP, and the last byte of the text's value.
        case passAndEnd
        /// Part of a number: not for LEJP.
        case number
        /// The number in `number` is complete; this byte follows it and must be validated again.
        case numberEnds
    }

    private enum Place {
        case between
        case string(isName: Bool, length: Int)
        case escape(isName: Bool, length: Int)
        case number
    }

    private var place = Place.between
    /// Whether surrogates in strings are allowed.
    var allowsHalfSurrogates = false
    /// One bit a container, the innermost lowest: 1 is an object.
    private var containers: UInt32 = 0
    private(set) var depth = 0
    /// The last byte outside strings and numbers that was not white space; 0 before the first, `"` for any value.
    private var last: UInt8 = 0
    /// The byte before this one, inside a string.
    private var previous: UInt8 = 0
    private(set) var number: [UInt8] = []

    init() {
        number.reserveCapacity(JSONParser.maximumNumberBytes)
    }

    mutating func takeNumber() -> [UInt8] {
        let taken = number
        number.removeAll(keepingCapacity: true)
        place = .between
        last = UInt8(ascii: "\"")
        return taken
    }

    mutating func validate(_ byte: UInt8, offset: Int) throws(JSONError) -> Verdict {
        switch place {
        case .between:
            return try validateBetween(byte, offset: offset)
        case .string(let isName, let length):
            try validateInString(byte, isName: isName, length: length, offset: offset)
            return .pass
        case .escape(let isName, let length):
            guard byte != 0 else { throw .syntax(offset: offset) }
            place = .string(isName: isName, length: length)
            return .pass
        case .number:
            guard Self.isNumeric(byte) else { return .numberEnds }
            guard number.count < JSONParser.maximumNumberBytes else { throw .syntax(offset: offset) }
            number.append(byte)
            return .number
        }
    }

    private mutating func validateInString(_ byte: UInt8, isName: Bool, length: Int, offset: Int) throws(JSONError) {
        // UTF-8 has no surrogates (RFC 3629); LEJP writes those of \u escapes in this form, so no others may come in.
        if previous == 0xED, byte >= 0xA0, !allowsHalfSurrogates { throw .encoding(offset: offset) }
        previous = byte
        switch byte {
        case UInt8(ascii: "\""):
            place = .between
            last = byte
        case UInt8(ascii: "\\"):
            place = .escape(isName: isName, length: length + 1)
        default:
            if isName, length >= JSONParser.maximumNameBytes { throw .nameTooLong(offset: offset) }
            place = .string(isName: isName, length: length + 1)
        }
    }

    private mutating func validateBetween(_ byte: UInt8, offset: Int) throws(JSONError) -> Verdict {
        switch byte {
        case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"):
            return .pass
        case UInt8(ascii: "#"):
            throw .syntax(offset: offset)
        case UInt8(ascii: "\""):
            let isName = depth > 0 && containers & 1 == 1 && last != UInt8(ascii: ":")
            place = .string(isName: isName, length: 0)
            previous = 0
            return .pass
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            guard depth < JSONParser.maximumDepth else { throw .tooDeep(offset: offset) }
            depth += 1
            containers = containers << 1 | (byte == UInt8(ascii: "{") ? 1 : 0)
        case UInt8(ascii: "}"), UInt8(ascii: "]"):
            let closesObject = byte == UInt8(ascii: "}")
            guard depth > 0, (containers & 1 == 1) == closesObject, last != UInt8(ascii: ",") else {
                throw .syntax(offset: offset)
            }
            depth -= 1
            containers >>= 1
            last = byte
            return depth == 0 ? .passAndEnd : .pass
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            guard depth > 0 else { throw .syntax(offset: offset) }
            place = .number
            number.append(byte)
            return .number
        default:
            break
        }
        last = byte
        return .pass
    }

    private static func isNumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "e"), UInt8(ascii: "E"):
            true
        default:
            false
        }
    }

    /// RFC 8259, section 6: `[ minus ] int [ frac ] [ exp ]`.
    static func isGrammatical(_ number: [UInt8]) -> Bool {
        var rest = number[...]
        func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
        if rest.first == UInt8(ascii: "-") { rest.removeFirst() }
        let integer = rest.prefix(while: isDigit)
        guard let leading = integer.first, leading != UInt8(ascii: "0") || integer.count == 1 else { return false }
        rest = rest.dropFirst(integer.count)
        if rest.first == UInt8(ascii: ".") {
            let fraction = rest.dropFirst().prefix(while: isDigit)
            guard !fraction.isEmpty else { return false }
            rest = rest.dropFirst(1 + fraction.count)
        }
        if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
            rest.removeFirst()
            if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") { rest.removeFirst() }
            let exponent = rest.prefix(while: isDigit)
            guard !exponent.isEmpty else { return false }
            rest = rest.dropFirst(exponent.count)
        }
        return rest.isEmpty
    }
}
