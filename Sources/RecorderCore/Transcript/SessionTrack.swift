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

        /// Samples that it shares with an earlier session's word; negative: so many are between them.
        ///
        /// - Parameter shift: how much later that session places words.
        func overlap(_ old: RecorderCore.Word, shift: Int64) -> Int64 {
            let start = max(self.start.advanced(by: shift), old.start)
            return min(end.advanced(by: shift), old.end).samples(since: start)
        }
    }

    /// A label of the session beside a speaker of the recording.
    struct Voice: Equatable, Sendable {
        var label: String
        var speaker: Int
        var samples: Int64 = 0
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
    /// The newest words, beside those of earlier sessions, in order.
    private(set) var compared: [SeamAlignment.Heard] = []
    /// The last word before those that was heard again.
    private(set) var anchor: SeamAlignment.CommittedPlace?
    /// Where earlier sessions placed the last word that was heard again: what follows comes after it.
    private var floor = SampleIndex.zero
    /// The word that is still open, as far as it was heard.
    private(set) var open: Word?
    /// The unit that was closed last: what comes late may belong to it.
    private var closed: Word?
    /// The last closed unit that is more than punctuation is of a script without spaces.
    private var closesUnspaced = false
    private var number = 0
    private var final = SampleIndex.zero
    /// The newest final tokens: a service may send one twice.
    private var seen: [TokenKey] = []

    private static let seenTokens = 64
    private static let comparedWords = 12
    /// So much is waited for what follows a word and tells whether it is new: words, and samples.
    private static let followingWords = 6
    private static let followingSamples = SampleIndex.samplesPerSecond
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

    /// Two of the recording's speakers turned out to be one.
    mutating func rename(_ retired: Int, to speaker: Int) {
        for place in speakers.indices where speakers[place].speaker == retired { speakers[place].speaker = speaker }
        let old = shared.filter { $0.speaker == retired }
        shared.removeAll { $0.speaker == retired }
        for voice in old { share(voice.samples, of: voice.label, with: speaker) }
    }

    mutating func share(_ samples: Int64, of label: String, with speaker: Int) {
        if let place = shared.firstIndex(where: { $0.label == label && $0.speaker == speaker }) {
            shared[place].samples += samples
        } else if shared.count < Limits.speakers * 4 {
            shared.append(Voice(label: label, speaker: speaker, samples: samples))
        }
    }

    // MARK: Words beside those of earlier sessions

    mutating func compare(_ word: Word, key: [UInt8]) {
        compared.append(SeamAlignment.Heard(word: word, key: key))
    }

    /// The oldest word on which nothing is decided.
    var undecided: Int? { compared.firstIndex { $0.verdict == .open } }

    mutating func decide(_ place: Int, _ verdict: SeamAlignment.Heard.Verdict) {
        compared[place].verdict = verdict
        if case .passed(let old?) = verdict { floor = max(floor, old.start) }
        while compared.count > Self.comparedWords, compared[0].verdict != .open {
            if case .passed(let old?) = compared.removeFirst().verdict { anchor = old }
        }
    }

    /// A word's time, between the words of earlier sessions that it was said between, however those placed them.
    ///
    /// - Parameters:
    ///   - near: other sessions' words near it, by start.
    ///   - follower: the first word behind it that was heard again, as far as it is known.
    func ordered(
        _ word: Word, _ near: [LiveTranscript.CommittedWord], before follower: SeamAlignment.CommittedPlace?
    ) -> (start: SampleIndex, end: SampleIndex) {
        var next = follower?.start
        if window.upperBound != SampleIndex(.max) {
            let after = window.upperBound.advanced(by: -Limits.seamSamples / 2)
            let first = near.first { $0.word.start > floor && $0.word.start >= after }
            if let first { next = min(next ?? first.word.start, first.word.start) }
        }
        var start = max(word.start, floor)
        if let next, next > floor { start = min(start, max(floor, next.advanced(by: -1))) }
        return (start, max(start, word.end))
    }

    /// Nothing is near that the words could be.
    mutating func forgetCompared() { compared = [] }

    mutating func forgetUndecided(before edge: SampleIndex) {
        compared.removeAll { $0.verdict == .open && $0.word.start < edge }
    }

    /// Whether all has been said that may tell what a word is.
    func isFollowed(_ place: Int, _ following: LiveTranscript.Following) -> Bool {
        if compared.count - place > Self.followingWords || following == .nothing { return true }
        return following == .messages && final >= compared[place].word.end.advanced(by: Self.followingSamples)
    }

    /// The session has said all words that begin before this, of those that are there.
    func saidThrough(_ following: LiveTranscript.Following) -> SampleIndex {
        let end = compared.last?.word.end ?? .zero
        return following == .more ? end : max(end, through.advanced(by: -Limits.seamSamples))
    }

    /// Where an earlier session placed the last word that was heard again.
    var lastKnown: SeamAlignment.CommittedPlace? {
        for heard in compared.reversed() {
            if case .passed(let old?) = heard.verdict { return old }
        }
        return anchor
    }

    /// How much later than this session those around it place words, beside the window's two edges.
    private func shifts(_ known: SeamAlignment.CommittedPlace?) -> (before: Int64?, after: Int64?) {
        guard let known else { return (nil, nil) }
        return known.start.advanced(by: Limits.seamSamples) >= window.upperBound
            ? (nil, known.shift) : (known.shift, nil)
    }

    /// Samples between a word's middle and what the session is to give text for; 0: it lies in that.
    ///
    /// - Parameter known: the last word before it that was heard again.
    func distanceFromWindow(of word: Word, _ known: SeamAlignment.CommittedPlace?) -> Int64 {
        let shifts = shifts(known)
        let middle = word.start.middle(to: word.end)
        let before = window.lowerBound.samples(since: middle.advanced(by: shifts.before ?? 0))
        guard window.upperBound != SampleIndex(.max) else { return max(0, before) }
        return max(0, before, middle.advanced(by: shifts.after ?? 0).samples(since: window.upperBound))
    }

    /// Whether what lies between two words that were heard again is none of what the session is to give text for.
    func isOutside(after: SeamAlignment.CommittedPlace?, before: SeamAlignment.CommittedPlace?) -> Bool {
        if let after, after.start >= window.upperBound { return true }
        return before.map { $0.start < window.lowerBound } ?? false
    }

    /// Whether a word is to have its place in the transcript if it is new. A session may have claimed to have said all
    /// in the middle of a word.
    ///
    /// - Parameter known: a word near it that was heard again.
    func isWanted(_ word: Word, _ known: SeamAlignment.CommittedPlace?) -> Bool {
        guard !window.isEmpty else { return false }
        guard tolerance > 0 else { return distanceFromWindow(of: word, nil) == 0 }
        let shifts = shifts(known)
        // Where it is known how the sessions' places differ, less is left open.
        let before = shifts.before.map { $0 + tolerance / 2 } ?? tolerance
        let after = shifts.after.map { $0 - tolerance / 2 } ?? -tolerance
        return word.end.advanced(by: before) >= window.lowerBound
            && (window.upperBound == SampleIndex(.max) || word.start.advanced(by: after) < window.upperBound)
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
        if !TextUnit.isPunctuation(word.text) { closesUnspaced = TextUnit.isUnspaced(word.text) }
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
        if TextUnit.isUnspaced(unit.text) || isBehindUnspaced { unit.link = .joined }
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

    /// No space follows the last unit, and its script has none.
    private var isBehindUnspaced: Bool {
        guard let open else { return closed?.isWhole == false && closesUnspaced }
        return !open.isWhole && (TextUnit.isPunctuation(open.text) ? closesUnspaced : TextUnit.isUnspaced(open.text))
    }

    /// Sub-words of one word follow each other closely, and may overlap.
    private static func isNear(_ unit: Word, _ start: SampleIndex, _ end: SampleIndex) -> Bool {
        unit.start >= start.advanced(by: -longestPause) && unit.start.samples(since: end) <= longestPause
    }
}
