import CloudKit
import Foundation
import Testing

extension `The network`.`Long outages and many` {
    /// Replayed through the live service once the link is back, at four times the pace of speech.
    @Test func `a lesson that ends offline gets its text when the network is back`() async throws {
        let settings = ["transcription.catch_up_rate=4"]
        try await NetworkLesson.run(seconds: 36, seed: 51, settings: settings) { lesson in
            try lesson.record(toMilliseconds: 8_000)
            try lesson.lab.ip(.box, "link set eth0 down")
            try lesson.stop()
            try lesson.expectGapAtEnd(reason: "")
            #expect(try lesson.recordings().first?["state"] as? String == "transcribing")
            let up = try lesson.lab.ip(.box, NetworkLab.up0)
            try lesson.log("state=complete words=\(lesson.script.words.count)", since: up.before, seconds: 90)
            try lesson.compareSamples()
            try lesson.compareText()
            #expect(try lesson.recordings().first?["state"] as? String == "saved")
        }
    }

    @Test func `a lesson without any network gets its text when there is one`() async throws {
        let settings = ["transcription.catch_up_rate=4"]
        try await NetworkLesson.run(seconds: 20, seed: 52, settings: settings, online: false) { lesson in
            try lesson.stop()
            let up = try lesson.lab.ip(.box, NetworkLab.up0)
            try lesson.log("hole state=filling", since: up.before, seconds: 30)
            // The next lesson comes first, and then the rest of the last one's text.
            let id = try lesson.recordings().first?["id"] as? String ?? ""
            #expect(try lesson.box.chalkbox("start").code == 0)
            try lesson.live(since: up.before)
            #expect(try lesson.box.chalkbox("stop").code == 0)
            try lesson.log("transcribe id=\(id) state=complete", since: up.before, seconds: 90)
            try lesson.compareText(of: id)
        }
    }
}
