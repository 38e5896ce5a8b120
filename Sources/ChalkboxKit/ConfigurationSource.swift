internal import Configuration
internal import LinuxRuntime
internal import RecorderCore
internal import WebTransport

/// Where a command finds its settings: `--config FILE`, changed by `--set SECTION.KEY=VALUE`; what they leave open is
/// in `--defaults FILE`.
enum ConfigurationSource {
    static let standardPath = "/etc/chalkbox/chalkbox.conf"
    /// An image puts the board's microphone and panel there; elsewhere there is none.
    private static let defaultsPath = "/usr/share/chalkbox/defaults.conf"

    /// The settings in any case: a mistake must not keep a box from recording, nor people from asking it what is wrong.
    static func load(_ arguments: Arguments) -> Settings {
        let reading = read(arguments)
        if reading.mistakeCount > 0 {
            complain("\(countOfMistakes(reading)) in the configuration; see `chalkbox config check`")
        }
        return reading.settings
    }

    static func countOfMistakes(_ reading: ConfigurationReading) -> String {
        let count = reading.mistakeCount
        return count == 1 ? "1 mistake" : "\(count) mistakes"
    }

    static func read(_ arguments: Arguments) -> ConfigurationReading {
        read(path: arguments.last("--config") ?? standardPath, arguments)
    }

    static func read(path: String, _ arguments: Arguments) -> ConfigurationReading {
        var text: [UInt8] = []
        var problem = ""
        do throws(SystemError) {
            text = try FileSystem.readFile(path, limitBytes: Limits.configurationBytes)
        } catch {
            problem = error.reason + "; every setting has its default"
        }
        let defaults = readDefaults(arguments.last("--defaults"))
        let reading = ConfigurationFile.read(
            text: text, file: path, defaults: (defaults.text, defaults.path), overrides: arguments.all("--set"))
        if !problem.isEmpty { reading.add(problem, file: path) }
        if !defaults.problem.isEmpty { reading.add(defaults.problem, file: defaults.path) }
        if reading.settings.box.name.isEmpty { reading.settings.box.name = Process.hostName }
        return reading
    }

    /// Before the directory that is used in another's place.
    static let fallback = "; using "

    /// A directory that cannot be had is a mistake like any other: what was to lie there lies where it does by default.
    /// - Parameter makes: whether missing ones are made: by the recorder, whose they are to be.
    @inline(never)
    static func useWritableDirectories(_ reading: ConfigurationReading, _ arguments: Arguments, makes: Bool) {
        let (wanted, standard) = (reading.settings.box, ConfigurationFile.standard.box)
        let file = arguments.last("--config") ?? standardPath
        if wanted.stateDirectory != standard.stateDirectory,
            let reason = FileSystem.whyNotWritable(wanted.stateDirectory, mode: makes ? 0o750 : nil)
        {
            reading.settings.box.stateDirectory = standard.stateDirectory
            reading.add(reason + fallback + standard.stateDirectory, file: file, key: "box.state_directory")
        }
        let parent = parent(of: wanted.controlSocket)
        if wanted.controlSocket != standard.controlSocket,
            let reason = FileSystem.whyNotWritable(parent, mode: makes ? 0o755 : nil)
        {
            reading.settings.box.controlSocket = standard.controlSocket
            reading.add(reason + fallback + standard.controlSocket, file: file, key: "box.control_socket")
        }
    }

    static func parent(of path: String) -> String {
        guard let parent = path.before(last: "/"), !parent.isEmpty else { return "/" }
        return parent
    }

    /// - Parameter asked: nil for the usual place, where there need not be any.
    private static func readDefaults(_ asked: String?) -> (path: String, text: [UInt8], problem: String) {
        let path = asked ?? defaultsPath
        do throws(SystemError) {
            return (path, try FileSystem.readFile(path, limitBytes: Limits.configurationBytes), "")
        } catch {
            return (path, [], asked == nil && error.number == SystemError.noSuchFile ? "" : error.reason)
        }
    }
}

/// `config check FILE` and `config show FILE`.
enum ConfigCommands {
    static func run(_ arguments: Arguments) throws(Arguments.UsageError) -> Outcome {
        let words = arguments.positional
        guard let word = words.first, word == "check" || word == "show" else {
            throw Arguments.UsageError(message: "expected `config check FILE` or `config show FILE`")
        }
        guard words.count <= 2 else { throw Arguments.UsageError(message: "unexpected \(words[2])") }
        let path = (words.count == 2 ? words[1] : arguments.last("--config")) ?? ConfigurationSource.standardPath
        return word == "check" ? check(path, arguments) : show(path)
    }

    private static func check(_ path: String, _ arguments: Arguments) -> Outcome {
        let reading = ConfigurationSource.read(path: path, arguments)
        checkFiles(reading, path)
        guard reading.problems.isEmpty else {
            for problem in reading.problems { Console.error(problem.text.shown + "\n") }
            let count = ConfigurationSource.countOfMistakes(reading)
            complain("\(count) in the configuration; the recorder uses the default of each wrong setting")
            return .usage
        }
        Console.output(ConfigurationFile.describe(reading.settings))
        Console.line("\(path): fine")
        return .fine
    }

    /// The files that it names, by the functions that will read them; as the recorder's user, where this one may be it.
    @inline(never)
    private static func checkFiles(_ reading: ConfigurationReading, _ path: String) {
        let settings = reading.settings
        let isRecorder = Process.becomeRecorder()
        check("transcription.token_bearer_file", settings.transcription.tokenBearerFile)
        check("transcription.rest_bearer_file", settings.transcription.restBearerFile)
        do throws(SystemError) {
            let leftOut = try TermsFile(path: settings.transcription.termsFile).leftOut
            if leftOut > 0 { tell("transcription.terms_file", "\(leftOut) " + Bound.terms.meaning, nil) }
        } catch {
            tell("transcription.terms_file", error.message, error)
        }
        check("upload.bearer_file", settings.upload.bearerFile)
        if !settings.upload.keyFile.isEmpty {
            let identity = ClientIdentity(
                certificateFile: settings.upload.certificateFile, keyFile: settings.upload.keyFile)
            do throws(SystemError) { try identity.check() } catch { tell("upload.key_file", error.message, error) }
        }
        do throws(TransportError) { try TransportThread.check(caFile: settings.caFile) } catch {
            if case .caFile(let reason) = error { tell("tls.ca_file", reason.message, reason) } else {
                tell("tls.ca_file", error.message, nil)
            }
        }

        @inline(never)
        func check(_ key: String, _ file: String) {
            do throws(SystemError) { _ = try SecretFile(path: file).read() } catch { tell(key, error.message, error) }
        }

        @inline(never)
        func tell(_ key: String, _ message: String, _ error: SystemError?) {
            let what = message + " (as user \(Process.userName))"
            guard !isRecorder, error?.number == SystemError.forbidden else {
                return reading.add(what, file: path, key: key)
            }
            Console.error("\(key): \(what); only root and the recorder's own user can tell more".shown + "\n")
        }
    }

    private static func show(_ path: String) -> Outcome {
        do throws(SystemError) {
            let text = try FileSystem.readFile(path, limitBytes: Limits.configurationBytes)
            Console.output(ConfigurationFile.withoutSecrets(text: text))
            return .fine
        } catch {
            complain("config show: \(error.message)")
            return .failed
        }
    }
}
