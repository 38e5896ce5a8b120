/// A recording's name: a ULID (github.com/ulid/spec), 48 bits of milliseconds since 1970 and 80 random bits in
/// Crockford's base 32, so that names sort by start and two boxes never choose the same one.
package struct RecordingID: Hashable, Sendable, CustomStringConvertible {
    /// In characters.
    package static let length = 26
    package let text: String

    package init(startedAt: WallTime, randomHigh: UInt16, randomLow: UInt64) {
        var digits = Self.base32(UInt64(bitPattern: startedAt.milliseconds) & 0xFFFF_FFFF_FFFF, digits: 10)
        let first = UInt64(randomHigh) << 24 | randomLow >> 40
        digits += Self.base32(first, digits: 8)
        digits += Self.base32(randomLow & 0xFF_FFFF_FFFF, digits: 8)
        text = digits
    }

    /// Nil unless `text` is 26 upper-case base-32 digits: a name that comes from outside must not become a path.
    package init?(_ text: String) {
        guard text.utf8.count == Self.length, text.utf8.first.map({ $0 <= 0x37 }) == true,
            text.isEvery({ Self.alphabet.holds($0) })
        else { return nil }
        self.text = text
    }

    package var description: String { text }

    private static let alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

    private static func base32(_ value: UInt64, digits: Int) -> String {
        let letters = Array(alphabet.utf8)
        var text = ""
        for position in stride(from: digits - 1, through: 0, by: -1) {
            text.unicodeScalars.append(Unicode.Scalar(letters[Int(value >> UInt64(position * 5) & 31)]))
        }
        return text
    }
}
