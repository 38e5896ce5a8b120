import Foundation
import RecorderCore
import Testing

/// Subtitles as programs that others wrote read them: webvtt-py, srt, pysrt and ffmpeg.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["CHALKBOX_PYTHON"] != nil)) struct `Parsers of subtitles` {
    private struct Read: Decodable {
        var start: Int64
        var end: Int64
        var text: String?

        init(from decoder: any Decoder) throws {
            var row = try decoder.unkeyedContainer()
            start = try row.decode(Int64.self)
            end = try row.decode(Int64.self)
            text = try row.decodeIfPresent(String.self)
        }
    }

    private func parsed(_ cues: [Cue]) throws -> [String: [Read]] {
        let directory = FileManager.default.temporaryDirectory.appending(path: "subtitles-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let (vtt, srt) = (directory.path + "/a.vtt", directory.path + "/a.srt")
        try (WebVTT.head + cues.map { WebVTT.text(of: $0) }.joined())
            .write(toFile: vtt, atomically: true, encoding: .utf8)
        try cues.enumerated().map { SubRip.text(of: $1, number: $0 + 1) }.joined()
            .write(toFile: srt, atomically: true, encoding: .utf8)
        let process = Process()
        process.executableURL = URL(filePath: ProcessInfo.processInfo.environment["CHALKBOX_PYTHON"] ?? "")
        let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "subtitles.py").path
        process.arguments = [script, vtt, srt]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return try JSONDecoder().decode([String: [Read]].self, from: data)
    }

    @Test func `read all of them, whatever was said`() throws {
        let odd = [
            "a\n\nb", "\u{0}", "-->", "00:00:01,000 --> 00:00:02,000", "00:00:01.000 --> 00:00:02.000", "\r\n\r\n",
            "WEBVTT",
            "NOTE x", "\u{85}x", "&amp;", "<v", "STYLE", "12", "<00:00:01.000>", "{\\an8}", "\u{FEFF}", "--->",
            "\u{B}\u{C}",
            "الدرس", "DNA", "原理和，它在教室里的应用今天我们来看一看这个问题", String(repeating: "x", count: 10_000),
            "\u{2028}\u{2029}", "\u{1C}\u{1D}\u{1E}", "\u{202E}", "\u{200F}",
        ]
        var words: [Word] = []
        for (place, text) in (odd + odd.reversed() + odd.flatMap { [$0, "y"] }).enumerated() {
            // Some begin together, some have no time.
            let start = Int64(place / 3 * 900)
            words.append(word(text, start, start + Int64(place % 4) * 250, speaker: 1 + place / 7 % 2))
        }
        let cues = Cue.cues(of: Segment.segments(of: words))
        #expect(cues.count > 240)
        for (parser, read) in try parsed(cues) {
            #expect(read.map(\.start) == cues.map(\.start.milliseconds), "\(parser)")
            #expect(read.map(\.end) == cues.map(\.end.milliseconds), "\(parser)")
            for (one, cue) in zip(read, cues) {
                guard let text = one.text else { continue }
                #expect(text.split(separator: "\n").count == cue.lines.count, "\(parser): \(text)")
                let isPlain = cue.lines.allSatisfy { !$0.contains("<") && !$0.contains("-->") && !$0.contains("&") }
                if isPlain { #expect(Self.letters(text) == Self.letters(cue.lines.joined()), "\(parser): \(text)") }
            }
        }
    }

    /// Without spaces, and what shows the direction.
    private static func letters(_ text: String) -> [Unicode.Scalar] {
        text.unicodeScalars.filter { !$0.isSpace && !(0x202A...0x202E).contains($0.value) && $0 != "\u{FEFF}" }
    }
}
