/// How one session hears a text lesson: it cuts tokens where another session does not, places them otherwise, and
/// sometimes chooses another case or other punctuation. The same session always does the same.
struct TextHearing {
    private let lesson: TextLesson
    private let habits: ScriptHabits
    /// Of each piece: one past the last of its token.
    let tokenEnds: [Int]

    init(_ lesson: TextLesson, _ habits: ScriptHabits) {
        self.lesson = lesson
        self.habits = habits
        var ends: [Int] = []
        while ends.count < lesson.pieces.count {
            let end = Self.tokenEnd(lesson.pieces, from: ends.count, Self.draw(habits, ends.count, .cut))
            ends += repeatElement(end, count: end - ends.count)
        }
        tokenEnds = ends
    }

    /// One to three characters where no spaces are written, else two to five letters of a word; punctuation is a token
    /// of its own.
    private static func tokenEnd(_ pieces: [TextLesson.Piece], from start: Int, _ draw: Int) -> Int {
        let most =
            switch pieces[start].kind {
            case .letter: 2 + draw % 4
            case .unspaced: 1 + draw % 3
            case .punctuation: 1
            }
        var end = start + 1
        while end < pieces.count, end - start < most, pieces[end].kind == pieces[start].kind, !pieces[end].isSpaced,
            pieces[end].startSample == pieces[end - 1].endSample
        {
            end += 1
        }
        return end
    }

    /// How much later than it is a token is placed: half of it is the session's, half the token's own.
    func shift(of piece: Int) -> Int {
        let most = habits.timeJitterSamples / 2
        guard most > 0 else { return 0 }
        return Self.draw(habits, 0, .sessionPlace) % (2 * most + 1) + Self.draw(habits, piece, .place) % (2 * most + 1)
            - 2 * most
    }

    /// The piece as this session writes it; empty: it leaves it out.
    func text(of place: Int) -> String {
        let piece = lesson.pieces[place]
        guard habits.spellsOtherwise else { return piece.text }
        let draw = Self.draw(habits, place, .spelling) % 100
        if piece.kind == .punctuation {
            // A space is said too.
            if piece.isSpaced { return piece.text }
            if draw < 6 { return "" }
            return draw < 10 ? TextLesson.otherPunctuation(piece.text) : piece.text
        }
        return draw < 5 && piece.isSpaced ? TextLesson.otherCase(piece.text) : piece.text
    }

    private enum Purpose: UInt64 {
        case cut, sessionPlace, place, spelling
    }

    private static func draw(_ habits: ScriptHabits, _ place: Int, _ purpose: Purpose) -> Int {
        var random = SplitMix64(state: UInt64(habits.session) << 40 | purpose.rawValue << 32 | UInt64(place))
        return Int(random.next() >> 33)
    }
}

extension TextLesson {
    /// What a session may take a punctuation mark for.
    package static func otherPunctuation(_ text: String) -> String {
        let pairs = [".": ",", ",": ".", "。": "、", "、": "，", "，": "。", "،": "؛", "؛": "،", "।": ","]
        return pairs[text] ?? text
    }

    /// The first letter in its other case, where it has one.
    package static func otherCase(_ text: String) -> String {
        let (lower, upper) = (text.lowercased(), text.uppercased())
        let other = lower == text ? upper : lower
        return other.count == text.count ? other : text
    }
}
