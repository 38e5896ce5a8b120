/// Swift's own `lowercased()` brings 18 KB of tables for every script that ever had two cases. These are the scripts of
/// the languages that the speech service knows, in the simple mapping of Unicode's `UnicodeData.txt`.
extension String {
    package var inLowerCase: String {
        var lower = ""
        for scalar in unicodeScalars { lower.unicodeScalars.append(scalar.inLowerCase) }
        return lower
    }
}

extension Unicode.Scalar {
    var inLowerCase: Unicode.Scalar {
        Unicode.Scalar(UInt32(Int(value) + distanceToLowerCase)) ?? self
    }

    private var distanceToLowerCase: Int {
        switch value {
        // ASCII, Latin 1, Greek, Cyrillic: alphabets side by side.
        case 0x41...0x5A, 0xC0...0xD6, 0xD8...0xDE, 0x391...0x3A1, 0x3A3...0x3AB, 0x410...0x42F: 32
        case 0x400...0x40F: 80
        // Armenian.
        case 0x531...0x556: 48
        // Greek letters with a tonos.
        case 0x386: 38
        case 0x388...0x38A: 37
        case 0x38C: 64
        case 0x38E, 0x38F: 63
        // The Azerbaijani schwa, the Turkish I, Ÿ, the Cyrillic palochka.
        case 0x18F: 202
        case 0x130: -199
        case 0x178: -121
        case 0x4C0: 15
        // Pairs, the capital even: Latin, Romanian, Vietnamese, the other Cyrillic alphabets.
        case 0x100...0x12F, 0x132...0x137, 0x14A...0x177, 0x1A0...0x1A5, 0x218...0x21B, 0x460...0x481, 0x48A...0x4BF,
            0x4D0...0x52F, 0x1E00...0x1E95, 0x1EA0...0x1EFF:
            1 - Int(value % 2)
        // Pairs, the capital odd.
        case 0x139...0x148, 0x179...0x17E, 0x1AF...0x1B0, 0x4C1...0x4CE: Int(value % 2)
        default: 0
        }
    }
}
