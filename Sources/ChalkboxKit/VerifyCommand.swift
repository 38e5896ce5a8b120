internal import Configuration
internal import LinuxRuntime
internal import RecorderCore
internal import RecordingStore

/// `recordings verify`: a line for each recording and one for the index.
enum VerifyCommand {
    static func run(_ arguments: Arguments) throws(Arguments.UsageError) -> Outcome {
        let names = arguments.positional.dropFirst()
        guard names.count <= 1 else { throw Arguments.UsageError(message: "unexpected \(names[2])") }
        let settings = ConfigurationSource.load(arguments)
        do throws(StoreError) {
            return try verify(names.first ?? "all", directory: RecorderDirectory.tell(settings, arguments))
        } catch {
            complain("recordings verify: " + error.message)
            return .failed
        }
    }

    private static func verify(_ name: String, directory: String) throws(StoreError) -> Outcome {
        let verification = try Verification(directory: directory)
        var ids = try verification.recordings()
        if name != "all" {
            guard let id = RecordingCommands.find(name, ids, for: "recordings verify") else { return .failed }
            ids = [id]
        }
        var isFine = true
        for id in ids {
            let report = try verification.check(id) { file, count in
                progress("\(id.text)  file \(file) of \(count)")
            }
            let length = StatusText.Duration.clock(SampleIndex(report.samples).milliseconds / 1_000)
            let aside = report.damagedFiles.map { ", kept without a readable header: " + $0 }.joined(separator: "")
            let misplaced = report.misplacedWords > 0
                ? ", \(report.misplacedWords) of them placed after the end, where exports leave them at the end" : ""
            let what = "\(length), \(report.files) files, \(report.words) words" + misplaced + aside
            tell(id.text, report.problems, fine: report.isRunning ? "ok so far  " + what : "ok  " + what)
            isFine = isFine && report.problems.isEmpty
        }
        progress("index")
        let problems = try verification.indexProblems()
        tell("index", problems, fine: "ok")
        return isFine && problems.isEmpty ? .fine : .failed
    }

    private static func tell(_ what: String, _ problems: [String], fine: String) {
        progress("")
        Console.line("\(what)  " + (problems.isEmpty ? fine : "DAMAGED  " + problems.joined(separator: "; ")))
    }

    /// In place of what was there, for who watches.
    private static func progress(_ text: String) {
        if Process.errorIsTerminal { Console.error("\r\u{1B}[K" + text) }
    }
}
