internal import Configuration
internal import LinuxRuntime
internal import RecorderCore

/// Where a command finds its settings: `--config FILE`, changed by `--set SECTION.KEY=VALUE`.
enum ConfigurationSource {
    static let standardPath = "/etc/chalkbox/chalkbox.conf"

    /// Nil after the mistakes were written to standard error, one a line.
    static func load(_ arguments: Arguments) -> Settings? {
        load(path: arguments.last("--config") ?? standardPath, overrides: arguments.all("--set"))
    }

    static func load(path: String, overrides: [String]) -> Settings? {
        let text: [UInt8]
        do throws(SystemError) {
            text = try FileSystem.readFile(path, limitBytes: Limits.configurationBytes)
        } catch {
            complain("\(error.message); `--config FILE` names another file, the example is board/chalkbox.conf")
            return nil
        }
        switch ConfigurationFile.load(text: text, file: path, overrides: overrides) {
        case .settings(var settings):
            if settings.box.name.isEmpty { settings.box.name = Process.hostName }
            return settings
        case .problems(let problems):
            for problem in problems { Console.error(problem.text + "\n") }
            complain("\(problems.count) mistakes in the configuration; nothing was started")
            return nil
        }
    }
}

/// `config check FILE`.
enum ConfigCommands {
    static func run(_ arguments: Arguments) throws(Arguments.UsageError) -> Outcome {
        guard arguments.positional.first == "check" else {
            throw Arguments.UsageError(message: "the only subcommand is `config check FILE`")
        }
        guard arguments.positional.count <= 2 else {
            throw Arguments.UsageError(message: "unexpected \(arguments.positional[2])")
        }
        let named = arguments.positional.count == 2 ? arguments.positional[1] : arguments.last("--config")
        let path = named ?? ConfigurationSource.standardPath
        let overrides = arguments.all("--set")
        guard let settings = ConfigurationSource.load(path: path, overrides: overrides) else { return .usage }
        Console.output(ConfigurationFile.describe(settings))
        Console.output("\(path): fine\n")
        return .fine
    }
}
