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
        let commands = CommandTable.commands(command)
        guard !commands.isEmpty else {
            complain("unknown command \(command); `chalkbox --help` lists them")
            return .usage
        }
        let rest = Array(words.dropFirst())
        if rest.contains("--help") || rest.contains("-h") {
            Console.output(Help.text(of: commands))
            return .fine
        }
        if rest.contains("--version") {
            Console.output("chalkbox \(Help.version)\n")
            return .fine
        }
        do throws(Arguments.UsageError) {
            return try dispatch(commands, rest)
        } catch {
            complain("\(command): \(error.message); see `chalkbox \(command) --help`")
            return .usage
        }
    }

    private static func dispatch(_ commands: [Command], _ rest: [String]) throws(Arguments.UsageError) -> Outcome {
        let command = commands[0].verb
        guard commands[0].handler != .script else {
            // These put the system's own tools together.
            complain("\(command): \(Process.execScript(command).message); is the package installed as a whole?")
            return .failed
        }
        let arguments = try Arguments(rest, commands.flatMap { $0.options })
        let takesMore = commands.contains { !$0.arguments.isEmpty || $0.name != $0.verb }
        if !takesMore { try rejectPositional(arguments) }
        switch command {
        case "daemon":
            return DaemonCommand.run(arguments)
        case "start":
            return ClientCommands.start(arguments)
        case "stop":
            return ClientCommands.stop(arguments)
        case "status":
            return ClientCommands.status(arguments)
        case "transcript":
            return ClientCommands.transcript(arguments)
        case "lamp":
            return try LampCommand.run(arguments)
        case "config":
            return try ConfigCommands.run(arguments)
        case "microphone":
            return try MicrophoneCommand.run(arguments)
        default:
            guard mayUseRecordings(command, arguments) else { return .failed }
            return try useRecordings(command, arguments)
        }
    }

    /// The commands that read the recorder's files.
    private static func useRecordings(
        _ command: String, _ arguments: Arguments
    ) throws(Arguments.UsageError) -> Outcome {
        switch command {
        case "upload":
            return try UploadCommand.run(arguments)
        case "export":
            return try RecordingCommands.export(arguments)
        case "doctor":
            return Doctor.run(arguments)
        default:
            if arguments.positional.first == "verify" { return try VerifyCommand.run(arguments) }
            try rejectPositional(arguments)
            return RecordingCommands.list(arguments)
        }
    }

    /// Who may not see the recorder's files is told who may.
    private static func mayUseRecordings(_ command: String, _ arguments: Arguments) -> Bool {
        let directory = RecorderDirectory.find(ConfigurationSource.read(arguments).settings, arguments)
        // The recorder's own user is told what is wrong with the directory by the command itself.
        guard FileSystem.isForbidden(directory), Process.userName != ControlListener.group else { return true }
        complain("\(command): \(directory) is the recorder's alone; run it as its user: sudo -u chalkbox chalkbox …")
        return false
    }

    private static func rejectPositional(_ arguments: Arguments) throws(Arguments.UsageError) {
        if let word = arguments.positional.first { throw Arguments.UsageError(message: "unexpected \(word)") }
    }
}
