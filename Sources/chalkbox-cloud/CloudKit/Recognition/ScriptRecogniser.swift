/// Recognises the words that tone codes carry, with a real service's habits: sub-word tokens, non-final at first,
/// final about a second later, speakers numbered as they appear.
package final class ScriptRecogniser: Recogniser {
    /// How far finals lag behind the audio.
    package static let finalDelaySamples = 16_000

    private var decoder = ToneDecoder()
    private var pending: [ToneWord] = []
    private var labels: [Int: String] = [:]
    private var finalSamples = 0
    private var totalSamples = 0

    package init() {}

    package func feed(_ samples: [Int16]) -> Recognition {
        totalSamples += samples.count
        pending += decoder.feed(samples)
        let horizon = totalSamples - Self.finalDelaySamples
        let count = pending.firstIndex { $0.endSample > horizon } ?? pending.count
        let finals = takeFinals(count)
        finalSamples = max(finalSamples, min(horizon, pending.first?.startSample ?? horizon))
        return recognition(finals)
    }

    /// A word that is only half heard stays for the audio to come; nothing else does.
    package func finalize() -> Recognition {
        let lastEnd = pending.last?.endSample
        let finals = takeFinals(pending.count)
        finalSamples = max(finalSamples, lastEnd ?? 0)
        return recognition(finals)
    }

    package func finish() -> Recognition {
        pending += decoder.finish().filter { $0.endSample <= totalSamples }
        let finals = takeFinals(pending.count)
        finalSamples = totalSamples
        return recognition(finals)
    }

    private func recognition(_ finals: [RecognisedToken]) -> Recognition {
        Recognition(
            finals: finals, nonFinals: pending.flatMap(tokens), finalSamples: finalSamples,
            totalSamples: totalSamples)
    }

    private func takeFinals(_ count: Int) -> [RecognisedToken] {
        defer { pending.removeFirst(count) }
        return pending.prefix(count).flatMap(tokens)
    }

    private func tokens(of word: ToneWord) -> [RecognisedToken] {
        let label = labels[word.speaker] ?? "\(labels.count + 1)"
        labels[word.speaker] = label
        let text = Vocabulary.tokens(of: word.index)
        // The first token is the first two letters of five.
        let middle = word.startSample + ToneCode.wordSamples * 2 / 5
        let confidence = 0.9 + Double(word.index % 10) / 100
        return [
            RecognisedToken(
                text: text.first, startSample: word.startSample, endSample: middle, confidence: confidence,
                speaker: label, language: "en"),
            RecognisedToken(
                text: text.second, startSample: middle, endSample: word.endSample, confidence: confidence,
                speaker: label, language: "en"),
        ]
    }
}
