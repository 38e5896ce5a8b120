import CloudKit
import Foundation
import LinuxRuntime
import OwnThread
import RecorderCore
import Testing

/// Who connects to the daemon, and what is said to the commands.
@Suite(.ownThread, .serialized) struct `The control socket of the shipped binary` {
    private func start(_ box: Box, device: String = "null") throws {
        try box.writeConfiguration(device: "null", token: "https://school.example/t", authority: "")
        try box.startDaemon(device: device, overrides: ["transcription.enabled=no"])
        try Box.wait("an answer", seconds: 20) { (try? box.chalkbox("status").code) == 0 }
    }

    private func end(_ box: Box) throws {
        box.endProcesses()
        try FileManager.default.removeItem(atPath: box.directory)
    }

    /// How a program ends by itself.
    private func code(_ child: Child) throws -> Int32 {
        defer { child.end() }
        try Box.wait("its end", seconds: 20) { !child.isRunning }
        return child.wait()
    }

    private func answer(_ connection: ControlConnection, seconds: Int64 = 10) -> String? {
        let deadline = Clock.now.adding(milliseconds: seconds * 1_000)
        while !connection.isClosed, Poll.readable(connection.fileDescriptor, until: deadline) {
            for case .line(let bytes) in connection.receive() { return String(decoding: bytes, as: UTF8.self) }
        }
        return nil
    }

    @Test func `silent programs keep nobody out`() throws {
        let box = try Box()
        try start(box)
        let path = box.directory + "/control.sock"
        let silent = try (0..<40).map { _ in try ControlConnection(path: path) }
        #expect(try box.chalkbox("start").code == 0)
        #expect(try box.chalkbox("status").code == 0)
        #expect(box.lines.wait(seconds: 10) { $0.contains("limit name=control-clients") } != nil)
        // The newest ones are still there.
        let newest = try #require(silent.last)
        newest.send("{\"do\":\"status\"}")
        #expect(answer(newest)?.contains("\"phase\":") == true)
        let limits = try box.status()["limits"] as? [[String: Any]] ?? []
        #expect(limits.contains { $0["name"] as? String == "control-clients" && ($0["count"] as? Int ?? 0) > 20 })
        #expect(try box.chalkbox("stop").code == 0)
        try end(box)
    }

    @Test func `those who follow keep nobody out either`() throws {
        let box = try Box()
        try start(box)
        let followers = try (0..<Limits.controlFollowers).map { _ in
            let follower = try ControlConnection(path: box.directory + "/control.sock")
            follower.send("{\"do\":\"follow\"}")
            #expect(answer(follower)?.contains("\"ok\":true") == true)
            return follower
        }
        // One too many follows as well, until others come.
        let log = StampedLog()
        let late = try Child.logging(
            [Box.binary, "status", "--follow", "--config", box.configurationFile], to: log,
            isError: false)
        #expect(log.wait(seconds: 20) { $0.hasPrefix("phase ") } != nil, "\(log.text)")
        let crowd = try (0..<40).map { _ in try ControlConnection(path: box.directory + "/control.sock") }
        #expect(try box.chalkbox("start").code == 0)
        #expect(followers.allSatisfy { answer($0)?.contains("\"phase\":") == true })
        #expect(log.wait(seconds: 10) { $0.contains("status: others came") } != nil, "\(log.text)")
        #expect(try code(late) == 1)
        #expect(crowd.count == 40)
        #expect(try box.chalkbox("stop").code == 0)
        try end(box)
    }

    @Test(arguments: [
        ("{\"ok\":false,\"error\":\"16 clients are connected already\",\"code\":\"busy\"}", "connected already"),
        ("{\"ok\":true}", "has no "), ("{}", "refused"), ("no JSON", "did not answer"), ("", "did not answer"),
    ])
    func `an answer that is none is an error of every command`(answer: String, told: String) throws {
        let box = try Box()
        let listener = try ControlListener(path: box.directory + "/other.sock")
        for command in [
            ["status"], ["status", "--json"], ["status", "--follow"], ["transcript"], ["start"], ["stop"],
            ["lamp", "copying"],
        ] where told != "has no " || command[0] == "status" || command[0] == "transcript" {
            let log = StampedLog()
            let child = try Child.logging(
                [Box.binary] + command + ["--socket", box.directory + "/other.sock"], to: log)
            var connection: ControlConnection?
            #expect(Poll.readable(listener.fileDescriptor, until: Clock.now.adding(milliseconds: 20_000)))
            connection = try listener.accept()
            if !answer.isEmpty { connection?.send(answer) }
            connection = nil
            let heard = log.wait(seconds: 10) { $0.contains("chalkbox: \(command[0]): ") }
            #expect(heard != nil, "\(command): \(log.text)")
            #expect(try code(child) == 1, "\(command) \(answer)")
            #expect(log.text.contains(told) && !log.text.contains("unknown"), "\(command) \(answer): \(log.text)")
        }
        try FileManager.default.removeItem(atPath: box.directory)
    }

