import Foundation
import OwnThread
import Testing

/// What `doctor` says of a box, running or not.
@Suite(.ownThread, .serialized) struct `The doctor of the shipped binary` {
    private func box(_ more: String = "") throws -> Box {
        let box = try Box()
        try box.writeConfiguration(
            device: "hw:CARD=Nowhere", token: "https://127.0.0.1:9/t", authority: "", more: more)
        return box
    }

    private func doctor(_ box: Box, _ settings: String...) throws -> (code: Int32, output: String) {
        let options = settings.flatMap { ["--set", $0] }
        return try Box.run(
            Box.binary, ["doctor", "--config", box.configurationFile] + options, checked: false)
    }

    @Test func `a recorder that does not answer is a fault`() async throws {
        let box = try box()
        let told = try doctor(box, "transcription.enabled=no", "audio.device=null")
        #expect(told.code == 1)
        #expect(told.output.contains("WRONG  recorder: cannot connect"), "\(told.output)")
        #expect(told.output.contains("systemctl status chalkbox"))
        // One that hangs.
        try box.startDaemon(device: "null")
        let pid = try #require(box.daemon).pid
        kill(pid, SIGSTOP)
        let hung = try doctor(box, "transcription.enabled=no", "audio.device=null")
        kill(pid, SIGCONT)
        #expect(hung.code == 1 && hung.output.contains("WRONG  recorder: "), "\(hung.output)")
        try await box.stop()
    }

    @Test func `the light and the microphone are told with their reasons, and bounds that were reached`() async throws {
        let box = try box()
        // No right to a real-time priority, as where LimitRTPRIO is missing.
        let launcher = [
            "/usr/bin/setpriv", "--bounding-set=-sys_nice", "--inh-caps=-sys_nice", "/usr/bin/prlimit",
            "--rtprio=0:0",
        ]
        try box.startMicrophone([Int16](repeating: 0, count: 16_000))
        try box.startDaemon(device: "lesson", overrides: ["transcription.enabled=no"], launcher: launcher)
        #expect(try doctor(box, "transcription.enabled=no").output.contains("fine   light: phase idle"))
        #expect(try box.chalkbox("start").code == 0)
        try box.waitForSamples(1_600, seconds: 20)
        try box.wait("the refused priority") { status in
            (status["limits"] as? [[String: Any]] ?? []).contains { $0["name"] as? String == "realtime-priority" }
        }
        #expect(box.log.contains("<4>limit name=realtime-priority count=1 "))
        let told = try doctor(box, "transcription.enabled=no").output
        #expect(told.contains("fine   light: green solid, phase live"), "\(told)")
        #expect(told.contains("told   limit: realtime-priority, 1 times: "), "\(told)")
        #expect(!told.contains("WRONG  limit"))
        #expect(try box.chalkbox("stop").code == 0)
        try await box.stop()
    }

    @Test func `the room that is left is what status says, whatever was recorded meanwhile`() async throws {
        let box = try box()
        try box.startMicrophone([Int16](repeating: 900, count: 16_000))
        try box.startDaemon(device: "lesson", overrides: ["transcription.enabled=no"])
        #expect(try box.chalkbox("start").code == 0)
        try box.waitForSamples(16_000, seconds: 20)
        #expect(try box.chalkbox("stop").code == 0)
        // So quiet that a minute took next to nothing, after the recorder had measured.
        let index = box.directory + "/state/index.sqlite"
        _ = try Box.run("/usr/bin/sqlite3", [index, "UPDATE recording SET samples = 9600000"])
        let told = try doctor(box, "transcription.enabled=no").output
        let room = try #require(told.firstMatch(of: /disk: .* MB free, (.*)/)).1
        #expect(try box.chalkbox("status").output.contains(", \(room)\n"), "\(room)")
        // Without a recorder it measures by itself.
        #expect(box.daemon?.end() == 0)
        let alone = try doctor(box, "transcription.enabled=no").output
        #expect(alone.contains(" MB free, room for about "), "\(alone)")
        try await box.stop()
    }

    @Test func `a microphone that is not there is told with its key`() async throws {
        let box = try box()
        try box.startDaemon(device: "hw:CARD=Nowhere", overrides: ["transcription.enabled=no"])
        #expect(try box.chalkbox("start").code == 0)
        try box.waitForPhase("failed", seconds: 30)
        let told = try doctor(box, "transcription.enabled=no")
        #expect(told.code == 1)
        #expect(told.output.contains("WRONG  light: red double-blink, phase failed: microphone: "), "\(told.output)")
        let line = told.output.split(separator: "\n").first { $0.hasPrefix("WRONG  microphone: hw:CARD=Nowhere: ") }
        #expect(line?.contains("audio.device in \(box.configurationFile)") == true, "\(told.output)")
        // As the microphone's thread found it, with what to do.
        let status = try box.chalkbox("status").output
        #expect(status.contains("reason     microphone: cannot open the microphone hw:CARD=Nowhere: "), "\(status)")
        #expect(line?.contains("(`arecord -") == true || line?.contains("`arecord -L` lists") == true, "\(told.output)")
        _ = try box.chalkbox("stop", "--no-wait")
        try await box.stop()
    }

    @Test(arguments: [
        ("missing", nil, 0o600, "No such file"), ("open to all", "key\n", 0o644, "chmod 0600"),
        ("empty", "\n", 0o600, "is empty"), ("two lines", "key\nmore\n", 0o600, "more in it than one line"),
        ("fine", "key\r\n", 0o600, nil),
    ] as [(String, String?, Int, String?)])
    func `secrets are looked at as the recorder reads them`(
        name: String, text: String?, mode: Int, problem: String?
    ) async throws {
        let box = try box()
        let path = box.directory + "/upload.secret"
        if let text {
            try text.write(toFile: path, atomically: false, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        }
        let told = try doctor(
            box, "transcription.enabled=no", "audio.device=null", "upload.url=https://127.0.0.1:9/u",
            "upload.bearer_file=\(path)"
        ).output
        let line = told.split(separator: "\n").first { $0.contains("secret: ") } ?? ""
        if let problem {
            #expect(line.hasPrefix("WRONG  secret: upload.bearer_file in \(box.configurationFile): "), "\(told)")
            #expect(line.contains(problem) && line.contains("ls -l \(path)"), "\(line)")
        } else {
            #expect(line == "fine   secret: upload.bearer_file, \(path)", "\(told)")
        }
        #expect(!told.contains("key\n") && !told.contains("more\n"))
        try await box.stop()
    }
}
