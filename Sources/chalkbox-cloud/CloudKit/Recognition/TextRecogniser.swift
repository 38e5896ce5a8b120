/// Says what a text lesson says at the place that the audio tells, as one session hears it (`TextHearing`).
final class TextRecogniser: Recogniser {
    private struct Pending {
        var token: RecognisedToken
        /// The audio after which it may become final.
        var ripeSample: Int
    }

    private let lesson: TextLesson
    private let hearing: TextHearing
    private let finalDelaySamples: Int
    private var ear: TextEar
    /// The token that is being said, as far as it was heard.
    private var open: [(piece: Int, startSample: Int)] = []
    private var pending: [Pending] = []
    private var labels: [Int: String] = [:]
    private var lastStart = 0
    private var finalSamples = 0
    private var totalSamples = 0

    init(_ lesson: TextLesson, habits: ScriptHabits) {
        self.lesson = lesson
        hearing = TextHearing(lesson, habits)
        finalDelaySamples = habits.finalDelaySamples
        ear = TextEar(lesson)
    }

    func feed(_ samples: [Int16]) -> Recognition {
        totalSamples += samples.count
        hear(ear.feed(samples))
        // The rest of a token that does not come on was not said.
        if let first = open.first, totalSamples - first.startSample > 32_000 { close() }
        let horizon = totalSamples - finalDelaySamples
        let finals = takeFinals(pending.firstIndex { $0.ripeSample > horizon } ?? pending.count)
        let waiting = pending.first?.token.startSample ?? open.first?.startSample ?? horizon
        finalSamples = max(finalSamples, min(horizon, waiting))
        return recognition(finals)
    }

    func finalize() -> Recognition {
        let lastEnd = pending.last?.token.endSample ?? 0
        let finals = takeFinals(pending.count)
        finalSamples = max(finalSamples, lastEnd)
        return recognition(finals)
    }

    func finish() -> Recognition {
        hear(ear.finish())
        close()
        let finals = takeFinals(pending.count)
        finalSamples = totalSamples
        return recognition(finals)
    }

    private func recognition(_ finals: [RecognisedToken]) -> Recognition {
        Recognition(
            finals: finals, nonFinals: pending.map(\.token), finalSamples: finalSamples, totalSamples: totalSamples)
    }

    private func takeFinals(_ count: Int) -> [RecognisedToken] {
        defer { pending.removeFirst(count) }
        return pending.prefix(count).map(\.token)
    }

    private func hear(_ pieces: [(piece: Int, startSample: Int)]) {
        for heard in pieces {
            if let last = open.last, last.piece + 1 != heard.piece { close() }
            open.append(heard)
            if heard.piece + 1 == hearing.tokenEnds[heard.piece] { close() }
        }
    }

    private func close() {
        guard let first = open.first, let last = open.last else { return }
        let text = open.map { hearing.text(of: $0.piece) }.joined()
        open = []
        let piece = lesson.pieces[first.piece]
        let label = labels[piece.speaker] ?? "\(labels.count + 1)"
        labels[piece.speaker] = label
        guard !text.isEmpty else { return }
        let end = last.startSample + lesson.pieces[last.piece].endSample - lesson.pieces[last.piece].startSample
        let shift = hearing.shift(of: first.piece)
        // In order, and not where everything is final already.
        lastStart = min(totalSamples, max(finalSamples, lastStart, first.startSample + shift))
        let token = RecognisedToken(
            text: text, startSample: lastStart, endSample: min(totalSamples, max(lastStart, end + shift)),
            confidence: 0.9, speaker: label, language: piece.language, pieces: first.piece..<(last.piece + 1))
        pending.append(Pending(token: token, ripeSample: end))
    }
}
