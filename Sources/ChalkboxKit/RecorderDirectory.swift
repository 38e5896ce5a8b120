internal import Configuration
internal import LinuxRuntime
internal import RecorderCore
internal import WireJSON

/// Where the recordings are, for commands that read them: where the running recorder has them. That is another place
/// than the configured one when it could not write there at its start (`ConfigurationSource.useWritableDirectories`).
enum RecorderDirectory {
    /// Says when it is not the configured one.
    @inline(never)
    static func tell(_ settings: Settings, _ arguments: Arguments) -> String {
        let directory = find(settings, arguments)
        if directory != settings.box.stateDirectory {
            complain("the recorder uses " + directory + ", not box.state_directory; `chalkbox status` says why")
        }
        return directory
    }

    /// The configured one when no recorder answers.
    @inline(never)
    static func find(_ settings: Settings, _ arguments: Arguments) -> String {
        let (wanted, standard) = (settings.box.stateDirectory, ConfigurationFile.standard.box.stateDirectory)
        guard wanted != standard, let client = try? ClientCommands.connect(arguments) else { return wanted }
        client.send { $0.field("do", "status") }
        let answer = client.answer(until: Clock.now.adding(milliseconds: Limits.doctorAnswerMilliseconds))
        for mistake in (answer ?? .null).list("mistakes") where isFallback(mistake.string ?? "", to: standard) {
            return standard
        }
        return wanted
    }

    /// Whether a mistake of the recorder's tells that it uses this directory in another's place.
    static func isFallback(_ mistake: String, to directory: String) -> Bool {
        guard let before = mistake.before(last: ";"), !before.isEmpty else { return false }
        return mistake == before + ConfigurationSource.fallback + directory
    }
}
