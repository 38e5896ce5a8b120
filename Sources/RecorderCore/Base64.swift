/// RFC 4648 section 4.
package enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    package static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        var place = 0
        while place < bytes.count {
            let left = bytes.count - place
            let group =
                Int(bytes[place]) << 16 | (left > 1 ? Int(bytes[place + 1]) << 8 : 0)
                | (left > 2 ? Int(bytes[place + 2]) : 0)
            for position in 0..<4 {
                text.append(position <= left ? alphabet[group >> (18 - 6 * position) & 63] : 0x3D)
            }
            place += 3
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Up to the first byte that is none of it, such as the padding.
    package static func decode(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        var (group, bits) = (0, 0)
        for byte in text.utf8 {
            guard let value = alphabet.firstIndex(of: byte) else { break }
            (group, bits) = ((group << 6 | value) & 0xFFFF, bits + 6)
            guard bits >= 8 else { continue }
            bits -= 8
            bytes.append(UInt8(truncatingIfNeeded: group >> bits))
        }
        return bytes
    }
}
