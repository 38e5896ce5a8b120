/// A made-up lesson: tone-coded words by speakers who take turns, and the truth about it.
package struct ToneLesson: Sendable {
    /// Mono, 16 kHz.
    package let samples: [Int16]
    package let words: [ToneWord]

    package enum Length: Sendable, Equatable {
        case words(Int)
        case seconds(Double)
    }

    /// The code has 16 bits for a word's number.
    package static let maximumWords = 65_536

    /// Makes a lesson; the same arguments always give the same samples.
    ///
    /// Turns are 3 to 10 words; pauses 50 to 400 ms, and 2 s after one word in forty. Words are numbered from
    /// `firstIndex` and each occurs once. A lesson given in seconds is exactly that long, its last word whole.
    ///
    /// - Precondition: 1 to 4 speakers; numbers up to 65 535.
    package init(_ length: Length, speakers: Int = 2, seed: UInt64 = 1, firstIndex: UInt16 = 0) {
        precondition((1...4).contains(speakers), "the code has room for 1 to 4 speakers")
        var random = SplitMix64(state: seed)
        var samples: [Int16] = []
        var words: [ToneWord] = []
        let limit: (words: Int, samples: Int) =
            switch length {
            case .words(let count): (count, Int.max)
            case .seconds(let seconds):
                (Self.maximumWords - Int(firstIndex), Int(seconds * Double(ToneCode.sampleRate)))
            }
        precondition(Int(firstIndex) + limit.words <= Self.maximumWords, "the code has 65 536 word numbers")
        var speaker = 1
        var wordsLeftInTurn = Int.random(in: 3...10, using: &random)
        while words.count < limit.words {
            let isLongPause = Int.random(in: 0..<40, using: &random) == 0
            let pauseMilliseconds = isLongPause ? 2_000 : Int.random(in: 50...400, using: &random)
            let pauseSamples = pauseMilliseconds * 16 + Int.random(in: 0..<16, using: &random)
            guard samples.count + pauseSamples + ToneCode.wordSamples <= limit.samples else { break }
            samples.append(contentsOf: repeatElement(0, count: pauseSamples))
            if wordsLeftInTurn == 0 {
                speaker = Self.next(after: speaker, of: speakers, using: &random)
                wordsLeftInTurn = Int.random(in: 3...10, using: &random)
            }
            wordsLeftInTurn -= 1
            let index = firstIndex + UInt16(words.count)
            words.append(ToneWord(index: index, speaker: speaker, startSample: samples.count))
            let amplitude = Double.random(in: 0.15...0.45, using: &random)
            samples += ToneCode.burst(index: index, speaker: speaker, amplitude: amplitude)
        }
        let trailing = limit.samples == .max ? ToneCode.sampleRate / 4 : limit.samples - samples.count
        samples.append(contentsOf: repeatElement(0, count: max(0, trailing)))
        self.samples = samples
        self.words = words
    }

    private static func next(after speaker: Int, of speakers: Int, using random: inout SplitMix64) -> Int {
        guard speakers > 1 else { return 1 }
        return (speaker - 1 + Int.random(in: 1..<speakers, using: &random)) % speakers + 1
    }

    /// The transcript: the words' texts, one space between.
    package var text: String { words.map(\.text).joined(separator: " ") }
}

/// A small seeded generator (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
package struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(state: UInt64) { self.state = state }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
