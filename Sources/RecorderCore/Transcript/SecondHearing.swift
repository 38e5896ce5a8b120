/// A voice that was silent over a drop is not in what the next session hears again, and gets a new number. When it has
/// said enough, a session of its own hears the stretch from the words of those whom it may be to its own first ones:
/// decision second-hearing-for-speakers.
extension LiveTranscript {
    /// A number that a label got although its session had not heard everybody: it may be an earlier speaker's.
    struct NewSpeaker: Equatable, Sendable {
        let number: Int
        /// The first words.
        var said = Said()
        /// Sessions that were to hear it again.
        var tries = 0

        /// - Parameter end: of the live text. Who says little is not waited for.
        @inline(never)
        func isReady(_ end: SampleIndex) -> Bool {
            said.isEnough || said.canBeCompared && end.samples(since: said.end) > Limits.secondHearingPauseSamples
        }

        func isIn(_ stretch: Range<SampleIndex>) -> Bool {
            stretch.lowerBound <= said.start && said.end <= stretch.upperBound
        }
    }

    /// Words by which voices are compared.
    struct Said: Equatable, Sendable {
        var start = SampleIndex(.max)
        var end = SampleIndex.zero
        private var words = 0
        private var samples: Int64 = 0

        @inline(never)
        mutating func add(_ word: Word) {
            start = min(start, word.start)
            end = max(end, word.end)
            words += 1
            samples += word.end.samples(since: word.start)
        }

        /// What a merge takes at least (`isMostOfWhatIsHeard`).
        var canBeCompared: Bool { words >= Limits.secondHearingWords }

        /// More is not needed.
        var isEnough: Bool {
            @inline(never) get {
                canBeCompared && samples >= Limits.secondHearingSpeechSamples
                    || words >= Limits.secondHearingMostWords
            }
        }
    }

    /// Whether somebody may be known by another number already, and has said enough to be compared.
    var wantsSecondHearing: Bool {
        let end = resumePoint
        return newSpeakers.contains { $0.isReady(end) }
    }

    /// A label of the session has got a number.
    @inline(never)
    mutating func noteNumber(_ number: Int, isNew: Bool, _ track: SessionTrack) {
        for voice in track.speakers where voice.speaker != number { apart.add(voice.speaker, number) }
        guard isNew else { return }
        for other in 1...highestSpeaker
        where other != number && !freeSpeakers.contains(other) && !apart.contains(other, number) {
            newSpeakers.append(NewSpeaker(number: number))
            return
        }
    }

    @inline(never)
    mutating func noteFirstWords(_ word: Word) {
        for place in newSpeakers.indices
        where newSpeakers[place].number == word.speaker && !newSpeakers[place].said.isEnough
            && !newSpeakers[place].isReady(word.start)
        {
            newSpeakers[place].said.add(word)
        }
    }

    /// Where the next second hearing has to begin; nil when nobody's number is in doubt, or it cannot be known. It
    /// counts as tried.
    @inline(never)
    mutating func nextSecondHearing() -> SampleIndex? {
        let end = resumePoint
        while let place = newSpeakers.firstIndex(where: { $0.isReady(end) }) {
            let new = newSpeakers[place]
            if new.tries < Limits.secondHearingTries, let start = startOfSecondHearing(of: new) {
                newSpeakers[place].tries += 1
                // A voice is known by some seconds.
                return max(.zero, start.advanced(by: -Limits.overlapSamples))
            }
            newSpeakers.remove(at: place)
        }
        return nil
    }

    /// Takes in what a second hearing has told so far; it goes on as long as others are in doubt whom it can know.
    ///
    /// - Returns: who has two numbers; and whether nothing more is to be learned from it.
    @inline(never)
    mutating func compareVoices(session: Int) -> (merges: [SpeakerMerge], isDone: Bool) {
        guard let place = tracks.firstIndex(where: { $0.session == session }) else { return ([], true) }
        let heard = Self.stretchWithVoices(tracks[place])
        let isLong = heard.upperBound.samples(since: heard.lowerBound) > Limits.secondHearingLongestSamples
        var merges: [SpeakerMerge] = []
        let end = resumePoint
        if newSpeakers.contains(where: { $0.isReady(end) && $0.isIn(heard) }) {
            merges = mergeSpeakers(tracks[place])
            endQuestions(heard)
        }
        // Who has only begun to speak is waited for as well.
        let hasMore = newSpeakers.contains { $0.said.start >= heard.lowerBound && $0.said.end > heard.upperBound }
        return (merges, isLong || !hasMore)
    }

