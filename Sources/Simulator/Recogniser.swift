internal import RecorderCore

/// The service's side of one session: which of the scripted words it has heard, how it writes them, and where it
/// places them. It depends on the session and on the audio alone, so it can be asked at any time.
struct Recogniser {
    /// A token's confidence carries the place of its word in the script, so that a word can be followed through the
    /// box: the core passes it on and never judges by it.
    static let unit = 1.0 / 65_536
    static let garbage = 1.0
    private static let labels = (1...Limits.speakers).map(String.init)

    private let script: Script
    private let seed: UInt64
    private let serial: Int
    /// Milliseconds of the recording.
    private let base: Int64
    /// How much later than they were said the session places all words.
    private let offset: Int64
    private let finality: Int64
    /// It is another model than the last session's, maybe, which writes some words otherwise.
    private let respells: Bool
    private var vocabulary: Vocabulary { script.vocabulary }
    private var word: Int
    private var piece = 0
    /// Before this all tokens are final, in the session's own placing.
    private(set) var final: Int64
    /// In the order of its labels.
    var voices: [Int] = []
    private var isCutDone: Bool

    /// - Parameter offset: the largest.
    init(
        seed: UInt64, serial: Int, script: Script, base: Int64, offset: Int64, finality: Int64, mixesModels: Bool
    ) {
        self.script = script
        self.seed = seed
        self.serial = serial
        self.base = base
        let draw = Int64(chance(seed, serial, 1) % 2_001) - 1_000
        self.offset = draw * offset / 1_000
        self.finality = max(300, finality + Int64(chance(seed, serial, 2) % 600) - 300)
        respells = mixesModels && chance(seed, serial, 4) % 2 == 0
        final = base
        word = script.firstWord(endingAfter: base)
        isCutDone = word >= script.words.count || script.words[word].start >= base
    }

    /// - Parameter heard: milliseconds of the recording of which the service has the audio.
    mutating func hear(through heard: Int64, extraDelay: Int64, isFinished: Bool) -> ServiceMessage {
        let slow = Int64(chance(seed, serial, Int(heard / 3_000)) % 700)
        let sure = isFinished ? heard : heard - finality - slow - extraDelay + offset - 20
        final = min(heard, max(final, sure))
        var message = ServiceMessage(finished: isFinished)
        if !isCutDone { hearCutWord(heard: heard, &message) }
        if isCutDone {
            if vocabulary.isSpaced {
                hearFinal(heard: heard, &message)
            } else {
                hearLetters(heard: heard, isFinished: isFinished, &message)
            }
        }
        if isFinished { hearLastWord(heard: heard, &message) } else { guess(heard: heard, &message) }
        message.finalAudioMilliseconds = max(0, told - base)
        message.totalAudioMilliseconds = heard - base
        return message
    }

    // MARK: Tokens

    private func shift(_ word: Int) -> Int64 {
        offset + Int64(chance(seed, serial, word &+ 1_000) % 41) - 20
    }

    private func pieces(_ place: Int) -> [String] {
        let text = script.words[place].text
        if respells { return vocabulary.respelled[text] }
        return chance(seed, serial, place &+ 500_000) % 12 == 0
            ? vocabulary.capitalised[text] : vocabulary.pieces[text]
    }

    private func hasComma(_ place: Int) -> Bool { chance(seed, serial, place &+ 900_000) % 12 == 0 }

    private mutating func label(_ voice: Int) -> String {
        if let known = voices.firstIndex(of: voice) { return Self.labels[known] }
        voices.append(voice)
        return Self.labels[voices.count - 1]
    }

    private func token(
        _ text: String, _ start: Int64, _ end: Int64, _ confidence: Double, isFinal: Bool, _ label: String,
        language: String
    ) -> ServiceToken {
        ServiceToken(
            text: text, startMilliseconds: max(0, start - base), endMilliseconds: max(0, end - base),
            confidence: confidence, isFinal: isFinal, speaker: label, language: language)
    }

