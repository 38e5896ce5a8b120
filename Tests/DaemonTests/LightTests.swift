import CloudKit
import Foundation
import OwnThread
import Testing

extension Box {
    /// What a follower of the status is told, line by line, until the test ends.
    func follow() throws -> (log: StampedLog, child: Child) {
        let log = StampedLog()
        let child = try Child.logging(
            [Self.binary, "status", "--json", "--follow", "--config", configurationFile], to: log, isError: false)
        return (log, child)
    }
}

extension Box {
    /// A press of a button, over the control socket (`panel.driver = socket`).
    func press(_ button: String) throws {
        let script = """
            import select, socket, sys
            control = socket.socket(socket.AF_UNIX)
            control.connect(sys.argv[1])
            answers = control.makefile()
            for what in "press", "release":
                control.sendall(b'{"do":"%s","button":"%s"}\\n' % (what.encode(), sys.argv[2].encode()))
                answers.readline()
                # Fingers are slower than contacts bounce.
                select.select([], [], [], 0.1)
            """
        _ = try Self.run("/usr/bin/python3", ["-c", script, directory + "/control.sock", button])
    }
}

extension StampedLine {
    private var status: [String: Any] {
        (try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? [String: Any] ?? [:]
    }

    func lamp(_ name: String) -> String { (status["led"] as? [String: Any])?[name] as? String ?? "" }
    var phase: String { status["phase"] as? String ?? "" }
    var level: String { (status["microphone"] as? [String: Any])?["level"] as? String ?? "" }
}

@Suite(.ownThread, .serialized) struct `The light of the shipped binary` {
    @Test func `a microphone that is not there is red at once, and is recorded when it comes`() async throws {
        let lesson = ToneLesson(.seconds(8), speakers: 1, seed: 61)
        let box = try Box()
        try box.startMicrophone(lesson.samples)
        let microphone = Box.root + "/board/sim/virtual-microphone"
        _ = try Box.run(microphone, ["stop", box.directory + "/mic"])
        try await box.startCloud()
        try box.startDaemon(device: "lesson")
        let follower = try box.follow()
        #expect(try box.chalkbox("start").code == 0)
        let started = try #require(box.lines.wait(seconds: 5) { $0.hasPrefix("<6>start id=") })
        let red = try #require(
            box.lines.wait(seconds: 20) { $0.contains(" to=failed reason=\"microphone: ") }, "\(box.log)")
        #expect(red.milliseconds - started.milliseconds < 1_000)
        try box.wait("red twice") { ($0["led"] as? [String: Any])?["red"] as? String == "double-blink" }
        // The service is there meanwhile, and is no reason for green.
        _ = try #require(box.lines.wait(seconds: 30) { $0.contains("live session=") }, "\(box.log)")
        _ = try Box.run(microphone, ["start", box.directory + "/mic"])
        let back = try #require(box.lines.wait(seconds: 30) { $0.contains("microphone state=back") }, "\(box.log)")
        try box.waitForPhase("live")
        for line in follower.log.lines where line.milliseconds < back.milliseconds {
            #expect(line.lamp("green") != "solid", "\(line.text)")
        }
        try box.waitForSamples(160_000, seconds: 60)
        #expect(try box.chalkbox("stop").code == 0)
        let list = try box.chalkbox("recordings").output
        #expect(list.contains("no sound for "), "\(list)")
        follower.child.end()
        try await box.stop()
    }

    @Test func `a service that takes sessions and does nothing is never live`() async throws {
        let box = try Box()
        let lesson = ToneLesson(.seconds(20), speakers: 1, seed: 62)
        try await box.start(samples: lesson.samples) { $0.faults.freeze = FaultTrigger(afterMilliseconds: 0) }
        let follower = try box.follow()
        #expect(try box.chalkbox("start").code == 0)
        for session in 1...3 {
            _ = try #require(box.lines.wait(seconds: 40) { $0.contains("live session=\(session) ") }, "\(box.log)")
        }
        let mended = StampedLog.now
        for line in follower.log.lines {
            #expect(line.lamp("green") != "solid" && line.phase != "live", "\(line.text)")
        }
        try await box.cloud?.changeFaults("freeze=off")
        let live = follower.log.wait(since: mended, seconds: 60) { $0.contains("\"phase\":\"live\"") }
        #expect(live != nil, "\(box.log)")
        #expect(try box.chalkbox("stop").code == 0)
        follower.child.end()
        try await box.stop()
    }

