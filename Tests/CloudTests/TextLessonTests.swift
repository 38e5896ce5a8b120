@testable import CloudKit
import Testing

@Suite struct `A lesson of real text` {
    private static let lesson = TextLesson([
        .init(speaker: 1, language: "ja", sentences: ["クリエータを変更する。", "終了状態 0 を返す。"]),
        .init(speaker: 2, language: "en", sentences: ["All messages are final, sooner or later."]),
    ])

    private func tokens(
        _ samples: [Int16], session: Int = 1, frame: Int = 1_920, _ change: (inout ScriptHabits) -> Void = { _ in }
    ) -> [RecognisedToken] {
        var habits = ScriptHabits()
        habits.session = session
        change(&habits)
        let recogniser = TextRecogniser(Self.lesson, habits: habits)
        var tokens: [RecognisedToken] = []
        for start in stride(from: 0, to: samples.count, by: frame) {
            tokens += recogniser.feed(Array(samples[start..<min(start + frame, samples.count)])).finals
        }
        return tokens + recogniser.finish().finals
    }

    private static let text = "クリエータを変更する。終了状態 0 を返す。 All messages are final, sooner or later."

    @Test func `every session hears the same text, cut otherwise`() {
        let cuts = (1...4).map { session in
            let tokens = tokens(Self.lesson.samples, session: session)
            #expect(tokens.map(\.text).joined() == Self.text)
            #expect(tokens.allSatisfy { $0.text.count <= ($0.language == "ja" ? 3 : 6) })
            #expect(tokens.map(\.speaker) == tokens.map { $0.language == "ja" ? "1" : "2" })
            return tokens.map(\.text)
        }
        #expect(Set(cuts).count == cuts.count)
        #expect(cuts[0].filter { $0 == "。" }.count == 2, "punctuation is a token of its own")
    }

    @Test(arguments: [333, 6_400, 100_000]) func `finals do not depend on the frames`(frame: Int) {
        let (tokens, usual) = (tokens(Self.lesson.samples, frame: frame), tokens(Self.lesson.samples))
        for (token, other) in zip(tokens, usual) { #expect(token == other) }
        #expect(tokens.count == usual.count)
    }

    @Test func `places differ by no more than the jitter, and stay in order`() {
        let places = tokens(Self.lesson.samples, session: 3) { $0.timeJitterSamples = 120 * 16 }
        for token in places {
            let piece = Self.lesson.pieces[token.pieces?.lowerBound ?? 0]
            #expect(abs(token.startSample - piece.startSample) <= 120 * 16, "\(token)")
        }
        #expect(places.map(\.startSample) == places.map(\.startSample).sorted())
        #expect(places.contains { $0.startSample != Self.lesson.pieces[$0.pieces?.lowerBound ?? 0].startSample })
    }

    @Test func `a session that begins anywhere knows where it is, and says what it hears as a whole`() {
        let samples = Array(Self.lesson.samples[20_000...])
        let first = Self.lesson.pieces.firstIndex { $0.startSample >= 20_000 } ?? 0
        let tokens = tokens(samples)
        #expect(tokens.map(\.text).joined() == Self.lesson.pieces[first...].map(\.text).joined())
        #expect(tokens.first?.startSample == Self.lesson.pieces[first].startSample - 20_000)
    }

    @Test func `what is said behind a silence goes on where the text does`() {
        let all = Self.lesson.samples
        let rest = all[(Self.lesson.sentence(after: 30_000) ?? 0)...]
        let samples = Array(all[..<20_000]) + [Int16](repeating: 0, count: 50_003) + rest
        let heard = Self.lesson.heard(in: samples)
        let text = heard.map { Self.lesson.pieces[$0.piece].text }.joined()
        #expect(text == "クリエータを終了状態 0 を返す。 All messages are final, sooner or later.", "\(text)")
        #expect(heard.first { Self.lesson.pieces[$0.piece].text == "終" }?.startSample == 70_003)
    }

    @Test func `another session may leave out punctuation and choose another case`() {
        let spellings = Set((1...60).map { session in
            tokens(Self.lesson.samples, session: session) { $0.spellsOtherwise = true }.map(\.text).joined()
        })
        #expect(spellings.count > 5)
        func letters(_ text: String) -> String { text.filter { !$0.isPunctuation }.lowercased() }
        #expect(Set(spellings.map(letters)) == [letters(Self.text)])
    }

    @Test func `a file of lines makes the lesson; others are refused`() throws {
        let lines = "1\tja\tクリエータを変更する。\n1\tja\t終了状態 0 を返す。\n"
        #expect(try TextLesson(lines: lines + "2\ten\tAll messages are final, sooner or later.\n") == Self.lesson)
        #expect(throws: TextLessonError.badLine("5\ten\tx")) { try TextLesson(lines: "5\ten\tx") }
    }
}
