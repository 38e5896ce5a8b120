import CloudKit
import Foundation
import OwnThread
import Testing

/// How long the disk refuses everything; what the ring cannot hold (65 s) is marked silence.
private let outageSeconds = Int(ProcessInfo.processInfo.environment["CHALKBOX_DISK_OUTAGE_SECONDS"] ?? "") ?? 6

@Suite(.ownThread, .serialized, .enabled(if: StateDisk.isPermitted, "needs the right to mount"))
struct `The disk of the shipped binary` {
    private func red(_ box: Box) throws {
        try box.wait("a red light for the disk") {
            let led = $0["led"] as? [String: Any]
            return $0["phase"] as? String == "failed" && ($0["reason"] as? String ?? "").hasPrefix("disk: ")
                && led?["red"] as? String != "off"
        }
    }

    /// A line may come a moment after what it tells of.
    private func logged(_ box: Box, _ text: String) -> Bool {
        box.lines.wait(seconds: 5) { $0.contains(text) } != nil
    }

    private func words(_ box: Box) throws -> Int {
        (try box.status()["recording"] as? [String: Any])?["finalWords"] as? Int ?? 0
    }

    private func moreWords(_ box: Box) throws {
        let before = try words(box)
        try box.wait("more words") { (($0["recording"] as? [String: Any])?["finalWords"] as? Int ?? 0) > before }
    }

    /// The lesson through a disk that fails in its middle and comes back: nothing at all is missing.
    private func lesson(_ fail: (StateDisk) throws -> Void, _ mend: (StateDisk) throws -> Void) async throws {
        let lesson = ToneLesson(.seconds(Double(16 + outageSeconds)), speakers: 2, seed: 31)
        let box = try Box()
        let disk = try StateDisk(box.directory)
        try await box.start(samples: lesson.samples)
        let started = try box.chalkbox("start")
        #expect(started.code == 0, "\(started.output)")
        try box.waitForPhase("live")
        try box.waitForSamples(48_000, seconds: 30)
        try fail(disk)
        try red(box)
        // The uplink does not care.
        try moreWords(box)
        try box.waitForSamples(48_000 + outageSeconds * 16_000, seconds: Double(outageSeconds) + 30)
        try mend(disk)
        try box.waitForPhase("live")
        #expect(logged(box, "disk state=back"), "\(box.log)")
        try box.waitForSamples(lesson.samples.count, seconds: 60)
        #expect(try box.chalkbox("stop").code == 0)
        let recorded = try box.recordedSamples()
        if outageSeconds <= 60 {
            #expect(recorded.prefix(lesson.samples.count).elementsEqual(lesson.samples))
        } else {
            let silences = try #require(try box.document()["silences"] as? [[String: Any]])
            let lost = silences.reduce(0) { $0 + ($1["endMs"] as? Int ?? 0) - ($1["startMs"] as? Int ?? 0) }
            print("disk: \(lost) ms marked as silence after \(outageSeconds) s without a disk")
            #expect(abs(lost - (outageSeconds - 65) * 1_000) < 8_000, "\(silences)")
            let silent = silences.map { ($0["startMs"] as! Int) * 16..<($0["endMs"] as! Int) * 16 + 16 }
            for (place, sample) in recorded.prefix(lesson.samples.count).enumerated()
            where sample != lesson.samples[place] {
                guard !silent.contains(where: { $0.contains(place) }) else { continue }
                Issue.record("sample \(place) differs")
                break
            }
        }
        #expect(Heard.words(try box.document()).map(\.text) == lesson.words.map(\.text))
        let verified = try box.chalkbox("recordings", "verify")
        #expect(verified.code == 0, "\(verified.output)")
        box.endProcesses()
        try disk.unmount()
        try await box.stop()
    }

    @Test func `a disk that is full in mid-lesson: red, and nothing is missing once there is room`() async throws {
        try await lesson({ try $0.fill() }, { $0.clear() })
    }

    @Test func `a disk that refuses every change in mid-lesson: red, and nothing is missing afterwards`() async throws {
        try await lesson({ try $0.freeze(true) }, { try $0.freeze(false) })
    }

