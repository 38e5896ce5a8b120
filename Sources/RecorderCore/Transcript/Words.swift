/// A word of the transcript, made of one or more final tokens of one speaker.
package struct Word: Equatable, Sendable {
    package var text: String
    package var start: SampleIndex
    package var end: SampleIndex
    /// The lowest confidence of its tokens, 0 to 1.
    package var confidence: Double
    package var speaker: Int
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

    /// As the journal keeps it: one token, which begins with a space because a word does.
    package var token: FinalToken {
        FinalToken(
            text: " " + text, start: start, end: end, confidence: confidence, speaker: speaker, language: language)
    }
}

/// Joins final tokens into words: a token that begins with a space, or comes from another speaker, begins a word.
/// Punctuation, which the service sends without a space, so stays with the word before it.
package struct WordAssembler: Equatable, Sendable {
    private var open: Word?

    package init() {}

    /// The word that `token` completes, if it begins the next one.
    @inline(never)
    package mutating func receive(_ token: FinalToken) -> Word? {
        let text = token.text.trimmingSpaces
        guard !text.isEmpty else {
            return token.text.isEmpty ? nil : finish()
        }
        if var word = open, !token.text.beginsWithSpace, word.speaker == token.speaker {
            word.text += text
            word.end = max(word.end, token.end)
            word.confidence = min(word.confidence, token.confidence)
            open = word
            return token.text.endsWithSpace ? finish() : nil
        }
        let completed = open
        open = Word(
            text: text, start: token.start, end: token.end, confidence: token.confidence, speaker: token.speaker,
            language: token.language)
        return completed
    }

    /// The word that is still open; there will be no more of it.
    @inline(never)
    package mutating func finish() -> Word? {
        defer { open = nil }
        return open
    }

    /// All words of a whole token list, by their place in the recording: a hole is filled after what follows it.
    @inline(never)
    package static func words(of tokens: [FinalToken]) -> [Word] {
        var assembler = WordAssembler()
        var words: [Word] = []
        for token in tokens {
            if let word = assembler.receive(token) { words.append(word) }
        }
        if let word = assembler.finish() { words.append(word) }
        // Words that begin together stay in the order in which they came.
        return words.ordered { $0.start < $1.start }
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
