/// A whole transcript as the journal has it: what every export is made of.
package struct TranscriptDocument: Equatable, Sendable {
    package var header: RecordingHeader
    package var samples: Int64
    package var words: [Word]
    package var gaps: [Gap]
    package var silences: [SilenceMark]
    package var interrupted: Bool
    /// What has its final text.
    package var coverage: Coverage

    /// - Parameter words: in any order, as a gap is filled after what follows it. Words that begin together stay in
    ///   theirs.
    package init(recording: RecordingSummary, words: [Word], gaps: [Gap], silences: [SilenceMark]) {
        header = recording.header
        samples = recording.samples
        self.words = words.ordered { $0.start < $1.start }
        self.gaps = gaps
        self.silences = silences
        interrupted = recording.interrupted
        coverage = recording.coverage(gaps)
    }

    package var segments: [Segment] { Segment.segments(of: words) }

    /// Speakers in the order of their numbers; 0 (unnamed) is none.
    package var speakers: [Int] {
        var seen: [Int] = []
        for word in words where word.speaker > 0 && !seen.contains(word.speaker) { seen.append(word.speaker) }
        return seen.ordered(by: <)
    }

    /// For people: a paragraph a segment, `[0:01:05] Speaker 1: …`, and a line where text is missing.
    package var plainText: String {
        var text = ""
        for segment in segments {
            let name = segment.speaker > 0 ? "Speaker \(segment.speaker): " : ""
            text += "[\(CueTime.short(segment.start))] \(name)\(segment.text.onOneLine)\n"
        }
        for gap in gaps {
            let place = "[\(CueTime.short(gap.start)) to \(CueTime.short(gap.end))]"
            text += "\(place) not transcribed: \(gap.reason.onOneLine)\n"
        }
        return text
    }

    /// SubRip: numbered cues, `00:00:01,000 --> 00:00:02,500`.
    package var subRip: String {
        var text = ""
        var number = 0
        for cue in Cue.cues(of: segments) {
            number += 1
            text += "\(number)\n\(CueTime.long(cue.start, ",")) --> \(CueTime.long(cue.end, ","))\n"
            text += cue.lines.map { $0.onOneLine }.joined(separator: "\n") + "\n\n"
        }
        return text
    }

    package var webVTT: String {
        var text = WebVTT.head
        for cue in Cue.cues(of: segments) { text += WebVTT.text(of: cue) }
        return text
    }
}

/// WebVTT (W3C): a voice span names the speaker; `&`, `<` and `>` are escaped (section 4.2.2).
package enum WebVTT {
    package static let head = "WEBVTT\n\n"

    package static func text(of cue: Cue) -> String {
        let voice = cue.speaker > 0 ? "<v Speaker \(cue.speaker)>" : ""
        return "\(CueTime.long(cue.start, ".")) --> \(CueTime.long(cue.end, "."))\n"
            + voice + cue.lines.map(escaped).joined(separator: "\n") + "\n\n"
    }

    private static func escaped(_ line: String) -> String {
        var text = ""
        for scalar in line.onOneLine.unicodeScalars {
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

/// Times as subtitles write them.
enum CueTime {
    /// `0:01:05`.
    static func short(_ index: SampleIndex) -> String {
        let seconds = index.milliseconds / 1_000
        return "\(seconds / 3_600):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
    }

    /// `00:01:05.250`, with `separator` before the milliseconds.
    static func long(_ index: SampleIndex, _ separator: String) -> String {
        let seconds = index.milliseconds / 1_000
        return padded(seconds / 3_600, 2) + ":" + padded(seconds / 60 % 60, 2) + ":" + padded(seconds % 60, 2)
            + separator + padded(index.milliseconds % 1_000, 3)
    }
}
