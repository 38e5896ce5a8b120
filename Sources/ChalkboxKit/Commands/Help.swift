internal import RecorderCore

/// The texts of `--help`, made of the table of commands.
enum Help {
    static let version = "0.1.0"

    /// Where what a command or an option does begins.
    private static let column = 32

    static var overview: String {
        var text = "chalkbox " + version + ": records a lesson whatever happens, and transcribes it live whenever the "
            + "network allows.\n\nusage: chalkbox COMMAND [OPTIONS]\n\n"
        for command in CommandTable.all { text += line(usage(of: command), command.purpose) }
        text += "\n`chalkbox COMMAND --help` says more of one.\n\noptions of every command:\n"
        text += lines(of: CommandTable.common)
        text += "  --help, --version\n\nexit codes: " + CommandTable.exitCodes + "\n"
        return text
    }

    /// - Parameter commands: those of one verb.
    static func text(of commands: [Command]) -> String {
        var text = ""
        for command in commands {
            text += "usage: chalkbox " + usage(of: command) + "\n\n" + command.purpose + "\n"
            if !command.detail.isEmpty { text += command.detail + "\n" }
            text += lines(of: command.options) + "\nexample: " + command.example + "\n\n"
        }
        return text + "`chalkbox --help` shows all commands and common options.\n"
    }

    /// `export ID --format F -o FILE [--force]`
    static func usage(of command: Command) -> String {
        var text = command.name
        if !command.arguments.isEmpty { text += " " + command.arguments }
        let needed = command.arguments.parts(separatedBy: " ")
        for option in command.options where !needed.contains(option.names[0]) {
            text += " [" + option.usage(option.names[0]) + "]"
        }
        return text
    }

    private static func lines(of options: [CommandOption]) -> String {
        var text = ""
        for option in options { text += line(option.usage(option.names.joined(separator: ", ")), option.text) }
        return text
    }

    @inline(never)
    private static func line(_ what: String, _ text: String) -> String {
        var line = "  " + what
        if line.utf8.count + 2 > column { line += "\n" }
        let start = line.utf8.last == 0x0A ? 0 : line.utf8.count
        for _ in start..<column { line += " " }
        return line + text + "\n"
    }
}
