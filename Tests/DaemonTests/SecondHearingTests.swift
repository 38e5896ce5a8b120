import CloudKit
import OwnThread
import Testing

@Suite(.ownThread) struct `A speaker who is silent over a drop` {
    @Test func `has the number from before at the lesson's end`() async throws {
        // Both, then the first alone for 28 s, over the drop, then both.
        let before = ToneLesson(.seconds(10), speakers: 2, seed: 81)
        let alone = ToneLesson(.seconds(28), speakers: 1, seed: 82, firstIndex: UInt16(before.words.count))
        let count = before.words.count + alone.words.count
        let after = ToneLesson(.seconds(22), speakers: 2, seed: 83, firstIndex: UInt16(count))
        let truth = (before.words + alone.words + after.words).map { "\($0.speaker)" }
        #expect(before.words.count { $0.speaker == 2 } > 3 && after.words.count { $0.speaker == 2 } > 5)
        let samples = before.samples + alone.samples + after.samples
        let box = try Box()
        try box.startMicrophone(samples)
        try await box.startCloud()
        try await box.cloud?.changeFaults("permute-speakers")
        try box.startDaemon(device: "lesson", overrides: ["transcription.catch_up_rate=4"])
        #expect(try box.chalkbox("start").code == 0)
        try box.waitForSamples(26 * 16_000, seconds: 60)
        try await box.cloud?.perform(.reset)
        let begun = try #require(
            box.lines.wait(seconds: 60) { $0.contains("speaker compare session=3 ") }, "\(box.log)")
        _ = try #require(
            box.lines.wait(since: begun.milliseconds, seconds: 60) { $0.contains("speaker merge session=3 3→2") },
            "\(box.log)")
        try box.waitForSamples(samples.count, seconds: 60)
        #expect(try box.chalkbox("stop").code == 0)
        let document = try box.document()
        #expect((document["speakers"] as? [String])?.count == 2, "\(box.log)")
        #expect(Heard.words(document).map(\.speaker) == Heard.numbered(truth))
        try await box.stop()
    }
}
