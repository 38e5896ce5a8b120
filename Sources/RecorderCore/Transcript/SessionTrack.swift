/// One session of the service on its way into the transcript: joins its final tokens into words and knows which stretch
/// of the recording the session is to give text for. The rest that it hears is overlap, for comparison only.
struct SessionTrack: Equatable, Sendable {
    /// A word as the session has it; whose voice it is in the recording is not decided yet.
    struct Word: Equatable, Sendable {
        var text: String
        var start: SampleIndex
        var end: SampleIndex
        var confidence: Double
        /// The session's own name for the speaker.
        var label: String
        var language: String
        var link: WordLink
        /// Counts the session's units; between those of one token and those of the next a number is left out.
        var number: Int
        /// It ended with a space.
        var isWhole: Bool
    }

    /// A label of the session beside a speaker of the recording.
    struct Voice: Equatable, Sendable {
        var label: String
        var speaker: Int
        var samples: Int64 = 0
    }

    private struct Shift: Equatable, Sendable {
        var session: Int
        var samples: Int64
    }

    private struct TokenKey: Equatable, Sendable {
        var text: String
        var start: Int64
        var end: Int64

        init(_ token: ServiceToken) {
            (text, start, end) = (token.text, token.startMilliseconds, token.endMilliseconds)
        }
    }

    let session: Int
    /// The recording's sample that is the session's first.
    let base: SampleIndex
    /// What the session is to give text for.
    let window: Range<SampleIndex>
    /// Where in the recording the window's edges may be taken for a word's beginning or end (`Stitching.swift`).
    let tolerance: Int64
    /// The recording's speaker of each of the session's labels, once a word needed it.
    var speakers: [Voice] = []
    /// Samples of speech that a label shares with each of the recording's speakers.
    var shared: [Voice] = []
    /// The last word of an earlier session that was heard again.
    var match: LiveTranscript.Match?
    /// How much later than this session earlier ones place a word: words that are alone tell.
    private var shifts: [Shift] = []
    /// The word that is still open, as far as it was heard.
    private(set) var open: Word?
    /// The unit that was closed last: what comes late may belong to it.
    private var closed: Word?
    private var number = 0
    private var final = SampleIndex.zero
    /// The newest final tokens: a service may send one twice.
    private var seen: [TokenKey] = []

    private static let seenTokens = 64
    private static let knownShifts = 8
    /// Sub-words of one word follow each other closely; what comes later, or from before, is another word.
    private static let longestPause = SampleIndex.samplesPerSecond
    /// Silence of this length behind a word says that nothing more will be added to it.
    private static let wholeAfter = SampleIndex.samplesPerSecond / 2

    init(session: Int, base: SampleIndex, window: Range<SampleIndex>, tolerance: Int64) {
        self.session = session
        self.base = base
        self.window = window
        self.tolerance = tolerance
    }

    /// The recording's speaker of a label; nil while no word needed it.
    func speaker(of label: String) -> Int? {
        speakers.first { $0.label == label }?.speaker
    }

    func hasSpeaker(_ number: Int) -> Bool {
        speakers.contains { $0.speaker == number }
    }

    /// Two of the recording's speakers turned out to be one.
    mutating func rename(_ retired: Int, to speaker: Int) {
        for place in speakers.indices where speakers[place].speaker == retired { speakers[place].speaker = speaker }
        let old = shared.filter { $0.speaker == retired }
        shared.removeAll { $0.speaker == retired }
        for voice in old { share(voice.samples, of: voice.label, with: speaker) }
        if match?.old.word.speaker == retired { match?.old.word.speaker = speaker }
    }

    mutating func share(_ samples: Int64, of label: String, with speaker: Int) {
        if let place = shared.firstIndex(where: { $0.label == label && $0.speaker == speaker }) {
            shared[place].samples += samples
        } else if shared.count < Limits.speakers * 4 {
            shared.append(Voice(label: label, speaker: speaker, samples: samples))
        }
    }

    /// Samples by which an earlier session places words later than this one does, as far as it is known.
    func shift(of session: Int) -> Int64 {
        shifts.first { $0.session == session }?.samples ?? 0
    }

    func knowsShift(of session: Int) -> Bool { shifts.contains { $0.session == session } }

    /// Whether the session, wherever it places things, was there when the word began.
    func hasHeard(_ word: RecorderCore.Word) -> Bool {
        if case .some = match { return true }
        return base == .zero || word.start >= base.advanced(by: Limits.seamSamples)
    }

    mutating func learn(shift samples: Int64, of session: Int) {
        shifts.removeAll { $0.session == session }
        // The newest few: a session meets the ones beside it, not all that ever were.
        if shifts.count >= Self.knownShifts { shifts.removeFirst() }
        shifts.append(Shift(session: session, samples: samples))
    }

