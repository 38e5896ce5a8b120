internal import Configuration
internal import LinuxRuntime
internal import Panel
internal import RecorderCore

/// `lamp COLOUR`: what is wrong when there is no daemon to say it. The lines are held for a while, because the kernel
/// lets go of a lamp whose line nobody holds.
enum LampCommand {
    private static let colours = ["green", "amber", "red", "off"]

    static func run(_ arguments: Arguments) throws(Arguments.UsageError) -> Outcome {
        guard arguments.positional.count == 1, let colour = arguments.positional.first, colours.contains(colour) else {
            throw Arguments.UsageError(message: "name one of green, amber, red, off")
        }
        let text = arguments.last("--seconds") ?? "1"
        guard let seconds = Int64(text), 0...Limits.lampSeconds ~= seconds else {
            throw Arguments.UsageError(message: "--seconds takes 0 to \(Limits.lampSeconds)")
        }
        guard let settings = ConfigurationSource.load(arguments) else { return .usage }
        guard settings.panel.driver == .gpio else { return .fine }
        var lines = settings.panelLines
        (lines.start, lines.stop) = ("", "")
        do throws(PanelError) {
            let panel = try GPIOPanel(lines)
            try panel.set(green: colour == "green", amber: colour == "amber", red: colour == "red")
            Poll.pass(milliseconds: seconds * 1_000)
            return .fine
        } catch {
            complain("lamp: \(error.message)")
            return .failed
        }
    }
}
