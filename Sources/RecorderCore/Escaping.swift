// What people type and services say, where people look. A terminal obeys control characters, and a bidirectional one
// turns around what stands beside it: a label could so forge a row, or hide what is wrong
// (decision escape-where-people-look).

extension Unicode.Scalar {
    /// Whether it is seen as itself and changes nothing around it: no control character (C0, DEL, C1), no bidirectional
    /// control (UAX 9), no separator of lines or paragraphs, no mark without a width of its own that only programs
    /// need, no noncharacter, and none of the planes that have no letters.
    package var isPlain: Bool {
        switch value {
        case 0..<0x20, 0x7F..<0xA0, 0x61C, 0x200E...0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFDD0...0xFDEF, 0xFEFF,
            0xFFF0...0xFFFB, 0x40000...:
            false
        default: value & 0xFFFE != 0xFFFE
        }
    }
}

extension String {
    /// For a terminal, a log and a report: `\u{1b}` in the place of each character that is not plain.
    package var shown: String { plain(escapes: true) }

    /// For files of text, whose lines mean something: control characters and separators of lines are spaces.
    package var onOneLine: String { plain(escapes: false) }

    @inline(never)
    private func plain(escapes: Bool) -> String {
        var text = ""
        for scalar in unicodeScalars {
            let value = scalar.value
            if !scalar.isPlain, escapes {
                text += "\\u{" + String(value, radix: 16) + "}"
            } else if !scalar.isPlain, value < 0xA0 || value == 0x2028 || value == 0x2029 {
                text += " "
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    /// Whether it is shown as it is.
    package var isPlain: Bool { shown == self }

    /// Why it is no name for a lesson; nil: it is one, or empty.
    package var labelMistake: String? {
        if !isPlain { return "label: what is not seen, but changes what is shown, is not accepted: " + shown }
        guard !isEmpty, trimmingSpaces.isEmpty else { return nil }
        return "label: nothing but spaces; leave it out"
    }
}