    @Test func `STOP on a full disk: what was written stays, the rest is told`() async throws {
        let box = try Box()
        let disk = try StateDisk(box.directory)
        try box.startMicrophone(ToneLesson(.seconds(8), speakers: 1, seed: 32).samples)
        try box.writeConfiguration(device: "lesson", token: "https://school.example/t", authority: "")
        try box.startDaemon(device: "lesson", overrides: ["transcription.enabled=no"])
        #expect(try box.chalkbox("start").code == 0)
        try box.waitForSamples(48_000, seconds: 30)
        try disk.fill()
        try red(box)
        let saved = try #require((try box.status()["recording"] as? [String: Any])?["savedMs"] as? Int)
        #expect(saved > 500)
        let stop = try box.chalkbox("stop")
        #expect(stop.code == 1 && stop.output.contains("is not saved as a whole: "), "\(stop.output)")
        #expect(logged(box, "store state=stuck"), "\(box.log)")
        try red(box)
        #expect(try box.chalkbox("start").output.contains("box.reserve_mb"))
        disk.clear()
        try box.wait("the light to go out", seconds: 40) { $0["phase"] as? String == "finished" }
        // The store tries again with each commit.
        try Box.wait("the recording to be saved", seconds: 20) {
            (try? box.chalkbox("recordings").output.contains("  saved")) == true
        }
        #expect(try box.chalkbox("recordings", "verify").code == 0)
        #expect(try box.recordedSamples().count >= saved * 16)
        box.endProcesses()
        try disk.unmount()
        try await box.stop()
    }

    @Test func `a file system that the kernel gives up: red, words go on, what was written is there`() async throws {
        let lesson = ToneLesson(.seconds(14), speakers: 2, seed: 33)
        let box = try Box()
        let disk = try StateDisk(box.directory)
        try await box.start(samples: lesson.samples)
        #expect(try box.chalkbox("start").code == 0)
        try box.waitForPhase("live")
        try box.waitForSamples(80_000, seconds: 30)
        try disk.abort()
        try red(box)
        let saved = try #require((try box.status()["recording"] as? [String: Any])?["savedMs"] as? Int)
        try moreWords(box)
        _ = try box.chalkbox("stop")
        #expect(box.isRunning)
        box.daemon?.end()
        try disk.unmount()
        try disk.mount()
        let start = StampedLog.now
        // The disk could not be told of STOP.
        try box.startDaemon(device: "lesson", overrides: ["box.resume_seconds=0"])
        let recovered = box.lines.wait(since: start, seconds: 20) { $0.contains("recovered id=") }
        #expect(recovered?.number("kept_ms") ?? 0 >= saved, "\(box.log)")
        #expect(try box.chalkbox("recordings", "verify").code == 0)
        let recorded = try box.recordedSamples()
        #expect(lesson.isHeard(in: recorded))
        box.endProcesses()
        try disk.unmount()
        try await box.stop()
    }

    @Test func `START makes room by what is uploaded, and is refused when that is nothing`() async throws {
        let box = try Box()
        let disk = try StateDisk(box.directory)
        try box.startMicrophone(ToneLesson(.seconds(8), speakers: 1, seed: 34).samples)
        try box.writeConfiguration(device: "lesson", token: "https://school.example/t", authority: "")
        try box.startDaemon(device: "lesson", overrides: ["transcription.enabled=no"])
        var ids: [String] = []
        for _ in 0..<2 {
            let before = ids.count
            #expect(try box.chalkbox("start").code == 0)
            try box.waitForSamples(48_000, seconds: 30)
            #expect(try box.chalkbox("stop").code == 0)
            ids = try FileManager.default.contentsOfDirectory(atPath: disk.path + "/recordings").sorted()
            #expect(ids.count == before + 1)
        }
        let minutes = (try box.status()["disk"] as? [String: Any])?["minutesLeft"] as? Int ?? 0
        #expect(minutes > 3 && minutes < 15)
        _ = try Box.run("sqlite3", [disk.path + "/index.sqlite", "UPDATE recording SET state = 4 WHERE number = 1"])
        try disk.fill(leaving: (1 << 20) - 20_000)
        #expect((try box.status()["disk"] as? [String: Any])?["minutesLeft"] as? Int == 0)
        let start = try box.chalkbox("start")
        #expect(start.code == 0, "\(start.output)\n\(box.log)")
        #expect(logged(box, "deleted id=\(ids[0]) state=uploaded bytes="), "\(box.log)")
        #expect(box.log.contains(" reason=space\n"))
        #expect(try box.chalkbox("stop").code == 0)
        #expect(try !box.chalkbox("recordings").output.contains(ids[0]))
        #expect(!FileManager.default.fileExists(atPath: disk.path + "/recordings/" + ids[0]))
        #expect(try box.chalkbox("recordings", "verify").code == 0)
        try disk.fill(leaving: 500_000)
        let refused = try box.chalkbox("start")
        #expect(refused.code == 1 && refused.output.contains("are kept in reserve (box.reserve_mb)"))
        #expect(logged(box, "refused what=start why="))
        box.endProcesses()
        try disk.unmount()
        try await box.stop()
    }
}
