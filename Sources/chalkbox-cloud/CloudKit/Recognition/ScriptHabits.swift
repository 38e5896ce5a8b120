/// The habits of a real service that the scripted recogniser takes on.
package struct ScriptHabits: Equatable, Sendable {
    /// Other sessions shift words by other amounts.
    package var session = 1
    /// How far finals lag behind the audio.
    package var finalDelaySamples = ScriptRecogniser.finalDelaySamples
    /// Each token of a word becomes final on its own, so that a word can be half final.
    package var splitsTokens = false
    /// Words are Chinese characters without spaces.
    package var speaksHan = false
    /// A session that begins within a word begins with a wrong word.
    package var mishearsCutWords = false
    /// Case and punctuation are not always another session's. Of a text lesson only.
    package var spellsOtherwise = false
    /// The most a word's times are off.
    package var timeJitterSamples = 0

    package init() {}

    init(_ plan: FaultPlan, session: Int) {
        self.session = session
        if let delay = plan.finalDelayMilliseconds { finalDelaySamples = delay * samplesPerMillisecond }
        splitsTokens = plan.splitTokens
        speaksHan = plan.hanWords
        mishearsCutWords = plan.cutWords
        spellsOtherwise = plan.spellOtherwise
        timeJitterSamples = plan.timeJitterMilliseconds * samplesPerMillisecond
    }

    /// How much a word's times are off in this session; always the same for the same word.
    func shift(of word: UInt16) -> Int {
        guard timeJitterSamples > 0 else { return 0 }
        var random = SplitMix64(state: UInt64(session) << 16 | UInt64(word))
        return Int.random(in: -timeJitterSamples...timeJitterSamples, using: &random)
    }
}

/// Hears the rest of a word that began before the session did.
///
/// The audio must be loud from its first 10 ms on; it is a cut word when no whole word turns out to begin there.
struct CutWordDetector {
    private static let blockSamples = 160
    /// Mean square of what counts as voice; silence and dither are far below, -54 dBFS.
    private static let loudMeanSquare = 4_000.0
    /// A real service makes no word of less.
    private static let shortestSamples = 40 * samplesPerMillisecond

    private var block: [Int16] = []
    private var voicedSamples = 0
    /// Where the voice ended, once it has.
    private var end: Int?

    /// The length of the cut word, when it is clear that there is one; asked until the answer is used.
    var cutSamples: Int? { end.flatMap { $0 >= Self.shortestSamples ? $0 : nil } }

    mutating func feed(_ samples: [Int16]) {
        for sample in samples {
            if end != nil { return }
            block.append(sample)
            guard block.count == Self.blockSamples else { continue }
            let square = block.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(Self.blockSamples)
            block.removeAll(keepingCapacity: true)
            if square >= Self.loudMeanSquare { voicedSamples += Self.blockSamples }
            if square < Self.loudMeanSquare || voicedSamples >= ToneCode.wordSamples { end = voicedSamples }
        }
    }
}
