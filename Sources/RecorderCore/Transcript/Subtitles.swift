/// WebVTT (W3C): a voice span names the speaker; `&`, `<` and `>` are escaped (section 4.2.2), so no `-->` is left.
package enum WebVTT {
    package static let head = "WEBVTT\n\n"

    package static func text(of cue: Cue) -> String {
        let voice = cue.speaker > 0 ? "<v Speaker \(cue.speaker)>" : ""
        return CueTime.line(cue, ".") + voice + cue.directedLines.map { $0.inMarkup }.joined(separator: "\n") + "\n\n"
    }
}

/// SubRip: numbered cues, `00:00:01,000 --> 00:00:02,500`. It has no way to escape the arrow.
package enum SubRip {
    /// - Parameter number: from 1.
    package static func text(of cue: Cue, number: Int) -> String {
        let lines = cue.directedLines.map(withoutArrow)
        return "\(number)\n" + CueTime.line(cue, ",") + lines.joined(separator: "\n") + "\n\n"
    }

    private static func withoutArrow(_ line: String) -> String {
        var text = ""
        var dashes = 0
        for scalar in line.unicodeScalars {
            if scalar == ">", dashes > 1 { text += " " }
            dashes = scalar == "-" ? dashes + 1 : 0
            text.unicodeScalars.append(scalar)
        }
        return text
    }
}

extension String {
    /// As HTML and WebVTT write it, on one line.
    @inline(never)
    var inMarkup: String {
        var text = ""
        for scalar in onOneLine.unicodeScalars {
            switch scalar {
            case "&": text += "&amp;"
            case "<": text += "&lt;"
            case ">": text += "&gt;"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}

extension Cue {
    /// Its lines as players of any kind show them right. A player takes a line's direction from its first letter (CSS
    /// `plaintext`, as WebVTT wants it, section 7.4), or from left to right whatever it says (VLC, libass), which puts
    /// Latin terms and full stops in Arabic to the wrong side. Each line with letters of such a script is embedded by
    /// itself (UAX 9: RLE or LRE, PDF), as Subtitle Edit does for SubRip; isolates are too new for many players.
    var directedLines: [String] {
        lines.map { line in
            if isRightToLeft { return "\u{202B}" + line + "\u{202C}" }
            let isMixed = line.unicodeScalars.contains { $0.isRightToLeft == true }
            return isMixed ? "\u{202A}" + line + "\u{202C}" : line
        }
    }
}

/// Times as subtitles write them.
enum CueTime {
    /// `0:01:05`.
    static func short(_ index: SampleIndex) -> String {
        let seconds = index.milliseconds / 1_000
        return "\(seconds / 3_600):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
    }

    /// `00:01:05.250 --> 00:01:06.000`, with `separator` before the milliseconds, and the line's end.
    static func line(_ cue: Cue, _ separator: String) -> String {
        long(cue.start, separator) + " --> " + long(cue.end, separator) + "\n"
    }

    /// `00:01:05.250`, with `separator` before the milliseconds.
    static func long(_ index: SampleIndex, _ separator: String) -> String {
        let seconds = index.milliseconds / 1_000
        return padded(seconds / 3_600, 2) + ":" + padded(seconds / 60 % 60, 2) + ":" + padded(seconds % 60, 2)
            + separator + padded(index.milliseconds % 1_000, 3)
    }
}
