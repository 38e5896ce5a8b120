import Foundation
import ManualKit
import Testing

@testable import ChalkboxKit

@Suite struct `The table of commands` {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().standardizedFileURL.path
    private static let page = Manual.commands(date: "2026-11-24").replacing("\\-", with: "-")

    private static func text(_ path: String) throws -> String {
        try String(contentsOfFile: root + "/" + path, encoding: .utf8)
    }

    /// - Returns: what the tool says; empty: nothing. Nil: it is not on this machine.
    private static func lint(_ words: [String], _ text: String) throws -> String? {
        let file = FileManager.default.temporaryDirectory.appending(path: "chalkbox-" + UUID().uuidString)
        try text.write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        let process = Process(), pipe = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = words + [file.path]
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let said = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus != 127 else { return nil }
        return String(decoding: said, as: UTF8.self)
            + (process.terminationStatus == 0 ? "" : "exit code \(process.terminationStatus)")
    }

    @Test func `has a purpose and an example of each command, and a text of each option`() {
        #expect(Set(CommandTable.all.map(\.name)).count == CommandTable.all.count)
        for command in CommandTable.all {
            #expect(!command.purpose.isEmpty && !command.purpose.hasSuffix("."), "\(command.name)")
            #expect(command.example.contains("chalkbox " + command.name), "\(command.name): \(command.example)")
            for option in command.options + CommandTable.common {
                #expect(!option.names.isEmpty && option.names.allSatisfy { $0.hasPrefix("-") }, "\(option)")
                #expect(!option.text.isEmpty && option.text.first != " " && !option.value.contains(" "), "\(option)")
            }
        }
    }

    @Test func `is what the example of each command keeps to`() throws {
        for command in CommandTable.all where command.handler != .script {
            let words = command.example.split(separator: "\"", omittingEmptySubsequences: false).enumerated().flatMap {
                $0.offset % 2 == 1 ? [String($0.element)] : $0.element.split(separator: " ").map(String.init)
            }
            _ = try Arguments(Array(words.dropFirst(2)), command.options)
        }
    }

    @Test func `is what help shows, within the width of a terminal`() {
        for command in CommandTable.all {
            #expect(Help.overview.contains("\n  " + command.name + " ") || command.arguments.isEmpty)
            #expect(Help.overview.contains("\n  " + command.name), "\(command.name)")
            let own = Help.text(of: CommandTable.commands(command.verb))
            #expect(own.contains(command.purpose) && own.contains(command.example), "\(own)")
            for option in command.options {
                #expect(Help.overview.contains(option.names[0]), "\(option.names)")
                for name in option.names { #expect(own.contains(name), "\(name): \(own)") }
                #expect(own.contains(option.text))
            }
            for line in (own + Help.overview).split(separator: "\n") { #expect(line.count <= 120, "\(line)") }
        }
        let export = "\n  export ID --format txt|srt|vtt|json|html|flac -o FILE [--json-version N] [--force]\n"
        #expect(Help.overview.contains(export))
    }

    @Test func `is what the manual shows`() {
        for command in CommandTable.all {
            #expect(Self.page.contains("\n.B " + command.usageLine + "\n"), "\(command.usageLine)")
            #expect(Self.page.contains(command.example))
            for option in command.options + CommandTable.common {
                let shown = "\n.B " + option.names.joined(separator: ", ")
                    + (option.value.isEmpty ? "" : " " + option.value) + "\n"
                #expect(Self.page.contains(shown), "\(shown)")
            }
        }
    }

    @Test func `is what each shell completes`() {
        for command in CommandTable.all {
            #expect(Completions.zsh.contains("        '\(command.verb):"), "zsh: \(command.verb)")
            #expect(Completions.fish.contains(" -a \(command.verb) -d "), "fish: \(command.verb)")
            for option in command.options + CommandTable.common {
                for name in option.names {
                    let bash = (Completions.bash.components(separatedBy: "*:\(command.verb))\n").last ?? "")
                        .prefix { $0 != ";" }.split { " '\n".contains($0) }
                    #expect(bash.contains { $0 == name }, "bash: \(command.verb) \(name)")
                    #expect(Completions.zsh.contains(name + "["), "zsh: \(name)")
                    let fish = name.hasPrefix("--") ? "-l \(name.dropFirst(2)) " : "-s \(name.dropFirst()) "
                    let lines = Completions.fish.split(separator: "\n").filter { $0.contains("from \(command.verb)'") }
                    #expect(lines.contains { $0.contains(fish) }, "fish: \(command.verb) \(name)")
                }
            }
        }
    }

    @Test func `is what the scripts take`() throws {
        let label = try Regex("^ *(-[a-z-]+(=\\*)?( \\| )?)+\\)")
        for command in CommandTable.all where command.handler == .script {
            let script = try Self.text("board/commands/" + command.name)
            var taken: Set<String> = []
            for line in script.split(separator: "\n") {
                guard let match = line.firstMatch(of: label) else { continue }
                let names = String(match.output[0].substring ?? "").dropLast().components(separatedBy: " | ")
                for name in names { taken.insert(name.trimmingCharacters(in: .whitespaces).replacing("=*", with: "")) }
            }
            let told = Set((command.options + CommandTable.common).flatMap(\.names)).union(["--help", "-h"])
            #expect(taken.symmetricDifference(told).sorted() == [], "board/commands/\(command.name)")
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.root + "/board/commands")
            .filter { !$0.hasPrefix("lib-") && $0 != "export-stick" }
        #expect(names.sorted() == CommandTable.all.filter { $0.handler == .script }.map(\.name).sorted())
    }

    @Test func `makes completions and pages that their own tools accept`() throws {
        #expect(try Self.lint(["bash", "-n"], Completions.bash) == "")
        for (shell, text) in [("zsh", Completions.zsh), ("fish", Completions.fish)] {
            #expect(["", nil].contains(try Self.lint([shell, "-n"], text)), "\(shell)")
        }
        let settings = Manual.settings(date: "2026-11-24", interfaces: try Self.text("docs/INTERFACES.md"))
        for page in [Manual.commands(date: "2026-11-24"), settings] {
            #expect(["", nil].contains(try Self.lint(["groff", "-man", "-ww", "-z", "-K", "utf8"], page)))
            #expect(["", nil].contains(try Self.lint(["mandoc", "-Tlint", "-W", "warning"], page)))
        }
        for key in ["state_directory", "rest_model", "debounce_ms"] { #expect(settings.contains("\n.B \(key)\n")) }
        #expect(!settings.contains("`") && !settings.contains("](") && !settings.contains("(decision"))
        #expect(settings.contains("\n.SH [upload]\n"))
    }

    @Test(arguments: [
        (["chalkbox", "st"], ["start", "status", "stop"]), (["chalkbox", "export", "la"], ["last"]),
        (["chalkbox", "export", "--format", "v"], ["vtt"]), (["chalkbox", "lamp", "copy"], ["copy-failed", "copying"]),
        (["chalkbox", "upload", ""], ["--config", "--defaults", "--help", "--set", "--socket", "all", "last", "retry"]),
        (["chalkbox", "logs", "--f"], ["--follow"]),
    ])
    func `is what bash completes`(words: [String], expected: [String]) throws {
        let script = Completions.bash + "COMP_WORDS=(" + words.map { "'\($0)'" }.joined(separator: " ") + ")\n"
            + "COMP_CWORD=\(words.count - 1)\n_chalkbox\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n"
        let said = try #require(try Self.lint(["bash", "-u"], script))
        #expect(said.split(separator: "\n").map(String.init).sorted() == expected, "\(said)")
    }
}
