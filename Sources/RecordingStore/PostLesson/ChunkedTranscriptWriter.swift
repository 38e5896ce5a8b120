internal import RecorderCore

/// Gives a transcript out in chunks, in the one format or the other; the same as the whole document's.
class ChunkedTranscriptWriter {
    let words: PagedWords
    /// The next word to be written.
    fileprivate var place = 0

    fileprivate init(_ words: PagedWords) {
        self.words = words
    }

    /// The next chunk, which may be empty; nil at the end.
    func next() throws(StoreError) -> String? { nil }
}

/// `chalkbox-transcript`. A segment tells its end and its text before its words: they are read twice, and only the text
/// of one segment is kept.
final class ChunkedJSONWriter: ChunkedTranscriptWriter {
    /// A segment whose end is looked for.
    private struct Scan {
        var last: Word
        var text: String
        var end: Int
    }

    private let summary: RecordingSummary
    private let gaps: [Gap]
    private let silences: [SilenceMark]
    private let version: TranscriptWriter.Version
    private var writer: TranscriptWriter
    private var scan: Scan?
    /// Words before this are of the segment that is being written.
    private var segmentEnd: Int?
    private var isFinished = false

    private static let wordsAPiece = 64

    init(
        _ summary: RecordingSummary, _ gaps: [Gap], _ silences: [SilenceMark], _ words: PagedWords,
        _ version: TranscriptWriter.Version = .two
    ) {
        self.summary = summary
        self.gaps = gaps
        self.silences = silences
        self.version = version
        writer = TranscriptWriter(
            header: summary.header, samples: summary.samples, speakers: words.speakers, version: version)
        super.init(words)
    }

    override func next() throws(StoreError) -> String? {
        guard !isFinished else { return nil }
        if let end = segmentEnd {
            let pieceEnd = min(end, place + Self.wordsAPiece)
            while place < pieceEnd { writer.add(try nextWord(before: end)) }
            if place == end {
                writer.endSegment()
                segmentEnd = nil
            }
        } else if place < words.count {
            try scanOn()
        } else {
            writer.finish(
                gaps: gaps, silences: silences, coverage: summary.coverage(gaps), interrupted: summary.interrupted)
            isFinished = true
            return writer.take() + "\n"
        }
        return writer.take()
    }

    /// In version 1 with the units that follow it without a space.
    private func nextWord(before end: Int) throws(StoreError) -> Word {
        var word = try words.word(place)
        place += 1
        guard version == .one else { return word }
        while place < end {
            let unit = try words.word(place)
            guard unit.link != .spaced else { break }
            word.take(unit)
            place += 1
        }
        return word
    }

    private func scanOn() throws(StoreError) {
        let first = try words.word(place)
        var scan = scan ?? Scan(last: first, text: first.text, end: place + 1)
        // Else its text would be there twice, and be copied for each piece of a long segment.
        self.scan = nil
        let stop = min(words.count, scan.end + Self.wordsAPiece)
        while scan.end < stop {
            let word = try words.word(scan.end)
            let isOfLanguage = version == .two || word.link != .spaced || word.language == first.language
            guard isOfLanguage, Segment.goesOn(with: word, after: scan.last) else { return begin(first, scan) }
            word.append(to: &scan.text)
            scan.last = word
            scan.end += 1
        }
        guard scan.end < words.count else { return begin(first, scan) }
        self.scan = scan
    }

    private func begin(_ first: Word, _ scan: Scan) {
        writer.beginSegment(first, end: scan.last.end, text: scan.text)
        segmentEnd = scan.end
        self.scan = nil
    }
}

/// What follows the words from the first one to the last.
class ChunkedWordsWriter: ChunkedTranscriptWriter {
    /// The word before, and the first one of its segment.
    fileprivate var last: Word?
    fileprivate var first: Word?
    private var isFinished = false

    private static let wordsAPiece = 64

    fileprivate func head() -> String { "" }
    /// - Parameter beginsSegment: of the first word, too.
    fileprivate func text(of word: Word, beginsSegment: Bool) -> String { "" }
    fileprivate func tail() -> String { "" }

    final override func next() throws(StoreError) -> String? {
        guard !isFinished else { return nil }
        var text = place == 0 ? head() : ""
        let end = min(words.count, place + Self.wordsAPiece)
        while place < end {
            let word = try words.word(place)
            var goesOn = false
            if let last { goesOn = Segment.goesOn(with: word, after: last) }
            if !goesOn { first = word }
            text += self.text(of: word, beginsSegment: !goesOn)
            last = word
            place += 1
        }
        guard place == words.count else { return text }
        isFinished = true
        return text + tail()
    }
}

/// WebVTT and SubRip.
final class ChunkedSubtitleWriter: ChunkedWordsWriter {
    private var cutter = CueCutter()
    private let isWebVTT: Bool
    /// How many there are, and those of them that pass faster than people read.
    private(set) var cues = 0
    private(set) var fastCues = 0

    init(_ words: PagedWords, isWebVTT: Bool) {
        self.isWebVTT = isWebVTT
        super.init(words)
    }

    fileprivate override func head() -> String { isWebVTT ? WebVTT.head : "" }

    fileprivate override func text(of word: Word, beginsSegment: Bool) -> String {
        text(of: cutter.receive(word, beginsSegment: beginsSegment))
    }

    fileprivate override func tail() -> String { text(of: cutter.finish()) }

    private func text(of list: [Cue]) -> String {
        var text = ""
        for cue in list {
            cues += 1
            if cue.isFast { fastCues += 1 }
            text += isWebVTT ? WebVTT.text(of: cue) : SubRip.text(of: cue, number: cues)
        }
        return text
    }
}

/// What is inside of the page. A gap stands before the segment that follows it.
final class ChunkedPageWriter: ChunkedWordsWriter {
    private let summary: RecordingSummary
    private var gaps: ArraySlice<Gap>

    init(_ summary: RecordingSummary, _ gaps: [Gap], _ words: PagedWords) {
        self.summary = summary
        self.gaps = gaps[...]
        super.init(words)
    }

    fileprivate override func head() -> String { TranscriptPage.head(summary) }

    fileprivate override func text(of word: Word, beginsSegment: Bool) -> String {
        var text = ""
        if beginsSegment {
            if last != nil { text += TranscriptPage.end }
            text += gaps(before: word.start) + TranscriptPage.begin(word)
        }
        return text + TranscriptPage.text(of: word, after: beginsSegment ? nil : last, in: first ?? word)
    }

    fileprivate override func tail() -> String {
        (place > 0 ? TranscriptPage.end : "") + gaps(before: SampleIndex(.max))
    }

    private func gaps(before start: SampleIndex) -> String {
        var text = ""
        while let gap = gaps.first, gap.start < start {
            text += TranscriptPage.text(of: gap)
            gaps = gaps.dropFirst()
        }
        return text
    }
}

/// For people, as `TranscriptDocument.plainText` says.
final class ChunkedTextWriter: ChunkedWordsWriter {
    private let gaps: [Gap]

    init(_ gaps: [Gap], _ words: PagedWords) {
        self.gaps = gaps
        super.init(words)
    }

    fileprivate override func text(of word: Word, beginsSegment: Bool) -> String {
        guard beginsSegment else { return word.spaceBefore + word.text.onOneLine }
        return (last == nil ? "" : "\n") + PlainText.begin(word) + word.text.onOneLine
    }

    fileprivate override func tail() -> String {
        var text = place > 0 ? "\n" : ""
        for gap in gaps { text += PlainText.text(of: gap) }
        return text
    }
}
