internal import RecorderCore

/// Mistakes made on purpose where the core's words enter the journal.
extension World {
    /// `rawSpeakers`
    func withRawSpeakers(_ effect: RecorderEffect, _ input: RecorderInput) -> RecorderEffect {
        guard case .store(.words(var words, let covered, let gaps)) = effect,
            case .uplink(.message(_, let message)) = input
        else { return effect }
        for place in words.indices {
            let confidence = words[place].confidence
            guard let raw = message.tokens.first(where: { $0.isFinal && $0.confidence == confidence }) else { continue }
            words[place].speaker = Int(raw.speaker) ?? 0
        }
        return .store(.words(words, covered: covered, gaps: gaps))
    }

    /// `doubledOverlap`
    func storeAgain(_ input: RecorderInput) {
        guard case .uplink(.message(let number, let message)) = input, number.number > 1,
            let session = checker.sessions.first(where: { $0.id == number })
        else { return }
        let base = SampleIndex(session.base)
        for token in message.tokens where token.isFinal {
            let start = base.advanced(by: token.startMilliseconds * SampleIndex.samplesPerMillisecond)
            guard start.value < session.edge - Limits.seamSamples else { continue }
            let end = base.advanced(by: token.endMilliseconds * SampleIndex.samplesPerMillisecond)
            let word = Word(
                text: token.text.trimmingSpaces, start: start, end: end, confidence: token.confidence,
                speaker: 0, language: "")
            storeWords([word], store.covered, store.gaps)
        }
    }
}
