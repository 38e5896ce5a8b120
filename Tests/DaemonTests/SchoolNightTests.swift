import CloudKit
import Foundation
import Testing

extension `The school` {
    private static let isNight = Int(ProcessInfo.processInfo.environment["CHALKBOX_UPLOAD_CUTS"] ?? "") ?? 0 > 50

    /// Uploading must not be felt in the lesson, where it is allowed beside one.
    @Test(.enabled(if: isNight, "takes two minutes"))
    func `words come as soon beside a hundred megabytes that go to the school`() async throws {
        let alone = try await lesson(backlogBytes: 0)
        let beside = try await lesson(backlogBytes: 100_000_000)
        print("upload: words after \(alone.p99) ms alone, \(beside.p99) ms beside it (p99), \(beside.sent) bytes sent")
        #expect(beside.sent > 50_000_000)
        #expect(alone.xruns == 0 && beside.xruns == 0)
        #expect(Double(beside.p99) <= 1.2 * Double(alone.p99) + 50)
    }

    /// - Returns: how long after its end 99 of 100 words were final, and what was sent meanwhile.
    private func lesson(backlogBytes: Int) async throws -> (p99: Int, xruns: Int, sent: Int) {
        let script = ToneLesson(.seconds(40), speakers: 2, seed: 61)
        let box = try Box()
        defer {
            box.endProcesses()
            try? FileManager.default.removeItem(atPath: box.directory)
        }
        if backlogBytes > 0 { try Backlog.record(1, bytesEach: backlogBytes, in: box.directory + "/state") }
        try box.startMicrophone(script.samples)
        try await box.startCloud()
        let cloud = try #require(box.cloud)
        try box.startDaemon(
            device: "lesson",
            overrides: [
                "upload.url=\(cloud.uploadURL)", "upload.during_lesson=yes", "upload.limit_kbps=24000",
                "upload.manifest_url=\(cloud.manifestURL)",
            ])
        if backlogBytes > 0 {
            // Nothing is packed while a lesson is recorded.
            try Box.wait("the first bytes", seconds: 60) { cloud.log.uploadedBytes > 0 }
        }
        #expect(try box.chalkbox("start").code == 0)
        let words = StampedLog()
        let follower = try Child.logging(
            [Box.binary, "transcript", "--json", "--follow", "--config", box.configurationFile], to: words,
            isError: false)
        defer { follower.end() }
        try box.waitForSamples(script.samples.count, seconds: 100)
        let recording = try box.status()["recording"] as? [String: Any] ?? [:]
        #expect(try box.chalkbox("stop").code == 0)
        let sent = cloud.log.uploadedBytes
        let format = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        let started = try Date(recording["startedAt"] as? String ?? "", strategy: format)
        // Of the stamps' clock.
        let zero = StampedLog.now - Int64(Date().timeIntervalSince(started) * 1_000)
        let late = words.lines.flatMap { line in Self.ends(line.text).map { Int(line.milliseconds - zero) - $0 } }
        #expect(late.count >= script.words.count)
        let place = max(0, late.count * 99 / 100 - 1)
        try await cloud.stop()
        return (late.sorted()[place], recording["xruns"] as? Int ?? -1, sent)
    }

    /// Where the words of a line end, in milliseconds of the recording.
    private static func ends(_ line: String) -> [Int] {
        let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        return (object?["words"] as? [[String: Any]] ?? []).compactMap { $0["endMs"] as? Int }
    }

    /// At a server that others wrote (tuspyserver). It is not killed itself: version 4.4.3 then has bytes behind the
    /// offset that it tells, and goes on behind them; only the check of a manifest finds that.
    @Test(.enabled(if: isNight, "takes a minute"))
    func `the daemon is killed at any moment beside an independent server: each file is there, once`() throws {
        let directory = try Box.scratch()
        let box = try Box()
        let lines = StampedLog()
        var server: Child?
        defer {
            box.endProcesses()
            server?.end(seconds: 0)
            try? FileManager.default.removeItem(atPath: directory)
            try? FileManager.default.removeItem(atPath: box.directory)
        }
        let python = ProcessInfo.processInfo.environment["CHALKBOX_PYTHON"] ?? ""
        let script = Box.root + "/Tests/SchoolUploadTests/tus_server.py"
        server = try Child.logging([python, script, directory], to: lines, isError: false)
        let port = try #require(lines.wait(seconds: 60) { Int($0) != nil }).text
        try Backlog.record(20, bytesEach: 3_000_000, in: box.directory + "/state")
        try box.writeConfiguration(device: "null", token: "https://school.example/t", authority: "")
        let settings = [
            "transcription.enabled=no", "upload.url=http://127.0.0.1:\(port)/files", "upload.chunk_mb=1",
            "upload.limit_kbps=16000",
        ]
        try box.startDaemon(device: "null", overrides: settings)
        var cuts = 0
        func isDone() -> Bool { (try? states(box).allSatisfy { $0 == "uploaded" }) == true }
        while !isDone(), cuts < 100 {
            let next = StampedLog.now + Int64.random(in: 100...1_500)
            try Box.wait("a random moment", seconds: 10) { StampedLog.now >= next }
            cuts += 1
            kill(box.daemon?.pid ?? 0, SIGKILL)
            box.daemon?.wait()
            try box.restartDaemon(device: "null", overrides: settings)
        }
        try box.chalkbox("upload", "retry", "all")
        try uploaded(box, seconds: 600)
        try compare(box, directory)
        print("upload: \(cuts) kills of the daemon beside an independent server")
    }

    /// Every file of the box is at the server, once.
    private func compare(_ box: Box, _ directory: String) throws {
        func digests(_ arguments: [String]) throws -> [(digest: Substring, path: Substring)] {
            try Child.run(["find"] + arguments + ["-exec", "sha256sum", "{}", ";"]).output
                .split(separator: "\n").map { ($0.prefix(64), $0.dropFirst(66)) }
        }
        let wanted = try digests([box.directory + "/state/recordings", "-type", "f"])
        let there = try digests([directory, "-type", "f", "!", "-name", "*.info", "!", "-name", "*.lock"])
        #expect(wanted.count >= 4)
        for (digest, path) in wanted {
            // Lessons without words have equal subtitles.
            let twins = wanted.count { $0.digest == digest }
            #expect(there.count { $0.digest == digest } == twins, "\(path)\n\(there)")
        }
    }
}
