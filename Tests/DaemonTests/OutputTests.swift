import Foundation
import OwnThread
import Testing

/// Where the commands write: standard output, and what `-o` names.
@Suite(.ownThread, .serialized) struct `What the shipped binary writes` {
    /// A box that has recorded hours of silence: the null device gives them at once.
    private func start(samples: Int = 20_000_000) throws -> InstalledBox {
        let installed = try InstalledBox()
        let box = installed.box
        try FileManager.default.createDirectory(atPath: box.directory + "/mic", withIntermediateDirectories: true)
        try "pcm.hours { type null }\n".write(
            toFile: box.directory + "/mic/asound.conf", atomically: true, encoding: .utf8)
        try box.writeConfiguration(device: "hours", token: "https://school.example/t", authority: "")
        try box.startDaemon(device: "hours", overrides: ["transcription.enabled=no"])
        try Box.wait("an answer", seconds: 20) { (try? box.chalkbox("status").code) == 0 }
        #expect(try box.chalkbox("start").code == 0)
        try box.waitForSamples(samples, seconds: 60)
        // The device gives on until it is told: on a machine under load far more than a store saves within STOP's time.
        #expect(try box.chalkbox("stop", "--no-wait").code == 0)
        try Box.wait("the end on the disk", seconds: 120) {
            (try? box.chalkbox("recordings", "--json").output.contains("\"state\":\"saved\"")) ?? false
        }
        return installed
    }

    private func shell(_ script: String, _ words: [String]) throws -> (code: Int32, output: String) {
        try Box.run("/bin/sh", ["-c", script] + words, checked: false)
    }

    private func list(_ directory: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
    }

    @Test func `is checked to its end`() throws {
        let installed = try start()
        let common = ["--config", installed.box.configurationFile]
        for words in [
            ["--help"], ["--version"], ["status", "--help"], ["status"] + common, ["status", "--json"] + common,
            ["transcript"] + common, ["recordings"] + common, ["recordings", "--json"] + common,
            ["recordings", "verify"] + common, ["doctor", "--leave-microphone"] + common,
            ["config", "check"] + common, ["config", "show"] + common,
        ] + ["json", "vtt"].map({ ["export", "last", "--format", $0, "-o", "-"] + common }) {
            let run = try shell("\"$0\" \"$@\" >/dev/full", [installed.binary] + words)
            #expect(run.code == 1, "\(words): \(run)")
            let told = "chalkbox: cannot write to standard output: No space left on device\n"
            #expect(run.output.contains(told), "\(words): \(run)")
            // A closed one is none to write into, nor is a file that is opened later.
            let closed = try shell("\"$0\" \"$@\" >&-", [installed.binary] + words)
            #expect(closed.code == 1 && closed.output.contains("Bad file descriptor"), "\(words): \(closed)")
        }
        try installed.addProgram("journalctl", "echo a line")
        for words in [["report"], ["support-bundle", "-o", "-"], ["logs"], ["export-all", installed.box.directory]] {
            let run = try shell(
                "PATH=$1:$PATH; c=$0; shift; \"$c\" \"$@\" >/dev/full",
                [installed.binary, installed.box.directory + "/programs"] + words + common)
            #expect(run.code != 0, "\(words): \(run)")
            #expect(run.output.contains("No space left on device"), "\(words): \(run)")
        }
        try installed.end()
    }

    @Test func `into a pipe that nobody reads ends without a word`() throws {
        let box = try Box()
        try box.writeConfiguration(device: "null", token: "https://school.example/t", authority: "")
        var ends: [Int32] = [-1, -1]
        #expect(pipe(&ends) == 0)
        close(ends[0])
        let errors = open(box.directory + "/errors", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        let command = [Box.binary, "config", "show", box.configurationFile]
        let code = try Child(command, output: ends[1], error: errors).wait()
        #expect(code == 1 || code == 128 + SIGPIPE)
        #expect(lseek(errors, 0, SEEK_END) == 0)
        close(ends[1])
        close(errors)
        try FileManager.default.removeItem(atPath: box.directory)
    }

    @Test func `keeps what is there, follows links, goes through to devices and leaves nothing behind`() throws {
        let installed = try start()
        let box = installed.box
        let place = box.directory + "/out"
        let files = FileManager.default
        try files.createDirectory(atPath: place + "/folder", withIntermediateDirectories: true)
        let kinds: [[String]] =
            ["vtt", "flac"].map { ["export", "last", "--format", $0] } + [["report"], ["support-bundle"]]
        for words in kinds {
            let file = place + "/file"
            try "mine".write(toFile: file, atomically: true, encoding: .utf8)
            try files.createSymbolicLink(atPath: place + "/link", withDestinationPath: "file")
            func run(_ name: String, _ more: String...) throws -> (code: Int32, output: String) {
                let command = [installed.binary] + words + ["-o", name] + more
                return try Box.run("/usr/bin/env", command + ["--config", box.configurationFile], checked: false)
            }
            for name in [file, place + "/link"] {
                let kept = try run(name)
                #expect(kept.code == 1 && kept.output.contains("--force"), "\(words): \(kept)")
                #expect(try String(contentsOfFile: file, encoding: .utf8) == "mine")
            }
            #expect(try run(place + "/link", "--force").code == 0)
            #expect(try files.destinationOfSymbolicLink(atPath: place + "/link") == "file")
            #expect(try Data(contentsOf: URL(filePath: file)) != Data("mine".utf8))
            let folder = try run(place + "/folder", "--force")
            #expect(folder.code == 1 && folder.output.contains("irectory"), "\(words): \(folder)")
            #expect(try run(place + "/none/file").code == 1)
            if words.last != "flac" {
                #expect(try run("/dev/null").code == 0, "\(words)")
                let full = try run("/dev/full")
                #expect(full.code == 1 && full.output.contains("/dev/full"), "\(words): \(full)")
                #expect(mkfifo(place + "/pipe", 0o600) == 0)
                let through = try shell(
                    "cat \"$0\" >\"$1\" & shift; \"$@\" && wait",
                    [place + "/pipe", place + "/through", installed.binary] + words + ["-o", place + "/pipe"]
                        + ["--config", box.configurationFile])
                #expect(through.code == 0, "\(words): \(through)")
                #expect(try list(place) == ["file", "folder", "link", "pipe", "through"], "\(words)")
                for name in ["pipe", "through"] { try files.removeItem(atPath: place + "/" + name) }
            } else {
                let null = try run("/dev/null")
                #expect(null.code == 2 && null.output.contains("flac needs a regular file"), "\(null)")
            }
            #expect(try list(place) == ["file", "folder", "link"], "\(words)")
            for name in ["file", "link"] { try files.removeItem(atPath: place + "/" + name) }
        }
        var status = stat()
        #expect(stat("/dev/null", &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)
        try installed.end()
    }

    @Test func `leaves nothing behind when a signal ends it`() throws {
        let installed = try start(samples: 800_000_000)
        let box = installed.box
        let place = box.directory + "/out"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            let child = try Child(
                [
                    Box.binary, "export", "last", "--format", "flac", "-o", place + "/lesson.flac", "--config",
                    box.configurationFile,
                ], output: null, error: null)
            try Box.wait("the unfinished file", seconds: 20) { (try? list(place)) == ["lesson.flac.part"] }
            kill(child.pid, signal)
            #expect(child.wait() == 128 + signal, "\(signal)")
            #expect(try list(place).isEmpty, "\(signal)")
        }
        close(null)
        try installed.end()
    }
}
