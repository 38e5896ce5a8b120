/// LEJP's string bytes as Unicode. It writes each `\u` escape as UTF-8 by itself, so a character beyond U+FFFF comes
/// as two encoded surrogates of three bytes each (the form that RFC 3629 forbids and CESU-8 names).
enum JSONText {
    /// Nil when the bytes are no UTF-8 or hold half a pair.
    static func decode(_ bytes: [UInt8]) -> String? {
        if bytes.allSatisfy({ $0 < 0x80 }) { return String(decoding: bytes, as: UTF8.self) }
        var joined: [UInt8] = []
        joined.reserveCapacity(bytes.count)
        var next = 0
        while next < bytes.count {
            guard let high = surrogate(bytes, at: next) else {
                joined.append(bytes[next])
                next += 1
                continue
            }
            guard high < 0xDC00, let low = surrogate(bytes, at: next + 3), low >= 0xDC00 else { return nil }
            let scalar = 0x10000 + (high - 0xD800) << 10 + (low - 0xDC00)
            joined.append(UInt8(0xF0 | scalar >> 18))
            joined.append(UInt8(0x80 | scalar >> 12 & 0x3F))
            joined.append(UInt8(0x80 | scalar >> 6 & 0x3F))
            joined.append(UInt8(0x80 | scalar & 0x3F))
            next += 6
        }
        return isUTF8(joined) ? String(decoding: joined, as: UTF8.self) : nil
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
