import CloudKit
import Foundation
import OwnThread
import Testing

/// A box whose `chalkbox.conf` is what technicians, editors and cards make of it.
@Suite(.ownThread, .serialized) struct `A wrong configuration of the shipped binary` {
    struct Mistake: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// Nil: there is no file.
        let file: [UInt8]?
        /// What people must be told of it.
        let told: String
        /// Whether a lesson has a chance of a transcript.
        var transcribes = false

        init(_ name: String, _ text: String, told: String, transcribes: Bool = false) {
            self.init(name, bytes: Array(text.utf8), told: told, transcribes: transcribes)
        }

        init(_ name: String, bytes: [UInt8]?, told: String, transcribes: Bool = false) {
            (testDescription, file, self.told, self.transcribes) = (name, bytes, told, transcribes)
        }
    }

    private static let token = "[transcription]\ntoken_url = https://127.0.0.1:9/t\n"

    static let mistakes = [
        Mistake(
            "an unknown key", token + "[audio]\ndevise = hw:0\n", told: "did you mean audio.device?",
            transcribes: true),
        Mistake("an unknown section", "[transcripton]\ntoken_url = https://127.0.0.1:9/t\n", told: "unknown section"),
        Mistake(
            "a value out of range", token + "[reconnect]\nattempts = 0\n", told: ":4: reconnect.attempts",
            transcribes: true),
        Mistake(
            "a plain address", "[transcription]\ntoken_url = http://school.example/t\n",
            told: ":2: transcription.token_url: what is given is not accepted"),
        Mistake("neither yes nor no", token + "enabled = perhaps\n", told: ":3: transcription.enabled"),
        Mistake("no file", bytes: nil, told: "No such file or directory"),
        Mistake(
            "binary rubbish",
            bytes: (0..<9_000).map { $0 % 60 == 59 ? 0x0A : UInt8(truncatingIfNeeded: $0 &* 40_503 >> 7) },
            told: "the line is not UTF-8 text"),
        Mistake("UTF-16", bytes: [0xFF, 0xFE] + token.utf8.flatMap { [$0, 0] }, told: "save it as UTF-8"),
        Mistake("a file that is too long", bytes: [UInt8](repeating: 0x23, count: 300_000), told: "File too large"),
        Mistake(
            "a line that is too long", token + "language_hints = " + String(repeating: "en,", count: 200),
            told: ":3: the line is longer", transcribes: true),
        Mistake(
            "a line that is none", "token_url\n" + token, told: ":1: neither `[section]` nor `key = value`",
            transcribes: true),
    ]

    /// Overrides that keep the test in its directory.
    private func place(_ box: Box) -> [String] {
        [
            "box.state_directory=\(box.directory)/state", "box.control_socket=\(box.directory)/control.sock",
            "box.reserve_mb=1", "panel.driver=socket", "audio.device=lesson",
        ]
    }

    private func chalkbox(_ box: Box, _ words: [String]) throws -> (code: Int32, output: String) {
        let place = place(box).flatMap { ["--set", $0] }
        return try Box.run(Box.binary, words + ["--config", box.configurationFile] + place, checked: false)
    }

    private func status(_ box: Box) throws -> [String: Any] {
        let output = try chalkbox(box, ["status", "--json"]).output
        return try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any] ?? [:]
    }

    @Test(arguments: mistakes) func `does not keep the box from recording`(mistake: Mistake) throws {
        let lesson = ToneLesson(.seconds(2), speakers: 1, seed: 5)
        let box = try Box()
        try box.startMicrophone(lesson.samples)
        if let bytes = mistake.file { try Data(bytes).write(to: URL(filePath: box.configurationFile)) }
        try box.startDaemon(device: "lesson", overrides: place(box))
        try Box.wait("an answer", seconds: 20) { (try? self.chalkbox(box, ["status"]).code) == 0 }

        // It is told: by status, by the light and in the log.
        let told = try status(box)["mistakes"] as? [String] ?? []
        #expect(told.contains { $0.contains(mistake.told) }, "\(told)")
        #expect(told.count <= 33)
        #expect((try status(box)["led"] as? [String: Any])?["amber"] as? String == "slow-pulse")
        #expect(try chalkbox(box, ["status"]).output.contains("mistake    "))
        #expect(box.log.contains("<3>configuration "), "\(box.log)")
        #expect(try Box.run(Box.binary, ["config", "check", box.configurationFile], checked: false).code == 2)

        let started = try chalkbox(box, ["start"])
        #expect(started.code == 0, "\(started.output)")
        try Box.wait("the lesson's samples", seconds: 30) {
            ((try? self.status(box)["recording"] as? [String: Any])?["samples"] as? Int ?? 0) >= lesson.samples.count
        }
        let phase = try status(box)["phase"] as? String
        let reason = try status(box)["reason"] as? String ?? ""
        if mistake.transcribes {
            #expect(reason.contains("127.0.0.1"), "\(reason)")
        } else {
            #expect(phase == "failed" && reason.contains("transcription."), "\(phase ?? "") \(reason)")
        }
        #expect(try chalkbox(box, ["stop"]).code == 0)
        let flac = box.directory + "/lesson.flac"
        #expect(try chalkbox(box, ["export", "last", "--format", "flac", "-o", flac]).code == 0)
        _ = try Box.run("/usr/bin/flac", ["-d", "-s", "-f", "-o", box.directory + "/lesson-out.wav", flac])
        let recorded = try AudioFile.samples(path: box.directory + "/lesson-out.wav")
        #expect(recorded.prefix(lesson.samples.count).elementsEqual(lesson.samples))
        #expect(!box.log.contains("cannot print value"))
        box.endProcesses()
        try FileManager.default.removeItem(atPath: box.directory)
    }

    @Test func `what it does not say is as the board has it`() throws {
        let box = try Box()
        let defaults = box.directory + "/defaults.conf"
        func check(_ words: String...) throws -> (code: Int32, output: String) {
            try Box.run(Box.binary, ["config", "check", box.configurationFile] + words, checked: false)
        }
        try Data(Self.token.utf8).write(to: URL(filePath: box.configurationFile))
        #expect(try check().output.contains("panel          start gpiochip0:17"))
        try Data("[audio]\ndevice = hw:2\n[panel]\ndriver = none\n".utf8).write(to: URL(filePath: defaults))
        let told = try check("--defaults", defaults)
        #expect(told.code == 0)
        #expect(told.output.contains("panel          none") && told.output.contains("microphone     hw:2"))
        // The file counts more.
        let devices = "[audio]\ndevice = hw:3\n[panel]\ndriver = gpio\nstart_line = START\n"
        try Data((Self.token + devices).utf8).write(to: URL(filePath: box.configurationFile))
        let own = try check("--defaults", defaults)
        #expect(own.output.contains("panel          start START") && own.output.contains("microphone     hw:3"))
        // Asked for, they have to be there.
        let absent = try check("--defaults", defaults + "x")
        #expect(absent.code == 2)
        #expect(absent.output.contains(defaults + "x: No such file or directory"))
        try FileManager.default.removeItem(atPath: box.directory)
    }

    @Test func `a file from Windows is none`() throws {
        let box = try Box()
        let lines = (Self.token + "[box]\nname = room-12\n").replacingOccurrences(of: "\n", with: "\r\n")
        try Data(("\u{FEFF}" + lines).utf8).write(to: URL(filePath: box.configurationFile))
        try box.startDaemon(device: "null", overrides: place(box).filter { !$0.hasPrefix("audio.") })
        try Box.wait("an answer", seconds: 20) { (try? self.chalkbox(box, ["status"]).code) == 0 }
        #expect(try status(box)["mistakes"] as? [String] == [])
        #expect(try status(box)["name"] as? String == "room-12")
        #expect((try status(box)["led"] as? [String: Any])?["amber"] as? String == "off")
        box.endProcesses()
        try FileManager.default.removeItem(atPath: box.directory)
    }

    /// In a mount namespace of its own, since the defaults are this machine's directories.
    @Test(.enabled(if: StateDisk.isPermitted, "needs the right to mount"))
    func `directories that cannot be had: the usual ones are used`() throws {
        let box = try Box()
        let places = "[box]\nstate_directory = /proc/none\ncontrol_socket = /proc/none/control.sock\nreserve_mb = 1\n"
        try (Self.token + places + "[panel]\ndriver = socket\n")
            .write(toFile: box.configurationFile, atomically: true, encoding: .utf8)
        let script = """
            mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /var/lib
            c=$1; shift
            "$c" daemon --config "$1" --set audio.device=null &
            while ! "$c" status --config "$1"; do kill -0 $! || exit 1; sleep 0.05; done
            "$c" start --config "$1" && "$c" stop --config "$1"
            "$c" doctor --config "$1" --leave-microphone --set transcription.enabled=no
            "$c" recordings --config "$1" && "$c" recordings verify last --config "$1"
            "$c" export last --format txt -o - --config "$1" || exit 1
            ls /var/lib/chalkbox/recordings; kill $!; wait $!
            """
        let run = try Box.run(
            "/usr/bin/unshare", ["-m", "sh", "-c", script, "sh", Box.binary, box.configurationFile], checked: false)
        #expect(run.code == 0, "\(run.output)")
        let told = "\(box.configurationFile): box.state_directory: cannot create directory /proc/none"
        #expect(run.output.contains("mistake    " + told), "\(run.output)")
        #expect(run.output.contains("mistake    \(box.configurationFile): box.control_socket: "), "\(run.output)")
        let doctor = run.output.split(separator: "\n").filter { $0.contains("configuration: ") }
        #expect(doctor.contains { $0.hasPrefix("WRONG  configuration: " + told) }, "\(run.output)")
        let next = "; using /var/lib/chalkbox; mend it, then `systemctl restart chalkbox`"
        #expect(doctor.count == 2 && doctor.contains { $0.hasSuffix(next) }, "\(doctor)")
        #expect(!run.output.contains("WRONG  recorder") && run.output.contains("fine   disk: "), "\(run.output)")
        #expect(run.output.contains("saved 01"), "\(run.output)")
        // The commands that read recordings use the same directory, and say so.
        let used = "chalkbox: the recorder uses /var/lib/chalkbox, not box.state_directory; `chalkbox status` says why"
        #expect(run.output.components(separatedBy: used).count == 4, "\(run.output)")
        #expect(run.output.contains("% transcribed  ") && run.output.contains("index  ok\n"), "\(run.output)")
        try FileManager.default.removeItem(atPath: box.directory)
    }

    @Test(.enabled(if: StateDisk.isPermitted, "needs the right to mount"))
    func `a directory that only root may use: root's doctor tells it as well`() throws {
        let box = try Box()
        let places = "[box]\nstate_directory = /run/mine\nreserve_mb = 1\n[panel]\ndriver = socket\n"
        try (Self.token + "enabled = no\n" + places)
            .write(toFile: box.configurationFile, atomically: true, encoding: .utf8)
        let script = """
            mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /var/lib; mkdir -m 0700 /run/mine
            mkdir -m 0777 /run/chalkbox /var/lib/chalkbox
            c=$1; shift
            setpriv --reuid=65534 --regid=65534 --clear-groups "$c" daemon --config "$1" --set audio.device=null &
            while ! "$c" status --config "$1"; do kill -0 $! || exit 1; sleep 0.05; done
            "$c" doctor --config "$1" --leave-microphone
            kill $!; wait $!
            """
        _ = try Box.run("/bin/chmod", ["0755", box.directory])
        let run = try Box.run(
            "/usr/bin/unshare", ["-m", "sh", "-c", script, "sh", Box.binary, box.configurationFile], checked: false)
        let told = "WRONG  recorder: \(box.configurationFile): box.state_directory: cannot write to /run/mine: "
        #expect(run.output.contains(told), "\(run.output)")
        #expect(!run.output.contains("configuration: no mistake"), "\(run.output)")
        try FileManager.default.removeItem(atPath: box.directory)
    }
}
