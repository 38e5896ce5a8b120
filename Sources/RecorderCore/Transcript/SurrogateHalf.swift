/// Halves of UTF-16 surrogate pairs, which some services cut between two tokens. Text cannot hold them, so the JSON
/// parser hands them over as private characters that no language has, until their neighbours are known.
package enum SurrogateHalf {
    /// Stands for U+D800; U+DFFF is 0x7FF later. The last 2048 code points there are (plane 16, for private use).
    package static let first: UInt32 = 0x10_F800

    /// Joins halves that fit; the others become U+FFFD.
    @inline(never)
    package static func mended(_ text: String) -> String {
        // All of plane 16, and nothing else, begins so in UTF-8.
        guard text.holds(0xF4) else { return text }
        var mended = ""
        var high: UInt32?
        for scalar in text.unicodeScalars {
            let half = scalar.value >= first ? scalar.value - first : nil
            if let before = high {
                high = nil
                if let half, half >= 0x400, let whole = Unicode.Scalar(0x1_0000 + before << 10 + half - 0x400) {
                    mended.unicodeScalars.append(whole)
                    continue
                }
                mended.unicodeScalars.append("\u{FFFD}")
            }
            if let half, half < 0x400 {
                high = half
            } else {
                mended.unicodeScalars.append(half == nil ? scalar : "\u{FFFD}")
            }
        }
        if high != nil { mended.unicodeScalars.append("\u{FFFD}") }
        return mended
    }
}
