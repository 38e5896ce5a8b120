import RecorderCore

@testable import RecordingStore

/// Names and times as text; the first eight bytes also as a time.
enum TextFuzz {
    /// The years that RFC 3339 can write: 0000 to 9999.
    private static let writable: ClosedRange<Int64> = -62_167_219_200_000...253_402_300_799_999

    static func run(_ bytes: [UInt8]) throws {
        let text = String(decoding: bytes, as: UTF8.self)
        if let id = RecordingID(text) {
            try expect(id.text == text && id.text.utf8.count == RecordingID.length, "\(id)")
            try expect(!text.holds(0x2F) && !text.holds(0x2E), "\(id) could be a path")
        }
        if let time = WallTime(rfc3339: text), writable.contains(time.milliseconds) {
            try expect(WallTime(rfc3339: time.rfc3339) == time, "\(text) came back as \(time.rfc3339)")
        }
        if let time = RFC3339.parse(text) { try expect(time.rfc3339 == text, "\(text) is \(time.rfc3339)") }
        if let number = SegmentName.number(text) { try expect(SegmentName.text(number) == text, "\(number)") }
        guard bytes.count >= 8 else { return }
        let time = WallTime(milliseconds: bytes.prefix(8).reduce(0) { $0 << 8 | Int64($1) })
        let written = time.rfc3339
        if writable.contains(time.milliseconds) {
            try expect(RFC3339.parse(written) == time, "\(time.milliseconds) ms is \(written)")
        }
    }
}
