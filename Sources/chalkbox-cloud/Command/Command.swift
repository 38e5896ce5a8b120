import ArgumentParser

@main
struct ChalkboxCloud: ParsableCommand {
    func run() {}
}
