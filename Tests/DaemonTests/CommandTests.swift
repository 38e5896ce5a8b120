import CloudKit
import Foundation
import OwnThread
import Testing

/// The commands that put the system's own tools together (board/commands).
@Suite(.ownThread, .serialized) struct `The commands beside the shipped binary` {
    private static let lesson = ToneLesson(.seconds(3), speakers: 1, seed: 9)

    /// A box that records only.
    private func start(_ installed: InstalledBox, microphone: Bool = true) throws {
        let box = installed.box
        if microphone { try box.startMicrophone(Self.lesson.samples) }
        try box.writeConfiguration(device: "null", token: "https://school.example/t", authority: "")
        try box.startDaemon(
            device: microphone ? "lesson" : "null", overrides: ["transcription.enabled=no"])
        try Box.wait("an answer", seconds: 20) { (try? box.chalkbox("status").code) == 0 }
    }

    @Test(arguments: [
        ([], "--lines=200"), (["--follow"], "--lines=200 --follow"), (["-n", "5"], "--lines=5"),
        (["--since", "1 hour ago"], "--lines=all --since=1 hour ago"),
        (["--since=yesterday", "--lines=20", "--follow"], "--lines=20 --since=yesterday --follow"),
    ] as [([String], String)])
    func `logs asks the journal`(words: [String], asked: String) throws {
        let installed = try InstalledBox()
        try installed.addProgram("journalctl", "echo $*")
        let command = [installed.binary, "logs"] + words
        let run = try Box.run(
            "/usr/bin/env", ["PATH=\(installed.box.directory)/programs:/usr/bin:/bin"] + command, checked: false)
        #expect(run.code == 0)
        #expect(run.output == "--unit=chalkbox --unit=chalkbox-* \(asked)\n")
        try installed.end()
    }

    @Test func `wrong words end with 2 and say what is right`() throws {
        let installed = try InstalledBox()
        for (words, told) in [
            (["logs", "--lines", "0"], "--lines takes a number"), (["logs", "--lines"], "--lines needs a value"),
            (["logs", "all"], "unexpected all"), (["logs", "--loud"], "unknown option --loud"),
            (["update"], "which bundle?"), (["update", "a", "b"], "unexpected b"),
            (["update", "http://school.example/x.raucb"], "only https://"), (["export-all"], "to which directory?"),
            (["support-bundle", "-o"], "-o needs a value"), (["report", "now"], "unexpected now"),
            (["report", "-o", ""], "-o needs a value"), (["report", "-o", "--force"], "-o needs a value"),
            (["support-bundle", "--output="], "--output needs a value"),
            (["logs", "--since="], "--since needs a value"),
            (["logs", "--since", "--follow"], "--since needs a value"), (["logs", "--socket", ""], "--socket needs"),
            (["update", "--config", ""], "--config needs a value"), (["update", ""], "which bundle?"),
            (["export-all", "--set="], "--set needs a value"), (["export-all", "--config"], "--config needs a value"),
        ] {
            let run = try Box.run(installed.binary, words, checked: false)
            #expect(run.code == 2 && run.output.contains(told), "\(words): \(run)")
            #expect(run.output.contains("chalkbox: \(words[0]): "), "\(run.output)")
        }
        for name in ["logs", "update", "support-bundle", "report", "export-all"] {
            let script = "\(installed.box.directory)/usr/libexec/chalkbox/\(name)"
            let help = try Box.run(script, ["--help"], checked: false)
            #expect(help.code == 0 && help.output.contains("chalkbox \(name)"), "\(help)")
            #expect(try Box.run(installed.binary, [name, "--help"], checked: false).output.contains(name))
            try FileManager.default.removeItem(atPath: script)
            let missing = try Box.run(installed.binary, [name], checked: false)
            #expect(missing.code == 1 && missing.output.contains(script), "\(missing)")
        }
        try installed.end()
    }

    @Test func `an update from a web server is loaded first, and away again when it was refused`() throws {
        let installed = try InstalledBox()
        let box = installed.box
        try installed.addProgram("rauc", "exit 1")
        try installed.addProgram(
            "curl", """
            echo curl $*
            while [ $1 != --output ]; do shift; done; echo x >$2; echo at $2
            """)
        try box.writeConfiguration(device: "null", token: "https://school.example/t", authority: "/boot/ca.pem")
        var run = try installed.run("update", "https://school.example/bad.raucb")
        #expect(run.code == 1 && run.output.contains("nothing was changed: rauc refused it"), "\(run)")
        let loaded = try #require(run.output.firstMatch(of: /at (\/.*)/)).1
        #expect(!FileManager.default.fileExists(atPath: String(loaded)))
        // It trusts the servers that the recorder trusts.
        #expect(run.output.contains(" --cacert /boot/ca.pem "), "\(run)")
        #expect(run.output.contains(" https://school.example/bad.raucb\n"), "\(run)")

        try box.writeConfiguration(device: "null", token: "https://school.example/t", authority: "")
        try installed.addProgram("curl", "echo curl $*; exit 22")
        run = try installed.run("update", "https://school.example/none.raucb")
        #expect(run.code == 1 && run.output.contains("could not be loaded"), "\(run)")
        #expect(!run.output.contains("--cacert"), "\(run)")
        try installed.end()
    }

