/// The transcript document as JSON: format `chalkbox-transcript`, version 1. Times are milliseconds of the recording.
extension TranscriptDocument {
    package static let jsonVersion = 1

    package var json: String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.field("format", "chalkbox-transcript")
            writer.field("version", Self.jsonVersion)
            writer.field("id", header.id.text)
            writer.field("label", header.label)
            writer.field("startedAt", header.startedAt.rfc3339)
            writer.field("clockSynchronised", header.clockSynchronised)
            writer.field("durationMs", samples / SampleIndex.samplesPerMillisecond)
            writer.field("sampleRate", SampleIndex.samplesPerSecond)
            writer.array("speakers") { writer in
                for speaker in speakers { writer.value(String(speaker)) }
            }
            writer.array("segments") { writer in
                for segment in segments { Self.write(segment, &writer) }
            }
            writer.array("gaps") { writer in
                for gap in gaps { Self.write(gap.start, gap.end, gap.reason, &writer) }
            }
            writer.array("silences") { writer in
                for mark in silences { Self.write(mark.start, mark.end, mark.reason.name, &writer) }
            }
            writer.field("interrupted", interrupted)
        }
        return writer.text
    }

    private static func write(_ segment: Segment, _ writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("speaker", segment.speaker > 0 ? String(segment.speaker) : "")
            writer.field("language", segment.language)
            writer.field("startMs", segment.start.milliseconds)
            writer.field("endMs", segment.end.milliseconds)
            writer.field("text", segment.text)
            writer.array("words") { writer in
                for word in segment.words {
                    writer.object { writer in
                        writer.field("text", word.text)
                        writer.field("startMs", word.start.milliseconds)
                        writer.field("endMs", word.end.milliseconds)
                        writer.key("confidence")
                        writer.thousandths(word.confidence)
                    }
                }
            }
        }
    }

    private static func write(
        _ start: SampleIndex, _ end: SampleIndex, _ reason: String, _ writer: inout JSONWriter
    ) {
        writer.object { writer in
            writer.field("startMs", start.milliseconds)
            writer.field("endMs", end.milliseconds)
            writer.field("reason", reason)
        }
    }
}
