/// LEJP's string bytes as Unicode. It writes each `\u` escape as UTF-8 by itself, so a character beyond U+FFFF comes
/// as two encoded surrogates of three bytes each (the form that RFC 3629 forbids and CESU-8 names).
package enum JSONText {
    /// Stands for U+D800, half a pair; U+DFFF is 0x7FF later. Nobody writes these: plane 16 is for private use.
    package static let firstHalf: UInt32 = 0x10_F800

    /// Nil when the bytes are not UTF-8 or contain half a pair.
    static func decode(_ bytes: [UInt8]) -> String? {
        if bytes.allSatisfy({ $0 < 0x80 }) { return String(decoding: bytes, as: UTF8.self) }
        guard let joined = join(bytes, keepsHalves: false), isUTF8(joined) else { return nil }
        return String(decoding: joined, as: UTF8.self)
    }

    /// Never fails: what cannot be decoded is replaced.
    static func mend(_ bytes: [UInt8]) -> String {
        String(decoding: join(bytes, keepsHalves: true) ?? bytes, as: UTF8.self)
    }

    /// Pairs as one character of UTF-8.
    /// - Returns: nil when there is half a pair, and it is not to be kept.
    private static func join(_ bytes: [UInt8], keepsHalves: Bool) -> [UInt8]? {
        var joined: [UInt8] = []
        joined.reserveCapacity(bytes.count)
        var next = 0
        while next < bytes.count {
            guard let high = surrogate(bytes, at: next) else {
                joined.append(bytes[next])
                next += 1
                continue
            }
            let scalar: UInt32
            if high < 0xDC00, let low = surrogate(bytes, at: next + 3), low >= 0xDC00 {
                scalar = 0x10000 + (high - 0xD800) << 10 + (low - 0xDC00)
                next += 3
            } else if keepsHalves {
                scalar = firstHalf + (high - 0xD800)
            } else {
                return nil
            }
            joined.append(UInt8(0xF0 | scalar >> 18))
            joined.append(UInt8(0x80 | scalar >> 12 & 0x3F))
            joined.append(UInt8(0x80 | scalar >> 6 & 0x3F))
            joined.append(UInt8(0x80 | scalar & 0x3F))
            next += 3
        }
        return joined
    }

    private static func surrogate(_ bytes: [UInt8], at index: Int) -> UInt32? {
        guard index + 2 < bytes.count, bytes[index] == 0xED, bytes[index + 1] & 0xE0 == 0xA0,
            bytes[index + 2] & 0xC0 == 0x80
        else { return nil }
        return 0xD000 | UInt32(bytes[index + 1] & 0x3F) << 6 | UInt32(bytes[index + 2] & 0x3F)
    }

    /// RFC 3629, section 4.
    static func isUTF8(_ bytes: [UInt8]) -> Bool {
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        while true {
            switch decoder.decode(&iterator) {
            case .scalarValue: continue
            case .emptyInput: return true
            case .error: return false
            }
        }
    }
}
