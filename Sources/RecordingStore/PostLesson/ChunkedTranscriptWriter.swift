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
    private var writer: TranscriptWriter
    private var scan: Scan?
    /// Words before this are of the segment that is being written.
    private var segmentEnd: Int?
    private var isFinished = false

    private static let wordsAPiece = 64

    init(_ summary: RecordingSummary, _ gaps: [Gap], _ silences: [SilenceMark], _ words: PagedWords) {
        self.summary = summary
        self.gaps = gaps
        self.silences = silences
        writer = TranscriptWriter(header: summary.header, samples: summary.samples, speakers: words.speakers)
        super.init(words)
    }

    override func next() throws(StoreError) -> String? {
        guard !isFinished else { return nil }
        if let end = segmentEnd {
            let pieceEnd = min(end, place + Self.wordsAPiece)
            while place < pieceEnd {
                writer.add(try words.word(place))
                place += 1
            }
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

    private func scanOn() throws(StoreError) {
        let first = try words.word(place)
        var scan = scan ?? Scan(last: first, text: first.text, end: place + 1)
        let stop = min(words.count, scan.end + Self.wordsAPiece)
        while scan.end < stop {
            let word = try words.word(scan.end)
            guard Segment.goesOn(with: word, after: scan.last) else { return begin(first, scan) }
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

/// WebVTT.
final class ChunkedWebVTTWriter: ChunkedTranscriptWriter {
    private var cutter = CueCutter()
    private var last: Word?
    private var isFinished = false

    private static let wordsAPiece = 64

    override init(_ words: PagedWords) {
        super.init(words)
    }

    override func next() throws(StoreError) -> String? {
        guard !isFinished else { return nil }
        var text = place == 0 ? WebVTT.head : ""
        let end = min(words.count, place + Self.wordsAPiece)
        while place < end {
            let word = try words.word(place)
            var goesOn = false
            if let last { goesOn = Segment.goesOn(with: word, after: last) }
            if let cue = cutter.receive(word, beginsSegment: !goesOn) { text += WebVTT.text(of: cue) }
            last = word
            place += 1
        }
        guard place == words.count else { return text }
        isFinished = true
        if let cue = cutter.finish() { text += WebVTT.text(of: cue) }
        return text
    }
}
