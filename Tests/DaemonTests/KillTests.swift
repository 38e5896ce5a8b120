import CloudKit
import Foundation
import OwnThread
import Testing

/// How often the daemon is killed on each file system; the nightly run does it 200 times.
private let kills = Int(ProcessInfo.processInfo.environment["CHALKBOX_KILLS"] ?? "") ?? 6

@Suite(.ownThread, .serialized) struct `The power` {
    /// SIGKILL at any moment, and every other time the disk stops first, in mid-write and with its caches lost.
    @Test(.enabled(if: !KillDisk.kinds.isEmpty, "needs root, and loop devices"), arguments: KillDisk.kinds)
    func `a daemon that is killed at any moment has kept its promise`(kind: String) async throws {
        let lesson = KilledLesson(ToneLesson(.seconds(20), speakers: 2, seed: 61))
        let box = try Box()
        let disk = try KillDisk(kind, directory: box.directory, mountedAt: box.directory + "/state")
        var random = SplitMix64(state: 62)
        do {
            try await box.start(samples: lesson.script.samples)
            for number in 1...kills {
                let before = try lesson.record(
                    box, milliseconds: Int.random(in: 100...6_000, using: &random))
                let isPowerCut = number % 2 == 0
                if isPowerCut { try disk.shutDown() }
                kill(try #require(box.daemon).pid, SIGKILL)
                #expect(box.daemon?.wait() == 128 + SIGKILL)
                if isPowerCut { try disk.mountAgain() }
                unlink(box.directory + "/control.sock")
                try box.startDaemon(device: "lesson", overrides: ["box.resume_seconds=0"])
                // It listens before it has looked at its disk, and answers afterwards.
                try box.wait("an answer") { _ in true }
                try lesson.check(box, before, "kill \(number)\(isPowerCut ? " with power cut" : "")")
            }
            try lesson.recordToTheEnd(box)
        } catch {
            Issue.record("\(error)\n\(box.lines.timedText)")
        }
        print("kill: \(kind): \(lesson.figures)")
        box.daemon?.end()
        try disk.remove()
        try await box.stop()
    }
}

/// What the box had said when it was killed, and what it must know afterwards.
private final class KilledLesson {
    /// The last moment at which the daemon was asked.
    struct Before {
        /// The recording's; empty when the daemon has not said that anything of it was saved.
        var id = ""
        var samples = 0
        var savedMilliseconds = 0
        var words: [StampedLine] = []
        var at: Int64 = 0
    }

    let script: ToneLesson
    private var count = 0
    private var mostMissing = 0
    private var words = 0
    private var oldestUnsaved: Int64 = 0

    init(_ script: ToneLesson) {
        self.script = script
    }

    var figures: String {
        "\(count) kills, at most \(mostMissing / 16) ms of audio missing, \(words) words saved,"
            + " the oldest unsaved one heard \(oldestUnsaved) ms before"
    }

    /// Begins a recording and lets it go on for so long.
    func record(_ box: Box, milliseconds: Int) throws -> Before {
        let start = try box.chalkbox("start", "--label", "kill \(count + 1)")
        try #require(start.code == 0, "\(start.output)")
        let heard = StampedLog()
        let follower = try Child.logging(
            [Box.binary, "transcript", "--json", "--follow", "--config", box.configurationFile], to: heard,
            isError: false)
        _ = poll(nil, 0, Int32(milliseconds))
        let status = try box.status()
        let recording = status["recording"] as? [String: Any] ?? [:]
        var before = Before()
        before.at = StampedLog.now
        before.id = recording["id"] as? String ?? ""
        before.samples = recording["samples"] as? Int ?? 0
        before.savedMilliseconds = recording["savedMs"] as? Int ?? 0
        kill(follower.pid, SIGKILL)
        follower.wait()
        before.words = heard.lines
        return before
    }

