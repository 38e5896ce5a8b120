/// The transcript document as JSON: format `chalkbox-transcript`. Times are milliseconds of the recording. It is
/// written in pieces, so that the words of a long lesson need not be in memory at once.
package struct TranscriptWriter: Sendable {
    /// What readers of the format know.
    package enum Version: Int, Sendable {
        /// Every word has a space before it, and a segment has one language.
        case one = 1
        /// A word may be joined to the one before, and has a language of its own.
        case two = 2
    }

    private let version: Version
    private var writer = JSONWriter()

    /// - Parameter speakers: in the order of their numbers.
    package init(header: RecordingHeader, samples: Int64, speakers: [Int], version: Version = .two) {
        self.version = version
        writer.beginObject()
        writer.field("format", "chalkbox-transcript")
        writer.field("version", version.rawValue)
        writer.fields(of: header, samples: samples)
        writer.array("speakers") { writer in
            for speaker in speakers { writer.value(String(speaker)) }
        }
        writer.beginArray("segments")
    }

    /// What was written since this was last asked.
    package mutating func take() -> String { writer.take() }

    /// - Parameter text: that of all its words, which follow.
    package mutating func beginSegment(_ first: Word, end: SampleIndex, text: String) {
        writer.beginObject()
        writer.field("speaker", first.speaker > 0 ? String(first.speaker) : "")
        if version == .one { writer.field("language", first.language) }
        writer.field("startMs", first.start.milliseconds)
        writer.field("endMs", end.milliseconds)
        writer.field("text", text)
        writer.beginArray("words")
    }

    package mutating func add(_ word: Word) {
        writer.object { writer in
            writer.field("text", word.text)
            if version == .two {
                writer.field("joined", word.link != .spaced)
                writer.field("language", word.language)
            }
            writer.field("startMs", word.start.milliseconds)
            writer.field("endMs", word.end.milliseconds)
            writer.key("confidence")
            writer.thousandths(word.confidence)
        }
    }

    package mutating func endSegment() {
        writer.endArray()
        writer.endObject()
    }

    package mutating func finish(gaps: [Gap], silences: [SilenceMark], coverage: Coverage, interrupted: Bool) {
        writer.endArray()
        writer.array("gaps") { writer in
            for gap in gaps { writer.stretch(gap.start, gap.end, gap.reason) }
        }
        writer.array("silences") { writer in
            for mark in silences { writer.stretch(mark.start, mark.end, mark.reason.name) }
        }
        writer.array("coverage") { writer in
            for range in coverage.ranges { writer.stretch(range.lowerBound, range.upperBound, nil) }
        }
        writer.fields(of: silences)
        writer.field("interrupted", interrupted)
        writer.endObject()
    }
}

extension TranscriptDocument {
    package var json: String { json(version: .two) }

    package func json(version: TranscriptWriter.Version) -> String {
        var writer = TranscriptWriter(header: header, samples: samples, speakers: speakers, version: version)
        let segments = version == .one ? Segment.segments(of: words.spaced, splitsLanguages: true) : segments
        for segment in segments {
            guard let first = segment.words.first else { continue }
            writer.beginSegment(first, end: segment.end, text: segment.text)
            for word in segment.words { writer.add(word) }
            writer.endSegment()
        }
        writer.finish(gaps: gaps, silences: silences, coverage: coverage, interrupted: interrupted)
        return writer.take()
    }
}

extension JSONWriter {
    /// What the transcript and the manifest say of the recording as a whole.
    mutating func fields(of header: RecordingHeader, samples: Int64) {
        field("id", header.id.text)
        field("label", header.label)
        field("startedAt", header.startedAt.rfc3339)
        field("clockSynchronised", header.clockSynchronised)
        field("durationMs", samples / SampleIndex.samplesPerMillisecond)
        field("sampleRate", SampleIndex.samplesPerSecond)
    }

    /// As `status` counts them.
    mutating func fields(of silences: [SilenceMark]) {
        field("xruns", silences.reduce(0) { $0 + ($1.reason == .overrun ? 1 : 0) })
        let lost = silences.reduce(Int64(0)) { $0 + $1.end.samples(since: $1.start) }
        field("lostMs", lost / SampleIndex.samplesPerMillisecond)
    }

    /// How much of a recording is silence that the box put there, too quiet, and too loud.
    package mutating func fields(of sound: RecordedSound) {
        field("silenceMs", sound.silenceSamples / SampleIndex.samplesPerMillisecond)
        field("quietMs", sound.quietSamples / SampleIndex.samplesPerMillisecond)
        field("clippedMs", sound.clippedSamples / SampleIndex.samplesPerMillisecond)
    }

    mutating func fields(of measured: MeasuredSound) {
        key("loudestSecondDbfs")
        if let tenths = measured.loudestTenths { thousandths(Double(tenths) / 10) } else { null() }
        key("quietestSecondDbfs")
        if let tenths = measured.quietestTenths { thousandths(Double(tenths) / 10) } else { null() }
        key("clockDriftPpm")
        if let drift = measured.driftPartsPerMillion { value(Int64(drift)) } else { null() }
    }

    fileprivate mutating func stretch(_ start: SampleIndex, _ end: SampleIndex, _ reason: String?) {
        object { writer in
            writer.field("startMs", start.milliseconds)
            writer.field("endMs", end.milliseconds)
            if let reason { writer.field("reason", reason) }
        }
    }
}