    /// Everything before this has its final words; a word that is still open is not among them.
    var through: SampleIndex {
        min(open?.start ?? final, final)
    }

    /// Takes in a message's final tokens; nothing lies beyond `end`.
    /// - Returns: the words that are whole now.
    mutating func receive(_ message: ServiceMessage, end: SampleIndex) -> [Word] {
        var whole: [Word] = []
        for token in unseen(message) { add(token, end, &whole) }
        final = max(final, place(message.finalAudioMilliseconds, end))
        if message.finished { final = max(final, window.upperBound) }
        if let word = open, message.finished || word.isWhole || final >= word.end.advanced(by: Self.wholeAfter) {
            if let last = takeOpen() { whole.append(last) }
        }
        return whole
    }

    /// The final tokens that were not there before. Within a message all count, as a service may place `0 0 0` alike;
    /// one of an earlier message that comes again, alone or with all of its message, does not.
    private mutating func unseen(_ message: ServiceMessage) -> [ServiceToken] {
        let fresh = message.tokens.filter { $0.isFinal && !seen.contains(TokenKey($0)) }
        seen += fresh.map(TokenKey.init)
        if seen.count > Self.seenTokens { seen.removeFirst(seen.count - Self.seenTokens) }
        return fresh
    }

    /// Where in the recording that is. What a service says is no reason to trap: it is brought in between the session's
    /// beginning and `end`.
    func place(_ milliseconds: Int64, _ end: SampleIndex) -> SampleIndex {
        let most = max(0, end.samples(since: base)) / SampleIndex.samplesPerMillisecond
        let samples = max(0, min(milliseconds, most + 1)) * SampleIndex.samplesPerMillisecond
        return min(max(base, end), base.advanced(by: samples))
    }

    /// The session has ended in mid-word.
    mutating func takeOpen() -> Word? {
        guard var word = open else { return nil }
        open = nil
        word.text = SurrogateHalf.mended(word.text)
        closed = word
        return word
    }

    /// Puts a token's units into words; those that it shows to be whole go to `whole`.
    private mutating func add(_ token: ServiceToken, _ limit: SampleIndex, _ whole: inout [Word]) {
        let (units, endsWithSpace) = TextUnit.units(of: token.text)
        guard !units.isEmpty else {
            if endsWithSpace {
                if let word = takeOpen() { whole.append(word) }
                closed?.isWhole = true
            }
            return
        }
        number += 1
        let start = place(token.startMilliseconds, limit)
        let end = max(start, place(token.endMilliseconds, limit))
        for (place, unit) in units.enumerated() {
            number += 1
            let time = TextUnit.time(of: place, in: units.count, from: start, to: end)
            var word = Word(
                text: unit.text, start: time.start, end: time.end, confidence: token.confidence,
                label: token.speaker, language: token.language, link: .spaced, number: number,
                isWhole: place == units.count - 1 && endsWithSpace)
            if !unit.isSpaced, take(&word) { continue }
            if let before = takeOpen() { whole.append(before) }
            open = word
        }
    }

    /// A unit that comes without a space belongs to the open word, or is linked to the one before.
    /// - Returns: whether it is in the open word now.
    private mutating func take(_ unit: inout Word) -> Bool {
        // Punctuation may come with another speaker's label, or none.
        let isPunctuation = TextUnit.isPunctuation(unit.text)
        if var word = open, !word.isWhole, word.label == unit.label || isPunctuation,
            Self.isNear(unit, word.start, word.end)
        {
            guard TextUnit.goesOn(unit.text, after: word.text) else {
                unit.link = .joined
                return false
            }
            word.text += unit.text
            word.end = max(word.end, unit.end)
            word.confidence = min(word.confidence, unit.confidence)
            word.isWhole = unit.isWhole
            open = word
            return true
        }
        // Whatever the pause, and also at a session's beginning.
        if TextUnit.isUnspaced(unit.text) { unit.link = .joined }
        guard open == nil, let closed, !closed.isWhole, closed.label == unit.label || isPunctuation,
            Self.isNear(unit, closed.start, closed.end)
        else { return false }
        if TextUnit.goesOn(unit.text, after: closed.text) {
            unit.link = .part
            if isPunctuation { (unit.label, unit.language) = (closed.label, closed.language) }
        } else {
            unit.link = .joined
        }
        return false
    }

    /// Sub-words of one word follow each other closely, and may overlap.
    private static func isNear(_ unit: Word, _ start: SampleIndex, _ end: SampleIndex) -> Bool {
        unit.start >= start.advanced(by: -longestPause) && unit.start.samples(since: end) <= longestPause
    }
}
