/// Sessions that follow each other hear a part of the lesson twice, so that no word falls into the seam. What comes
/// twice is recognised by its place and its text, and among equal words by their order as long as it is not known how
/// the sessions' placing differs: the transcript is that of an undisturbed session.
extension LiveTranscript {
    /// A word of the transcript near the edge of what is covered, where another session will begin or end.
    struct CommittedWord: Equatable, Sendable {
        var session: Int
        var word: Word
        /// The text without case and punctuation, which recognisers add differently in another context.
        var key: [UInt8]
    }

    /// A word of an earlier session that this session has, it seems, heard again. Of words that are said twice in a
    /// row, the next may be the one that was meant.
    struct Match: Equatable, Sendable {
        var old: CommittedWord
        var heard: SessionTrack.Word
        /// Samples between the two, as far as it is known how the sessions' placing differs.
        var distance: Int64
        /// No other word with this text is near.
        var isAlone: Bool
        /// Order decided, and not the place.
        var isInOrder: Bool
    }

    /// Decides on a whole word of a session: a new one is given to its speaker and joins the transcript.
    mutating func reconcile(_ heard: SessionTrack.Word, _ track: inout SessionTrack, _ update: inout Update) {
        let key = Self.key(heard.text)
        if let last = track.match {
            let distance = Self.distance(heard, last.old, track)
            if key == last.old.key, distance < last.distance, isMeant(heard, key, distance, track) {
                track.match?.heard = heard
                track.match?.distance = distance
                join(last.heard, key, &track, &update)
                return
            }
            if last.isAlone {
                track.learn(
                    shift: last.old.word.start.samples(since: last.heard.start), of: last.old.session)
            }
        }
        if let again = match(heard, key, track) {
            track.match = again
            Self.count(heard, again.old.word, heard.end.samples(since: heard.start), for: &track)
        } else {
            count(heard, for: &track)
            join(heard, key, &track, &update)
        }
    }

    /// Whether the word lies in what the session is to give text for. Where that begins is known by the earlier
    /// session's times: when it places words later than this one, the word may begin before.
    private static func isWanted(_ heard: SessionTrack.Word, _ track: SessionTrack) -> Bool {
        let middle = heard.start.advanced(by: heard.end.samples(since: heard.start) / 2)
        let shift = max(0, track.match.map { track.shift(of: $0.old.session) } ?? 0)
        return middle >= track.window.lowerBound.advanced(by: -track.tolerance - shift)
            && (track.window.upperBound == SampleIndex(.max)
                || middle < track.window.upperBound.advanced(by: track.tolerance))
    }

    /// Everything before this has its final words; a word that may yet turn out to be a new one is not among them, nor
    /// one that begins at the end of a gap and belongs to it.
    static func through(_ track: SessionTrack) -> SampleIndex {
        guard let open = track.open else { return track.through }
        if let last = track.match, key(open.text) == last.old.key, isWanted(last.heard, track) {
            return min(track.through, last.heard.start)
        }
        guard track.window.upperBound != SampleIndex(.max), isWanted(open, track) else { return track.through }
        return min(track.through, track.window.upperBound.advanced(by: -1))
    }

    /// The word is not known; it is taken when it lies in what the session is to give text for.
    private mutating func join(
        _ heard: SessionTrack.Word, _ key: [UInt8], _ track: inout SessionTrack, _ update: inout Update
    ) {
        guard Self.isWanted(heard, track), !isTaken(heard, track) else { return }
        let word = Word(
            text: heard.text, start: heard.start, end: heard.end, confidence: heard.confidence,
            speaker: speaker(of: heard.label, &track, &update), language: heard.language, link: heard.link)
        keep(CommittedWord(session: track.session, word: word, key: key))
        update.append(word, number: heard.number)
    }

    /// Speech that a label of this session shares with what earlier sessions heard tells whose label it is.
    private func count(_ heard: SessionTrack.Word, for track: inout SessionTrack) {
        for old in committed where old.session != track.session {
            Self.count(heard, old.word, Self.overlap(heard, old, track), for: &track)
        }
    }

    private static func count(
        _ heard: SessionTrack.Word, _ old: Word, _ common: Int64, for track: inout SessionTrack
    ) {
        guard !heard.label.isEmpty, old.speaker > 0, common > 0 else { return }
        track.share(common, of: heard.label, with: old.speaker)
    }