    /// The last word is known by what follows it.
    private static func stretchWithVoices(_ track: SessionTrack) -> Range<SampleIndex> {
        track.base..<max(track.base, through(track).advanced(by: -Limits.cutWordSamples))
    }

    /// Whose question the session has heard all of is not asked again.
    private mutating func endQuestions(_ heard: Range<SampleIndex>) {
        let end = resumePoint
        for place in newSpeakers.indices.reversed() {
            let new = newSpeakers[place]
            guard new.isReady(end), new.isIn(heard) else { continue }
            if let start = startOfSecondHearing(of: new), start < heard.lowerBound { continue }
            newSpeakers.remove(at: place)
        }
    }

    /// The session that was to hear a stretch again is over.
    mutating func endSecondHearing(_ track: SessionTrack) {
        endQuestions(Self.stretchWithVoices(track))
    }

    /// Where the newest words begin of those whom no session has told apart from the new one, as far back as is heard
    /// again; nil: there is nobody.
    @inline(never)
    private func startOfSecondHearing(of new: NewSpeaker) -> SampleIndex? {
        let earliest = new.said.end.advanced(by: -Limits.secondHearingSamples)
        var said = [Said](repeating: Said(), count: Limits.speakers + 1)
        for old in committed.reversed() where old.word.speaker > 0 && old.word.speaker <= Limits.speakers {
            guard old.word.start >= earliest, old.word.start < new.said.start else { continue }
            if !said[old.word.speaker].isEnough { said[old.word.speaker].add(old.word) }
        }
        var start = new.said.start
        for speaker in 1...Limits.speakers where speaker != new.number && said[speaker].canBeCompared {
            if !apart.contains(speaker, new.number) { start = min(start, said[speaker].start) }
        }
        return start < new.said.start ? start : nil
    }

    /// What committed words are needed for: near an edge for the seam there; elsewhere for their voice, when they are
    /// among a speaker's newest, or the first of one whose number is in doubt.
    @inline(never)
    mutating func rankCommitted(_ edges: [SampleIndex]) {
        var said = [Said](repeating: Said(), count: Limits.speakers + 1)
        for place in committed.indices.reversed() {
            let word = committed[place].word
            var use = Use.none
            if word.speaker > 0, word.speaker <= Limits.speakers {
                if !said[word.speaker].isEnough { use = .voice }
                said[word.speaker].add(word)
                for new in newSpeakers where new.number == word.speaker && new.said.start <= word.start {
                    if word.end <= new.said.end { use = .voice }
                }
            }
            if !coverage.contains(word.start) { use = .seam }
            for edge in edges where abs(edge.samples(since: word.start)) <= Limits.comparedSamples { use = .seam }
            committed[place].use = use
        }
    }

    @inline(never)
    mutating func renameNewSpeaker(_ retired: Int, to speaker: Int) {
        if let place = newSpeakers.firstIndex(where: { $0.number == retired }) { newSpeakers.remove(at: place) }
        apart.rename(retired, to: speaker)
    }
}

/// Which speakers a session has taken for two voices.
struct SpeakersApart: Equatable, Sendable {
    /// Bit n − 1 of row m − 1: n and m.
    private var rows = [UInt64](repeating: 0, count: Limits.speakers)

    private static func isNumber(_ number: Int) -> Bool { number > 0 && number <= Limits.speakers }

    @inline(never)
    func contains(_ one: Int, _ other: Int) -> Bool {
        guard Self.isNumber(one), Self.isNumber(other) else { return true }
        return rows[one - 1] >> UInt64(other - 1) & 1 == 1
    }

    @inline(never)
    mutating func add(_ one: Int, _ other: Int) {
        guard Self.isNumber(one), Self.isNumber(other), one != other else { return }
        rows[one - 1] |= 1 << UInt64(other - 1)
        rows[other - 1] |= 1 << UInt64(one - 1)
    }

    /// Whom one of the two was told apart from, the other is, too; the number may be given anew.
    mutating func rename(_ retired: Int, to speaker: Int) {
        guard Self.isNumber(retired), Self.isNumber(speaker) else { return }
        let all = rows[speaker - 1] | rows[retired - 1]
        let (old, new): (UInt64, UInt64) = (1 << UInt64(retired - 1), 1 << UInt64(speaker - 1))
        rows = rows.map { $0 & old != 0 ? $0 & ~old | new : $0 }
        rows[speaker - 1] = all
        rows[retired - 1] = 0
    }
}
