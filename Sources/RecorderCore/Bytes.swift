/// Settings, addresses and names of formats are cut up by their UTF-8 bytes. A `Character` is what people see as one
/// letter; to find its bounds takes Unicode's tables, and each place that looks for one links hundreds of bytes. For
/// the same reason these are not inlined.
extension String {
    /// Whether every byte passes.
    @inline(never)
    package func isEvery(_ passes: (UInt8) -> Bool) -> Bool {
        Array(utf8).allSatisfy(passes)
    }

    @inline(never)
    package func holds(_ byte: UInt8) -> Bool {
        Array(utf8).contains(byte)
    }

    @inline(never)
    package func begins(with prefix: String) -> Bool {
        Array(utf8).starts(with: Array(prefix.utf8))
    }

    /// What follows `prefix`; nil when the text does not begin with it.
    @inline(never)
    package func remainder(after prefix: String) -> String? {
        begins(with: prefix) ? String(text: Array(utf8)[prefix.utf8.count...]) : nil
    }

    /// Both sides of the first `separator`.
    @inline(never)
    package func cut(at separator: Unicode.Scalar) -> (before: String, after: String)? {
        let bytes = Array(utf8)
        guard let place = bytes.firstIndex(of: UInt8(ascii: separator)) else { return nil }
        return (String(text: bytes[..<place]), String(text: bytes[(place + 1)...]))
    }

    /// Both sides of a text that stands in it once; nil: it does not.
    @inline(never)
    package func cut(around text: String) -> (before: String, after: String)? {
        let (bytes, wanted) = (Array(utf8), Array(text.utf8))
        guard !wanted.isEmpty, bytes.count >= wanted.count else { return nil }
        for place in 0...(bytes.count - wanted.count) where bytes[place] == wanted[0] {
            let end = place + wanted.count
            if bytes[place..<end].elementsEqual(wanted) {
                return (String(text: bytes[..<place]), String(text: bytes[end...]))
            }
        }
        return nil
    }

    /// What stands before the last `separator`.
    @inline(never)
    package func before(last separator: Unicode.Scalar) -> String? {
        let bytes = Array(utf8)
        return bytes.lastIndex(of: UInt8(ascii: separator)).map { String(text: bytes[..<$0]) }
    }

    /// What is between separators, the empty parts too.
    @inline(never)
    package func parts(separatedBy separator: Unicode.Scalar) -> [String] {
        var parts: [String] = []
        var rest = self
        while let (before, after) = rest.cut(at: separator) {
            parts.append(before)
            rest = after
        }
        return parts + [rest]
    }

    /// A number in nothing but digits, up to `limit`; nil: it is none. `Int(_:)` takes signs, and costs more each time.
    @inline(never)
    package func decimal(upTo limit: Int) -> Int? {
        var number = 0
        for byte in Array(utf8) {
            guard byte >= 0x30, byte <= 0x39 else { return nil }
            number = number * 10 + Int(byte - 0x30)
            guard number <= limit else { return nil }
        }
        return isEmpty ? nil : number
    }

    package var trimmingSpaces: String {
        guard beginsWithSpace || endsWithSpace else { return self }
        var bytes = Array(utf8).drop(while: Self.isSpace)
        while let last = bytes.last, Self.isSpace(last) { bytes = bytes.dropLast() }
        return String(text: bytes)
    }

    /// At most `bytes` of UTF-8, whole characters, control characters as spaces.
    package func clipped(bytes: Int) -> String {
        var result = ""
        var used = 0
        for scalar in unicodeScalars {
            used += UTF8.width(scalar)
            guard used <= bytes else { break }
            result.unicodeScalars.append(scalar.value < 0x20 || scalar.value == 0x7F ? " " : scalar)
        }
        return result
    }

    var beginsWithSpace: Bool { Array(utf8).first.map(Self.isSpace) ?? false }
    var endsWithSpace: Bool { Array(utf8).last.map(Self.isSpace) ?? false }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    private init(text bytes: ArraySlice<UInt8>) {
        self.init(decoding: bytes, as: UTF8.self)
    }
}

extension [UInt8] {
    /// Overwrites each place of `secret` by asterisks. What is shorter than `Limits.hiddenBytes` guards nothing, and
    /// may well be a part of other words.
    package mutating func redact(_ secret: [UInt8]) {
        guard let first = secret.first, secret.count >= Limits.hiddenBytes, count >= secret.count else { return }
        for place in 0...(count - secret.count) where self[place] == first {
            guard self[place..<(place + secret.count)].elementsEqual(secret) else { continue }
            for index in place..<(place + secret.count) { self[index] = 0x2A }
        }
    }
}