    func check(_ box: Box, _ before: Before, _ what: String) throws {
        count += 1
        let list = try JSONSerialization.jsonObject(with: Data(box.chalkbox("recordings", "--json").output.utf8))
        let recordings = list as? [[String: Any]] ?? []
        #expect(Set(recordings.compactMap { $0["id"] as? String }).count == recordings.count, "\(what)")
        let states = Set(recordings.compactMap { $0["state"] as? String })
        #expect(states.subtracting(["saved", "transcribing"]).isEmpty, "\(what): \(recordings.last ?? [:])")
        guard let found = recordings.last, found["id"] as? String == before.id else {
            #expect(before.savedMilliseconds == 0 && before.samples <= 32_000, "\(what): not there: \(before)")
            return
        }
        let samples = found["samples"] as? Int ?? 0
        let missing = before.samples - samples
        mostMissing = max(mostMissing, missing)
        #expect(missing <= 32_000, "\(what): \(missing) samples missing")
        #expect(samples >= before.savedMilliseconds * 16, "\(what): \(samples) samples, \(before)")
        if samples > 0 {
            let recorded = try box.recordedSamples()
            #expect(recorded.count == samples && script.isHeard(in: recorded), "\(what)")
        }
        let texts = Heard.words(try box.document()).map(\.text)
        let truth = script.words.map(\.text)
        #expect(truth.starts(with: texts), "\(what): \(texts)")
        words += texts.count
        for line in before.words {
            let object = try JSONSerialization.jsonObject(with: Data(line.text.utf8)) as? [String: Any] ?? [:]
            for word in object["words"] as? [[String: Any]] ?? [] {
                guard let text = word["text"] as? String, !texts.contains(text) else { continue }
                let age = before.at - line.milliseconds
                oldestUnsaved = max(oldestUnsaved, age)
                #expect(age <= 2_000, "\(what): \(text) was heard \(age) ms before")
            }
        }
    }

    /// The box that was killed so often records a whole lesson.
    func recordToTheEnd(_ box: Box) throws {
        try #require(box.chalkbox("start").code == 0)
        try box.waitForSamples(script.samples.count, seconds: 60)
        let stop = try box.chalkbox("stop")
        #expect(stop.code == 0, "\(stop.output)")
        #expect(try box.recordedSamples().prefix(script.samples.count).elementsEqual(script.samples))
        #expect(Heard.words(try box.document()).map(\.text) == script.words.map(\.text))
    }
}

/// A file system of its own in a file, whose power can be cut.
private final class KillDisk {
    /// The kinds that this machine can make and mount.
    static let kinds: [String] = ["ext4", "f2fs"].filter { kind in
        let known = (try? String(contentsOfFile: "/proc/filesystems", encoding: .utf8)) ?? ""
        guard geteuid() == 0, known.contains("\t\(kind)\n"), let directory = try? Box.scratch() else { return false }
        defer { try? FileManager.default.removeItem(atPath: directory) }
        guard let disk = try? KillDisk(kind, directory: directory, mountedAt: directory + "/disk") else { return false }
        return (try? disk.remove()) != nil
    }

    private let image: String
    private let place: String

    init(_ kind: String, directory: String, mountedAt place: String) throws {
        image = directory + "/disk.image"
        self.place = place
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        _ = try Child.run(["truncate", "-s", "256M", image])
        _ = try Child.run(["mkfs.\(kind)", "-q", image])
        try mountAgain(first: true)
    }

    /// The device takes nothing more, and what was not written to it is gone (FS_IOC_SHUTDOWN with NOLOGFLUSH, as
    /// xfstests cut the power).
    func shutDown() throws {
        let descriptor = open(place, O_RDONLY | O_DIRECTORY)
        defer { close(descriptor) }
        var how: UInt32 = 2
        guard ioctl(descriptor, 0x8004_587D, &how) == 0 else {
            throw Box.Failure(description: "FS_IOC_SHUTDOWN: \(String(cString: strerror(errno)))")
        }
    }

    func mountAgain(first: Bool = false) throws {
        if !first { _ = try Child.run(["umount", place]) }
        _ = try Child.run(["mount", "-o", "loop", image, place])
    }

    func remove() throws {
        _ = try Child.run(["umount", place])
    }
}