    /// The earlier session's word that this one is: the nearest with the same text, in order. Words that are said in a
    /// row may lie nearer to each other than two sessions place one of them: as long as it is not known how the
    /// placing differs, none is passed over, where the earlier session has heard all that there was.
    private func match(_ heard: SessionTrack.Word, _ key: [UInt8], _ track: SessionTrack) -> Match? {
        if let next = successor(of: track.match, heard, key, track) { return next }
        let last = track.match?.old.word.start ?? SampleIndex(-1)
        var best: CommittedWord?
        var bestDistance = Limits.seamSamples
        var candidates = 0
        var isInOrder = false
        let wasHeard = wasHeard(heard, track)
        for old in committed where old.session != track.session && old.key == key {
            if abs(old.word.start.samples(since: heard.start)) <= 2 * Limits.seamSamples { candidates += 1 }
            let distance = Self.distance(heard, old, track)
            if !isInOrder, old.word.start > last, distance <= bestDistance {
                best = old
                bestDistance = distance
                isInOrder = wasHeard && !track.knowsShift(of: old.session) && track.hasHeard(old.word)
            }
        }
        return best.map {
            Match(
                old: $0, heard: heard, distance: bestDistance, isAlone: candidates == 1, isInOrder: isInOrder)
        }
    }

    /// In a script without spaces the same letters come again and again: the one that follows the last match's in both
    /// sessions is meant, whatever the places say.
    private func successor(
        of last: Match?, _ heard: SessionTrack.Word, _ key: [UInt8], _ track: SessionTrack
    ) -> Match? {
        guard let last, heard.link == .joined, heard.number - last.heard.number <= 2,
            let next = committed.first(where: {
                $0.session == last.old.session && $0.word.start > last.old.word.start
            }), next.key == key
        else { return nil }
        let distance = Self.distance(heard, next, track)
        guard distance <= 2 * Limits.seamSamples else { return nil }
        return Match(old: next, heard: heard, distance: distance, isAlone: false, isInOrder: false)
    }

    /// Whether a word that is nearer to the last match's than the one that was taken for it was meant. When it has one
    /// of its own, a word that was said twice in a row was heard twice before, too, unless the places say it clearly.
    private func isMeant(
        _ heard: SessionTrack.Word, _ key: [UInt8], _ distance: Int64, _ track: SessionTrack
    ) -> Bool {
        guard let last = track.match, let own = match(heard, key, track) else { return true }
        return !(last.isInOrder && own.isInOrder) && distance * 2 < last.distance
    }

    /// Whether earlier sessions have heard this place and what is before it, and are not only about to begin there.
    private func wasHeard(_ heard: SessionTrack.Word, _ track: SessionTrack) -> Bool {
        let before = max(.zero, heard.start.advanced(by: -Limits.seamSamples))
        return (heard.start < track.window.lowerBound || before >= track.window.upperBound)
            && coverage.contains(before) && coverage.contains(heard.start)
    }

    private static func distance(_ heard: SessionTrack.Word, _ old: CommittedWord, _ track: SessionTrack) -> Int64 {
        abs(old.word.start.samples(since: heard.start) - track.shift(of: old.session))
    }

    /// Whether an earlier session has heard another word in most of this one's place: then it was the same sound. What
    /// this session has heard already was another.
    private func isTaken(_ heard: SessionTrack.Word, _ track: SessionTrack) -> Bool {
        let length = heard.end.samples(since: heard.start)
        let speaker = track.speaker(of: heard.label)
        return committed.contains { old in
            guard old.session != track.session, speaker == nil || speaker == old.word.speaker,
                old.word.start > track.match?.old.word.start ?? SampleIndex(-1)
            else { return false }
            let shorter = min(length, old.word.end.samples(since: old.word.start))
            return shorter > 0 && Self.overlap(heard, old, track) * 2 >= shorter
        }
    }

    /// Samples that a word shares with an earlier session's, where that session would have placed it.
    private static func overlap(_ heard: SessionTrack.Word, _ old: CommittedWord, _ track: SessionTrack) -> Int64 {
        let shift = track.shift(of: old.session)
        let start = max(heard.start.advanced(by: shift), old.word.start)
        return max(0, min(heard.end.advanced(by: shift), old.word.end).samples(since: start))
    }

    private mutating func keep(_ new: CommittedWord) {
        let place = committed.lastIndex { $0.word.start <= new.word.start }.map { $0 + 1 } ?? 0
        committed.insert(new, at: place)
        guard committed.count > Limits.committedWords else { return }
        // A session still compares at the edges of its window when the gap before it has just been closed.
        let edges =
            coverage.ranges.flatMap { [$0.lowerBound, $0.upperBound] }
            + tracks.flatMap { [$0.window.lowerBound, $0.window.upperBound] }
        committed.removeAll { old in
            coverage.contains(old.word.start)
                && !edges.contains { abs($0.samples(since: old.word.start)) <= Limits.comparedSamples }
        }
        // Only the newest end and the oldest gaps are near an edge; in between there is nothing to compare with.
        if committed.count > Limits.committedWords {
            committed.removeFirst(committed.count - Limits.committedWords)
        }
    }

    static func key(_ text: String) -> [UInt8] {
        var key = ""
        for scalar in UnicodeText.folded(text).unicodeScalars where !scalar.isPunctuation {
            key.unicodeScalars.append(scalar)
        }
        return Array(key.isEmpty ? text.utf8 : key.utf8)
    }
}
