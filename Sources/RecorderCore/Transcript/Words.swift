/// How a unit of text stands beside the one before.
package enum WordLink: UInt8, Equatable, Sendable {
    /// With a space between them.
    case spaced
    /// Without one: languages that do not write spaces.
    case joined
    /// It is a part of that word, which was journalled before this came: punctuation, a mark, a syllable.
    case part
}

/// A final unit of text, placed on the recording's time line: what is journalled and exported (decision
/// words-are-journalled). In languages that write spaces it is a word, in others what the service sent in one piece.
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
    package var link: WordLink

    package init(
        text: String, start: SampleIndex, end: SampleIndex, confidence: Double, speaker: Int, language: String,
        link: WordLink = .spaced
    ) {
        self.text = text
        self.start = start
        self.end = end
        self.confidence = confidence
        self.speaker = speaker
        self.language = language
        self.link = link
    }

    /// Whether it counts as a word.
    package var isCounted: Bool { link != .part }

    /// What sessions are compared by: each grapheme cluster of a script without spaces, with its share of the time.
    var units: [Word] {
        let units = TextUnit.units(of: text).units
        guard units.count > 1 else { return [self] }
        return units.enumerated().map { place, unit in
            var word = self
            word.text = unit.text
            (word.start, word.end) = TextUnit.time(of: place, in: units.count, from: start, to: end)
            return word
        }
    }

    /// A unit that follows without a space is in it now.
    package mutating func take(_ unit: Word) {
        text += unit.text
        end = max(end, unit.end)
        confidence = min(confidence, unit.confidence)
    }

    /// What stands between it and the one before.
    package var spaceBefore: String { link == .spaced ? " " : "" }

    /// Behind the text of the units before.
    package func append(to text: inout String) {
        if !text.isEmpty { text += spaceBefore }
        text += self.text
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

/// An uninterrupted stretch of one speaker. Languages are the words': who mixes two does not stop at each.
package struct Segment: Equatable, Sendable {
    package var speaker: Int
    package var words: [Word]

    package var start: SampleIndex { words.first?.start ?? .zero }
    package var end: SampleIndex { words.last?.end ?? .zero }

    package var text: String {
        var text = ""
        for word in words { word.append(to: &text) }
        return text
    }

    /// A speaker's pause of this length begins a new paragraph.
    package static let pauseSamples: Int64 = 3 * SampleIndex.samplesPerSecond

    /// Whether two words that follow each other are of one segment.
    package static func goesOn(with word: Word, after last: Word) -> Bool {
        last.speaker == word.speaker && word.start.samples(since: last.end) < pauseSamples
    }

    /// Words in order, cut where the speaker changes or falls silent, or where another language begins.
    package static func segments(of words: [Word], splitsLanguages: Bool = false) -> [Segment] {
        var segments: [Segment] = []
        for word in words {
            if let last = segments.last?.words.last, goesOn(with: word, after: last),
                !splitsLanguages || word.language == last.language
            {
                segments[segments.count - 1].words.append(word)
            } else {
                segments.append(Segment(speaker: word.speaker, words: [word]))
            }
        }
        return segments
    }
}

extension [Word] {
    /// Words with a space between them, as version 1 of the transcript has them: units without one are in the word that
    /// they follow.
    var spaced: [Word] {
        var words: [Word] = []
        for unit in self {
            guard unit.link != .spaced, var last = words.last, Segment.goesOn(with: unit, after: last) else {
                words.append(unit)
                continue
            }
            last.take(unit)
            words[words.count - 1] = last
        }
        return words
    }
}