    @Test func `a muted microphone winks after half a minute, and is solid with the first sound`() async throws {
        let box = try Box()
        let tone = ToneLesson(.seconds(8), speakers: 1, seed: 63).samples
        try await box.start(samples: [Int16](repeating: 0, count: 34 * 16_000) + tone)
        let follower = try box.follow()
        #expect(try box.chalkbox("start").code == 0)
        let live = try #require(follower.log.wait(seconds: 30) { $0.contains("\"phase\":\"live\"") })
        #expect(live.lamp("green") == "solid")
        let quiet = try #require(follower.log.wait(seconds: 60) { $0.contains("\"level\":\"quiet\"") }, "\(box.log)")
        #expect(quiet.lamp("green") == "wink")
        let text = try box.chalkbox("status").output
        #expect(text.contains("is it muted"), "\(text)")
        _ = try #require(follower.log.wait(since: quiet.milliseconds, seconds: 30) { $0.contains("\"level\":\"ok\"") })
        try box.wait("a solid lamp") { ($0["led"] as? [String: Any])?["green"] as? String == "solid" }
        #expect(try box.chalkbox("stop").code == 0)
        #expect(box.log.contains("level state=quiet from=ok"))
        let list = try box.chalkbox("recordings").output
        #expect(list.contains("quiet for "), "\(list)")
        follower.child.end()
        try await box.stop()
    }
}

@Suite(.ownThread, .serialized) struct `Lessons one after the other` {
    @Test(arguments: [false, true])
    func `the next one begins while the service hangs over the last one's words`(byButton: Bool) async throws {
        let box = try Box()
        let lesson = ToneLesson(.seconds(6), speakers: 1, seed: 64)
        try await box.start(samples: lesson.samples)
        #expect(try box.chalkbox("start").code == 0)
        try box.waitForPhase("live")
        try box.waitForSamples(lesson.samples.count - 16_000, seconds: 30)
        let first = try #require((try box.status()["recording"] as? [String: Any])?["id"] as? String)
        // Nothing comes back for STOP, and the connection stays open.
        try await box.cloud?.changeFaults("black-hole=all")
        #expect(try box.chalkbox("stop", "--no-wait").code == 0)
        try box.waitForPhase("finishing")
        let pressed = StampedLog.now
        if byButton { try box.press("start") } else { #expect(try box.chalkbox("start").code == 0) }
        let begun = try #require(
            box.lines.wait(since: pressed, seconds: 10) {
                $0.hasPrefix("<6>start id=") && !$0.contains("state=") && !$0.contains(first)
            }, "\(box.log)")
        // As long as the end of the last one takes on the disk.
        #expect(begun.milliseconds - pressed < 2_500)
        try await box.cloud?.changeFaults("black-hole=off")
        try box.wait("the next lesson's sound") {
            let recording = $0["recording"] as? [String: Any]
            return recording?["id"] as? String != first && recording?["samples"] as? Int ?? 0 >= 32_000
        }
        #expect(try box.chalkbox("stop").code == 0)
        // The first one's last words come by themselves.
        _ = try #require(
            box.lines.wait(seconds: 60) { $0.contains("transcribe id=\(first) state=complete") }, "\(box.log)")
        let heard = Heard.words(try box.document(first)).map(\.text)
        #expect(heard.count >= lesson.words.count - 2, "\(heard)")
        #expect(heard.elementsEqual(lesson.words.map(\.text).prefix(heard.count)), "\(heard)")
        #expect(try box.chalkbox("recordings", "verify", "all").code == 0)
        try await box.stop()
    }
}
