internal import ChalkboxKit

/// The manual's pages, as man(7) has them.
package enum Manual {
    /// chalkbox(1), of the table of commands.
    /// - Parameter date: of the page, `2026-11-24`.
    package static func commands(date: String) -> String {
        var page = Page("CHALKBOX", section: 1, date: date)
        page.heading("NAME")
        page.line("chalkbox \\- lesson recorder with a live transcript")
        page.heading("SYNOPSIS")
        page.line(".B chalkbox\n.I COMMAND\n.RI [ OPTIONS ]")
        page.heading("DESCRIPTION")
        page.text("Records a lesson whatever happens, and transcribes it live whenever the network allows.")
        page.text("The commands that say so need the recorder to run; the others work without it too.")
        page.heading("COMMANDS")
        for command in CommandTable.all {
            page.item(command.usageLine)
            page.text(sentence(command.purpose))
            if command.handler == .recorder { page.text("The recorder has to run.") }
            if !command.detail.isEmpty { page.text(command.detail) }
            if !command.options.isEmpty {
                page.line(".RS")
                for option in command.options { page.option(option) }
                page.line(".RE")
            }
        }
        page.heading("OPTIONS")
        page.text("Of every command:")
        for option in CommandTable.common { page.option(option) }
        page.item("--help")
        page.text("What there is; behind a command, what it takes.")
        page.item("--version")
        page.text("The version.")
        page.heading("EXIT STATUS")
        for code in CommandTable.exitCodes.split(separator: ", ") {
            page.item(String(code.prefix { $0 != " " }))
            page.text(sentence(String(code.drop { $0 != " " }.dropFirst())))
        }
        page.heading("FILES")
        page.item("/etc/chalkbox/chalkbox.conf")
        page.text("The settings: see chalkbox.conf(5).")
        page.heading("EXAMPLES")
        for command in CommandTable.all { page.line(".PP\n.nf\n" + page.escaped(command.example) + "\n.fi") }
        page.heading("SEE ALSO")
        page.line(".BR chalkbox.conf (5),\n.BR journalctl (1)")
        return page.text
    }

    /// chalkbox.conf(5), of the table of settings in docs/INTERFACES.md, which a test compares with the parser's.
    /// - Parameter interfaces: that document.
    package static func settings(date: String, interfaces: String) -> String {
        var page = Page("CHALKBOX.CONF", section: 5, date: date)
        page.heading("NAME")
        page.line("chalkbox.conf \\- settings of the lesson recorder")
        page.heading("DESCRIPTION")
        let lines = interfaces.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let chapter = lines.drop { $0 != "## Configuration" }.dropFirst().prefix { !$0.hasPrefix("## ") }
        let before = chapter.prefix { !$0.hasPrefix("| ") }
        page.text(plain(before.filter { !$0.isEmpty }.joined(separator: "\n")))
        let rows = chapter.filter { $0.hasPrefix("| `") }.map { row in
            row.replacing("\\|", with: "\u{1}").split(separator: "|").map {
                String($0).replacing("\u{1}", with: "|").trimmed
            }
        }
        var section = ""
        for row in rows where row.count == 3 {
            let parts = plain(row[0]).split(separator: ".").map(String.init)
            if parts[0] != section {
                section = parts[0]
                page.heading("[" + section + "]")
            }
            page.item(parts[1])
            page.text(plain(row[2]) + "." + (row[1].isEmpty ? "" : " Default: " + plain(row[1]) + "."))
        }
        page.heading("FILES")
        page.item("/etc/chalkbox/chalkbox.conf")
        page.heading("SEE ALSO")
        page.line(".BR chalkbox (1)")
        return page.text
    }

    /// Markdown's backquotes and links are not shown.
    private static func plain(_ text: String) -> String {
        text.replacing(/\[([^\]]*)\]\([^)]*\)/) { String($0.output.1) }
            .replacing(/\s\(decision\s[a-z-]+\)/, with: "")
            .replacing("`", with: "")
    }

    private static func sentence(_ text: String) -> String {
        text.prefix(1).uppercased() + text.dropFirst() + (text.hasSuffix(".") ? "" : ".")
    }
}

/// One page of the manual.
struct Page {
    private(set) var text: String

    init(_ title: String, section: Int, date: String) {
        text = ".\\\" Made by chalkbox-docs.\n"
        text += ".TH \(title) \(section) \"\(date)\" \"chalkbox \(CommandTable.version)\" Chalkbox\n"
    }

    mutating func heading(_ title: String) { line(".SH " + escaped(title)) }

    mutating func line(_ line: String) { text += line + "\n" }

    /// A paragraph's lines.
    mutating func text(_ words: String) { line(escaped(words)) }

    mutating func item(_ tag: String) { line(".TP\n.B " + escaped(tag)) }

    mutating func option(_ option: CommandOption) {
        item(option.names.joined(separator: ", ") + (option.value.isEmpty ? "" : " " + option.value))
        text(option.text.prefix(1).uppercased() + option.text.dropFirst() + ".")
    }

    /// As it is: roff's own characters, and a line that would begin a request.
    func escaped(_ words: String) -> String {
        words.replacing("\\", with: "\\e").replacing("-", with: "\\-").split(
            separator: "\n", omittingEmptySubsequences: false
        ).map { $0.hasPrefix(".") || $0.hasPrefix("'") ? "\\&" + $0 : String($0) }.joined(separator: "\n")
    }
}

extension String {
    fileprivate var trimmed: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
