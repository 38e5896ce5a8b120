internal import ChalkboxKit

/// The entry point; ChalkboxKit is the program.
@main
struct Chalkbox {
    static func main() { Program.run() }
}
