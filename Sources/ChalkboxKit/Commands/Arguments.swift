internal import LinuxRuntime
internal import RecorderCore

/// What a command was given: options with values, flags, and the rest in order.
struct Arguments {
    struct UsageError: Error {
        var message: String
    }

    private var values: [(name: String, value: String)] = []
    private(set) var flags: [String] = []
    private(set) var positional: [String] = []

    /// - Parameter options: what is known, beside what every command takes: `--name VALUE`, `--name=VALUE`, flags.
    @inline(never)
    init(_ words: [String], _ options: [CommandOption]) throws(UsageError) {
        let known = CommandTable.common + options
        var rest = words[...]
        while let word = rest.popFirst() {
            // An unset variable of a script. It names nothing, and is the beginning of every name.
            guard !word.isEmpty else { throw UsageError(message: "one of the words is empty") }
            guard word.utf8.first == 0x2D, word.utf8.count > 1 else {
                positional.append(word)
                continue
            }
            if word == "--" {
                guard !rest.contains("") else { throw UsageError(message: "one of the words is empty") }
                positional += rest
                return
            }
            let (name, inline) = Self.split(word)
            let option = known.first { $0.names.contains(name) }
            if let option, !option.value.isEmpty {
                // A value that begins like the next option is given as `--name=--value`.
                let isNext = inline == nil && rest.first?.begins(with: "--") != true
                let value = isNext ? rest.popFirst() : inline
                // A lesson may have no label, and a script's variable none to give.
                guard let value, !value.isEmpty || name == "--label" else {
                    throw UsageError(message: "\(name) needs a value")
                }
                values.append((name, value))
            } else if option != nil, inline == nil {
                flags.append(name)
            } else {
                throw UsageError(message: "unknown option \(word)")
            }
        }
    }

    @inline(never)
    func all(_ name: String) -> [String] { values.filter { $0.name == name }.map { $0.value } }

    @inline(never)
    func last(_ name: String) -> String? { all(name).last }

    private static func split(_ word: String) -> (String, String?) {
        guard let (name, value) = word.cut(at: "=") else { return (word, nil) }
        return (name, value)
    }
}

/// How a command ended, as the exit codes say it.
enum Outcome: Int32 {
    case fine = 0
    case failed = 1
    case usage = 2
    case notRunning = 3
}

/// Errors read alike everywhere: `chalkbox: what happened: why; what to do`.
@inline(never)
func complain(_ message: String) {
    Console.error("chalkbox: " + message.shown + "\n")
}
