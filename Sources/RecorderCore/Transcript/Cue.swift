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
        var cutter = CueCutter()
        var cues: [Cue] = []
        for segment in segments {
            for (place, word) in segment.words.enumerated() {
                if let cue = cutter.receive(word, beginsSegment: place == 0) { cues.append(cue) }
            }
        }
        if let cue = cutter.finish() { cues.append(cue) }
        return cues
    }

    init(_ word: Word) {
        speaker = word.speaker
        start = word.start
        end = min(word.end, word.start.advanced(by: Self.longestSamples))
        lines = Self.split(word.text)
    }

    /// - Returns: false when the word does not fit.
    mutating func take(_ word: Word) -> Bool {
        guard word.end.samples(since: start) <= Self.longestSamples else { return false }
        let last = lines.count - 1
        let length = Self.length(word.text)
        let space = word.link == .spaced ? 1 : 0
        if Self.length(lines[last]) + space + length <= Self.lineCharacters {
            word.append(to: &lines[last])
        } else if lines.count < Self.lineCount, length <= Self.lineCharacters {
            lines.append(word.text)
        } else {
            return false
        }
        end = max(end, word.end)
        return true
    }

    /// In Unicode scalars without marks, which take no room of their own: `Character`, which tells what is seen as one,
    /// brings 10 KB that nothing else needs.
    private static func length(_ text: String) -> Int { text.unicodeScalars.count { !isMark($0) } }

    /// A word longer than a line is broken, and what exceeds the cue is kept on its last line: no text is lost. A mark
    /// stays with its letter.
    private static func split(_ text: String) -> [String] {
        guard length(text) > lineCharacters else { return [text] }
        var (head, tail) = ("", "")
        var letters = 0
        for scalar in text.unicodeScalars {
            if !isMark(scalar) { letters += 1 }
            if letters <= lineCharacters {
                head.unicodeScalars.append(scalar)
            } else {
                tail.unicodeScalars.append(scalar)
            }
        }
        return [head, tail]
    }

    /// Combining Diacritical Marks, Hebrew points, Arabic vowel signs, the zero-width joiner, Variation Selectors
    /// (Unicode, Blocks.txt).
    private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x300...0x36F, 0x591...0x5BD, 0x610...0x61A, 0x64B...0x65F, 0x670, 0x200D, 0xFE00...0xFE0F: true
        default: false
        }
    }
}

/// Makes cues of words as they come.
package struct CueCutter: Sendable {
    private var open: Cue?

    package init() {}

    /// The cue that `word` ends, if it begins the next one.
    @inline(never)
    package mutating func receive(_ word: Word, beginsSegment: Bool) -> Cue? {
        guard var cue = open else {
            open = Cue(word)
            return nil
        }
        if !beginsSegment, cue.take(word) {
            open = cue
            return nil
        }
        open = Cue(word)
        cue.end = max(cue.start, min(cue.end, word.start))
        return cue
    }

    /// The last cue; there are no more words.
    package mutating func finish() -> Cue? {
        defer { open = nil }
        return open
    }
}
