import CloudKit
import Testing

@Suite struct RecogniserTests {
    private static let testData = "/usr/share/pocketsphinx/test/data"

    private func finals(_ recogniser: any Recogniser, _ samples: [Int16], frame: Int) -> [RecognisedToken] {
        var tokens: [RecognisedToken] = []
        var horizon = 0
        for start in stride(from: 0, to: samples.count, by: frame) {
            let result = recogniser.feed(Array(samples[start..<min(start + frame, samples.count)]))
            #expect(result.finals.allSatisfy { $0.startSample >= horizon }, "a final for audio said to be done with")
            #expect(result.finalSamples >= horizon && result.finalSamples <= result.totalSamples)
            horizon = result.finalSamples
            tokens += result.finals
        }
        return tokens + recogniser.finish().finals
    }

    private func words(_ tokens: [RecognisedToken]) -> [String] {
        tokens.map(\.text).joined().split(separator: " ").map(String.init)
    }

    @Test func `scripted words come once each, with their times and speakers by appearance`() {
        let lesson = ToneLesson(.seconds(60), speakers: 2, seed: 11)
        let tokens = finals(ScriptRecogniser(), lesson.samples, frame: 1_600)
        #expect(words(tokens) == lesson.words.map(\.text))
        #expect(tokens.count == 2 * lesson.words.count)
        for (position, word) in lesson.words.enumerated() {
            #expect(tokens[2 * position].startSample == word.startSample)
            #expect(tokens[2 * position + 1].endSample == word.endSample)
            #expect(tokens[2 * position].speaker == "\(word.speaker)")
            #expect((0.9...0.99).contains(tokens[2 * position].confidence))
        }
    }

    @Test(arguments: [1_111, 333, 16_000]) func `scripted finals do not depend on the frames`(frame: Int) {
        let lesson = ToneLesson(.seconds(20), seed: 12)
        let expected = finals(ScriptRecogniser(), lesson.samples, frame: 960)
        #expect(finals(ScriptRecogniser(), lesson.samples, frame: frame) == expected)
    }

    @Test func `a session that begins with the second speaker calls that one 1`() {
        let samples = ToneCode.burst(index: 1, speaker: 2) + ToneCode.burst(index: 2, speaker: 1)
        let recogniser = ScriptRecogniser()
        #expect(recogniser.transcribe(samples).map(\.speaker) == ["1", "1", "2", "2"])
    }

    @Test func `a scripted word is a guess at first and final a second later`() {
        let recogniser = ScriptRecogniser()
        let heard = recogniser.feed(ToneCode.burst(index: 7, speaker: 1) + [Int16](repeating: 0, count: 800))
        #expect(heard.finals.isEmpty)
        #expect(words(heard.nonFinals) == [Vocabulary.text(of: 7)])
        #expect(recogniser.feed([Int16](repeating: 0, count: 15_000)).finals.isEmpty)
        let later = recogniser.feed([Int16](repeating: 0, count: 1_000))
        #expect(words(later.finals) == [Vocabulary.text(of: 7)])
        #expect(later.nonFinals.isEmpty)
    }

    @Test func `finalize makes scripted words final at once and never again`() {
        let recogniser = ScriptRecogniser()
        _ = recogniser.feed(ToneCode.burst(index: 7, speaker: 1) + [Int16](repeating: 0, count: 800))
        #expect(words(recogniser.finalize().finals) == [Vocabulary.text(of: 7)])
        #expect(recogniser.feed([Int16](repeating: 0, count: 32_000)).finals.isEmpty)
        #expect(recogniser.finish().finals.isEmpty)
    }

    private func speech() throws -> [Int16] {
        let folder = Self.testData + "/librivox/sense_and_sensibility_01_austen_64kb-"
        return try AudioFile.samples(path: folder + "0880.wav") + AudioFile.samples(path: folder + "0930.wav")
    }

    @Test func `real speech is recognised, its words final during the lesson`() throws {
        let samples = try speech()
        let recogniser = try RecogniserKind.pocketSphinx(modelDirectory: RecogniserKind.debianModelDirectory)
            .makeRecogniser()
        var guesses = 0
        var early = 0
        for start in stride(from: 0, to: samples.count, by: 1_600) {
            let result = recogniser.feed(Array(samples[start..<min(start + 1_600, samples.count)]))
            guesses += result.nonFinals.count
            early += result.finals.count
        }
        let late = recogniser.finish()
        #expect(guesses > 0)
        #expect(early > 0, "nothing was final before the end")
        #expect(late.totalSamples == samples.count && late.finalSamples == samples.count)
        #expect(late.finals.allSatisfy { $0.endSample <= samples.count })
    }

    @Test func `real speech gives the same tokens however it is framed`() throws {
        let samples = try speech()
        let kind = RecogniserKind.pocketSphinx(modelDirectory: RecogniserKind.debianModelDirectory)
        let expected = finals(try kind.makeRecogniser(), samples, frame: 960)
        #expect(words(expected).contains("young"))
        #expect(finals(try kind.makeRecogniser(), samples, frame: 7_777) == expected)
        let starts = expected.map(\.startSample)
        #expect(starts == starts.sorted())
        let spoken = expected.map(\.text).joined()
        #expect(!spoken.contains("<") && !spoken.contains("[") && !spoken.contains("("))
    }

    @Test func `a missing model is a clear error`() {
        #expect(throws: RecogniserError.modelNotUsable(directory: "/nonexistent")) {
            _ = try RecogniserKind.pocketSphinx(modelDirectory: "/nonexistent").makeRecogniser()
        }
    }
}
