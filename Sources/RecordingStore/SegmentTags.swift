internal import RecorderCore

/// What an audio file says about itself in its VORBIS_COMMENT block (RFC 9639, 8.6), so that an index can be made
/// anew from the files alone.
struct SegmentTags: Equatable, Sendable {
    var header: RecordingHeader
    /// The recording's sample that is this file's first.
    var firstSample: SampleIndex
    /// This file's number, from 0.
    var segment: Int

    init(header: RecordingHeader, firstSample: SampleIndex, segment: Int) {
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
    }

    /// The comments of one file of the journal, each `NAME=value`.
    var comments: [String] {
        Self.comments(of: header) + [
            Name.firstSample + "=" + String(firstSample.value),
            Name.segment + "=" + String(segment),
        ]
    }

    /// The comments that hold for a recording as a whole.
    static func comments(of header: RecordingHeader) -> [String] {
        [
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
            let first = Self.value(Name.firstSample, comments).flatMap(Int64.init), first >= 0,
            let segment = Self.value(Name.segment, comments).flatMap(Int.init), segment >= 0
        else { return nil }
        self.init(
            header: RecordingHeader(id: id, label: label, startedAt: startedAt, clockSynchronised: clock == "yes"),
            firstSample: SampleIndex(first), segment: segment)
    }

    private static func value(_ name: String, _ comments: [String]) -> String? {
        let prefix = name + "="
        var found: String?
        for comment in comments where comment.hasPrefix(prefix) {
            guard found == nil else { return nil }
            found = String(comment.dropFirst(prefix.count))
        }
        return found
    }
}

/// Reads what `WallTime.rfc3339` writes.
enum RFC3339 {
    /// Nil unless `text` is a real time as `2026-11-24T08:00:00.000Z`.
    static func parse(_ text: String) -> WallTime? {
        let bytes = Array(text.utf8)
        guard bytes.count == 24 else { return nil }
        func number(_ start: Int, _ count: Int) -> Int64 {
            bytes[start..<start + count].reduce(0) { $0 * 10 + Int64($1) - 0x30 }
        }
        let day = days(year: number(0, 4), month: number(5, 2), day: number(8, 2))
        let seconds = (number(11, 2) * 60 + number(14, 2)) * 60 + number(17, 2)
        let time = WallTime(milliseconds: (day * 86_400 + seconds) * 1_000 + number(20, 3))
        // Whatever is not a digit in its place, or not a day of the calendar, does not come out as it went in.
        return time.rfc3339 == text ? time : nil
    }

    /// H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil, for years from 0 on.
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
