internal import ArgumentParser
internal import Foundation
internal import ManualKit

@main
struct ChalkboxDocs: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chalkbox-docs",
        abstract: "Writes chalkbox's manual pages and completions below a directory, where Debian has them.")

    @Argument(help: "The root to write below; it is made.")
    var directory: String

    @Option(help: "The pages' date, YYYY-MM-DD.")
    var date: String

    @Option(help: "The document with the table of settings.")
    var interfaces = "docs/INTERFACES.md"

    func run() throws {
        let settings = try String(contentsOfFile: interfaces, encoding: .utf8)
        try write(Manual.commands(date: date), "usr/share/man/man1/chalkbox.1")
        try write(Manual.settings(date: date, interfaces: settings), "usr/share/man/man5/chalkbox.conf.5")
        try write(Completions.bash, "usr/share/bash-completion/completions/chalkbox")
        try write(Completions.zsh, "usr/share/zsh/vendor-completions/_chalkbox")
        try write(Completions.fish, "usr/share/fish/vendor_completions.d/chalkbox.fish")
    }

    private func write(_ text: String, _ path: String) throws {
        let file = URL(filePath: directory).appending(path: path)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try text.write(to: file, atomically: false, encoding: .utf8)
    }
}
