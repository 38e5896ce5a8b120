import Foundation
import OwnThread
import Testing

/// How long another program holds the index; minutes on request.
private let readerSeconds = Double(ProcessInfo.processInfo.environment["CHALKBOX_READER_SECONDS"] ?? "") ?? 20

/// What may lie, and what others may do, where the box has its index.
@Suite(.ownThread, .serialized) struct `The index of the shipped binary` {
    private func start(_ box: Box, launcher: [String] = [], more: [String] = []) throws {
        try box.writeConfiguration(device: "null", token: "https://school.example/t", authority: "")
        try box.startDaemon(
            device: "null", overrides: ["transcription.enabled=no"] + more, launcher: launcher)
        try Box.wait("an answer", seconds: 20) { (try? box.chalkbox("status").code) == 0 }
    }

    private func record(_ box: Box, label: String = "", samples: Int = 16_000) throws {
        #expect(try box.chalkbox("start", "--label", label).code == 0)
        try box.waitForSamples(samples, seconds: 30)
        #expect(try box.chalkbox("stop").code == 0, "\(box.log)")
    }

    private func recordings(_ box: Box) throws -> [[String: Any]] {
        let output = try box.chalkbox("recordings", "--json").output
        return try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [[String: Any]] ?? []
    }

    private func sql(_ box: Box, _ text: String) throws {
        _ = try Box.run("sqlite3", [box.directory + "/state/index.sqlite", text])
    }

    /// A program that reads the index, and stays where it is: as a shell does under Ctrl-Z.
    private func reader(_ box: Box) throws -> Child {
        let log = StampedLog()
        let program = """
            import sqlite3, time
            index = sqlite3.connect("file:\(box.directory)/state/index.sqlite?mode=ro", uri=True, isolation_level=None)
            index.execute("BEGIN")
            print(index.execute("SELECT count(*) FROM recording").fetchone(), flush=True)
            time.sleep(86400)
            """
        let child = try Child.logging(["python3", "-c", program], to: log, isError: false)
        guard log.wait(seconds: 20, { $0.hasPrefix("(") }) != nil else { throw Box.Failure(description: log.text) }
        return child
    }

