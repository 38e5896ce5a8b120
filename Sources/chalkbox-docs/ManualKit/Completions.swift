internal import ChalkboxKit

/// What completes the program's commands in a shell, made of the table of commands.
package enum Completions {
    private static let head = "# Made by chalkbox-docs of the table of commands (Sources/ChalkboxKit/Commands).\n"
    /// In the order of the table, once each.
    private static let verbs = CommandTable.all.reduce(into: [String]()) { verbs, command in
        if !verbs.contains(command.verb) { verbs.append(command.verb) }
    }

    /// Of all commands with this first word.
    private static func options(_ verb: String) -> [CommandOption] {
        CommandTable.all.filter { $0.verb == verb }.flatMap(\.options) + CommandTable.common
    }

    /// What may stand behind the first word: the second words of commands, and arguments that are typed as they are.
    static func words(_ verb: String) -> [String] {
        CommandTable.all.filter { $0.verb == verb }.flatMap { command in
            let second = command.name == verb ? [] : [String(command.name.dropFirst(verb.count + 1))]
            return second + choices(first(command.arguments))
        }
    }

    /// Whether a file's name may.
    private static func takesFiles(_ verb: String) -> Bool {
        CommandTable.all.contains { $0.verb == verb && isFile(first($0.arguments)) }
    }

    private static func first(_ arguments: String) -> String { String(arguments.prefix { $0 != " " }) }

    private static func isFile(_ value: String) -> Bool { value.contains(/FILE|DIRECTORY|PATH/) }

    /// `[ID|all]` is `last` and `all`, `bash|zsh|fish` those three, FILE none.
    static func choices(_ value: String) -> [String] {
        guard !isFile(value) else { return [] }
        return value.filter { $0 != "[" && $0 != "]" }.split(separator: "|").compactMap { word in
            word == "ID" ? "last" : word.first?.isLowercase == true ? String(word) : nil
        }
    }

    package static let bash: String = {
        var text = "# bash completion for chalkbox(1). " + head.dropFirst(2)
        text += """
            _chalkbox()
            {
                local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} words= files=
                # Bash takes `=` for a word of its own.
                if [ "$current" = = ]; then
                    current=
                elif [ "$previous" = = ]; then
                    previous=${COMP_WORDS[COMP_CWORD - 2]}
                fi
                case "${COMP_WORDS[1]}:$previous" in

            """
        for verb in verbs {
            for option in options(verb) where !option.value.isEmpty {
                let names = option.names.map { "\(verb):\($0)" }.joined(separator: " | ")
                let words = "words='" + choices(option.value).joined(separator: " ") + "'"
                text += "        \(names)) " + (isFile(option.value) ? "files=1" : words) + " ;;\n"
            }
        }
        text += "        *)\n            case \"$COMP_CWORD:${COMP_WORDS[1]}\" in\n"
        text += "                1:*) words='\(verbs.joined(separator: " ")) --help --version' ;;\n"
        for verb in verbs {
            let names = options(verb).flatMap(\.names) + ["--help"]
            text += "                *:\(verb))\n                    words='"
            text += (words(verb) + names).joined(separator: " ") + "'\n"
            if takesFiles(verb) { text += "                    files=1\n" }
            text += "                    ;;\n"
        }
        text += """
                        esac
                        ;;
                esac
                mapfile -t COMPREPLY < <(
                    compgen -W "$words" -- "$current"
                    if [ -n "$files" ]; then compgen -f -- "$current"; fi
                )
                if [ -n "$files" ]; then compopt -o filenames 2>/dev/null; fi
            }
            complete -F _chalkbox chalkbox

            """
        return text
    }()

    package static let zsh: String = {
        var text = "#compdef chalkbox\n" + head + "_chalkbox() {\n    local -a commands\n    commands=(\n"
        for verb in verbs { text += "        " + quoted(verb + ":" + purpose(verb)) + "\n" }
        text += """
                )
                local state line
                _arguments -C '(- *)--help[show what there is]' '(- *)--version[show the version]' \\
                    '1:command:->command' '*::argument:->argument'
                case $state in
                    command) _describe -t commands command commands ;;
                    argument)
                        case $words[1] in

            """
        for verb in verbs {
            text += "                \(verb))\n                    _arguments"
            for option in options(verb) { text += " \\\n                        " + zsh(option) }
            text += " \\\n                        '(- *)--help[say more of this command]'"
            let words = words(verb)
            if takesFiles(verb) {
                text += " \\\n                        '*:file:_files'"
            } else if !words.isEmpty {
                text += " \\\n                        '*:argument:(\(words.joined(separator: " ")))'"
            }
            text += "\n                    ;;\n"
        }
        text += "            esac\n            ;;\n    esac\n}\n_chalkbox \"$@\"\n"
        return text
    }()

    private static func zsh(_ option: CommandOption) -> String {
        let text = option.text.replacing("[", with: "(").replacing("]", with: ")").replacing(":", with: " -")
        let action = isFile(option.value) ? "_files" : "(" + choices(option.value).joined(separator: " ") + ")"
        let value = option.value.isEmpty ? "" : ":" + option.value.replacing(":", with: " ") + ":"
            + (action == "()" ? "" : action)
        let isAgain = option.names.contains("--set") ? "*" : ""
        return option.names.map { quoted(isAgain + $0 + "[" + text + "]" + value) }.joined(separator: " ")
    }

    package static let fish: String = {
        var text = "# fish completions for chalkbox(1). " + head.dropFirst(2) + "complete -c chalkbox -f\n"
        for option in ["help", "version"] { text += "complete -c chalkbox -n __fish_use_subcommand -l \(option)\n" }
        for verb in verbs {
            text += "complete -c chalkbox -n __fish_use_subcommand -a \(verb) -d \(quoted(purpose(verb)))\n"
        }
        for verb in verbs {
            let condition = "complete -c chalkbox -n '__fish_seen_subcommand_from \(verb)'"
            let words = words(verb)
            if !words.isEmpty { text += "\(condition) -a \(quoted(words.joined(separator: " ")))\n" }
            if takesFiles(verb) { text += "\(condition) -F\n" }
            for option in options(verb) {
                let names = option.names.map { $0.hasPrefix("--") ? "-l " + $0.dropFirst(2) : "-s " + $0.dropFirst() }
                let choices = choices(option.value)
                text += "\(condition) \(names.joined(separator: " "))" + (option.value.isEmpty ? "" : " -r")
                text += isFile(option.value) ? " -F" : ""
                text += choices.isEmpty ? "" : " -a " + quoted(choices.joined(separator: " "))
                text += " -d \(quoted(option.text))\n"
            }
            text += "\(condition) -l help -d 'say more of this command'\n"
        }
        return text
    }()

    private static func purpose(_ verb: String) -> String {
        CommandTable.all.first { $0.verb == verb }?.purpose ?? ""
    }

    private static func quoted(_ text: String) -> String { "'" + text.replacing("'", with: "'\\''") + "'" }
}
