internal import RecorderCore

/// One word as it is said in the simulated classroom; times are milliseconds of the recording.
struct ScriptWord {
    /// Place in `Vocabulary`.
    var text: Int
    var start: Int64
    var end: Int64
    var voice: Int
}

/// What is said in one recording, and how the recogniser of any session would have to write it.
struct Script {
    static let voices = 3
    let vocabulary: Vocabulary
    var words: [ScriptWord] = []

    /// - Parameters:
    ///   - silences: where the microphone hears nothing, in milliseconds of the recording.
    init(seed: UInt64, length: Int64, silences: [Range<Int64>], writing: Writing = .latin) {
        vocabulary = .of(writing)
        var random = RandomSource(seed: seed, stream: 1)
        let voices = Int(random.between(1, Int64(Self.voices)))
        // Some teachers speak without a pause, others let the class work.
        let silencePercent = random.between(0, 20)
        let repeatPercent = random.between(0, 40)
        var time = random.between(0, 3_000)
        var voice = 0
        words.reserveCapacity(Int(length / 400))
        while time < length {
            let isSpaced = vocabulary.isSpaced
            for _ in 0..<(isSpaced ? random.between(3, 10) : random.between(5, 30)) {
                let isShort = random.percent(60)
                var text = Int(
                    isShort ? random.next(through: 7) : random.between(8, Int64(vocabulary.pieces.count) - 1))
                if let last = words.last, random.percent(repeatPercent) { text = last.text }
                if let last = words.last, vocabulary.isTerm(last.text), vocabulary.isTerm(text) { text = 0 }
                let isLong = isSpaced ? text >= Vocabulary.short : vocabulary.isTerm(text)
                let shortest: Int64 = isLong ? 260 : isSpaced ? 150 : 120
                let longest: Int64 = isLong ? 500 : isSpaced ? 260 : 220
                let end = time + random.between(shortest, longest)
                if !silences.contains(where: { $0.lowerBound < end && time < $0.upperBound }) {
                    words.append(ScriptWord(text: text, start: time, end: end, voice: voice))
                }
                time = end + (isSpaced ? random.between(50, 400) : random.between(0, 40))
            }
            if !isSpaced { time += random.between(0, 700) }
            if random.percent(silencePercent) { time += random.between(2_000, 30_000) }
            voice = (voice + Int(random.between(0, Int64(voices) - 1))) % voices
        }
    }

    /// Nothing that is said in that time is recorded.
    mutating func silence(from start: Int64, to end: Int64) {
        words.removeAll { $0.start < end && start < $0.end }
    }

    /// The first word that ends after `time`.
    func firstWord(endingAfter time: Int64) -> Int {
        var low = 0
        var high = words.count
        while low < high {
            let middle = (low + high) / 2
            if words[middle].end > time { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
