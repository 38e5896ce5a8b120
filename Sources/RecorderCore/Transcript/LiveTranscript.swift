/// The transcript while the lesson goes on: places each session's tokens on the recording's time line, gives sessions'
/// speaker labels the box's numbers, and counts. It holds a bounded part of the words; the journal holds them all.
package struct LiveTranscript: Equatable, Sendable {
    /// What a service message changed.
    package struct Update: Equatable, Sendable {
        /// New final tokens, for the journal.
        package var finals: [FinalToken] = []
        /// Words that the finals completed, for those who follow the transcript.
        package var words: [Word] = []
    }

    private struct SpeakerKey: Hashable {
        var session: Int
        var label: String
    }

    package private(set) var coverage = Coverage()
    package private(set) var wordCount = 0
    package private(set) var speakerCount = 0
    /// What the service believes the latest words to be; replaced by each message.
    package private(set) var interim = ""
    /// The newest words, oldest first, at most `Limits.recentWords`.
    package private(set) var recent: [Word] = []
    private var assembler = WordAssembler()
    private var speakers: [SpeakerKey: Int] = [:]

    package init() {}

    /// Takes in a message of session number `session`, whose first sample is `base`; nothing beyond `end` counts.
    package mutating func receive(
        _ message: ServiceMessage, session: Int, base: SampleIndex, end: SampleIndex
    ) -> Update {
        var update = Update()
        interim = ""
        for token in message.tokens where !Self.isMarker(token.text) {
            if token.isFinal {
                let final = place(token, session: session, base: base)
                update.finals.append(final)
                if let word = assembler.receive(final) { update.words.append(word) }
            } else {
                interim += token.text
            }
        }
        if message.finished, let word = assembler.finish() { update.words.append(word) }
        // A word whose last token is final and whose audio is past is shown when the next one begins; so is counted.
        count(update.words)
        let covered = min(base.advanced(by: message.finalAudioMilliseconds * SampleIndex.samplesPerMillisecond), end)
        if base < covered { coverage.insert(base..<covered) }
        if message.finished, base < end { coverage.insert(base..<end) }
        return update
    }

    /// A session ended without its last word: what it held open is complete, what was not final is void.
    package mutating func sessionEnded() -> [Word] {
        interim = ""
        guard let word = assembler.finish() else { return [] }
        count([word])
        return [word]
    }

    /// Where the next session has to begin so that no word is lost: the end of what is final.
    package var resumePoint: SampleIndex { coverage.end }

    private mutating func count(_ words: [Word]) {
        wordCount += words.count
        recent += words
        if recent.count > Limits.recentWords { recent.removeFirst(recent.count - Limits.recentWords) }
    }

    private mutating func place(_ token: ServiceToken, session: Int, base: SampleIndex) -> FinalToken {
        let start = base.advanced(by: token.startMilliseconds * SampleIndex.samplesPerMillisecond)
        let end = base.advanced(by: token.endMilliseconds * SampleIndex.samplesPerMillisecond)
        return FinalToken(
            text: token.text, start: start, end: max(start, end), confidence: token.confidence,
            speaker: speaker(of: token.speaker, session: session), language: token.language)
    }

    /// Labels hold for one session only (SPEECH): another session's speaker is another speaker until proved the same.
    private mutating func speaker(of label: String, session: Int) -> Int {
        guard !label.isEmpty else { return 0 }
        let key = SpeakerKey(session: session, label: label)
        if let known = speakers[key] { return known }
        guard speakerCount < Limits.speakers else { return 0 }
        speakerCount += 1
        speakers[key] = speakerCount
        return speakerCount
    }

    /// `<fin>` and `<end>` mark the service's own doings and are never text (SPEECH).
    private static func isMarker(_ text: String) -> Bool { text == "<fin>" || text == "<end>" }
}
