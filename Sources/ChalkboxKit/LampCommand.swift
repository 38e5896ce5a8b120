internal import Configuration
internal import LinuxRuntime
internal import Panel
internal import RecorderCore

/// `lamp COLOUR`: what is wrong when there is no daemon to say it. The lines are held for a while, because the kernel
/// lets go of a lamp whose line nobody holds. `lamp copying` and `lamp copy-failed` are shown by the daemon.
enum LampCommand {
    private static let colours = ["green", "amber", "red", "off", "copying", "copy-failed"]

    static func run(_ arguments: Arguments) throws(Arguments.UsageError) -> Outcome {
        guard arguments.positional.count == 1, let colour = arguments.positional.first, colours.contains(colour) else {
            throw Arguments.UsageError(message: "name one of " + colours.joined(separator: ", "))
        }
        let text = arguments.last("--seconds") ?? "1"
        guard let seconds = Int64(text), 0...Limits.lampSeconds ~= seconds else {
            throw Arguments.UsageError(message: "--seconds takes 0 to \(Limits.lampSeconds)")
        }
        guard colour != "copying", colour != "copy-failed" else {
            return ClientCommands.withDaemon(arguments) { client in
                client.send { writer in
                    writer.field("do", "copying")
                    writer.field("failed", colour == "copy-failed")
                }
                guard ClientCommands.accepted(client, "lamp") != nil else { return .failed }
                Poll.sleep(milliseconds: seconds * 1_000)
                return .fine
            }
        }
        let settings = ConfigurationSource.load(arguments)
        guard settings.panel.driver == .gpio else {
            complain("lamp: there is no lamp to light: panel.driver is not gpio; see `chalkbox config show`")
            return .failed
        }
        var lines = settings.panelLines
        (lines.start, lines.stop) = ("", "")
        let slots = GPIOPanel.slots(lines, at: Clock.now)
        for slot in slots {
            slot.show(slot.part.name == colour, at: Clock.now)
            _ = slot.acquire(at: Clock.now)
        }
        let problems = slots.compactMap { $0.problem }
        for problem in problems { complain("lamp: " + problem) }
        // What is not to be had is no reason to leave the others dark.
        guard problems.count < slots.count else { return slots.isEmpty ? .fine : .failed }
        Poll.sleep(milliseconds: seconds * 1_000)
        return problems.isEmpty ? .fine : .failed
    }
}
