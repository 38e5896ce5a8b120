internal import ArgumentParser
internal import CloudKit
internal import Foundation

@main
struct ChalkboxCloud: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chalkbox-cloud",
        abstract: "A stand-in for the speech service and the school's token endpoint, for tests and demonstrations.",
        subcommands: [Serve.self, Control.self, Recognise.self, Lesson.self, Decode.self])
}

/// Which recogniser, for every command that takes one.
struct RecogniserOptions: ParsableArguments {
    enum Name: String, ExpressibleByArgument, CaseIterable {
        case script, text, pocketsphinx
    }

    @Option(help: "script: words carried by tone codes; text: the lines of --text; pocketsphinx: real speech.")
    var recogniser = Name.script

    @Option(help: ArgumentHelp("Acoustic model, language model and dictionary.", valueName: "directory"))
    var pocketsphinxModel = RecogniserKind.debianModelDirectory

    @Option(
        help: ArgumentHelp(
            "What `lesson --text` was given: lines of speaker, language and a sentence, with tabs between them.",
            valueName: "file"))
    var text: String?

    func validate() throws {
        guard (recogniser == .text) == (text != nil) else {
            throw ValidationError("--recogniser text and --text go together")
        }
    }

    func kind() throws -> RecogniserKind {
        switch (recogniser, text) {
        case (.text, .some(let path)): .text(try TextLesson(lines: String(contentsOfFile: path, encoding: .utf8)))
        case (.script, _), (.text, nil): .script
        case (.pocketsphinx, _): .pocketSphinx(modelDirectory: pocketsphinxModel)
        }
    }
}
