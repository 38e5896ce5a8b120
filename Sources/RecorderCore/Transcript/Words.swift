/// A final word, placed on the recording's time line: what is journalled and exported (decision words-are-journalled).
package struct Word: Equatable, Sendable {
    package var text: String
    package var start: SampleIndex
    package var end: SampleIndex
    /// The lowest of its tokens, 0 to 1.
    package var confidence: Double
    /// The box's stable speaker number, from 1; 0 when the service named none.
    package var speaker: Int
    /// BCP 47 as the service names it, or empty.
    package var language: String

    package init(
        text: String, start: SampleIndex, end: SampleIndex, confidence: Double, speaker: Int, language: String
    ) {
        self.text = text
        self.start = start
        self.end = end
        self.confidence = confidence
        self.speaker = speaker
        self.language = language
    }

    /// As close to its place as a recording of so many samples allows.
    package func bounded(by end: SampleIndex) -> Word {
        guard start < .zero || end < self.end || self.end < start else { return self }
        var word = self
        word.start = max(.zero, min(start, end))
        word.end = max(word.start, min(self.end, end))
        return word
    }
}

/// An uninterrupted stretch of one speaker.
package struct Segment: Equatable, Sendable {
    package var speaker: Int
    package var language: String
    package var words: [Word]

    package var start: SampleIndex { words.first?.start ?? .zero }
    package var end: SampleIndex { words.last?.end ?? .zero }

    package var text: String {
        var text = ""
        for word in words {
            if !text.isEmpty { text += " " }
            text += word.text
        }
        return text
    }

    /// A speaker's pause of this length begins a new paragraph.
    package static let pauseSamples: Int64 = 3 * SampleIndex.samplesPerSecond

    /// Whether two words that follow each other are of one segment.
    package static func goesOn(with word: Word, after last: Word) -> Bool {
        last.speaker == word.speaker && last.language == word.language
            && word.start.samples(since: last.end) < pauseSamples
    }

    /// Words in order, cut where the speaker or the language changes or falls silent.
    package static func segments(of words: [Word]) -> [Segment] {
        var segments: [Segment] = []
        for word in words {
            if let last = segments.last?.words.last, goesOn(with: word, after: last) {
                segments[segments.count - 1].words.append(word)
            } else {
                segments.append(Segment(speaker: word.speaker, language: word.language, words: [word]))
            }
        }
        return segments
    }
}
