import CloudKit
import Foundation
import OwnThread
import Testing

/// What technicians, habits and the world do to a box beside its duty.
@Suite(.ownThread, .serialized) struct `The edges of the shipped binary` {
    private func end(_ box: Box) throws {
        box.endProcesses()
        try FileManager.default.removeItem(atPath: box.directory)
    }

    private func run(_ box: Box, _ words: [String]) throws -> (code: Int32, output: String) {
        try Box.run("/usr/bin/timeout", ["20", Box.binary] + words, checked: false)
    }

    // MARK: Signals

    @Test func `signals that mean reload or nothing do not end a lesson`() throws {
        let box = try Box()
        let lesson = ToneLesson(.seconds(3), speakers: 1, seed: 9).samples
        try box.startMicrophone(lesson)
        try box.writeConfiguration(device: "null", token: "https://school.example/t", authority: "")
        try box.startDaemon(device: "lesson", overrides: ["transcription.enabled=no"])
        try Box.wait("an answer", seconds: 20) { (try? box.chalkbox("status").code) == 0 }
        #expect(try box.chalkbox("start").code == 0)
        let pid = try #require(box.daemon?.pid)
        for signal in [SIGHUP, SIGUSR1, SIGUSR2] {
            kill(pid, signal)
            let told = box.lines.wait(seconds: 10) { $0.contains("signal number=\(signal) state=ignored") }
            #expect(told != nil, "\(signal): \(box.log)")
        }
        kill(pid, SIGPIPE)
        try box.waitForSamples(lesson.count, seconds: 30)
        #expect(box.isRunning)
        #expect((try box.status()["recording"] as? [String: Any])?["xruns"] as? Int == 0)
        // The other way to end it from a keyboard saves the lesson as well.
        kill(pid, SIGQUIT)
        #expect(box.daemon?.wait() == 0)
        #expect(try box.recordedSamples().prefix(lesson.count).elementsEqual(lesson))
        try end(box)
    }

    // MARK: Files that are none

    @Test func `a pipe in the place of a file is told, not waited for`() throws {
        let box = try Box()
        let fifo = box.directory + "/fifo"
        #expect(mkfifo(fifo, 0o600) == 0)
        for words in [["config", "check", fifo], ["config", "show", fifo]] {
            let told = try run(box, words)
            #expect(told.code == (words[1] == "check" ? 2 : 1), "\(told)")
            #expect(told.output.contains(fifo) && told.output.contains("not a regular file"), "\(told)")
        }
        try box.writeConfiguration(device: "null", token: "https://127.0.0.1:9/t", authority: "")
        for setting in [
            "transcription.token_bearer_file", "transcription.rest_bearer_file", "upload.bearer_file", "tls.ca_file",
        ] {
            let told = try run(
                box, ["config", "check", box.configurationFile, "--set", "\(setting)=\(fifo)"])
            #expect(told.code == 2 && told.output.contains("not a regular file"), "\(setting): \(told)")
            #expect(told.output.contains(setting) && told.output.contains(fifo), "\(setting): \(told)")
        }
        let state = box.directory + "/state"
        try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
        #expect(mkfifo(state + "/index.sqlite", 0o600) == 0)
        let list = try run(box, ["recordings", "--config", box.configurationFile])
        #expect(list.code == 1 && list.output.contains("index.sqlite: It is a pipe"), "\(list)")
        try FileManager.default.removeItem(atPath: state)

        // The recorder comes up with all of them, records, and ends when it is asked to.
        let settings = ["token_bearer_file", "rest_bearer_file"].map { "transcription.\($0)=\(fifo)" }
        try box.startMicrophone(ToneLesson(.seconds(2), speakers: 1, seed: 9).samples)
        try box.startDaemon(
            device: "lesson",
            overrides: settings + [
                "upload.url=https://127.0.0.1:9/", "upload.bearer_file=\(fifo)", "tls.ca_file=\(fifo)",
            ])
        try Box.wait("an answer", seconds: 20) { (try? box.chalkbox("status").code) == 0 }
        #expect(try box.chalkbox("start").code == 0)
        try box.wait("the reason") { ($0["reason"] as? String ?? "").contains(fifo) }
        #expect(try box.chalkbox("stop").code == 0)
        let began = StampedLog.now
        #expect(box.daemon?.end(seconds: 10) == 0)
        #expect(StampedLog.now - began < 10_000)
        try end(box)
    }