    @Test func `an update is RAUC's, but not during a lesson`() throws {
        let installed = try InstalledBox()
        let box = installed.box
        try installed.addFile("good.raucb", "bundle")
        try installed.addProgram("rauc", "echo rauc $*; [ \"${2##*/}\" = good.raucb ]")
        try installed.addProgram("systemctl", "echo systemctl $*")
        let bundle = box.directory + "/good.raucb"

        // Without a daemon: there is no lesson.
        try box.writeConfiguration(device: "null", token: "https://school.example/t", authority: "")
        var run = try installed.run("update", bundle)
        #expect(run.code == 0 && run.output.contains("rauc install \(bundle)\n"), "\(run)")
        #expect(run.output.contains("from the next start on") && !run.output.contains("systemctl reboot\nsystemctl"))

        try start(installed, microphone: false)
        run = try installed.run("update", bundle, "--reboot")
        #expect(run.code == 0 && run.output.hasSuffix("systemctl reboot\n"), "\(run)")
        run = try installed.run("update", box.directory + "/none.raucb")
        #expect(run.code == 1 && run.output.contains("is no file"), "\(run)")

        #expect(try box.chalkbox("start").code == 0)
        run = try installed.run("update", bundle)
        #expect(run.code == 1 && run.output.contains("a lesson is recorded"), "\(run)")
        #expect(!run.output.contains("rauc install"), "\(run)")
        // It begins while the update is installed: no restart.
        #expect(try box.chalkbox("stop").code == 0)
        try installed.addProgram("rauc", "\"\(installed.binary)\" start --config \"\(box.configurationFile)\"")
        run = try installed.run("update", bundle, "--reboot")
        #expect(run.code == 1 && run.output.contains("a lesson has begun meanwhile"), "\(run)")
        #expect(!run.output.contains("systemctl reboot\nsystemctl"), "\(run)")
        #expect(try box.chalkbox("stop").code == 0)

        // A Debian of one's own.
        let bare = box.directory + "/bare"
        try FileManager.default.createDirectory(atPath: bare, withIntermediateDirectories: true)
        for tool in ["bash", "dirname", "readlink"] {
            let link = bare + "/" + tool
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "/usr/bin/" + tool)
        }
        try FileManager.default.removeItem(atPath: box.directory + "/programs/rauc")
        run = try installed.run("update", bundle, path: bare)
        #expect(run.code == 1 && run.output.contains("there is no rauc here"), "\(run)")
        try installed.end()
    }

    @Test func `no secret and no name gets into a support bundle`() throws {
        let installed = try InstalledBox()
        let box = installed.box
        let names = [
            "s3cret-token", "s3cret-query", "s3cret-user", "s3cret-inline", "s3cret-comment", "s3cret-unknown",
            "s3cret-psk", "s3cret-identity", "s3cret-header", "s3cret-journal", "Amina", "s3cret-tls",
        ]
        try installed.addFile("token.secret", "s3cret-token\n")
        try installed.addFile("box.key", "-----BEGIN PRIVATE KEY-----\ns3cret-tls\n")
        try installed.addFile("wifi.conf", "ssid = school\r\npsk = \"s3cret-psk\"\r\nidentity=s3cret-identity\r\n")
        try installed.addProgram(
            "journalctl", """
            echo 'live session=1 took_ms=412 s3cret-token and s3cret-token, s3cret-psk s3cret-identity s3cret-tls'
            echo 'Authorization: Bearer s3cret-header' '"password":"s3cret-journal", psk=s3cret-journal'
            echo 'GET https://s3cret-user@school.example/?key=s3cret-query s3cret-inline' 'start label="Amina B"'
            """)
        try start(installed, microphone: false)
        #expect(try box.chalkbox("start", "--label", "Amina").code == 0)
        #expect(try box.chalkbox("stop").code == 0)
        try box.writeConfiguration(
            device: "null", token: "https://s3cret-user@school.example/t?key=s3cret-query", authority: "",
            more: """
                # s3cret-comment
                [upload]
                bearer_file = s3cret-inline
                s3cret-unknown = s3cret-unknown
                """)
        var text = try installed.read("chalkbox.conf")
        text = text.replacingOccurrences(
            of: "[panel]", with: "token_bearer_file = \(box.directory)/token.secret\nenabled = no\n[panel]")
        try installed.addFile("chalkbox.conf", text)
        let bundle = box.directory + "/bundle.tar.gz"
        let run = try installed.run("support-bundle", "-o", bundle)
        #expect(run.code == 0 && run.output.contains(" files, "), "\(run)")

        let unpacked = box.directory + "/unpacked"
        try FileManager.default.createDirectory(atPath: unpacked, withIntermediateDirectories: true)
        _ = try Box.run("/bin/tar", ["-xzf", bundle, "-C", unpacked, "--strip-components=1"])
        for name in names {
            let found = try Box.run("/bin/grep", ["-rF", name, unpacked], checked: false)
            #expect(found.code == 1, "\(name): \(found.output)")
        }
        // What helps is there.
        for (file, content) in [
            ("journal.txt", "live session=1 took_ms=412"), ("journal.txt", "psk=(secret)"),
            ("status.json", "\"phase\":\"finished\""), ("recordings.json", "\"label\":\"(left out)\""),
            ("configuration.txt", "audio.device = null"), ("version.txt", "chalkbox "),
            ("configuration-check.txt", "unknown key"), ("report.txt", "CHECKS"), ("system.txt", "Linux"),
        ] {
            let there = try installed.read("unpacked/" + file)
            #expect(there.contains(content), "\(file): \(there)")
        }
        #expect(try Box.run("/usr/bin/find", [unpacked, "-name", "*.flac"]).output.isEmpty)
        try installed.end()
    }

    @Test func `a bundle that cannot be put together is none, and one that leaves something out says so`() throws {
        let installed = try InstalledBox()
        let box = installed.box
        try box.writeConfiguration(device: "null", token: "https://school.example/t", authority: "")
        let bundle = box.directory + "/bundle.tar.gz"
        let run = { (prelude: String) in
            let path = "PATH=\(installed.programs):/usr/sbin:/usr/bin:/sbin:/bin"
            // What the command says goes to a file: it is no part of the disk that is full.
            let script = "(\(prelude); \"$@\") 2>&1 | cat; exit ${PIPESTATUS[0]}"
            let words = [path, "bash", "-c", script, "-"]
            return try Box.run(
                "/usr/bin/env",
                words + [installed.binary, "support-bundle", "--config", box.configurationFile, "-o", bundle],
                checked: false)
        }
        // As on a full disk: each write is refused, from the first byte on.
        let refused = try run("trap '' XFSZ; ulimit -f 0")
        #expect(refused.code == 1 && refused.output.contains("set TMPDIR"), "\(refused)")
        #expect(!FileManager.default.fileExists(atPath: bundle))

        // Longer than what is kept of one program.
        try installed.addProgram("free", "head -c 20000000 /dev/zero | tr '\\0' 'x'")
        let cut = try run("true")
        #expect(cut.code == 0, "\(cut)")
        let memory = try Box.run("/bin/tar", ["-xzOf", bundle, "--wildcards", "*/memory.txt"]).output
        #expect(memory.hasSuffix("(left out: what is beyond 16777216 bytes)\n"))
        try installed.end()
    }

    @Test(.enabled(if: StateDisk.isPermitted, "needs the right to mount"))
    func `a report says what is wrong, in lines that Windows shows`() throws {
        let installed = try InstalledBox()
        let box = installed.box
        try start(installed)
        try installed.record(Self.lesson.samples.count, label: "Amina")
        try box.writeConfiguration(
            device: "plughw:CARD=Nowhere", token: "https://school.example/t", authority: "",
            more: "[reconnect]\nattempts = 0\n[transcription]\nenabled = no\n")
        let script = """
            mount -t tmpfs tmpfs /run; mkdir /run/chalkbox-boot
            echo 'wifi.conf:3: psk: 8 to 63 characters are needed' >/run/chalkbox-boot/network-problems
            "$1" report --config "$2" -o "$3"
            """
        let report = box.directory + "/chalkbox-report.txt"
        let run = try Box.run(
            "/usr/bin/unshare", ["-m", "sh", "-c", script, "sh", installed.binary, box.configurationFile, report])
        #expect(run.output.isEmpty, "\(run.output)")
        let text = try installed.read("chalkbox-report.txt")
        let lines = text.components(separatedBy: "\n").dropLast()
        #expect(lines.allSatisfy { $0.hasSuffix("\r") })
        for told in [
            "CHALKBOX REPORT of test, chalkbox ", "WRONG  boot: wifi.conf:3: psk: 8 to 63 characters",
            "WRONG  configuration: \(box.configurationFile):", "reconnect.attempts: `0` is not accepted; accepted: ",
            "WRONG  microphone: plughw:CARD=Nowhere: there is no such sound card", "fine   disk: ",
            "1 on this box, 0 of them uploaded", "% transcribed, saved",
        ] { #expect(text.contains(told), "\(told): \(text)") }
        #expect(!text.contains("Amina") && !text.contains("cannot print value"))
        // While a lesson is recorded the microphone is the lesson's.
        #expect(try box.chalkbox("start").code == 0)
        try box.waitForSamples(16_000, seconds: 30)
        #expect(try installed.run("report").output.contains("a lesson is recorded with it, "))
        try installed.end()
    }
}
