import CloudKit
import Foundation
import OwnThread
import Testing

/// Lessons on their way to a stick (board/commands/export-all).
@Suite(.ownThread, .serialized) struct `Lessons of the shipped binary on a stick` {
    private static let lesson = ToneLesson(.seconds(3), speakers: 1, seed: 10)

    /// A box with two lessons.
    private func start() throws -> InstalledBox {
        let installed = try InstalledBox()
        let box = installed.box
        try box.startMicrophone(Self.lesson.samples)
        try box.writeConfiguration(device: "null", token: "https://school.example/t", authority: "")
        try box.startDaemon(device: "lesson", overrides: ["transcription.enabled=no"])
        try Box.wait("an answer", seconds: 20) { (try? box.chalkbox("status").code) == 0 }
        try installed.record(Self.lesson.samples.count, label: "")
        try installed.record(Self.lesson.samples.count, label: "7B: maths/رياضيات")
        return installed
    }

    private func list(_ directory: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
    }

    @Test func `each is copied once, as a whole`() throws {
        let installed = try start()
        let stick = installed.box.directory + "/stick"
        var run = try installed.run("export-all", stick)
        #expect(run.code == 0 && run.output.hasSuffix("2 copied, 0 were there already\n"), "\(run)")
        let folders = try list(stick)
        #expect(folders.count == 2)
        #expect(folders.contains { $0.contains("_7B--maths-رياضيات_01") }, "\(folders)")
        for folder in folders {
            #expect(folder.wholeMatch(of: /20[0-9-]{8}_[0-9]{2}-[0-9]{2}_.*01[0-9A-Z]{24}/) != nil, "\(folder)")
            let files = ["lesson.flac", "transcript.html", "transcript.json", "transcript.txt", "transcript.vtt"]
            #expect(try list(stick + "/" + folder) == files)
            _ = try Box.run("/usr/bin/flac", ["-t", "-s", "\(stick)/\(folder)/lesson.flac"])
        }

        // What a pulled stick cut off, and text that has changed, is written anew; the rest is left alone.
        let first = stick + "/" + folders[0]
        let audio = try FileManager.default.attributesOfItem(atPath: stick + "/" + folders[1] + "/lesson.flac")
        try FileManager.default.moveItem(atPath: first + "/lesson.flac", toPath: first + "/lesson.flac.part")
        try Data("old".utf8).write(to: URL(filePath: first + "/transcript.json"))
        run = try installed.run("export-all", stick)
        #expect(run.code == 0 && run.output.hasSuffix("1 copied, 1 were there already\n"), "\(run)")
        #expect(try list(first).count == 5)
        #expect(try Data(contentsOf: URL(filePath: first + "/transcript.json")).count > 100)
        let after = try FileManager.default.attributesOfItem(atPath: stick + "/" + folders[1] + "/lesson.flac")
        #expect(audio[.systemFileNumber] as? Int == after[.systemFileNumber] as? Int)

        // A lesson that is recorded is none that is finished.
        #expect(try installed.box.chalkbox("start").code == 0)
        #expect(try installed.run("export-all", stick).output == "0 copied, 2 were there already\n")
        try installed.end()
    }

    @Test(.enabled(if: StateDisk.isPermitted, "needs the right to mount"))
    func `a full stick is told, and holds nothing that is cut off`() throws {
        let installed = try start()
        let stick = installed.box.directory + "/stick"
        let script = """
            mkdir "$2"; mount -t tmpfs -o size=32k tmpfs "$2"
            "$1" export-all "$2" --config "$3"; echo "code $?"; find "$2" -type f
            """
        let run = try Box.run(
            "/usr/bin/unshare",
            ["-m", "sh", "-c", script, "sh", installed.binary, stick, installed.box.configurationFile], checked: false)
        #expect(run.output.contains("code 1") && run.output.contains("No space left"), "\(run.output)")
        #expect(run.output.contains("lessons were not copied"), "\(run.output)")
        #expect(!run.output.contains("lesson.flac.part\n"), "\(run.output)")
        try installed.end()
    }

    @Test func `the light shows it for as long as it lasts`() throws {
        let box = try Box()
        try box.startMicrophone(ToneLesson(.seconds(4), speakers: 1, seed: 5).samples)
        try box.writeConfiguration(device: "lesson", token: "https://school.example/t", authority: "")
        try box.startDaemon(device: "lesson", overrides: ["transcription.enabled=no"])
        func light(_ lamp: String, _ pattern: String) throws {
            try box.wait("\(lamp) \(pattern)", seconds: 20) {
                ($0["led"] as? [String: Any])?[lamp] as? String == pattern
            }
        }
        for (state, lamp) in [("copying", "green"), ("copy-failed", "red")] {
            let log = StampedLog()
            let child = try Child.logging(
                [Box.binary, "lamp", state, "--seconds", "600", "--config", box.configurationFile], to: log)
            try light(lamp, "blink")
            child.end()
            try light(lamp, "off")
        }
        // The lesson's own light is more important.
        let log = StampedLog()
        let child = try Child.logging(
            [Box.binary, "lamp", "copying", "--seconds", "600", "--config", box.configurationFile], to: log)
        try light("green", "blink")
        #expect(try box.chalkbox("start").code == 0)
        try light("green", "solid")
        child.end()
        #expect(try box.chalkbox("stop").code == 0)
        box.endProcesses()
        try FileManager.default.removeItem(atPath: box.directory)
    }
}
