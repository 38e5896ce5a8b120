import Foundation
import Testing

extension `The network`.`The service ends a session` {
    @Test func `the first token of each message comes without times`() async throws {
        try await NetworkLesson.run(seconds: 16, seed: 51, faults: ["first-untimed"]) { lesson in
            // A token is half a word, and what is not known of it is within a token's length.
            lesson.placeMilliseconds = 400
            try lesson.finish()
            let limits = try lesson.box.status()["limits"] as? [[String: Any]] ?? []
            #expect(limits.contains { $0["name"] as? String == "service-tokens" }, "\(limits)")
        }
    }

    @Test(arguments: [2_500, 10_000])
    func `a service that leaves out audio is replaced, and hears it again`(milliseconds: Int) async throws {
        let settings = ["transcription.catch_up_rate=3"]
        try await NetworkLesson.run(seconds: 48, seed: 52, settings: settings) { lesson in
            try lesson.record(toMilliseconds: 9_000)
            let start = StampedLog.now
            try lesson.lab.fault("leave-out=\(milliseconds)*1")
            lesson.placeMilliseconds = 250
            try lesson.finish()
            let told = try lesson.log("lag state=left-out", since: start, seconds: 1)
            try lesson.expect("left-out audio is noticed", milliseconds: told.milliseconds - start, atMost: 16_000)
            let attempt = try lesson.log("attempt n=1 ", since: told.milliseconds, seconds: 1)
            #expect(attempt.text.contains("the speech service left out"), "\(attempt.text)")
            try lesson.live(since: told.milliseconds, seconds: 1)
            #expect(try lesson.lab.sessions().count == 2)
        }
    }

    @Test func `a service that pauses and works through all that it was sent loses nothing`() async throws {
        try await NetworkLesson.run(seconds: 24, seed: 53) { lesson in
            try lesson.record(toMilliseconds: 8_000)
            try lesson.lab.fault("pause=2600*1")
            try lesson.finish()
            #expect(try lesson.lab.sessions().count == 1)
            #expect(lesson.lines("lag state=caught-up").count == 1, "\(lesson.box.log)")
        }
    }
}
