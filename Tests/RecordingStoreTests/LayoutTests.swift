import RecorderCore
import Testing

@testable import RecordingStore

extension StoreTests {
    struct LayoutTests {
        @Test func `a segment's name gives its number back`() {
            for number in [0, 1, 42, 9_999, 10_000, 123_456] {
                #expect(SegmentName.number(SegmentName.text(number)) == number)
            }
            #expect(SegmentName.text(7) == "audio-0007.flac")
        }

        @Test(arguments: [
            "", "audio-.flac", "audio-7.flac", "audio-00001.flac", "audio-0001.flac.part", "Audio-0001.flac",
            "audio--001.flac", "audio-00a1.flac", "audio-9999999999999999999999.flac", "../audio-0001.flac",
        ])
        func `other names are not segments`(name: String) {
            #expect(SegmentName.number(name) == nil)
        }

        @Test func `segments meet at exact multiples`() {
            let sizing = SegmentSizing(segmentSamples: 9_600_000)
            #expect(sizing.segment(of: SampleIndex(9_599_999)) == 0)
            #expect(sizing.segment(of: SampleIndex(9_600_000)) == 1)
            #expect(sizing.room(at: SampleIndex(9_599_999)) == 1)
            #expect(sizing.room(at: SampleIndex(9_600_000)) == 9_600_000)
        }

        @Test(arguments: ["", "7B maths", "a=b", "Ärzte 👩‍🏫", "line\nbreak"])
        func `comments say what they were made of`(label: String) {
            let tags = SegmentTags(
                header: StoreBench.header(5, label: label), firstSample: SampleIndex(9_600_000), segment: 1)
            #expect(SegmentTags(comments: tags.comments) == tags)
            var timed = tags
            timed.header.boot = BootTime(id: "5f3c", milliseconds: -77)
            timed.anchor = ClockReference(
                sample: SampleIndex(9_600_123), wall: timed.header.startedAt, isSynchronised: false,
                boot: BootTime(id: "5f3c", milliseconds: 78))
            #expect(SegmentTags(comments: timed.comments) == timed)
        }

        @Test(arguments: [
            "", "1", "x 2026-11-24T08:00:00.000Z yes 1 b", "-1 2026-11-24T08:00:00.000Z yes 1 b",
            "1 2026-11-24 yes 1 b", "1 2026-11-24T08:00:00.000Z maybe 1 b",
            "1 2026-11-24T08:00:00.000Z yes -9223372036854775808 b",
        ])
        func `a moment that is damaged is none, and the rest counts`(text: String) throws {
            let tags = SegmentTags(header: StoreBench.header(), firstSample: .zero, segment: 0)
            #expect(SegmentTags(comments: tags.comments + ["CHALKBOX_ANCHOR=" + text]) == tags)
        }

        @Test(arguments: [0, 1, 2, 3, 4, 5])
        func `comments with one missing, doubled or damaged are refused`(place: Int) {
            let tags = SegmentTags(header: StoreBench.header(), firstSample: .zero, segment: 0)
            var missing = tags.comments
            let line = missing.remove(at: place)
            #expect(SegmentTags(comments: missing) == nil)
            #expect(SegmentTags(comments: tags.comments + [line]) == nil)
            if !line.hasPrefix("CHALKBOX_LABEL") {
                #expect(SegmentTags(comments: missing + [line + "?"]) == nil)
            }
        }

        @Test func `a time gives its milliseconds back`() {
            for milliseconds: Int64 in [0, 1, 951_782_399_999, 951_782_400_000, 1_795_507_200_123, 4_107_542_399_000] {
                let time = WallTime(milliseconds: milliseconds)
                #expect(RFC3339.parse(time.rfc3339) == time)
            }
        }

        @Test(arguments: [
            "", "2026-11-24", "2026-11-24T08:00:00.000+", "2026-02-30T08:00:00.000Z", "2026-11-24T24:00:00.000Z",
            "2026-11-24t08:00:00.000Z", "2026-1é-4T08:00:00.00Z", "20/6-11-24T08:00:00.000Z",
        ])
        func `what is no time is refused`(text: String) {
            #expect(RFC3339.parse(text) == nil)
        }
    }
}
