import CloudKit

/// Beside each other: what was said, and the text that a box made of it.
struct SpokenComparison {
    /// A grapheme cluster without case and punctuation, and what stands before it.
    struct Letter {
        var key: String
        var isSpaced: Bool
        /// Since the letter before.
        var punctuation = ""
    }

    private(set) var lost: [String] = []
    private(set) var doubled: [String] = []
    private(set) var moved: [String] = []
    /// Letters in another spelling than any that a session may have chosen, or with a space that nobody said.
    private(set) var misspelt: [String] = []
    let count: Int

    var isSame: Bool { lost.isEmpty && doubled.isEmpty && moved.isEmpty && misspelt.isEmpty }

    /// - Parameters:
    ///   - heard: the pieces that a recording has, and where in it.
    ///   - segments: the transcript's. What stands between two of them is no text.
    init(_ lesson: TextLesson, heard: [(piece: Int, startSample: Int)], segments: [String]) {
        let pieces = heard.map { lesson.pieces[$0.piece] }
        let places = zip(heard, pieces).filter { $0.1.kind != .punctuation }.map { $0.0.startSample / 16 }
        let truth = Self.letters([pieces.map(\.text).joined()])
        let text = Self.letters(segments)
        count = truth.count
        // A letter and its neighbours are written down for each difference.
        func told(_ letters: [Letter], _ place: Int) -> String {
            letters[max(0, place - 6)..<min(letters.count, place + 6)].map(\.key).joined()
        }
        let changes = text.map(\.key).difference(from: truth.map(\.key)).inferringMoves()
        for change in changes {
            switch change {
            case .remove(let place, let key, nil):
                let time = places.indices.contains(place) ? places[place] : -1
                lost.append("\(key) at \(time) ms in \(told(truth, place))")
            case .insert(let place, let key, nil): doubled.append("\(key) in \(told(text, place))")
            case .insert(let place, let key, .some): moved.append("\(key) in \(told(text, place))")
            case .remove(_, _, .some): break
            }
        }
        guard changes.isEmpty else { return }
        for (place, (said, written)) in zip(truth, text).enumerated() {
            let isSpaceRight = said.isSpaced == written.isSpaced || written.punctuation.contains("\n") || place == 0
            let mark = written.punctuation.filter { $0 != "\n" }
            if !isSpaceRight || !Self.spellings(said.punctuation).contains(mark) {
                misspelt.append(
                    "'\(said.punctuation)'→'\(written.punctuation)' \(said.isSpaced)→\(written.isSpaced)"
                        + " at \(places[place]) ms in \(told(truth, place))")
            }
        }
    }

    /// Every way in which sessions write a row of punctuation marks: each as it is, as another one, or not at all.
    private static func spellings(_ punctuation: String) -> Set<String> {
        punctuation.reduce(into: [""]) { all, mark in
            let marks = [String(mark), TextLesson.otherPunctuation(String(mark)), ""]
            all = Set(all.flatMap { before in marks.map { before + $0 } })
        }
    }

    /// A segment's end is written as a newline among the punctuation before the next letter.
    static func letters(_ segments: [String]) -> [Letter] {
        var letters: [Letter] = []
        var punctuation = ""
        var isSpaced = false
        for (number, segment) in segments.enumerated() {
            if number > 0 { punctuation += "\n" }
            for character in segment {
                if character.isWhitespace {
                    isSpaced = true
                } else if character.isPunctuation {
                    punctuation.append(character)
                } else {
                    letters.append(
                        Letter(key: character.lowercased(), isSpaced: isSpaced, punctuation: punctuation))
                    (punctuation, isSpaced) = ("", false)
                }
            }
        }
        return letters
    }
}
