import Foundation

/// A box whose program and scripts are installed as a package does, with programs of the test's own on the path.
struct InstalledBox {
    let box: Box
    private var root: String { box.directory + "/usr" }
    var binary: String { root + "/bin/chalkbox" }
    /// The journal, RAUC and systemd that the scripts find.
    var programs: String { box.directory + "/programs" }

    init() throws {
        box = try Box()
        let files = FileManager.default
        for folder in ["/bin", "/libexec", "/share/chalkbox"] {
            try files.createDirectory(atPath: root + folder, withIntermediateDirectories: true)
        }
        try files.createDirectory(atPath: programs, withIntermediateDirectories: true)
        // By a program: a child that another test starts has what is open for writing here, until it is the program
        // that it is to be, and what is open for writing cannot be run (execve(2), ETXTBSY).
        _ = try Child.run(["cp", Box.binary, binary])
        _ = try Child.run(["cp", "-r", Box.root + "/board/commands", root + "/libexec/chalkbox"])
        _ = try Child.run(["cp", Box.root + "/board/transcript.html", root + "/share/chalkbox/"])
    }

    /// A program that the scripts find before the system's.
    func addProgram(_ name: String, _ script: String) throws {
        let write = "printf '#!/bin/sh\\n%s\\n' \"$1\" >\"$0\" && chmod 755 \"$0\""
        _ = try Child.run(["sh", "-c", write, programs + "/" + name, script])
    }

    func addFile(_ name: String, _ text: String) throws {
        try text.write(toFile: box.directory + "/" + name, atomically: true, encoding: .utf8)
    }

    func read(_ name: String) throws -> String {
        try String(contentsOfFile: box.directory + "/" + name, encoding: .utf8)
    }

    /// A recording of what the microphone says, which lasts as long as these samples.
    func record(_ samples: Int, label: String) throws {
        _ = try box.chalkbox("start", "--label", label)
        try box.waitForSamples(samples, seconds: 60)
        _ = try box.chalkbox("stop")
    }

    @discardableResult
    func run(
        _ arguments: String..., path: String = "/usr/sbin:/usr/bin:/sbin:/bin"
    ) throws -> (code: Int32, output: String) {
        let words = arguments + ["--config", box.configurationFile]
        return try Box.run("/usr/bin/env", ["PATH=\(programs):\(path)", binary] + words, checked: false)
    }

    func end() throws {
        box.endProcesses()
        try FileManager.default.removeItem(atPath: box.directory)
    }
}
