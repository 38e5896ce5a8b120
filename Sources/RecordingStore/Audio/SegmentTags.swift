internal import RecorderCore

/// What an audio file says about itself in its VORBIS_COMMENT block (RFC 9639, 8.6), so that an index can be made
/// anew from the files alone.
struct SegmentTags: Equatable, Sendable {
    var header: RecordingHeader
    /// The recording's sample that is this file's first.
    var firstSample: SampleIndex
    /// This file's number, from 0.
    var segment: Int
    /// When the file was made; older files do not say it.
    var anchor: ClockReference?

    /// The monotonic clock's bound, some 9,000 years: a boot's time is calculated with.
    private static let bootMilliseconds: Int64 = 1 << 48

    init(header: RecordingHeader, firstSample: SampleIndex, segment: Int, anchor: ClockReference? = nil) {
        self.anchor = anchor
        self.header = header
        self.firstSample = firstSample
        self.segment = segment
    }

    private enum Name {
        static let id = "CHALKBOX_ID"
        static let startedAt = "CHALKBOX_STARTED_AT"
        static let clockSynchronised = "CHALKBOX_CLOCK_SYNCHRONISED"
        static let label = "CHALKBOX_LABEL"
        static let firstSample = "CHALKBOX_FIRST_SAMPLE"
        static let segment = "CHALKBOX_SEGMENT"
        static let boot = "CHALKBOX_BOOT"
        static let anchor = "CHALKBOX_ANCHOR"
    }

    /// The comments of one file of the journal, each `NAME=value`.
    var comments: [String] {
        Self.comments(of: header) + [
            Name.firstSample + "=" + String(firstSample.value),
            Name.segment + "=" + String(segment),
        ] + (anchor.map { [Name.anchor + "=" + Self.text(of: $0)] } ?? [])
    }

    /// The comments that hold for a recording as a whole.
    static func comments(of header: RecordingHeader) -> [String] {
        let boot = header.boot.map { [Name.boot + "=" + text(of: $0)] } ?? []
        return boot + [
            Name.id + "=" + header.id.text,
            Name.startedAt + "=" + header.startedAt.rfc3339,
            Name.clockSynchronised + "=" + (header.clockSynchronised ? "yes" : "no"),
            Name.label + "=" + header.label,
        ]
    }

    /// Nil unless every comment is there, once, and in its form.
    init?(comments: [String]) {
        guard let id = Self.value(Name.id, comments).flatMap(RecordingID.init),
            let startedAt = Self.value(Name.startedAt, comments).flatMap(RFC3339.parse),
            let clock = Self.value(Name.clockSynchronised, comments), clock == "yes" || clock == "no",
            let label = Self.value(Name.label, comments), label.utf8.count <= Limits.labelBytes,
            let first = Self.value(Name.firstSample, comments).flatMap({ Int($0) }),
            (0...Limits.recordingSamples).contains(Int64(first)),
            let segment = Self.value(Name.segment, comments).flatMap({ Int($0) }), segment >= 0
        else { return nil }
        self.init(
            header: RecordingHeader(
                id: id, label: label, startedAt: startedAt, clockSynchronised: clock == "yes",
                boot: Self.value(Name.boot, comments).flatMap(Self.boot)),
            firstSample: SampleIndex(Int64(first)), segment: segment,
            anchor: Self.value(Name.anchor, comments).flatMap(Self.anchor))
    }

    private static func text(of boot: BootTime) -> String { String(boot.milliseconds) + " " + boot.id }

    private static func boot(_ text: String) -> BootTime? {
        guard let (time, name) = text.cut(at: " "), let milliseconds = Int(time),
            (-bootMilliseconds...bootMilliseconds).contains(Int64(milliseconds))
        else { return nil }
        return BootTime(id: name, milliseconds: Int64(milliseconds))
    }

    /// The sample, the wall clock, whether that was synchronised, and the boot.
    private static func text(of anchor: ClockReference) -> String {
        String(anchor.sample.value) + " " + anchor.wall.rfc3339 + (anchor.isSynchronised ? " yes " : " no ")
            + text(of: anchor.boot)
    }

    private static func anchor(_ text: String) -> ClockReference? {
        guard let (sample, afterSample) = text.cut(at: " "), let value = Int(sample),
            (0...Limits.recordingSamples).contains(Int64(value)),
            let (time, afterTime) = afterSample.cut(at: " "), let wall = RFC3339.parse(time),
            let (clock, rest) = afterTime.cut(at: " "), clock == "yes" || clock == "no", let boot = boot(rest)
        else { return nil }
        return ClockReference(sample: SampleIndex(Int64(value)), wall: wall, isSynchronised: clock == "yes", boot: boot)
    }

    private static func value(_ name: String, _ comments: [String]) -> String? {
        let prefix = name + "="
        var found: String?
        for comment in comments {
            guard let value = comment.remainder(after: prefix) else { continue }
            guard found == nil else { return nil }
            found = value
        }
        return found
    }
}

/// Reads what `WallTime.rfc3339` writes.
enum RFC3339 {
    /// Nil unless `text` is a real time as `2026-11-24T08:00:00.000Z`.
    static func parse(_ text: String) -> WallTime? {
        // Whatever is another form of the time, or not a day of the calendar, does not come out as it went in.
        WallTime(rfc3339: text).flatMap { $0.rfc3339 == text ? $0 : nil }
    }
}