    @Test func `words of the service are shown without what a terminal obeys`() throws {
        let box = try Box()
        let listener = try ControlListener(path: box.directory + "/other.sock")
        let log = StampedLog()
        let child = try Child.logging(
            [Box.binary, "transcript", "--socket", box.directory + "/other.sock"], to: log, isError: false)
        #expect(Poll.readable(listener.fileDescriptor, until: Clock.now.adding(milliseconds: 20_000)))
        let connection = try listener.accept()
        let word = "{\"speaker\":\"1\",\"text\":\"a\\u001b[2Jb\\nc\\u0000\u{202E}\"}"
        connection?.send("{\"ok\":true,\"words\":[\(word)],\"interim\":\"\"}")
        #expect(try code(child) == 0)
        #expect(log.wait(seconds: 10) { $0.contains("a\\u{1b}[2Jb\\u{a}c\\u{0}\\u{202e}") } != nil, "\(log.text)")
        try FileManager.default.removeItem(atPath: box.directory)
    }

    @Test func `a file that is no socket is not taken away for it`() throws {
        let box = try Box()
        try box.writeConfiguration(device: "null", token: "https://school.example/t", authority: "")
        let file = box.directory + "/mine"
        try "mine".write(toFile: file, atomically: true, encoding: .utf8)
        let run = try Box.run(
            "/usr/bin/timeout", ["20", Box.binary, "daemon", "--config", box.configurationFile, "--socket", file],
            checked: false)
        #expect(run.code == 1 && run.output.contains("File exists"), "\(run)")
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "mine")
        try FileManager.default.removeItem(atPath: box.directory)
    }

    @Test func `without a file descriptor for who comes, the lesson goes on and the processor rests`() throws {
        let box = try Box()
        let lesson = ToneLesson(.seconds(8), speakers: 1, seed: 9).samples
        try box.startMicrophone(lesson)
        try start(box, device: "lesson")
        #expect(try box.chalkbox("start").code == 0)
        try box.waitForSamples(16_000, seconds: 30)
        let pid = try #require(box.daemon?.pid)
        /// The lowest number that is free: the next one that the kernel would give.
        func nextDescriptor() throws -> Int {
            let names = Set(try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd"))
            return (0...).first { !names.contains("\($0)") } ?? 0
        }
        /// In hundredths of a second.
        func processorTime() throws -> Int {
            let text = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
            let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
            return (Int(fields[12]) ?? 0) + (Int(fields[13]) ?? 0)
        }
        _ = try Box.run("/usr/bin/prlimit", ["--pid", "\(pid)", "--nofile=\(try nextDescriptor()):1024"])
        // A descriptor may have been in use for a moment just then: one or two of them get in.
        let callers = try (0..<8).map { _ in try ControlConnection(path: box.directory + "/control.sock") }
        for caller in callers { caller.send("{\"do\":\"status\"}") }
        let waiting = callers[7]
        #expect(box.lines.wait(seconds: 20) { $0.contains("limit name=descriptors") } != nil, "\(box.log)")
        let (began, used) = (StampedLog.now, try processorTime())
        #expect(answer(waiting, seconds: 3) == nil)
        let share = Double(try processorTime() - used) * 10 / Double(StampedLog.now - began)
        _ = try Box.run("/usr/bin/prlimit", ["--pid", "\(pid)", "--nofile=1024:1024"])
        #expect(answer(waiting)?.contains("\"phase\":") == true)
        #expect(box.log.components(separatedBy: "limit name=descriptors").count == 2)
        #expect(share < 0.3, "\(share)")
        try box.waitForSamples(lesson.count, seconds: 60)
        #expect(try box.chalkbox("stop").code == 0)
        #expect(try box.recordedSamples().prefix(lesson.count).elementsEqual(lesson))
        try end(box)
    }

    @Test func `a label that cannot be seen is refused at the door`() throws {
        let box = try Box()
        try start(box)
        for (label, told) in [
            ("a\nb", "\\u{a}"), ("\u{1B}[2J", "\\u{1b}"), ("\u{202E}x", "\\u{202e}"), ("\u{9B}m", "\\u{9b}"),
            ("   ", "spaces"), (String(repeating: "é", count: 129), "over 256 bytes"),
        ] {
            let run = try box.chalkbox("start", "--label", label)
            #expect(run.code == 1 && run.output.contains("start: label: ") && run.output.contains(told), "\(run)")
            #expect(!run.output.contains("\u{1B}"))
        }
        let connection = try ControlConnection(path: box.directory + "/control.sock")
        for request in ["{\"do\":\"start\",\"label\":\"a\\u0000\"}", "{\"do\":\"start\",\"label\":7}"] {
            connection.send(request)
            #expect(answer(connection)?.contains("\"code\":\"bad-request\"") == true)
        }
        #expect(try box.status()["phase"] as? String == "idle")
        #expect(try box.chalkbox("start", "--label", "7B رياضيات").code == 0)
        #expect(try box.chalkbox("status").output.contains(" (7B رياضيات)\n"))
        #expect(try box.chalkbox("stop").code == 0)
        try end(box)
    }
}
