internal import Configuration
internal import LinuxRuntime
internal import RecorderCore

/// The program: what its words ask for is done by the command that is named.
package enum Program {
    /// Runs the command that the process was given, and ends the process with its exit code.
    package static func run() {
        Process.reportFaults()
        Process.limitMallocArenas()
        let outcome = outcome(of: Process.arguments)
        Console.close()
        Process.exit(outcome.rawValue)
    }

    private static let commands = "daemon start stop status transcript recordings upload export export-all doctor "
        + "report lamp config logs support-bundle update"

    private static func outcome(of words: [String]) -> Outcome {
        guard let command = words.first else {
            Console.error(Help.overview)
            return .usage
        }
        switch command {
        case "--help", "-h", "help":
            Console.output(Help.overview)
            return .fine
        case "--version", "version":
            Console.output("chalkbox \(Help.version)\n")
            return .fine
        default:
            break
        }
        guard commands.parts(separatedBy: " ").contains(command) else {
            complain("unknown command \(command); `chalkbox --help` lists them")
            return .usage
        }
        let rest = Array(words.dropFirst())
        if rest.contains("--help") || rest.contains("-h") {
            Console.output(Help.of(command) ?? Help.overview)
            return .fine
        }
        if rest.contains("--version") {
            Console.output("chalkbox \(Help.version)\n")
            return .fine
        }
        do throws(Arguments.UsageError) {
            return try dispatch(command, rest)
        } catch {
            complain("\(command): \(error.message); see `chalkbox \(command) --help`")
            return .usage
        }
    }

    private static func dispatch(_ command: String, _ rest: [String]) throws(Arguments.UsageError) -> Outcome {
        switch command {
        case "daemon":
            let arguments = try Arguments(rest)
            try rejectPositional(arguments)
            return DaemonCommand.run(arguments)
        case "start":
            let arguments = try Arguments(rest, valued: "--label")
            try rejectPositional(arguments)
            return ClientCommands.start(arguments)
        case "stop":
            let arguments = try Arguments(rest, plain: "--no-wait")
            try rejectPositional(arguments)
            return ClientCommands.stop(arguments)
        case "status":
            let arguments = try Arguments(rest, plain: "--json --follow")
            try rejectPositional(arguments)
            return ClientCommands.status(arguments)
        case "transcript":
            let arguments = try Arguments(rest, plain: "--json --follow")
            try rejectPositional(arguments)
            return ClientCommands.transcript(arguments)
        case "recordings":
            let arguments = try Arguments(rest, plain: "--json")
            guard mayUseRecordings(command, arguments) else { return .failed }
            guard arguments.positional.first == "verify" else {
                try rejectPositional(arguments)
                return RecordingCommands.list(arguments)
            }
            return try VerifyCommand.run(arguments)
        case "upload":
            let arguments = try Arguments(rest)
            guard mayUseRecordings(command, arguments) else { return .failed }
            return try UploadCommand.run(arguments)
        case "export":
            let arguments = try Arguments(rest, valued: "--format -o --output", plain: "--force")
            guard mayUseRecordings(command, arguments) else { return .failed }
            return try RecordingCommands.export(arguments)
        case "doctor":
            let arguments = try Arguments(rest, plain: "--leave-microphone")
            try rejectPositional(arguments)
            guard mayUseRecordings(command, arguments) else { return .failed }
            return Doctor.run(arguments)
        case "lamp":
            return try LampCommand.run(try Arguments(rest, valued: "--seconds"))
        case "config":
            return try ConfigCommands.run(try Arguments(rest))
        default:
            // These put the system's own tools together: scripts, installed with the program.
            complain("\(command): \(Process.execScript(command).message); is the package installed as a whole?")
            return .failed
        }
    }

    /// Who may not see the recorder's files is told who may.
    private static func mayUseRecordings(_ command: String, _ arguments: Arguments) -> Bool {
        let directory = ConfigurationSource.read(arguments).settings.box.stateDirectory
        // The recorder's own user is told what is wrong with the directory by the command itself.
        guard FileSystem.isForbidden(directory), Process.userName != ControlListener.group else { return true }
        complain("\(command): \(directory) is the recorder's alone; run it as its user: sudo -u chalkbox chalkbox …")
        return false
    }

    private static func rejectPositional(_ arguments: Arguments) throws(Arguments.UsageError) {
        if let word = arguments.positional.first { throw Arguments.UsageError(message: "unexpected \(word)") }
    }
}
