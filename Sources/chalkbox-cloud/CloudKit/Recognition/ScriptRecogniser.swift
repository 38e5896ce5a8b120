/// Recognises the words that tone codes carry, with a real service's habits: sub-word tokens, non-final at first,
/// final about a second later, speakers numbered as they appear.
package final class ScriptRecogniser: Recogniser {
    /// How far finals lag behind the audio.
    package static let finalDelaySamples = 16_000
    /// By then the decoder has told of a word that begins with the session.
    private static let firstWordDecidedSamples = 2 * ToneCode.wordSamples

    private struct Pending {
        var token: RecognisedToken
        /// The audio after which it may become final.
        var ripeSample: Int
    }

    private let habits: ScriptHabits
    private var decoder = ToneDecoder()
    private var cutWord: CutWordDetector?
    private var pending: [Pending] = []
    private var labels: [Int: String] = [:]
    private var finalSamples = 0
    private var totalSamples = 0

    package init(habits: ScriptHabits = ScriptHabits()) {
        self.habits = habits
        cutWord = habits.mishearsCutWords ? CutWordDetector() : nil
    }

    package func feed(_ samples: [Int16]) -> Recognition {
        totalSamples += samples.count
        cutWord?.feed(samples)
        hear(decoder.feed(samples), isLast: false)
        let horizon = totalSamples - habits.finalDelaySamples
        let count = pending.firstIndex { $0.ripeSample > horizon } ?? pending.count
        let finals = takeFinals(count)
        finalSamples = max(finalSamples, min(horizon, pending.first?.token.startSample ?? horizon))
        return recognition(finals)
    }

    /// A word that is only half heard stays for the audio to come; nothing else does.
    package func finalize() -> Recognition {
        let lastEnd = pending.last?.token.endSample
        let finals = takeFinals(pending.count)
        finalSamples = max(finalSamples, lastEnd ?? 0)
        return recognition(finals)
    }

    package func finish() -> Recognition {
        hear(decoder.finish().filter { $0.endSample <= totalSamples }, isLast: true)
        let finals = takeFinals(pending.count)
        finalSamples = totalSamples
        return recognition(finals)
    }

    private func recognition(_ finals: [RecognisedToken]) -> Recognition {
        Recognition(
            finals: finals, nonFinals: pending.map(\.token), finalSamples: finalSamples,
            totalSamples: totalSamples)
    }

    private func takeFinals(_ count: Int) -> [RecognisedToken] {
        defer { pending.removeFirst(count) }
        return pending.prefix(count).map(\.token)
    }

    private func hear(_ words: [ToneWord], isLast: Bool) {
        if let cut = cutWord, let samples = cut.cutSamples ?? (isLast ? 0 : nil),
            isLast || !words.isEmpty || totalSamples >= Self.firstWordDecidedSamples
        {
            cutWord = nil
            if samples > 0, words.first.map({ $0.startSample >= samples }) ?? true { mishear(samples) }
        }
        for word in words {
            let tokens = tokens(of: word)
            pending += tokens.map {
                Pending(token: $0, ripeSample: habits.splitsTokens ? $0.endSample : word.endSample)
            }
        }
    }

    /// Three letters are no word of the vocabulary, so that a test can tell the word from a lesson's.
    private func mishear(_ samples: Int) {
        let text = Vocabulary.text(of: UInt16(truncatingIfNeeded: samples &+ habits.session &* 977))
        let token = RecognisedToken(
            text: habits.speaksHan ? "\u{554A}" : " " + text.prefix(3), startSample: 0, endSample: samples,
            confidence: 0.4, speaker: "1", language: habits.speaksHan ? "zh" : "en")
        pending.append(Pending(token: token, ripeSample: samples))
    }

    private func tokens(of word: ToneWord) -> [RecognisedToken] {
        let label = labels[word.speaker] ?? "\(labels.count + 1)"
        labels[word.speaker] = label
        let pieces = pieces(of: word.index)
        let shift = habits.shift(of: word.index)
        let start = max(finalSamples, word.startSample + shift)
        let end = min(totalSamples, max(start, word.endSample + shift))
        let confidence = 0.9 + Double(word.index % 10) / 100
        let letters = pieces.reduce(0) { $0 + $1.letters }
        var said = 0
        return pieces.map { piece in
            let from = start + (end - start) * said / letters
            said += piece.letters
            return RecognisedToken(
                text: piece.text, startSample: from, endSample: start + (end - start) * said / letters,
                confidence: confidence, speaker: label, language: habits.speaksHan ? "zh" : "en")
        }
    }

    /// A word's tokens, each with how many of its letters it has.
    private func pieces(of index: UInt16) -> [(text: String, letters: Int)] {
        if habits.speaksHan {
            return Vocabulary.hanTokens(of: index, session: habits.session).map { ($0, $0.unicodeScalars.count) }
        }
        let text = Vocabulary.tokens(of: index)
        // The first token is the first two letters of five.
        return [(text.first, 2), (text.second, 3)]
    }
}
