/// Sessions that follow each other hear a part of the lesson twice, so that no word falls into the seam. What comes
/// twice is recognised by its text, its order and its place (`SeamAlignment.swift`): the transcript is that of an
/// undisturbed session.
extension LiveTranscript {
    /// A word of the transcript near the edge of what is covered, where another session will begin or end.
    struct CommittedWord: Equatable, Sendable {
        var session: Int
        var word: Word
        /// The text without case and punctuation, which recognisers add differently in another context.
        var key: [UInt8]
        /// What it was kept for when words had to go.
        var use = Use.seam
    }

    enum Use: Equatable, Sendable {
        case seam, voice, none
    }

    /// Takes in a whole word of a session.
    mutating func reconcile(_ heard: SessionTrack.Word, _ track: inout SessionTrack, _ update: inout Update) {
        track.compare(heard, key: Self.key(heard.text))
        settle(&track, .more, &update)
    }

    /// What follows the words of a session that are there.
    enum Following {
        /// More of the same message, maybe.
        case more
        case messages
        case nothing
    }

    /// Decides on a session's words, in their order: a new one is given to its speaker and joins the transcript. One
    /// that may be new or not waits for what follows.
    mutating func settle(_ track: inout SessionTrack, _ following: Following, _ update: inout Update) {
        // In a gap all words wait: what follows its end tells which of the last ones are new, and nobody watches it.
        let isLive = track.window.upperBound == SampleIndex(.max)
        while let place = track.undecided {
            let heard = track.compared[place]
            let near = near(track)
            guard !near.isEmpty else {
                track.decide(place, join(heard, [], (nil, nil), &track, &update) ? .joined : .passed(nil))
                if track.undecided == nil { track.forgetCompared() }
                continue
            }
            let alignment = SeamAlignment(
                track, near, coverage, open: place, through: track.saidThrough(following))
            let known = track.lastKnown ?? alignment.pair
            let isInside = track.distanceFromWindow(of: heard.word, known) == 0
            guard isLive && alignment.isSure(isInside: isInside) || track.isFollowed(place, following)
                || !track.isWanted(heard.word, known)
            else { return }
            switch alignment.match {
            case .new:
                count(heard.word, for: &track)
                let isOutside = track.isOutside(after: track.lastKnown, before: alignment.follower)
                let isJoined = !isOutside && !isElsewhere(heard.word, track)
                    && join(heard, near, (known, alignment.follower), &track, &update)
                track.decide(place, isJoined ? .joined : .passed(nil))
            case .same(let number):
                let old = near[number]
                Self.count(heard.word, old.word, heard.word.end.samples(since: heard.word.start), for: &track)
                let shift = old.word.start.samples(since: heard.word.start)
                track.decide(place, .passed(.init(session: old.session, start: old.word.start, shift: shift)))
            case .respelled:
                count(heard.word, for: &track)
                track.decide(place, .passed(nil))
            }
        }
    }

    /// Whether a word lies in another gap than the session is to fill.
    private func isElsewhere(_ word: SessionTrack.Word, _ track: SessionTrack) -> Bool {
        coverage.depth(of: word.start.middle(to: word.end)) < track.distanceFromWindow(of: word, nil)
    }

    /// Other sessions' words that those of the track may be.
    private func near(_ track: SessionTrack) -> [CommittedWord] {
        guard let first = track.compared.first?.word.start, let last = track.compared.last?.word.end else { return [] }
        let start = max(first.advanced(by: -2 * Limits.seamSamples), track.anchor?.start.advanced(by: 1) ?? .zero)
        let end = last.advanced(by: 2 * Limits.seamSamples)
        var near: [CommittedWord] = []
        for old in committed where old.session != track.session && old.word.start >= start && old.word.start <= end {
            // More are in one place only where a service says so: those behind are for the words that follow.
            if near.count < Limits.comparedWords { near.append(old) }
        }
        return near
    }

    /// Everything before this has its final words; a word that may yet turn out to be a new one is not among them, nor
    /// one that begins at the end of a gap and belongs to it.
    static func through(_ track: SessionTrack) -> SampleIndex {
        var through = track.through
        if let place = track.undecided { through = min(through, track.compared[place].word.start) }
        guard let open = track.open, track.window.upperBound != SampleIndex(.max), track.isWanted(open, track.lastKnown)
        else {
            return through
        }
        return min(through, track.window.upperBound.advanced(by: -1))
    }

    /// The word is not known; it is taken when it lies in what the session is to give text for.
    /// - Returns: whether it is.
    private mutating func join(
        _ heard: SeamAlignment.Heard, _ near: [CommittedWord],
        _ around: (before: SeamAlignment.CommittedPlace?, after: SeamAlignment.CommittedPlace?),
        _ track: inout SessionTrack, _ update: inout Update
    ) -> Bool {
        let heardWord = heard.word
        guard track.isWanted(heardWord, around.before) else { return false }
        let time = track.ordered(heardWord, near, before: around.after)
        let word = Word(
            text: heardWord.text, start: time.start, end: time.end, confidence: heardWord.confidence,
            speaker: speaker(of: heardWord.label, &track, &update), language: heardWord.language,
            link: heardWord.link)
        keep(CommittedWord(session: track.session, word: word, key: heard.key))
        noteFirstWords(word)
        update.append(word, number: heardWord.number)
        return true
    }

    /// Speech that a label of this session shares with what earlier sessions heard tells whose label it is.
    private func count(_ heard: SessionTrack.Word, for track: inout SessionTrack) {
        // A second hearing is asked for nothing else: only the same words count, as a service may misplace others.
        guard !track.window.isEmpty else { return }
        let known = track.lastKnown
        for old in committed where old.session != track.session {
            Self.count(heard, old.word, heard.overlap(old.word, shift: known?.shift(of: old.session) ?? 0), for: &track)
        }
    }

    private static func count(
        _ heard: SessionTrack.Word, _ old: Word, _ common: Int64, for track: inout SessionTrack
    ) {
        guard !heard.label.isEmpty, old.speaker > 0, common > 0 else { return }
        track.share(common, of: heard.label, with: old.speaker)
    }

    private mutating func keep(_ new: CommittedWord) {
        let place = committed.lastIndex { $0.word.start <= new.word.start }.map { $0 + 1 } ?? 0
        committed.insert(new, at: place)
        guard committed.count > Limits.committedWords else { return }
        // A session still compares at the edges of its window when the gap before it has just been closed.
        let edges =
            coverage.ranges.flatMap { [$0.lowerBound, $0.upperBound] }
            + tracks.flatMap { [$0.window.lowerBound, $0.window.upperBound] }
        // Only the newest end and the oldest gaps are near an edge; in between there are only voices to compare with.
        rankCommitted(edges)
        committed.removeAll { $0.use == .none }
        var surplus = committed.count - Limits.committedWords
        guard surplus > 0 else { return }
        // Where sessions meet, a word that is missing comes twice: voices yield, the oldest first.
        surplus += Limits.committedWords / 8
        committed.removeAll { old in
            guard surplus > 0, old.use == .voice else { return false }
            surplus -= 1
            return true
        }
        committed.removeFirst(max(0, committed.count - Limits.committedWords))
    }

    static func key(_ text: String) -> [UInt8] {
        var key = ""
        for scalar in UnicodeText.folded(text).unicodeScalars where !scalar.isPunctuation {
            key.unicodeScalars.append(scalar)
        }
        return Array(key.isEmpty ? text.utf8 : key.utf8)
    }
}
