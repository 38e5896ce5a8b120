internal import ArgumentParser
internal import CloudKit

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
        case script, pocketsphinx
    }

    @Option(help: "script: words carried by tone codes; pocketsphinx: real speech.")
    var recogniser = Name.script

    @Option(help: ArgumentHelp("Acoustic model, language model and dictionary.", valueName: "directory"))
    var pocketsphinxModel = RecogniserKind.debianModelDirectory

    var kind: RecogniserKind {
        switch recogniser {
        case .script: .script
        case .pocketsphinx: .pocketSphinx(modelDirectory: pocketsphinxModel)
        }
    }
}
