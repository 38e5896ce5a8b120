internal import ArgumentParser
internal import CloudKit
internal import Foundation

struct Lesson: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make a lesson of tone-coded words, and the truth about it.")

    @Option(help: "How many words.")
    var words: Int?

    @Option(help: "How long; as many words as fit.")
    var seconds: Double?

    @Option(help: ArgumentHelp("Lines of speaker, language and a sentence, with tabs between them.", valueName: "file"))
    var text: String?

    @Option(help: "How many speakers take turns, 1 to 4.")
    var speakers = 2

    @Option(help: "The same seed makes the same lesson.")
    var seed: UInt64 = 1

    @Option(name: .shortAndLong, help: "Audio file, 16 kHz mono: .raw, else RIFF WAVE.")
    var output: String

    @Option(help: ArgumentHelp("Words with speaker, start and end sample as JSON.", valueName: "file"))
    var truth: String?

    func validate() throws {
        guard [words != nil, seconds != nil, text != nil].count(where: \.self) == 1 else {
            throw ValidationError("give either --words, --seconds or --text")
        }
        guard text == nil || truth == nil else { throw ValidationError("--truth is for tone-coded words") }
        guard (1...4).contains(speakers) else { throw ValidationError("--speakers takes 1 to 4") }
        guard (0...ToneLesson.maximumWords).contains(words ?? 0) else {
            throw ValidationError("--words takes at most \(ToneLesson.maximumWords)")
        }
        guard (0...36_000).contains(seconds ?? 0) else { throw ValidationError("--seconds takes at most 36000") }
    }

    func run() throws {
        if let text {
            return try write(TextLesson(lines: String(contentsOfFile: text, encoding: .utf8)).samples)
        }
        let length = words.map(ToneLesson.Length.words) ?? .seconds(seconds ?? 0)
        let lesson = ToneLesson(length, speakers: speakers, seed: seed)
        try write(lesson.samples)
        if let truth { try json(lesson.words).write(to: URL(fileURLWithPath: truth), options: .atomic) }
    }
}

extension Lesson {
    private func write(_ samples: [Int16]) throws {
        let audio = output.hasSuffix(".raw") ? samples.withUnsafeBytes { Data($0) } : AudioFile.wave(samples)
        try audio.write(to: URL(fileURLWithPath: output), options: .atomic)
    }
}

struct Decode: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Find the tone-coded words in a recording.")

    @Argument(help: "16 kHz mono: raw, RIFF WAVE or FLAC.")
    var file: String

    @Flag(help: "Words with speaker, start and end sample, as the lesson's truth has them.")
    var json = false

    func run() throws {
        let words = ToneDecoder.words(in: try AudioFile.samples(path: file))
        if json {
            try FileHandle.standardOutput.write(contentsOf: chalkbox_cloud.json(words))
        } else {
            print(words.map(\.text).joined(separator: " "))
        }
    }
}

struct Recognise: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a recogniser on a file alone and print the transcript.")

    @Argument(help: "16 kHz mono: raw, RIFF WAVE or FLAC.")
    var file: String

    @OptionGroup var recognition: RecogniserOptions

    @Flag(help: "Final tokens with their times instead of text.")
    var json = false

    private struct Token: Encodable {
        var text: String
        var start_ms: Int
        var end_ms: Int
        var confidence: Double
        var speaker: String
        var language: String
    }

    func run() throws {
        let samples = try AudioFile.samples(path: file)
        let tokens = try recognition.kind().makeRecogniser().transcribe(samples)
        if json {
            let rows = tokens.map {
                Token(
                    text: $0.text, start_ms: $0.startMilliseconds, end_ms: $0.endMilliseconds,
                    confidence: $0.confidence, speaker: $0.speaker, language: $0.language)
            }
            try FileHandle.standardOutput.write(contentsOf: chalkbox_cloud.json(rows))
        } else {
            print(tokens.map(\.text).joined().drop { $0 == " " })
        }
    }
}

private func json(_ rows: [some Encodable]) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // One row a line, so that files can be compared by line.
    let lines = try rows.map { String(decoding: try encoder.encode($0), as: UTF8.self) }
    return Data("[\n\(lines.joined(separator: ",\n"))\n]\n".utf8)
}
