import CloudKit
import Foundation
import OwnThread
import Testing

/// How long the scripted lesson is; the nightly run takes minutes.
private let lessonSeconds = Int(ProcessInfo.processInfo.environment["CHALKBOX_LESSON_SECONDS"] ?? "") ?? 30

@Suite(.ownThread, .serialized) struct `A lesson in the shipped binary` {
    @Test func `every scripted word comes once, from the right speaker, at its sample`() async throws {
        let lesson = ToneLesson(.seconds(Double(lessonSeconds)), speakers: 2, seed: 7)
        let box = try Box()
        try await box.start(samples: lesson.samples)
        #expect(try box.chalkbox("start", "--label", "7B maths").code == 0)
        try box.waitForPhase("live")
        #expect(try box.chalkbox("start").code == 1, "a double start was not refused")
        try box.waitForSamples(lesson.samples.count, seconds: Double(lessonSeconds) + 60)
        let stop = try box.chalkbox("stop")
        #expect(stop.code == 0, "\(stop.output)")

        let recorded = try box.recordedSamples()
        #expect(recorded.prefix(lesson.samples.count).elementsEqual(lesson.samples), "samples differ from the played")
        let document = try box.document()
        #expect(document["label"] as? String == "7B maths")
        #expect((document["gaps"] as? [Any])?.isEmpty == true, "\(document["gaps"] ?? "")")
        let heard = Heard.words(document)
        #expect(heard.map(\.text) == lesson.words.map(\.text))
        #expect(heard.map(\.speaker) == Heard.numbered(lesson.words.map { "\($0.speaker)" }))
        for (word, truth) in zip(heard, lesson.words) {
            #expect(abs(word.startMs - truth.startSample / 16) <= 20, "\(word.text) at \(word.startMs) ms")
        }
        #expect(!box.log.contains("cannot print value"))
        try await box.stop()
    }
}

extension ToneLesson {
    /// Whether a recording is this lesson from its beginning on, and silence once all of it has been said.
    func isHeard(in recorded: [Int16]) -> Bool {
        recorded.prefix(samples.count).elementsEqual(samples.prefix(recorded.count))
            && recorded.dropFirst(samples.count).allSatisfy { $0 == 0 }
    }
}

/// A word of a transcript document.
struct Heard {
    let text: String
    let speaker: String
    let startMs: Int

    static func words(_ document: [String: Any]) -> [Heard] {
        (document["segments"] as? [[String: Any]] ?? []).flatMap { segment in
            (segment["words"] as? [[String: Any]] ?? []).map { word in
                Heard(
                    text: word["text"] as? String ?? "", speaker: segment["speaker"] as? String ?? "",
                    startMs: word["startMs"] as? Int ?? -1)
            }
        }
    }

    /// Speakers by the order in which they first speak, as the box numbers them.
    static func numbered(_ speakers: [String]) -> [String] {
        var numbers: [String: Int] = [:]
        return speakers.map { speaker in
            let number = numbers[speaker] ?? numbers.count + 1
            numbers[speaker] = number
            return String(number)
        }
    }
}