    /// All tokens that are final now and were not before.
    private mutating func hearFinal(heard: Int64, _ message: inout ServiceMessage) {
        while word < script.words.count {
            let said = script.words[word]
            guard said.end <= heard else { return }
            let pieces = pieces(word)
            let start = said.start + shift(word)
            let length = said.end - said.start
            let count = Int64(pieces.count)
            while piece < pieces.count {
                let end = min(heard, start + length * Int64(piece + 1) / count)
                guard end <= final else { return }
                let begin = min(end, start + length * Int64(piece) / count)
                message.tokens.append(
                    token(
                        pieces[piece], begin, end, Double(word + 1) * Self.unit, isFinal: true, label(said.voice),
                        language: vocabulary.language(of: said.text)))
                piece += 1
            }
            if hasComma(word) {
                let end = min(heard, start + length)
                message.tokens.append(
                    token(vocabulary.comma, end, end, Double(word + 1) * Self.unit, isFinal: true, label(said.voice),
                        language: vocabulary.language(of: said.text)))
            }
            word += 1
            piece = 0
        }
    }

    /// Where no spaces are written, each hearing puts the letters into other tokens.
    private mutating func hearLetters(heard: Int64, isFinished: Bool, _ message: inout ServiceMessage) {
        while word < script.words.count, script.words[word].end <= heard {
            var last = lastOfToken(word)
            if isFinished { while last > word, script.words[last].end > heard { last -= 1 } }
            guard script.words[last].end <= heard else { return }
            let end = min(heard, script.words[last].end + shift(last))
            guard end <= final || isFinished else { return }
            let start = min(end, script.words[word].start + shift(word))
            let said = script.words[word]
            let confidence = Double(word + 1) * Self.unit
            let pieces = pieces(word)
            let isCut = last == word && chance(seed, serial, word &+ 800_000) % 4 == 0
            var texts = isCut ? pieces : [(word...last).map { self.pieces($0).joined() }.joined()]
            if hasComma(last) { texts.append(vocabulary.comma) }
            for (place, text) in texts.enumerated() {
                let isComma = text == vocabulary.comma
                let length = isCut ? end - start : 0
                let begin = isComma ? end : start + length * Int64(place) / Int64(pieces.count)
                message.tokens.append(
                    token(
                        text, begin, isCut && !isComma ? begin + length / Int64(pieces.count) : end, confidence,
                        isFinal: true, label(said.voice), language: vocabulary.language(of: said.text)))
            }
            word = last + 1
        }
    }

    private func lastOfToken(_ first: Int) -> Int {
        let most = first + Int(chance(seed, serial, first &+ 700_000) % 3)
        var last = first
        while last < most, last + 1 < script.words.count, !hasComma(last) {
            let (one, next) = (script.words[last], script.words[last + 1])
            guard one.voice == next.voice, next.start - one.end < 100, !vocabulary.isTerm(one.text),
                !vocabulary.isTerm(next.text)
            else { break }
            last += 1
        }
        return last
    }

    /// Before this nothing will come any more. A token that is not sent yet begins later.
    private var told: Int64 {
        guard !vocabulary.isSpaced, isCutDone, word < script.words.count else { return final }
        return min(final, script.words[word].start + shift(word))
    }

    /// The session began in the middle of a word.
    private mutating func hearCutWord(heard: Int64, _ message: inout ServiceMessage) {
        let said = script.words[word]
        guard said.end <= heard, min(heard, said.end + 20) <= final || message.finished else { return }
        isCutDone = true
        if base - said.start <= 40 { return }
        if said.end - base >= 60 {
            let text = vocabulary.garbage[Int(chance(seed, serial, 3) % 4)]
            message.tokens.append(token(text, base, said.end, Self.garbage, isFinal: true, label(said.voice),
                        language: vocabulary.language(of: said.text)))
        }
        word += 1
    }

    /// The audio ended in the middle of a word.
    private mutating func hearLastWord(heard: Int64, _ message: inout ServiceMessage) {
        guard word < script.words.count, script.words[word].start + 60 <= heard else { return }
        let said = script.words[word]
        message.tokens.append(
            token(vocabulary.garbage[0], max(base, said.start), heard, Self.garbage, isFinal: true, label(said.voice),
                        language: vocabulary.language(of: said.text)))
    }

    /// Words that may still change.
    private mutating func guess(heard: Int64, _ message: inout ServiceMessage) {
        var place = word
        var from = piece
        while place < script.words.count, script.words[place].start + 100 <= heard, message.tokens.count < 24 {
            let said = script.words[place]
            let start = said.start + shift(place)
            for piece in vocabulary.pieces[said.text].dropFirst(from) {
                message.tokens.append(
                    token(piece, start, min(heard, said.end), 0.5, isFinal: false, label(said.voice),
                        language: ""))
            }
            place += 1
            from = 0
        }
    }
}
