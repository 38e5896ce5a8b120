/// The transcript while the lesson goes on: places each session's words on the recording's time line, once, gives
/// sessions' speaker labels the box's numbers, and counts. It holds a bounded part of the words; the journal holds
/// them all.
package struct LiveTranscript: Equatable, Sendable {
    /// A session's label was recognised as a speaker of the recording.
    package struct SpeakerMatch: Equatable, Sendable {
        package var label: String
        package var speaker: Int
        /// Milliseconds of speech that both were heard to say.
        package var overlap: Int64
    }

    /// Two numbers turned out to be one speaker's.
    package struct SpeakerMerge: Equatable, Sendable {
        /// The number that nobody has any more.
        package var retired: Int
        package var speaker: Int
        /// Milliseconds of the speaker's words under the other number that one session heard.
        package var overlap: Int64
    }

    /// What a service message changed.
    package struct Update: Equatable, Sendable {
        /// New final words, for the journal and for those who follow the transcript.
        package var words: [Word] = []
        package var speakers: [SpeakerMatch] = []
        /// Words of voices beyond `Limits.speakers`, which are nobody's.
        var unkeptVoices = 0
        /// The session's number of the unit that was taken last.
        private var lastNumber = 0

        package init() {}

        /// What sessions are compared by may be less than the service said in one piece: that is journalled as one.
        mutating func append(_ word: Word, number: Int) {
            if number == lastNumber + 1, word.link == .joined, let last = words.last, last.speaker == word.speaker {
                words[words.count - 1].take(word)
            } else {
                words.append(word)
            }
            lastNumber = number
        }
    }

    package internal(set) var coverage = Coverage()
    package internal(set) var wordCount = 0
    var highestSpeaker = 0
    /// Numbers below that nobody has any more.
    var freeSpeakers: [Int] = []
    package var speakerCount: Int { highestSpeaker - freeSpeakers.count }
    /// Those that may have an older number (`SecondHearing.swift`).
    var newSpeakers: [NewSpeaker] = []
    var apart = SpeakersApart()
    /// What the service believes the latest words to be; replaced by each message.
    package private(set) var interim = ""
    /// The newest words, oldest first, at most `Limits.recentWords`.
    package internal(set) var recent: [Word] = []
    /// Words near the edges of what is covered, by start: where sessions meet (`Stitching.swift`).
    var committed: [CommittedWord] = []
    package var committedCount: Int { committed.count }
    var tracks: [SessionTrack] = []
    /// The session that ended last, with the word in whose middle it did: the next session hears it again, whole;
    /// without one it is kept.
    private var cut: CutSession?

    private struct CutSession: Equatable, Sendable {
        var track: SessionTrack
        /// What was covered then: no session has heard its last words again as long as that is so.
        var resumePoint: SampleIndex
    }

    package init() {}

    // MARK: Sessions

    /// Where the live text ends: what comes after has no final words yet.
    package var resumePoint: SampleIndex { coverage.end }

    /// Where the next session has to begin: before the end of the live text by an overlap in which each speaker of the
    /// last seconds is heard, so that the words of the seam and the voices can be recognised again. When that lies too
    /// far back, live words come first: the session begins now, and what is missing is a gap, to be filled later.
    ///
    /// - Parameter head: the index after the newest recorded sample.
    package func baseOfNextSession(head: SampleIndex) -> SampleIndex {
        if head.samples(since: resumePoint) > Limits.longestReplaySamples {
            return max(.zero, head.advanced(by: -Limits.overlapSamples))
        }
        return overlapped(resumePoint)
    }

    /// Where to begin in order to hear what was said before `edge` again.
    package func overlapped(_ edge: SampleIndex) -> SampleIndex {
        let earliest = edge.advanced(by: -Limits.longestOverlapSamples)
        var start = edge.advanced(by: -Limits.overlapSamples)
        var heard: [Int] = []
        for old in committed.reversed() where old.word.start < edge && old.word.start >= earliest {
            heard.append(old.word.speaker)
            let words = heard.count { $0 == old.word.speaker }
            // One word may be misheard: two of each voice, each from before its beginning.
            if words <= 2 { start = min(start, old.word.start.advanced(by: -Limits.seamSamples)) }
        }
        return max(.zero, max(start, earliest))
    }

    /// A session begins to give text.
    ///
    /// - Parameter gap: what it is to fill; empty: it only compares voices; nil: it goes on with the live text.
    package mutating func open(session: Int, base: SampleIndex, gap: Range<SampleIndex>? = nil) {
        let window: Range<SampleIndex>
        var tolerance = Limits.seamSamples
        if gap == nil { interim = "" }
        if let gap {
            window = gap
        } else if base <= resumePoint {
            window = resumePoint..<SampleIndex(.max)
        } else {
            // Its first sound may be the end of a word.
            window = base.advanced(by: Limits.cutWordSamples)..<SampleIndex(.max)
            tolerance = 0
        }
        tracks.append(SessionTrack(session: session, base: base, window: window, tolerance: tolerance))
    }

    /// Takes in a message of a session that was opened; nothing beyond `end` counts.
    package mutating func receive(_ message: ServiceMessage, session: Int, end: SampleIndex) -> Update {
        var update = Update()
        guard let place = tracks.firstIndex(where: { $0.session == session }) else { return update }
        var track = tracks[place]
        for word in track.receive(message, end: end) { reconcile(word, &track, &update) }
        settle(&track, message.finished ? .nothing : .messages, &update)
        tracks[place] = track
        count(update.words)
        cover(track, through: min(message.finished ? end : Self.through(track), end))
        if track.window.upperBound == SampleIndex(.max) { showInterim(message, track, end) }
        return update
    }

    /// A session ended. What it had not finally said is void; a word in whose middle it ended waits for the next one.
    ///
    /// - Returns: what a session that filled a gap, or heard a stretch again, has told of the voices on both sides.
    package mutating func close(session: Int) -> [SpeakerMerge] {
        guard let place = tracks.firstIndex(where: { $0.session == session }) else { return [] }
        let track = tracks.remove(at: place)
        guard track.window.upperBound == SampleIndex(.max) else {
            let merges = mergeSpeakers(track)
            if track.window.isEmpty { endSecondHearing(track) }
            return merges
        }
        interim = ""
        if track.open != nil || track.undecided != nil { cut = CutSession(track: track, resumePoint: resumePoint) }
        return []
    }

    /// No session will come any more: the word that was cut is kept as far as it was heard.
    package mutating func finish() -> Update {
        var update = Update()
        guard let cut else { return update }
        self.cut = nil
        var last = cut.track
        let edge = cut.resumePoint == resumePoint ? .zero : resumePoint
        last.forgetUndecided(before: edge)
        var end = last.undecided.map { _ in last.compared.last?.word.end ?? .zero } ?? .zero
        if let word = last.takeOpen(), word.start >= edge {
            end = word.end
            reconcile(word, &last, &update)
        }
        settle(&last, .nothing, &update)
        count(update.words)
        if end > .zero { cover(last, through: end) }
        return update
    }

    /// The first stretch before the session's own that has no text; nil when there is none.
    package func gap(before session: Int) -> Range<SampleIndex>? {
        guard let track = tracks.first(where: { $0.session == session }) else { return nil }
        let gaps = coverage.gaps(before: track.window.lowerBound, reason: "")
        return gaps.first.map { $0.start..<$0.end }
    }

    // MARK: Text

    private mutating func cover(_ track: SessionTrack, through end: SampleIndex) {
        let end = min(end, track.window.upperBound)
        if track.window.lowerBound < end { coverage.insert(track.window.lowerBound..<end) }
    }

    private mutating func showInterim(_ message: ServiceMessage, _ track: SessionTrack, _ end: SampleIndex) {
        interim = ""
        for token in message.tokens where !token.isFinal {
            if track.place(token.startMilliseconds, end) >= resumePoint { interim += token.text }
        }
        interim = SurrogateHalf.mended(interim)
    }

    mutating func renameWords(_ retired: Int, to speaker: Int) {
        for place in committed.indices where committed[place].word.speaker == retired {
            committed[place].word.speaker = speaker
        }
        for place in recent.indices where recent[place].speaker == retired { recent[place].speaker = speaker }
        cut?.track.rename(retired, to: speaker)
    }

    private mutating func count(_ words: [Word]) {
        wordCount += words.count { $0.isCounted }
        recent += words
        if recent.count > Limits.recentWords { recent.removeFirst(recent.count - Limits.recentWords) }
    }
}

extension LiveTranscript.SpeakerMatch {
    func entry(session: Int) -> LogEntry {
        LogEntry(.info, "speaker map session=\(session) \"\(label)\"→\(speaker) overlap_ms=\(overlap)")
    }
}

extension LiveTranscript.SpeakerMerge {
    func entry(session: Int) -> LogEntry {
        LogEntry(.info, "speaker merge session=\(session) \(retired)→\(speaker) overlap_ms=\(overlap)")
    }
}