    @Test func `a configuration that is a pipe, a device or a directory gives defaults`() throws {
        for kind in ["pipe", "device", "directory"] {
            let box = try Box()
            let path = kind == "device" ? "/dev/zero" : box.configurationFile
            if kind == "pipe" { #expect(mkfifo(path, 0o600) == 0) }
            if kind == "directory" {
                try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            }
            let place = [
                "box.state_directory=\(box.directory)/state", "box.control_socket=\(box.directory)/control.sock",
                "box.reserve_mb=1", "panel.driver=socket", "transcription.enabled=no",
            ].flatMap { ["--set", $0] }
            let child = try Child.logging(
                [Box.binary, "daemon", "--config", path, "--set", "audio.device=null"] + place, to: box.lines)
            let words = ["--socket", box.directory + "/control.sock"]
            try Box.wait("an answer", seconds: 20) { (try? self.run(box, ["status"] + words).code) == 0 }
            let told = try run(box, ["status"] + words).output
            #expect(told.contains("mistake    \(path): ") && told.contains("every setting has its default"), "\(told)")
            #expect(try run(box, ["start"] + words).code == 0)
            #expect(try run(box, ["stop"] + words).code == 0)
            #expect(child.end(seconds: 20) == 0)
            try end(box)
        }
    }

    @Test func `files that a configuration names are looked at by its check`() throws {
        let box = try Box()
        try box.writeConfiguration(device: "null", token: "https://127.0.0.1:9/t", authority: "")
        func check(_ settings: String...) throws -> (code: Int32, output: String) {
            try run(box, ["config", "check", box.configurationFile] + settings.flatMap { ["--set", $0] })
        }
        #expect(try check().code == 0)
        let missing = box.directory + "/none.pem"
        for setting in ["tls.ca_file", "transcription.token_bearer_file", "upload.bearer_file"] {
            let told = try check("\(setting)=\(missing)")
            #expect(told.code == 2, "\(told)")
            #expect(told.output.contains("\(setting): ") && told.output.contains("\(missing): No such file"), "\(told)")
        }
        let open = box.directory + "/open.secret"
        try "secret".write(toFile: open, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: open)
        let told = try check("transcription.token_bearer_file=\(open)")
        #expect(told.code == 2 && told.output.contains("others may read it"), "\(told)")
        let text = try check("tls.ca_file=\(open)")
        #expect(text.code == 2 && text.output.contains("no PEM certificate"), "\(text)")
        let pair = try check("upload.certificate_file=\(open)", "upload.key_file=\(missing)")
        #expect(pair.code == 2 && pair.output.contains("upload.key_file: "), "\(pair)")
        try FileManager.default.removeItem(atPath: box.directory)
    }

    // MARK: Labels of older versions

    @Test func `a label of an older version forges no row, and its lesson is exported once`() throws {
        let installed = try InstalledBox()
        let box = installed.box
        try box.writeConfiguration(device: "null", token: "https://school.example/t", authority: "")
        try box.startDaemon(device: "null", overrides: ["transcription.enabled=no"])
        try Box.wait("an answer", seconds: 20) { (try? box.chalkbox("status").code) == 0 }
        for label in ["Amina", "Bela"] { try installed.record(160_000, label: label) }
        #expect(box.daemon?.end() == 0)
        let forged = "01M8Q10WCHZTHG8CBMQD2NAXAG  2026-11-30T20:05:59.313Z  0:10  "
            + "0 words, 0 speakers, 0% transcribed  saved"
        let label = "'Amina' || char(10) || '\(forged)  Cora' || char(27) || '[2J' || char(8238, 133) || 'Dora'"
        _ = try Box.run(
            "/usr/bin/sqlite3", [box.directory + "/state/index.sqlite",
                "UPDATE recording SET label = \(label) WHERE label = 'Amina'"])

        let list = try installed.run("recordings").output
        #expect(list.split(separator: "\n").count == 2, "\(list)")
        #expect(list.contains("  Amina\\u{a}01M8Q10WCHZTHG8CBMQD2NAXAG  "), "\(list)")
        #expect(list.unicodeScalars.allSatisfy { $0 == "\n" || (0x20..<0x7F).contains($0.value) }, "\(list)")
        let stick = box.directory + "/stick"
        #expect(try installed.run("export-all", stick).output.hasSuffix("2 copied, 0 were there already\n"))
        let again = try installed.run("export-all", stick)
        #expect(again.code == 0 && again.output.hasSuffix("0 copied, 2 were there already\n"), "\(again)")
        let folders = try FileManager.default.contentsOfDirectory(atPath: stick).joined(separator: " ")
        #expect(folders.contains("_Amina-01M8Q10WCHZTHG8CBMQD2NAXAG"), "\(folders)")
        #expect(folders.unicodeScalars.allSatisfy { (0x20..<0x7F).contains($0.value) && $0 != "\\" }, "\(folders)")

        // It names people, whole and in halves.
        try installed.addProgram("journalctl", "echo 'start label=\"Amina\\u{a}Bela \\\"Cora\\\" Dora\"'")
        #expect(try installed.run("support-bundle", "-o", box.directory + "/bundle.tar.gz").code == 0)
        let unpacked = try Box.run("/bin/tar", ["-xzOf", box.directory + "/bundle.tar.gz"]).output
        for name in ["Amina", "Bela", "Cora", "Dora"] { #expect(!unpacked.contains(name), "\(name)") }
        let report = try installed.run("report").output
        #expect(report.contains("2 on this box") && !report.contains("Cora"), "\(report)")
        try installed.end()
    }

    @Test func `the label of a lesson that runs is left out of a support bundle`() throws {
        let installed = try InstalledBox()
        let box = installed.box
        try box.writeConfiguration(device: "null", token: "https://school.example/t", authority: "")
        try box.startDaemon(device: "null", overrides: ["transcription.enabled=no"])
        try Box.wait("an answer", seconds: 20) { (try? box.chalkbox("status").code) == 0 }
        try installed.addProgram("journalctl", "true")
        #expect(try box.chalkbox("start", "--label", "Amina (7B) \"x\" Bela").code == 0)
        #expect(try installed.run("support-bundle", "-o", box.directory + "/bundle.tar.gz").code == 0)
        let unpacked = try Box.run("/bin/tar", ["-xzOf", box.directory + "/bundle.tar.gz"]).output
        #expect(unpacked.contains("label left out"))
        for name in ["Amina", "Bela"] { #expect(!unpacked.contains(name), "\(name)") }
        #expect(try box.chalkbox("stop").code == 0)
        try installed.end()
    }
}
