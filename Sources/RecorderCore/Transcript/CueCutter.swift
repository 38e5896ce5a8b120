/// Makes cues of words as they come. No text is lost; what has no time of its own gets some.
package struct CueCutter: Sendable {
    /// A word in the open text, or what the last cue left of it.
    private struct Part: Sendable {
        /// Its first character.
        var place: Int
        var start: SampleIndex
        var end: SampleIndex
    }

    private var text: [Unicode.Scalar] = []
    private var parts: [Part] = []
    private var speaker = 0
    /// Letters of the segment that run from right to left, less those that run from left to right.
    private var rightToLeft = 0
    /// It ends when the start of the next one is known.
    private var last: Cue?

    package init() {}

    /// The cues that are settled by this word.
    @inline(never)
    package mutating func receive(_ word: Word, beginsSegment: Bool) -> [Cue] {
        var cues: [Cue] = []
        if beginsSegment {
            cut(text.count, &cues)
            rightToLeft = 0
        }
        let scalars = Self.scalars(of: word.text)
        guard !scalars.isEmpty else { return cues }
        speaker = word.speaker
        let end = max(word.start, word.end)
        if !text.isEmpty { text += word.spaceBefore.unicodeScalars }
        parts.append(Part(place: text.count, start: word.start, end: end))
        text += scalars
        for scalar in scalars {
            if let isRightToLeft = scalar.isRightToLeft { rightToLeft += isRightToLeft ? 1 : -1 }
        }
        while let place = overflow() { cut(place, &cues) }
        return cues
    }

    /// The rest; there are no more words.
    package mutating func finish() -> [Cue] {
        var cues: [Cue] = []
        cut(text.count, &cues)
        if var cue = last {
            cue.settle(before: nil)
            cues.append(cue)
        }
        last = nil
        return cues
    }

    /// Without spaces around it, controls, and what turns text around beyond it: a line may be cut in between.
    private static func scalars(of word: String) -> ArraySlice<Unicode.Scalar> {
        let all = word.onOneLine.unicodeScalars.filter { scalar in
            !(0x202A...0x202E).contains(scalar.value) && !(0x2066...0x2069).contains(scalar.value)
        }
        return Self.trimmed(Array(all)[...])
    }

    private static func trimmed(_ text: ArraySlice<Unicode.Scalar>) -> ArraySlice<Unicode.Scalar> {
        var text = text.drop { $0.isSpace }
        while let last = text.last, last.isSpace { text.removeLast() }
        return text
    }

    /// Where the next cue must begin, as all of the text is too much for one.
    private func overflow() -> Int? {
        guard let first = parts.first, let newest = parts.last else { return nil }
        let isLong = newest.end.samples(since: first.start) > Cue.longestSamples && parts.count > 1
        // Most words follow on the first line.
        guard isLong || text.reduce(0, { $0 + $1.columns }) > Cue.lineColumns else { return nil }
        let lines = CueLines(text, wordStarts: parts.map { $0.place })
        if isLong {
            let place = lines.lastStart(upTo: newest.place)
            if place > 0 { return min(place, lines.ends.last ?? place) }
        }
        return lines.isWhole ? nil : lines.ends.last
    }

    /// Makes cues of the text up to a place.
    private mutating func cut(_ place: Int, _ cues: inout [Cue]) {
        var place = place
        while place > 0, let first = parts.first {
            let head = Array(text[..<place])
            let ends = CueLines(head, wordStarts: parts.map { $0.place }).ends
            var cue = Cue(speaker: speaker, start: first.start, end: first.start, lines: [])
            var begin = 0
            for end in ends {
                var line = ""
                line.unicodeScalars += Self.trimmed(head[begin..<end])
                if !line.isEmpty { cue.lines.append(line) }
                begin = end
            }
            cue.isRightToLeft = rightToLeft > 0
            cue.end = max(cue.end, remove(begin))
            if !cue.lines.isEmpty { add(cue, &cues) }
            place -= begin
        }
    }

    /// Takes so many characters from the text's beginning. A word is as long in time as it has characters.
    /// - Returns: when they have been said.
    private mutating func remove(_ place: Int) -> SampleIndex {
        var said = SampleIndex.zero
        var rest: [Part] = []
        for (number, part) in parts.enumerated() {
            let next = number + 1 < parts.count ? parts[number + 1].place : text.count
            var part = part
            if part.place < place {
                let share = Int64(min(next, place) - part.place)
                let samples = part.end.samples(since: part.start) * share / Int64(next - part.place)
                part.start = part.start.advanced(by: samples)
                said = max(said, part.start)
            }
            part.place = max(0, part.place - place)
            if next > place { rest.append(part) }
        }
        text.removeFirst(place)
        parts = rest
        return said
    }

    private mutating func add(_ cue: Cue, _ cues: inout [Cue]) {
        var cue = cue
        if var last {
            cue.wait(for: last)
            last.settle(before: cue.start)
            cues.append(last)
        }
        last = cue
    }
}
