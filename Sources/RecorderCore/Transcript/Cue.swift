/// A subtitle: at most two lines of 42 characters (the field's usual line, BBC Subtitle Guidelines) and 7 s.
package struct Cue: Equatable, Sendable {
    package static let lineCharacters = 42
    package static let lineCount = 2
    package static let longestSamples: Int64 = 7 * SampleIndex.samplesPerSecond

    package var speaker: Int
    package var start: SampleIndex
    package var end: SampleIndex
    package var lines: [String]

    /// Cuts segments into cues, in order. Cues never overlap: one ends where the next begins at the latest.
    package static func cues(of segments: [Segment]) -> [Cue] {
        var cues: [Cue] = []
        for segment in segments {
            var open: Cue?
            for word in segment.words {
                if var cue = open, cue.take(word) {
                    open = cue
                } else {
                    if let cue = open { cues.append(cue) }
                    open = Cue(
                        speaker: segment.speaker, start: word.start,
                        end: min(word.end, word.start.advanced(by: longestSamples)), lines: split(word.text))
                }
            }
            if let cue = open { cues.append(cue) }
        }
        for index in cues.indices.dropLast() where cues[index].end > cues[index + 1].start {
            cues[index].end = max(cues[index].start, cues[index + 1].start)
        }
        return cues
    }

    /// - Returns: false when the word does not fit.
    private mutating func take(_ word: Word) -> Bool {
        guard word.end.samples(since: start) <= Self.longestSamples else { return false }
        let last = lines.count - 1
        if lines[last].count + 1 + word.text.count <= Self.lineCharacters {
            lines[last] += " " + word.text
        } else if lines.count < Self.lineCount, word.text.count <= Self.lineCharacters {
            lines.append(word.text)
        } else {
            return false
        }
        end = max(end, word.end)
        return true
    }

    /// A word longer than a line is broken, and what exceeds the cue is kept on its last line: no text is lost.
    private static func split(_ text: String) -> [String] {
        guard text.count > lineCharacters else { return [text] }
        return [String(text.prefix(lineCharacters)), String(text.dropFirst(lineCharacters))]
    }
}
