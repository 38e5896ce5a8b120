internal import RecorderCore

/// One command of the program, as `--help`, the check of its options, the completions and the manual have it.
package struct Command: Sendable {
    /// Who does what it asks for.
    package enum Handler: Sendable {
        /// The program by itself, with the recorder or without it.
        case program
        /// The recorder that runs; exit code 3 when none does.
        case recorder
        /// A script of /usr/libexec/chalkbox (decision system-commands-are-scripts).
        case script
    }

    /// As it is typed: `start`, `recordings verify`.
    package let name: String
    /// What it needs behind its name, as usage shows it; words in lower case are typed as they are.
    package let arguments: String
    /// One line.
    package let purpose: String
    /// What else there is to know; empty, or lines of their own.
    package let detail: String
    /// One option a line: its names, its value's name, two spaces, what it does. A bar parts the values to choose from.
    let optionLines: String
    /// A command line that works.
    package let example: String
    package let handler: Handler

    /// Inlined, so that the table is data.
    @inline(__always)
    init(
        _ name: String, _ arguments: String, by handler: Handler, _ purpose: String, detail: String = "",
        options: String = "", example: String
    ) {
        self.name = name
        self.arguments = arguments
        self.handler = handler
        self.purpose = purpose
        self.detail = detail
        self.optionLines = options
        self.example = example
    }

    /// The first word of its name, which the program is given.
    package var verb: String { name.cut(at: " ")?.before ?? name }

    /// `export ID --format F -o FILE [--force]`
    package var usageLine: String { Help.usage(of: self) }

    /// Those of its own.
    package var options: [CommandOption] { CommandOption.list(optionLines) }
}

/// One option of a command.
package struct CommandOption: Sendable {
    /// All that mean it; usage shows the first.
    package let names: [String]
    /// Empty: it takes none.
    package let value: String
    /// What it does.
    package let text: String

    /// `-o, --output FILE  where to`
    init(_ line: String) {
        var words: [String] = []
        var rest = line
        while let (word, after) = rest.cut(at: " "), !word.isEmpty {
            words.append(word)
            rest = after
        }
        text = rest.remainder(after: " ") ?? rest
        value = words.last?.begins(with: "-") == false ? words.removeLast() : ""
        names = words.map { $0.before(last: ",") ?? $0 }
    }

    @inline(never)
    static func list(_ lines: String) -> [CommandOption] {
        lines.isEmpty ? [] : lines.parts(separatedBy: "\n").map { CommandOption($0) }
    }

    /// `-o FILE`
    @inline(never)
    func usage(_ names: String) -> String { value.isEmpty ? names : names + " " + value }
}
