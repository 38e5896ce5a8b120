import CloudKit
import Foundation
import OwnThread
import Testing

@Suite(.ownThread, .serialized) struct `The journal of the shipped binary` {
    private static let lesson = ToneLesson(.seconds(12), speakers: 2, seed: 23)

    /// What a power cut does, but for what the disk had not written.
    private func cut(_ box: Box) throws {
        let daemon = try #require(box.daemon)
        kill(daemon.pid, SIGKILL)
        daemon.wait()
    }

    private func restart(_ box: Box) throws {
        let start = StampedLog.now
        try box.startDaemon(device: "lesson")
        let ready = box.lines.wait(since: start, seconds: 20) { $0.contains("ready name=") }
        #expect(ready != nil, "\(box.log)")
    }

    private func recordings(_ box: Box) throws -> [[String: Any]] {
        let output = try box.chalkbox("recordings", "--json").output
        return try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [[String: Any]] ?? []
    }

    @Test func `a damaged index is made anew: all audio, the words that can be read, and two lines that say so`()
        async throws
    {
        let box = try Box()
        try await box.start(samples: Self.lesson.samples)
        #expect(try box.chalkbox("start", "--label", "7B maths").code == 0)
        try box.waitForSamples(Self.lesson.samples.count, seconds: 60)
        #expect(try box.chalkbox("stop").code == 0)
        let before = try #require(try recordings(box).first)
        let words = try #require(before["words"] as? Int)
        #expect(words > 10)
        try cut(box)
        let index = box.directory + "/state/index.sqlite"
        let file = try FileHandle(forUpdating: URL(filePath: index))
        try file.seek(toOffset: 68)
        try file.write(contentsOf: Data([0xA5, 0xA5, 0xA5, 0xA5]))
        try file.close()

        try restart(box)
        let after = try #require(try recordings(box).first)
        for key in ["id", "label", "startedAt", "samples", "words", "coveredMs"] {
            #expect("\(after[key] ?? "")" == "\(before[key] ?? "-")", "\(key)")
        }
        #expect(after["interrupted"] as? Bool == false)
        #expect(box.log.contains("<4>index state=rebuilt kept=index.sqlite.damaged-"), "\(box.log)")
        #expect(box.log.contains(" recordings=1 words=\(words)\n"))
        #expect(box.log.contains("<4>recovered id=\(after["id"] as? String ?? "-") truncated_bytes=0 lost_ms=0"))
        let recorded = try box.recordedSamples()
        #expect(recorded.prefix(Self.lesson.samples.count).elementsEqual(Self.lesson.samples))
        try await box.stop()
    }

    @Test func `verify finds nothing while the daemon records, and what was damaged afterwards`() async throws {
        let box = try Box()
        try box.startMicrophone(Self.lesson.samples)
        try box.writeConfiguration(device: "lesson", token: "https://school.example/t", authority: "")
        try box.startDaemon(device: "lesson", overrides: ["transcription.enabled=no"])
        #expect(try box.chalkbox("start").code == 0)
        for seconds in 1...4 {
            try box.waitForSamples(seconds * 16_000, seconds: 30)
            let running = try box.chalkbox("recordings", "verify")
            #expect(running.code == 0 && running.output.contains("  ok so far  "), "\(running.output)")
        }
        #expect(try box.chalkbox("stop").code == 0)
        let saved = try box.chalkbox("recordings", "verify", "all")
        #expect(saved.code == 0 && saved.output.contains(" 1 files, 0 words\nindex  ok\n"), "\(saved.output)")
        let id = try #require(try recordings(box).first?["id"] as? String)
        let path = "\(box.directory)/state/recordings/\(id)/audio-0000.flac"
        let file = try FileHandle(forUpdating: URL(filePath: path))
        try file.seek(toOffset: try file.seekToEnd() / 2)
        try file.write(contentsOf: Data(repeating: 0xA5, count: 16))
        try file.close()
        let damaged = try box.chalkbox("recordings", "verify", "last")
        #expect(damaged.code == 1 && damaged.output.contains("\(id)  DAMAGED  audio-0000.flac: "), "\(damaged.output)")
        #expect(try box.chalkbox("recordings", "verify", "01ABC").code == 1)
        #expect(try box.chalkbox("recordings", "verify", "all", "more").code == 2)
        #expect(try box.chalkbox("recordings", "--help").output.contains("recordings verify [ID|all]"))
        try await box.stop()
    }

