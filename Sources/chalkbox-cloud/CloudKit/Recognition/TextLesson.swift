/// A lesson of real text in any script, said at a natural pace, and the audio that carries it.
///
/// A tone-coded word every 400 ms tells a recogniser where in the lesson it is: one that begins to listen anywhere
/// knows what is being said. So the text need not fit into the code, and comes without pauses where people make none.
package struct TextLesson: Equatable, Sendable {
    /// What one speaker says without a break.
    package struct Turn: Equatable, Sendable {
        /// From 1.
        package var speaker: Int
        /// BCP 47.
        package var language: String
        package var sentences: [String]

        package init(speaker: Int, language: String, sentences: [String]) {
            (self.speaker, self.language, self.sentences) = (speaker, language, sentences)
        }
    }

    /// The smallest thing that is said: a grapheme cluster, with the space that is written before it.
    package struct Piece: Equatable, Sendable {
        package enum Kind: Equatable, Sendable {
            /// Of a script that writes spaces between words, and of one that does not.
            case letter, unspaced
            case punctuation
        }

        package var text: String
        package var kind: Kind
        package var speaker: Int
        package var language: String
        /// In the lesson's audio; `endSample` is one past the last.
        package var startSample: Int
        package var endSample: Int

        package var isSpaced: Bool { text.hasPrefix(" ") }
    }

    /// A tone-coded word is at each multiple of this.
    static let markSamples = 400 * samplesPerMillisecond
    /// After the last piece.
    private static let endSamples = 16_000

    package let pieces: [Piece]

    /// As many of the turns' sentences as fit into a time; a sentence that does not is left out, and the lesson ends.
    package init(_ turns: [Turn], seconds: Double = .infinity) {
        let limit = seconds.isFinite ? Int(seconds * 16_000) : Int.max
        var speech = Speech()
        said: for (number, turn) in turns.enumerated() {
            for (place, sentence) in turn.sentences.enumerated() {
                let before = speech
                // People do not stop long: between two sentences as a rule not at all, beyond the next mark.
                if number + place > 0 { speech.pause(milliseconds: (number + place) % 6 == 5 ? 800 : 0) }
                speech.say(sentence, turn)
                guard speech.now <= limit - Self.endSamples else {
                    speech = before
                    break said
                }
            }
        }
        pieces = speech.pieces
    }

    /// A file of lines: speaker, language and a sentence, with tabs between them.
    package init(lines: String) throws(TextLessonError) {
        var turns: [Turn] = []
        for line in lines.split(separator: "\n") {
            let fields = line.split(separator: "\t", maxSplits: 2).map(String.init)
            guard fields.count == 3, let speaker = Int(fields[0]), (1...4).contains(speaker) else {
                throw .badLine(String(line))
            }
            if let last = turns.last, last.speaker == speaker, last.language == fields[1] {
                turns[turns.count - 1].sentences.append(fields[2])
            } else {
                turns.append(Turn(speaker: speaker, language: fields[1], sentences: [fields[2]]))
            }
        }
        self.init(turns)
    }

    /// Mono, 16 kHz; a whole number of marks, then silence.
    package var samples: [Int16] {
        var samples: [Int16] = []
        let marks = ((pieces.last?.endSample ?? 0) + Self.markSamples - 1) / Self.markSamples
        for mark in 0..<min(marks, ToneLesson.maximumWords) {
            samples += ToneCode.burst(index: UInt16(mark), speaker: 1)
            samples += repeatElement(0, count: Self.markSamples - ToneCode.wordSamples)
        }
        return samples + repeatElement(0, count: Self.endSamples)
    }

    /// Where the first sentence begins of those at `sample` or later: at a mark, so that who is given the audio from
    /// there on knows it; nil when there is none.
    package func sentence(after sample: Int) -> Int? {
        let start = pieces.indices.first { place in
            pieces[place].startSample >= sample && pieces[place].startSample % Self.markSamples == 0
                && (place == 0 || pieces[place - 1].endSample < pieces[place].startSample)
        }
        return start.map { pieces[$0].startSample }
    }

    /// The pieces that a recording has as a whole, and where they begin in it.
    package func heard(in samples: [Int16]) -> [(piece: Int, startSample: Int)] {
        var ear = TextEar(self)
        var heard: [(piece: Int, startSample: Int)] = []
        for start in stride(from: 0, to: samples.count, by: 16_000) {
            heard += ear.feed(Array(samples[start..<min(start + 16_000, samples.count)]))
        }
        return heard + ear.finish()
    }
}

package enum TextLessonError: Error, Equatable, CustomStringConvertible {
    case badLine(String)

    package var description: String {
        switch self {
        case .badLine(let line):
            "a line of a text lesson is speaker (1 to 4), language and text with tabs between them, not: \(line)"
        }
    }
}

/// Gives text its time.
private struct Speech {
    var pieces: [TextLesson.Piece] = []
    var now = 0

    /// At least so long, and up to the next mark.
    mutating func pause(milliseconds: Int) {
        let end = now + max(1, milliseconds * samplesPerMillisecond)
        now = (end + TextLesson.markSamples - 1) / TextLesson.markSamples * TextLesson.markSamples
    }

    mutating func say(_ sentence: String, _ turn: TextLesson.Turn) {
        var space = ["zh", "ja"].contains(turn.language) ? "" : " "
        for character in sentence {
            guard !character.isWhitespace else {
                space = " "
                continue
            }
            let kind = kind(of: character)
            let isWord = kind == .letter && (!space.isEmpty || pieces.last?.kind != .letter)
            let start = now
            now += Self.milliseconds(kind, beginsWord: isWord) * samplesPerMillisecond
            pieces.append(
                TextLesson.Piece(
                    text: space + String(character), kind: kind, speaker: turn.speaker, language: turn.language,
                    startSample: start, endSample: now))
            space = ""
        }
    }

    /// 5.5 characters a second where no spaces are written, else about 2.5 words of five letters.
    private static func milliseconds(_ kind: TextLesson.Piece.Kind, beginsWord: Bool) -> Int {
        switch kind {
        case .letter: beginsWord ? 170 : 55
        case .unspaced: 180
        case .punctuation: 60
        }
    }

    private func kind(of character: Character) -> TextLesson.Piece.Kind {
        if character.isPunctuation { return .punctuation }
        guard let scalar = character.unicodeScalars.first else { return .letter }
        // Thai and Lao, Burmese, Khmer, kana, Chinese characters.
        let isUnspaced =
            switch scalar.value {
            case 0xE00...0xEFF, 0x1000...0x109F, 0x1780...0x17FF, 0x3005...0x3007, 0x3040...0x30FF, 0x3400...0x9FFF,
                0xF900...0xFAFF, 0x20000...0x3FFFF:
                true
            default: false
            }
        return isUnspaced ? .unspaced : .letter
    }
}
