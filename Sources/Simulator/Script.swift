internal import RecorderCore

/// One word as it is said in the simulated classroom; times are milliseconds of the recording.
struct ScriptWord {
    /// Place in `Vocabulary`.
    var text: Int
    var start: Int64
    var end: Int64
    var voice: Int
}

/// The words of the simulated lessons, cut into the service's tokens. Short ones come often and repeat: they are what
/// a seam can get wrong.
enum Vocabulary {
    static let pieces: [[String]] = [
        [" no"], [" the"], [" yes"], [" a"], [" of"], [" so"], [" and"], [" it"],
        [" frac", "tion"], [" photo", "synth", "esis"], [" num", "ber"], [" divide"], [" tri", "angle"],
        [" wa", "ter"], [" because"], [" home", "work"], [" Mon", "day"], [" que", "stion"], [" write"], [" page"],
        [" lis", "ten"], [" re", "mem", "ber"], [" left"], [" right"],
    ]
    static let short = 8
    /// As a session that hears the word at the beginning of a sentence writes it.
    static let capitalised: [[String]] = pieces.map { pieces in
        var pieces = pieces
        let letters = pieces[0].dropFirst()
        pieces[0] = " " + letters.prefix(1).uppercased() + letters.dropFirst()
        return pieces
    }
    static let texts: [String] = pieces.map { $0.joined().dropFirst().lowercased() }
    static let places = Dictionary(uniqueKeysWithValues: texts.enumerated().map { ($1, $0) })

    /// A word without what recognisers add to it; nil when nobody said such a word.
    static func place(of text: String) -> Int? {
        if let place = places[text] { return place }
        return places[text.lowercased().filter { $0.isLetter }]
    }
}

/// What is said in one recording, and how the recogniser of any session would have to write it.
struct Script {
    static let voices = 3
    private(set) var words: [ScriptWord] = []

    /// - Parameters:
    ///   - silences: where the microphone hears nothing, in milliseconds of the recording.
    init(seed: UInt64, length: Int64, silences: [Range<Int64>]) {
        var random = RandomSource(seed: seed, stream: 1)
        let voices = Int(random.between(1, Int64(Self.voices)))
        // Some teachers speak without a pause, others let the class work.
        let silencePercent = random.between(0, 20)
        let repeatPercent = random.between(0, 40)
        var time = random.between(0, 3_000)
        var voice = 0
        words.reserveCapacity(Int(length / 400))
        while time < length {
            for _ in 0..<random.between(3, 10) {
                let isShort = random.percent(60)
                var text = Int(
                    isShort ? random.next(through: 7) : random.between(8, Int64(Vocabulary.pieces.count) - 1))
                if let last = words.last, random.percent(repeatPercent) { text = last.text }
                let end = time + (text < Vocabulary.short ? random.between(150, 260) : random.between(260, 500))
                if !silences.contains(where: { $0.lowerBound < end && time < $0.upperBound }) {
                    words.append(ScriptWord(text: text, start: time, end: end, voice: voice))
                }
                time = end + random.between(50, 400)
            }
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
