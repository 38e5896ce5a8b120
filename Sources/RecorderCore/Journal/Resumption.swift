/// A recording that ended without STOP, as the journal has it: the power went, or the recorder died.
package struct InterruptedRecording: Equatable, Sendable {
    package var header: RecordingHeader
    /// The index after the last sample that was saved.
    package var saved: SampleIndex
    /// What has its final text.
    package var coverage: Coverage
    /// The newest final words, by start, at most `Limits.settledWords`.
    package var words: [Word]
    package var wordCount: Int
    /// The numbers that words have.
    package var speakers: [Int]

    package init(
        header: RecordingHeader, saved: SampleIndex, coverage: Coverage, words: [Word], wordCount: Int,
        speakers: [Int]
    ) {
        self.header = header
        self.saved = saved
        self.coverage = coverage
        self.words = words
        self.wordCount = wordCount
        self.speakers = speakers
    }
}

/// What the machine's clocks say at one moment.
package struct Moment: Equatable, Sendable {
    package var wall: WallTime
    /// Whether the kernel believes that `wall` is right.
    package var isSynchronised: Bool
    package var boot: BootTime

    package init(wall: WallTime, isSynchronised: Bool, boot: BootTime) {
        self.wall = wall
        self.isSynchronised = isSynchronised
        self.boot = boot
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
    package static func decide(_ recording: InterruptedRecording, now: Moment, seconds: Int) -> Resumption {
        let limit = Int64(seconds) * 1_000
        guard limit > 0 else { return .close }
        let saved = recording.saved.milliseconds
        if let start = recording.header.boot, start.id == now.boot.id, !start.id.isEmpty {
            let place = now.boot.milliseconds - start.milliseconds
            guard place - saved <= limit else { return .close }
            return .resume(at: SampleIndex(milliseconds: max(place, saved)))
        }
        let place = now.wall.milliseconds - recording.header.startedAt.milliseconds
        let away = place - saved
        // Boxes without a battery begin with the time that they noted before the power went
        // (systemd-timesyncd.service(8)). Such a clock can never show more time since then than since the boot.
        if away >= now.boot.milliseconds {
            return away <= limit ? .resume(at: SampleIndex(milliseconds: place)) : .close
        }
        return now.isSynchronised || now.boot.milliseconds > limit ? .close : .wait
    }
}

extension LiveTranscript {
    /// Stands for whatever sessions there were before the interruption; the first session is 1.
    static let journalSession = 0

    /// Goes on where the journal ends.
    init(resuming recording: InterruptedRecording) {
        self.init()
        coverage = recording.coverage
        wordCount = recording.wordCount
        recent = recording.words
        recent.removeFirst(max(0, recent.count - Limits.recentWords))
        settled = recording.words.map { Settled(session: Self.journalSession, word: $0, key: Self.key($0.text)) }
        for speaker in recording.speakers { highestSpeaker = max(highestSpeaker, min(speaker, Limits.speakers)) }
        for number in 1..<max(1, highestSpeaker) where !recording.speakers.contains(number) {
            freeSpeakers.append(number)
        }
    }
}
