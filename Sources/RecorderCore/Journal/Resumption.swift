/// A recording that ended without STOP, as the journal has it: the power went, or the recorder died.
package struct InterruptedRecording: Equatable, Sendable {
    package var header: RecordingHeader
    /// The index after the last sample that was saved.
    package var saved: SampleIndex
    /// What has its final text.
    package var coverage: Coverage
    /// The newest final words, by start, at most `Limits.committedWords`.
    package var words: [Word]
    package var wordCount: Int
    /// The numbers that words have.
    package var speakers: [Int]
    /// The newest moment of the recording that is known.
    package var anchor: ClockReference

    /// - Parameter anchor: nil: the recording's start is all that is known.
    package init(
        header: RecordingHeader, saved: SampleIndex, coverage: Coverage, words: [Word], wordCount: Int,
        speakers: [Int], anchor: ClockReference? = nil
    ) {
        self.anchor = anchor ?? ClockReference(startOf: header)
        self.header = header
        self.saved = saved
        self.coverage = coverage
        self.words = words
        self.wordCount = wordCount
        self.speakers = speakers
    }
}

/// What the machine's clocks say at one moment.
package struct ClockReading: Equatable, Sendable {
    package var wall: WallTime
    /// Whether the kernel believes that `wall` is right.
    package var isSynchronised: Bool
    /// Whether a clock that runs without power says the same as `wall`.
    package var agreesWithRTC: Bool
    package var boot: BootTime

    package init(wall: WallTime, isSynchronised: Bool, agreesWithRTC: Bool = false, boot: BootTime) {
        self.wall = wall
        self.isSynchronised = isSynchronised
        self.agreesWithRTC = agreesWithRTC
        self.boot = boot
    }
}

/// What the clocks said when a sample was recorded. Each audio file begins with one: the clock may have been set since
/// START.
package struct ClockReference: Equatable, Sendable {
    package var sample: SampleIndex
    package var wall: WallTime
    package var isSynchronised: Bool
    /// Without a name when it is not known.
    package var boot: BootTime

    package init(sample: SampleIndex, wall: WallTime, isSynchronised: Bool, boot: BootTime) {
        self.sample = sample
        self.wall = wall
        self.isSynchronised = isSynchronised
        self.boot = boot
    }

    package init(startOf header: RecordingHeader) {
        self.init(
            sample: .zero, wall: header.startedAt, isSynchronised: header.clockSynchronised,
            boot: header.boot ?? BootTime(id: "", milliseconds: 0))
    }
}

/// Whether an interrupted recording goes on. A power blip must not end a lesson; but a box that was off over night must
/// not go on with yesterday's, into whatever is said in the room then.
package enum Resumption: Equatable, Sendable {
    /// It goes on with this sample: what is between is a silence.
    case resume(at: SampleIndex)
    /// It is over.
    case close
    /// How long the box was away is not known yet: the clock may soon be set.
    case wait

    /// - Parameter seconds: `box.resume_seconds`.
    package static func decide(_ recording: InterruptedRecording, now: ClockReading, seconds: Int) -> Resumption {
        let limit = Int64(seconds) * 1_000
        guard limit > 0 else { return .close }
        let (saved, anchor) = (recording.saved.milliseconds, recording.anchor)
        if anchor.boot.id == now.boot.id, !now.boot.id.isEmpty {
            let place = anchor.sample.milliseconds + now.boot.milliseconds - anchor.boot.milliseconds
            guard place - saved <= limit else { return .close }
            return .resume(at: SampleIndex(milliseconds: max(place, saved)))
        }
        let place = anchor.sample.milliseconds + now.wall.milliseconds - anchor.wall.milliseconds
        let away = place - saved
        // Boxes without a battery begin with the time that they noted before the power went
        // (systemd-timesyncd.service(8)). Such a clock can never show more time since then than since the boot: unless
        // the recorder had died before, and the machine noted a later time when it was shut down.
        if away >= now.boot.milliseconds {
            guard away <= limit else { return .close }
            if now.isSynchronised || now.agreesWithRTC { return .resume(at: SampleIndex(milliseconds: place)) }
        }
        return now.isSynchronised || now.boot.milliseconds > limit ? .close : .wait
    }
}

extension LiveTranscript {
    /// Stands for whatever sessions there were in a stretch of text before the interruption. Where text goes on without
    /// a gap, each session has heard the end of the one before: two numbers in one stretch are two voices. On both
    /// sides of a gap they may be one. A stretch has the words whose middle lies in it (`Stitching.swift`): its first
    /// one may begin before it. Later sessions have other numbers: from 1 on, or from -1 down.
    private static func journalSession(of word: Word, _ coverage: Coverage) -> Int {
        let middle = word.start.advanced(by: word.end.samples(since: word.start) / 2)
        return .min + coverage.ranges.count { $0.lowerBound <= middle }
    }

    /// Goes on where the journal ends.
    init(resuming recording: InterruptedRecording) {
        self.init()
        coverage = recording.coverage
        wordCount = recording.wordCount
        recent = recording.words
        recent.removeFirst(max(0, recent.count - Limits.recentWords))
        committed = recording.words.flatMap { $0.units }.map {
            CommittedWord(session: Self.journalSession(of: $0, coverage), word: $0, key: Self.key($0.text))
        }
        for one in committed {
            for other in committed where other.session == one.session {
                apart.add(one.word.speaker, other.word.speaker)
            }
        }
        for speaker in recording.speakers { highestSpeaker = max(highestSpeaker, min(speaker, Limits.speakers)) }
        for number in 1..<max(1, highestSpeaker) where !recording.speakers.contains(number) {
            freeSpeakers.append(number)
        }
    }
}
