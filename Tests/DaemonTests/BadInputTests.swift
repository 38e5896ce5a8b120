import CloudKit
import Foundation
import OwnThread
import Testing

@Suite(.ownThread, .serialized) struct `Bad input to the shipped binary` {
    private static let speech = ToneLesson(.seconds(4), speakers: 1, seed: 3)

    /// Whatever the service does, the lesson is recorded to the last sample and the reason is told.
    private func lesson(
        reason: String, phases: Set<String> = ["failed", "reconnecting"],
        _ configure: (inout CloudConfiguration) -> Void
    ) async throws {
        let box = try Box()
        try await box.start(samples: Self.speech.samples, configure)
        #expect(try box.chalkbox("start").code == 0)
        try box.wait("reason \(reason)") {
            phases.contains($0["phase"] as? String ?? "") && ($0["reason"] as? String ?? "").contains(reason)
        }
        try box.waitForSamples(Self.speech.samples.count, seconds: 60)
        #expect(try box.chalkbox("stop").code == 0)
        #expect(box.isRunning)
        let recorded = try box.recordedSamples()
        #expect(recorded.prefix(Self.speech.samples.count).elementsEqual(Self.speech.samples))
        #expect(!box.log.contains("cannot print value"))
        try await box.stop()
    }

    @Test func `a refused token is red at once and nothing recorded is lost`() async throws {
        try await lesson(reason: "401", phases: ["failed"]) { $0.bearer = "another secret" }
    }

    @Test func `malformed JSON from the service`() async throws {
        try await lesson(reason: "JSON") { $0.faults.malformedJSON = true }
    }

    @Test func `a message of ten megabytes from the service`() async throws {
        try await lesson(reason: "bytes") { $0.faults.hugeMessage = true }
    }

    @Test func `binary garbage from the service`() async throws {
        try await lesson(reason: "binary") { $0.faults.binaryGarbage = true }
    }

    @Test func `an authority that is not known`() async throws {
        let box = try Box()
        try await box.start(samples: Self.speech.samples)
        let cloud = try #require(box.cloud)
        let stranger = box.directory + "/stranger"
        try FileManager.default.createDirectory(atPath: stranger, withIntermediateDirectories: true)
        let authority = try ThrowawayAuthority(directory: stranger)
        let other = try Box()
        try other.startMicrophone(Self.speech.samples)
        try other.writeConfiguration(device: "lesson", token: cloud.tokenURL, authority: authority.authorityFile)
        try other.startDaemon(device: "lesson")
        #expect(try other.chalkbox("start").code == 0)
        try other.wait("the certificate's refusal") {
            $0["phase"] as? String == "failed" && ($0["reason"] as? String ?? "").contains("certificate")
        }
        #expect(try other.chalkbox("stop").code == 0)
        try await other.stop()
        try await box.stop()
    }

    @Test func `a microphone that is not there turns the light red and STOP still works`() async throws {
        let box = try Box()
        try await box.startCloud()
        try box.startDaemon(device: "hw:CARD=Nowhere")
        #expect(try box.chalkbox("start").code == 0)
        try box.wait("red light") {
            $0["phase"] as? String == "failed" && ($0["reason"] as? String ?? "").contains("microphone")
        }
        #expect(try box.chalkbox("stop").code == 0)
        try await box.stop()
    }

    @Test func `wrong configurations name line, key and what is accepted`() throws {
        let box = try Box()
        try box.writeConfiguration(
            device: "null", token: "https://school.example/t", authority: "",
            more: "[reconnect]\natempts = 3\ncap_seconds = 0")
        let check = try box.chalkbox("config", "check")
        #expect(check.code == 2)
        #expect(check.output.contains("did you mean reconnect.attempts?"))
        #expect(check.output.contains("accepted: a whole number from 1 to 300"))
        try FileManager.default.removeItem(atPath: box.directory)
    }

    @Test func `wrong words on the command line end with 2, no daemon with 3`() throws {
        let box = try Box()
        #expect(try box.chalkbox("dance").code == 2)
        #expect(try box.chalkbox("start", "--lable", "x").code == 2)
        #expect(try box.chalkbox("export", "last", "--format", "mp3", "-o", "x").code == 2)
        #expect(try box.chalkbox("config", "check").code == 2, "a missing configuration")
        for (words, told) in [
            (["start", "--label"], "--label needs a value"), (["export", "last", "--format"], "--format needs a value"),
            (["export", "last", "--format", "txt", "-o", ""], "-o needs a value"),
            (["export", "last", "--format", "txt", "--output="], "--output needs a value"),
            (["export", "last", "--format="], "--format needs a value"),
            (["export", "", "--format", "txt", "-o", "-"], "one of the words is empty"),
            (["recordings", "verify", ""], "one of the words is empty"),
            (["upload", "retry", "--", ""], "one of the words is empty"),
            (["lamp", "red", "--seconds"], "--seconds needs a value"),
            (["lamp", "red", "--seconds", ""], "--seconds needs a value"),
            (["status", "--socket", ""], "--socket needs a value"), (["doctor", "--set="], "--set needs a value"),
            (["daemon", "--defaults"], "--defaults needs a value"),
            (["config", "check", "--config="], "--config needs a value"),
            (["recordings", "--set", "--json"], "--set needs a value"),
        ] {
            let run = try Box.run(Box.binary, words + ["--config", box.configurationFile], checked: false)
            #expect(run.code == 2 && run.output.contains("chalkbox: \(words[0]): \(told)"), "\(words): \(run)")
        }
        // A script's variable may hold no label.
        #expect(try box.chalkbox("start", "--label", "").code == 3)
        try box.writeConfiguration(device: "null", token: "https://school.example/t", authority: "")
        let status = try box.chalkbox("status")
        #expect(status.code == 3)
        #expect(status.output.contains("is the daemon running?"))
        #expect(try box.chalkbox("--help").code == 0)
        try FileManager.default.removeItem(atPath: box.directory)
    }
}
