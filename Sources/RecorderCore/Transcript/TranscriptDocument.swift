/// A whole transcript as the journal has it: what every export is made of.
package struct TranscriptDocument: Equatable, Sendable {
    package var header: RecordingHeader
    package var samples: Int64
    package var words: [Word]
    package var gaps: [Gap]
    package var silences: [SilenceMark]
    package var interrupted: Bool
    /// What has its final text.
    package var coverage: Coverage

    /// - Parameter words: in any order, as a gap is filled after what follows it. Words that begin together stay in
    ///   theirs.
    package init(recording: RecordingSummary, words: [Word], gaps: [Gap], silences: [SilenceMark]) {
        header = recording.header
        samples = recording.samples
        self.words = words.ordered { $0.start < $1.start }
        self.gaps = gaps
        self.silences = silences
        interrupted = recording.interrupted
        coverage = recording.coverage(gaps)
    }

    package var segments: [Segment] { Segment.segments(of: words) }

    /// Speakers in the order of their numbers; 0 (unnamed) is none.
    package var speakers: [Int] {
        var seen: [Int] = []
        for word in words where word.speaker > 0 && !seen.contains(word.speaker) { seen.append(word.speaker) }
        return seen.ordered(by: <)
    }

    /// For people: a paragraph a segment, `[0:01:05] Speaker 1: …`, and a line where text is missing.
    package var plainText: String {
        var text = ""
        for segment in segments {
            guard let first = segment.words.first else { continue }
            text += PlainText.begin(first) + segment.text.onOneLine + "\n"
        }
        for gap in gaps { text += PlainText.text(of: gap) }
        return text
    }

    package var subRip: String {
        var text = ""
        for (place, cue) in Cue.cues(of: segments).enumerated() { text += SubRip.text(of: cue, number: place + 1) }
        return text
    }

    package var webVTT: String {
        var text = WebVTT.head
        for cue in Cue.cues(of: segments) { text += WebVTT.text(of: cue) }
        return text
    }
}

/// A transcript as people read it.
package enum PlainText {
    /// `[0:01:05] Speaker 1: `
    package static func begin(_ first: Word) -> String {
        "[\(CueTime.short(first.start))] " + (first.speaker > 0 ? "Speaker \(first.speaker): " : "")
    }

    package static func text(of gap: Gap) -> String {
        let place = "[\(CueTime.short(gap.start)) to \(CueTime.short(gap.end))]"
        return "\(place) not transcribed: \(gap.reason.onOneLine)\n"
    }
}