    @Test func `a lesson goes on after the daemon was killed: the gap is marked, and no word comes twice`()
        async throws
    {
        let box = try Box()
        try await box.start(samples: Self.lesson.samples)
        #expect(try box.chalkbox("start", "--label", "7B maths").code == 0)
        try box.waitForSamples(8 * 16_000, seconds: 60)
        let before = try #require(try box.status()["recording"] as? [String: Any])
        try cut(box)
        try restart(box)
        try box.wait("the lesson to go on") { $0["phase"] as? String == "live" }
        let after = try #require(try box.status()["recording"] as? [String: Any])
        for key in ["id", "label", "startedAt"] { #expect("\(after[key] ?? "")" == "\(before[key] ?? "-")", "\(key)") }
        let line = try #require(box.lines.lines.first { $0.text.contains("resume id=") }, "\(box.log)")
        let (place, away) = (try #require(line.number("at_ms")) * 16, try #require(line.number("away_ms")) * 16)
        // The microphone begins anew with its script.
        try box.waitForSamples(place + Self.lesson.samples.count, seconds: 60)
        #expect(try box.chalkbox("stop").code == 0)
        let recorded = try box.recordedSamples()
        let saved = try #require((try box.document()["silences"] as? [[String: Any]])?.first)
        #expect(saved["reason"] as? String == "interruption")
        let first = recorded.prefix(place - away)
        #expect(Self.lesson.isHeard(in: Array(first)), "what was saved")
        #expect(recorded[first.count..<place].allSatisfy { $0 == 0 }, "the time between")
        #expect(recorded.dropFirst(place).prefix(Self.lesson.samples.count).elementsEqual(Self.lesson.samples))
        let words = Heard.words(try box.document())
        let count = words.count - Self.lesson.words.count
        let texts = Self.lesson.words.prefix(count).map(\.text) + Self.lesson.words.map(\.text)
        #expect(count > 5 && words.map(\.text) == texts, "\(words.map(\.text)) \(box.lines.timedText)")
        let speakers = Heard.numbered(
            (Self.lesson.words.prefix(count) + Self.lesson.words).map { "\($0.speaker)" })
        #expect(words.map(\.speaker) == speakers, "\(box.lines.timedText)")
        #expect(try box.document()["interrupted"] as? Bool == false)
        #expect(try box.chalkbox("recordings", "verify", "all").code == 0)
        try await box.stop()
    }

    @Test func `a lesson whose index was lost with the power is there again, as interrupted`() async throws {
        let box = try Box()
        try await box.start(samples: Self.lesson.samples)
        #expect(try box.chalkbox("start").code == 0)
        try box.waitForSamples(Self.lesson.samples.count, seconds: 60)
        let saved = try #require((try box.status()["recording"] as? [String: Any])?["savedMs"] as? Int)
        try cut(box)
        let state = box.directory + "/state"
        for name in try FileManager.default.contentsOfDirectory(atPath: state) where name.hasPrefix("index") {
            try FileManager.default.removeItem(atPath: state + "/" + name)
        }
        let id = try #require(try FileManager.default.contentsOfDirectory(atPath: state + "/recordings").first)
        let segment = try FileHandle(forUpdating: URL(filePath: "\(state)/recordings/\(id)/audio-0000.flac"))
        try segment.seekToEnd()
        try segment.write(contentsOf: Data(repeating: 0x11, count: 777))
        try segment.close()

        try restart(box)
        let after = try #require(try recordings(box).first)
        #expect(after["id"] as? String == id && after["interrupted"] as? Bool == true)
        #expect(after["durationMs"] as? Int ?? 0 >= saved)
        #expect(box.log.contains("<4>index state=rebuilt kept=none recordings=1 words=0"), "\(box.log)")
        let line = box.lines.lines.first { $0.text.contains("<4>recovered id=\(id) ") }
        #expect(line?.number("truncated_bytes") == 777, "\(box.log)")
        #expect(line?.number("lost_ms") ?? 0 > 0)
        let gaps = try box.document()["gaps"] as? [[String: Any]]
        #expect(gaps?.first?["reason"] as? String == "index lost")
        let recorded = try box.recordedSamples()
        #expect(Self.lesson.isHeard(in: recorded))
        // It is told once.
        box.daemon?.end()
        try restart(box)
        #expect(box.lines.lines.filter { $0.text.contains("<4>recovered id=") }.count == 1)
        try await box.stop()
    }
}
