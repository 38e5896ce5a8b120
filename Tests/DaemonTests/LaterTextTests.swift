import CloudKit
import Foundation
import Testing

extension `The network`.`What follows a lesson` {
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
            try lesson.log("gap state=filling", since: up.before, seconds: 30)
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

extension `The network`.`What follows a lesson` {
    /// Sent as a file to the asynchronous interface, which fails at every step once.
    @Test func `a lesson without any network gets its text as a file`() async throws {
        let host = "\(NetworkLab.cloudName):\(NetworkLab.port)"
        let faults = [
            "rest-file-status=500*1", "rest-create-status=503*1", "rest-poll-status=500*1",
            "rest-transcript-status=500*1", "rest-delete-status=500*1", "rest-fails*1", "rest-delay-ms=1500",
        ]
        let secret = try Box.scratch() + "/service.secret"
        try "permanent-key-81\n".write(toFile: secret, atomically: true, encoding: .utf8)
        chmod(secret, 0o600)
        let settings = ["transcription.rest_url=https://\(host)", "transcription.rest_bearer_file=\(secret)"]
        try await NetworkLesson.run(
            seconds: 24, seed: 54, faults: faults, settings: settings, online: false
        ) { lesson in
            try lesson.stop()
            let up = try lesson.lab.ip(.box, NetworkLab.up0)
            try lesson.log("state=complete words=\(lesson.script.words.count)", since: up.before, seconds: 120)
            try lesson.compareText()
            #expect(try lesson.lab.school().left_undeleted == 0)
            #expect(lesson.box.log.contains("the service could not transcribe it"))
            #expect(!lesson.box.log.contains("permanent-key-81"))
        }
    }

    private static let upload = [
        "upload.url=https://\(NetworkLab.cloudName):\(NetworkLab.port)/files/",
        "upload.manifest_url=https://\(NetworkLab.cloudName):\(NetworkLab.port)/api/lessons",
    ]

    /// The outage does not end before STOP.
    @Test(arguments: [true, false])
    func `a lesson reaches the school with all its text once there is a network`(beginsOnline: Bool) async throws {
        let settings = ["transcription.catch_up_rate=4"] + Self.upload
        try await NetworkLesson.run(seconds: 30, seed: 53, settings: settings, online: beginsOnline) { lesson in
            if beginsOnline {
                try lesson.record(toMilliseconds: 6_000)
                try lesson.lab.ip(.box, "link set eth0 down")
            }
            try lesson.stop()
            try lesson.box.wait("a lesson that waits for its upload") {
                ($0["outbox"] as? [String: Any])?["waiting"] as? Int == 1
            }
            let text = try lesson.box.chalkbox("status").output
            #expect(text.contains("will upload when online"), "\(text)")
            let up = try lesson.lab.ip(.box, NetworkLab.up0)
            try lesson.log("state=uploaded", since: up.before, seconds: 120)
            try lesson.compareText()
            let recording = try #require(try lesson.recordings().first)
            #expect(recording["state"] as? String == "uploaded")
            let id = recording["id"] as? String ?? ""
            let objects = try lesson.lab.school().objects
            let names = ["audio-0000.flac", "manifest.json", "transcript.json", "transcript.vtt"]
            #expect(objects.map(\.name).sorted() == names.map { "lessons/\(id)/\($0)" })
            for object in objects {
                #expect(object.times_completed == 1)
                let file = lesson.box.directory + "/state/recordings/" + object.name.dropFirst("lessons/".count)
                #expect(try Child.run(["sha256sum", file]).output.hasPrefix(object.sha256), "\(object.name)")
            }
            let status = try lesson.box.status()["outbox"] as? [String: Any] ?? [:]
            #expect(status["waiting"] as? Int == 0)
            #expect(status["lastError"] is NSNull)
        }
    }
}
