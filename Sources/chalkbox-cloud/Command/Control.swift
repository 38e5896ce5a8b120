internal import ArgumentParser
internal import CloudKit

struct Control: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Change the faults of a running server through its control socket.",
        discussion: """
            Prints the faults that are in force then; without arguments, just prints them.

            FAULTS
            \(FaultPlan.help)
            """)

    @Option(help: ArgumentHelp("What the server was given as --control.", valueName: "path"))
    var socket: String

    @Argument(help: ArgumentHelp("Faults to add or replace.", valueName: "name[=value][@ms][*times]"))
    var faults: [String] = []

    @Flag(help: "Take out all other faults.")
    var replace = false

    @Option(
        name: .customLong("do"),
        help: ArgumentHelp("Something for all open connections at once: \(CloudAction.help).", valueName: "action"))
    var actions: [String] = []

    @Flag(help: "Print the server's log as JSON instead.")
    var log = false

    func run() throws {
        if !faults.isEmpty || replace {
            _ = try ControlClient.request(socket: socket, replace ? "PUT" : "POST", "/faults", lines: faults)
        }
        if !actions.isEmpty { _ = try ControlClient.request(socket: socket, "POST", "/actions", lines: actions) }
        print(try ControlClient.request(socket: socket, "GET", log ? "/log" : "/faults"), terminator: "")
    }
}