    @Test func `a reader that stays is in nobody's way, and the watchdog has nothing to say`() throws {
        let box = try Box()
        defer { box.endProcesses() }
        try start(box, launcher: ["env", "WATCHDOG_USEC=4000000"])
        func stop() throws -> Int64 {
            try box.waitForSamples(48_000, seconds: 30)
            let pressed = StampedLog.now
            #expect(try box.chalkbox("stop").code == 0)
            return StampedLog.now - pressed
        }
        var without = Int64.max
        for _ in 0..<3 {
            #expect(try box.chalkbox("start").code == 0)
            without = min(without, try stop())
        }
        // What is uploaded goes at the start of a box without room.
        box.daemon?.end()
        try sql(box, "UPDATE recording SET state = 4 WHERE number < 3")
        let reader = try reader(box)
        defer { reader.end(seconds: 1) }
        try start(box, launcher: ["env", "WATCHDOG_USEC=4000000"], more: ["box.reserve_mb=999999"])
        for _ in 0..<2 { #expect(box.lines.wait(seconds: 5) { $0.contains("deleted id=") } != nil, "\(box.log)") }
        box.daemon?.end()
        try start(box, launcher: ["env", "WATCHDOG_USEC=4000000"])
        #expect(try box.chalkbox("start").code == 0)
        let begun = StampedLog.now
        var longest = Int64.max
        repeat {
            longest = min(longest, try stop())
            #expect(try box.chalkbox("start").code == 0)
        } while Double(StampedLog.now - begun) < readerSeconds * 1_000
        #expect(try stop() < 3_000)
        print("reader: STOP takes \(without) ms, with a reader \(longest) ms")
        #expect(Double(longest) <= 1.2 * Double(without) + 20, "\(longest) ms, without a reader \(without) ms")
        #expect(!box.log.contains("hung thread="), "\(box.log)")
        #expect(box.isRunning)
        reader.end(seconds: 1)
        #expect(try box.chalkbox("recordings", "verify", "all").code == 0)
    }

    @Test(arguments: ["user_version = 9", "application_id = 7"])
    func `an index of another version or program is set aside, and the box records`(pragma: String) throws {
        let box = try Box()
        defer { box.endProcesses() }
        try start(box)
        try record(box, label: "7B maths")
        let first = try #require(try recordings(box).first)
        box.daemon?.end()
        try sql(box, "PRAGMA \(pragma)")
        try start(box)
        #expect(box.log.contains("<4>index state=rebuilt kept=index.sqlite."), "\(box.log)")
        #expect(box.log.contains("<4>limit name=index count=1 "), "\(box.log)")
        let limits = try box.status()["limits"] as? [[String: Any]]
        #expect(limits?.first?["name"] as? String == "index")
        try record(box)
        let list = try recordings(box)
        #expect(list.count == 2 && list[0]["label"] as? String == "7B maths")
        #expect(list[0]["samples"] as? Int == first["samples"] as? Int)
    }

    @Test(.enabled(if: geteuid() == 0, "needs the right to become another user"), arguments: ["0400", "0000"])
    func `an index that may only be read, or not at all, is set aside`(mode: String) throws {
        let box = try Box()
        defer { box.endProcesses() }
        let state = box.directory + "/state"
        try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
        // Nobody's directory; root's files in it are not to be written, or not even read.
        let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        _ = try Box.run("chown", ["65534:65534", box.directory, state])
        try start(box, launcher: nobody)
        try record(box, label: "7B maths")
        box.daemon?.end()
        _ = try Box.run("chown", ["0:0", state + "/index.sqlite"])
        _ = try Box.run("chmod", [mode == "0400" ? "0444" : mode, state + "/index.sqlite"])
        try start(box, launcher: nobody)
        #expect(box.log.contains("<4>index state=rebuilt kept=index.sqlite.damaged-"), "\(box.log)")
        try record(box)
        #expect(try recordings(box).map { $0["label"] as? String } == ["7B maths", ""])
    }

    /// As from a flash that fails, or a program that writes where it should not.
    private func spoil(_ box: Box) throws {
        let file = "'\(box.directory)/state/index.sqlite'"
        _ = try Box.run(
            "sh", ["-c", "head -c $(stat -c %s \(file)) /dev/urandom | dd of=\(file) conv=notrunc status=none"])
    }

    @Test func `an index that becomes rubbish in a lesson or between two is made anew at once`() throws {
        let box = try Box()
        defer { box.endProcesses() }
        try start(box)
        try record(box, label: "7B maths")
        #expect(try box.chalkbox("start", "--label", "7C art").code == 0)
        try box.waitForSamples(32_000, seconds: 30)
        try spoil(box)
        try box.waitForSamples(64_000, seconds: 30)
        let stop = try box.chalkbox("stop")
        #expect(stop.code == 0, "\(stop.output) \(box.log)")
        let rebuilt = "<4>index state=rebuilt kept=index.sqlite.damaged-"
        #expect(box.lines.wait(seconds: 5) { $0.contains(rebuilt) && $0.contains("is damaged: ") } != nil, "\(box.log)")
        #expect(try recordings(box).map { $0["label"] as? String } == ["7B maths", "7C art"])
        try spoil(box)
        try record(box, label: "8A sport")
        let list = try recordings(box)
        #expect(list.map { $0["label"] as? String } == ["7B maths", "7C art", "8A sport"])
        #expect(list.allSatisfy { $0["interrupted"] as? Bool == false })
        #expect(box.log.components(separatedBy: rebuilt).count == 3, "\(box.log)")
        #expect(try box.chalkbox("recordings", "verify", "all").code == 0)
        #expect(box.log.contains("limit name=index count=1 "))
    }

    @Test(.enabled(if: StateDisk.isPermitted, "needs the right to set attributes"))
    func `a STOP that the index refuses says how much audio is safe, and it is saved when the index can be made anew`()
        throws
    {
        let box = try Box()
        defer { box.endProcesses() }
        let disk = try StateDisk(box.directory)
        try start(box)
        try record(box)
        #expect(try box.chalkbox("start").code == 0)
        try box.waitForSamples(48_000, seconds: 30)
        let places = [disk.path, disk.path + "/recordings"]
        _ = try Box.run("chattr", ["+i"] + places)
        defer { _ = try? Box.run("chattr", ["-i"] + places, checked: false) }
        try spoil(box)
        let stop = try box.chalkbox("stop")
        #expect(stop.code == 1, "\(stop.output)")
        // 3 s of sound, all of which is in its file.
        let failure = try #require(box.lines.wait(seconds: 5) { $0.contains("<3>close id=") }, "\(box.log)")
        let line = failure.text
        let match = try #require(line.firstMatch(of: /saved_ms=(\d+) wanted_ms=(\d+) reason=.*is damaged/), "\(line)")
        #expect(match.1 == match.2 && (Int(match.1) ?? 0) >= 3_000)
        #expect(stop.output.firstMatch(of: /(\d+\.\d) of \1 s are saved/) != nil, "\(stop.output)")
        _ = try Box.run("chattr", ["-i"] + places)
        try box.wait("the end", seconds: 20) { _ in (try? recordings(box).last?["state"] as? String) == "saved" }
        #expect(box.log.contains("index state=rebuilt"))
    }

    @Test func `a second recorder is told who has the directory, also without the socket's file`() throws {
        let box = try Box()
        defer { box.endProcesses() }
        try start(box)
        #expect(try box.chalkbox("start").code == 0)
        let pid = try #require(box.daemon?.pid)
        try FileManager.default.removeItem(atPath: box.directory + "/control.sock")
        let second = try box.chalkbox("daemon", "--set", "audio.device=null", "--set", "transcription.enabled=no")
        #expect(second.code == 1, "\(second)")
        #expect(second.output.contains("is used by another recorder (process \(pid)): end that one"), "\(second)")
        #expect(box.isRunning)
        kill(pid, SIGKILL)
        box.daemon?.wait()
        try start(box)
        #expect(try recordings(box).count == 1)
        #expect(try box.chalkbox("recordings", "verify", "all").code == 0)
    }

    @Test func `a lesson whose audio is gone stays listed, and is told there, at a start and by the doctor`() throws {
        let box = try Box()
        defer { box.endProcesses() }
        try start(box)
        for _ in 0..<2 { try record(box) }
        let id = try #require(try recordings(box).first?["id"] as? String)
        #expect(try recordings(box).allSatisfy { $0["audioMissing"] as? Bool == false })
        box.daemon?.end()
        try FileManager.default.removeItem(atPath: box.directory + "/state/recordings/" + id)
        for _ in 0..<2 {
            try start(box)
            #expect(box.log.contains("<3>audio state=missing recordings=1 oldest=\(id) "), "\(box.log)")
            #expect(try recordings(box).map { $0["audioMissing"] as? Bool } == [true, false])
            let list = try box.chalkbox("recordings").output
            #expect(list.components(separatedBy: "\n")[0].hasSuffix(", audio is missing"), "\(list)")
            let doctor = try box.chalkbox("doctor").output
            #expect(doctor.contains("WRONG  recordings: the audio of 1 is missing; "), "\(doctor)")
            box.daemon?.end()
        }
    }

    @Test func `a directory without a header is kept, listed and told`() throws {
        let box = try Box()
        defer { box.endProcesses() }
        try start(box)
        try record(box)
        box.daemon?.end()
        let state = box.directory + "/state"
        let id = try #require(try recordings(box).first?["id"] as? String)
        let audio = "\(state)/recordings/\(id)/audio-0000.flac"
        _ = try Box.run("sh", ["-c", "rm '\(state)'/index.sqlite*; printf 'XXXX' | dd of='\(audio)' conv=notrunc 2>&1"])
        _ = try Box.run("truncate", ["-s", "4096", audio])
        try start(box)
        #expect(box.log.contains("<4>unreadable id=\(id) "), "\(box.log)")
        let list = try box.chalkbox("recordings").output
        #expect(list == "\(id)  not readable, kept: no file has a readable header\n", "\(list)")
        #expect(try recordings(box).first?["state"] as? String == "not readable")
        #expect(FileManager.default.fileExists(atPath: audio))
    }

    @Test func `a lesson without a microphone is no sound, and nothing of it is transcribed`() throws {
        let box = try Box()
        defer { box.endProcesses() }
        try box.writeConfiguration(device: "nothing", token: "https://school.example/t", authority: "")
        try box.startDaemon(device: "hw:CARD=nothing", overrides: ["transcription.enabled=no"])
        try Box.wait("an answer", seconds: 20) { (try? box.chalkbox("status").code) == 0 }
        #expect(try box.chalkbox("start").code == 0)
        try box.waitForSamples(48_000, seconds: 30)
        #expect(try told(box, "status").allSatisfy { !$0.contains("no sound") }, "not before its end")
        let stop = try box.chalkbox("stop")
        #expect(stop.code == 0)
        #expect(stop.output.wholeMatch(of: /saved [0-9A-Z]{26}, but no sound for (0:\d\d) of \1\n/) != nil, "\(stop)")
        let sound = stop.output.dropFirst("saved ".count + 26).dropLast()
        let finished = try #require(try box.status()["finished"] as? [String: Any])
        #expect(", but \(finished["sound"] ?? "")" == sound && finished["problem"] is NSNull, "\(finished)")
        #expect(finished["silenceMs"] as? Int == finished["savedMs"] as? Int, "\(finished)")
        let lines = try told(box, "status") + told(box, "doctor")
        let id = finished["id"] as? String ?? ""
        #expect(lines.contains("finished   \(id): saved\(sound)"), "\(lines)")
        #expect(lines.contains("WRONG  lesson: \(id): saved\(sound); `chalkbox logs` says why"), "\(lines)")
        let one = try #require(try recordings(box).first)
        let (length, silence) = (one["durationMs"] as? Int ?? 0, one["silenceMs"] as? Int ?? -1)
        #expect(length >= 3_000 && silence == length && one["coveredMs"] as? Int == 0, "\(one)")
        let list = try box.chalkbox("recordings").output
        #expect(list.wholeMatch(of: /.*, no sound for (0:\d\d) of \1, 0% transcribed  saved\n/) != nil, "\(list)")
        #expect(try box.chalkbox("start").code == 0)
        let next = try told(box, "status") + told(box, "doctor")
        #expect(next.allSatisfy { !$0.contains("no sound") }, "the next lesson has begun: \(next)")
    }

    private func told(_ box: Box, _ command: String) throws -> [String] {
        try box.chalkbox(command).output.components(separatedBy: "\n")
    }
}
