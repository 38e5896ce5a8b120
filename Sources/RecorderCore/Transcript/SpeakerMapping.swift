/// Whose voice a session's label is: each session names the speakers anew, and what two sessions both heard tells who
/// is who.
extension LiveTranscript {
    /// The recording's number for a session's label: who shares most speech with it, else a new speaker.
    mutating func speaker(of label: String, _ track: inout SessionTrack, _ update: inout Update) -> Int {
        guard !label.isEmpty else { return 0 }
        if let known = track.speaker(of: label) { return known }
        var best: SessionTrack.Voice?
        for voice in track.shared where voice.label == label && !isClaimed(voice, track) {
            if voice.samples > best?.samples ?? 0 { best = voice }
        }
        if let best {
            track.speakers.append(best)
            noteNumber(best.speaker, isNew: false, track)
            let overlap = SampleIndex(best.samples).milliseconds
            update.speakers.append(SpeakerMatch(label: label, speaker: best.speaker, overlap: overlap))
            return best.speaker
        }
        guard let number = takeNumber() else {
            update.unkeptVoices += 1
            return 0
        }
        track.speakers.append(SessionTrack.Voice(label: label, speaker: number))
        noteNumber(number, isNew: true, track)
        return number
    }

    /// Whether another label has the speaker already, or a better claim to it.
    private func isClaimed(_ voice: SessionTrack.Voice, _ track: SessionTrack) -> Bool {
        track.speakers.contains { $0.speaker == voice.speaker }
            || track.shared.contains {
                $0.label != voice.label && $0.speaker == voice.speaker && $0.samples > voice.samples
            }
    }

    private mutating func takeNumber() -> Int? {
        if let free = freeSpeakers.min() {
            freeSpeakers.removeAll { $0 == free }
            return free
        }
        guard highestSpeaker < Limits.speakers else { return nil }
        highestSpeaker += 1
        return highestSpeaker
    }

    // MARK: Two numbers, one voice

    /// After a long gap the live text goes on with sessions that heard nothing of what was before, so their voices have
    /// new numbers. The session that has filled the gap heard both sides: a voice with two numbers keeps the older one.
    /// So does one that a session hears again for its sake (`SecondHearing.swift`).
    @inline(never)
    mutating func mergeSpeakers(_ track: SessionTrack) -> [SpeakerMerge] {
        var track = track
        var merges: [SpeakerMerge] = []
        while let merge = nextMerge(track) {
            track.rename(merge.retired, to: merge.speaker)
            for place in tracks.indices { tracks[place].rename(merge.retired, to: merge.speaker) }
            renameWords(merge.retired, to: merge.speaker)
            renameNewSpeaker(merge.retired, to: merge.speaker)
            freeSpeakers.append(merge.retired)
            merges.append(merge)
        }
        return merges
    }

    /// What the session is surest of.
    private func nextMerge(_ track: SessionTrack) -> SpeakerMerge? {
        var best: SpeakerMerge?
        for voice in track.shared {
            guard let own = number(of: voice.label, track), own != voice.speaker,
                isMostOfWhatIsHeard(voice, track), !apart.contains(own, voice.speaker),
                !isOneMore(voice, own, track)
            else { continue }
            let overlap = SampleIndex(voice.samples).milliseconds
            guard overlap > best?.overlap ?? 0 else { continue }
            best = SpeakerMerge(
                retired: max(own, voice.speaker), speaker: min(own, voice.speaker), overlap: overlap)
        }
        return best
    }

    /// The number under which the label's words were taken; a label that was only heard in the overlaps is the speaker
    /// with whom it shares most.
    private func number(of label: String, _ track: SessionTrack) -> Int? {
        if let known = track.speaker(of: label) { return known }
        var best: SessionTrack.Voice?
        for voice in track.shared where voice.label == label && isMostOfWhatIsHeard(voice, track) {
            if voice.samples > best?.samples ?? 0 { best = voice }
        }
        return best?.speaker
    }

    /// Where speakers take turns, the edges of words overlap with another's: that is little of what each says. One word
    /// alone may be another voice's that was said again there: a merge cannot be taken back.
    @inline(never)
    private func isMostOfWhatIsHeard(_ voice: SessionTrack.Voice, _ track: SessionTrack) -> Bool {
        var spoken: Int64 = 0
        var words = 0
        for old in committed where old.session != track.session && old.word.speaker == voice.speaker {
            guard old.word.start >= track.base, old.word.end <= track.through else { continue }
            spoken += old.word.end.samples(since: old.word.start)
            words += 1
        }
        return words >= (track.window.isEmpty ? Limits.secondHearingWords : 2) && voice.samples * 2 > spoken
    }

    /// A second hearing that gives the label to a third speaker as well, whom a session has told apart from one of the
    /// two, takes several voices for one. A gap's session has given words to its labels; there the surest one counts.
    private func isOneMore(_ voice: SessionTrack.Voice, _ own: Int, _ track: SessionTrack) -> Bool {
        track.window.isEmpty
            && track.shared.contains { third in
                third.label == voice.label && third.speaker != own && third.speaker != voice.speaker
                    && (apart.contains(third.speaker, own) || apart.contains(third.speaker, voice.speaker))
                    && isMostOfWhatIsHeard(third, track)
            }
    }
}
