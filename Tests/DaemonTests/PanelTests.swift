import CloudKit
import Foundation
import OwnThread
import Testing

/// Buttons and lamps that fail, come and go, in the shipped binary.
@Suite(.ownThread, .serialized) struct `The panel of the shipped binary` {
    /// A box that records only, with a microphone that says nothing.
    private func box(_ overrides: [String] = []) throws -> (Box, ScriptedPanel) {
        let box = try Box()
        let panel = try ScriptedPanel(box)
        try box.startMicrophone([Int16](repeating: 0, count: 16_000))
        try box.writeConfiguration(device: "lesson", token: "https://127.0.0.1:9/t", authority: "")
        return (box, panel)
    }

    private func start(_ box: Box, _ panel: ScriptedPanel, oneButton: Bool = false) throws {
        try box.startDaemon(
            device: "lesson",
            overrides: ["transcription.enabled=no"] + ScriptedPanel.overrides(oneButton: oneButton),
            launcher: panel.launcher)
    }

    private func facts(_ status: [String: Any]) -> [String: Any] { status["panel"] as? [String: Any] ?? [:] }

    private func waitForPanel(_ box: Box, _ state: String, _ problem: String? = nil) throws {
        try box.wait("a panel that is \(state)", seconds: 20) { status in
            facts(status)["state"] as? String == state
                && (facts(status)["problem"] as? String).map { $0.contains(problem ?? "") } ?? (problem == nil)
        }
    }

    private func press(_ box: Box, _ panel: ScriptedPanel, _ line: ScriptedPanel.Line, _ name: String) throws {
        let presses = box.lines.lines.count { $0.text.hasPrefix("<6>button name=") }
        try panel.move(line, [true])
        try Box.wait("the press of \(name)", seconds: 20) {
            box.lines.lines.count { $0.text == "<6>button name=\(name)" } > 0
                && box.lines.lines.count { $0.text.hasPrefix("<6>button name=") } > presses
        }
        try panel.move(line, [false])
    }

    /// How often the loop went to sleep by itself: never while it turns, however little of a processor it gets.
    private func sleeps(_ box: Box) throws -> Int {
        let pid = try #require(box.daemon).pid
        let status = try String(contentsOfFile: "/proc/\(pid)/task/\(pid)/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("voluntary_ctxt_switches:") }
        return Int(line?.split(separator: "\t").last ?? "") ?? 0
    }

    @Test(arguments: [true, false])
    func `a chip that is unplugged in a lesson costs nothing, and is taken again`(isTold: Bool) async throws {
        let (box, panel) = try box()
        try panel.plug()
        try start(box, panel)
        try waitForPanel(box, "ready")
        try press(box, panel, .start, "start")
        try Box.wait("green", seconds: 20) { panel.isLit(.green) }
        #expect(!panel.isLit(.red))

        try panel.unplug(isTold: isTold)
        try waitForPanel(box, "awaited", "panel.start_line: ")
        #expect(try box.chalkbox("status").output.contains("panel      panel.start_line: "))
        let before = try sleeps(box)
        try Box.wait("the loop's sleep", seconds: 20) { ((try? sleeps(box)) ?? 0) > before }
        #expect(box.log.contains("<3>panel state=awaited reason="))

        // Somebody leans on it while it comes back.
        try panel.plug(held: [.start])
        try waitForPanel(box, "ready")
        try Box.wait("green again", seconds: 20) { panel.isLit(.green) }
        #expect(box.log.contains("<4>panel state=ready late_ms="))
        try panel.move(.start, [false])
        try press(box, panel, .stop, "stop")
        try box.waitForPhase("finished")
        #expect(box.lines.lines.count { $0.text.contains("button name=") } == 2, "\(box.log)")
        try await box.stop()
    }

    @Test func `a panel that is not there is told, and the box records all the same`() async throws {
        let (box, panel) = try box()
        try start(box, panel)
        try waitForPanel(box, "awaited", "cannot open /dev/gpiochip9")
        #expect(try box.chalkbox("start").code == 0)
        try box.waitForSamples(1_600, seconds: 20)
        #expect(try box.chalkbox("stop").code == 0)
        #expect(box.lines.lines.count { $0.text.contains("panel state=awaited") } == 1, "\(box.log)")
        let doctor = try box.chalkbox(
            "doctor", "--set", "transcription.enabled=no", "--set", "panel.driver=gpio", "--set", "audio.device=null")
        #expect(doctor.code == 1)
        let wanted = "WRONG  panel: panel.start_line: cannot open /dev/gpiochip9"
        #expect(doctor.output.contains(wanted), "\(doctor.output)")
        try await box.stop()
    }

    @Test func `a lamp that fails leaves the others and the buttons alone`() async throws {
        let (box, panel) = try box()
        try panel.plug()
        try panel.set(.red, "busy", true)
        try start(box, panel)
        try waitForPanel(box, "partly", "panel.red_line: cannot use the panel line gpiochip9:23")
        try press(box, panel, .start, "start")
        try Box.wait("green", seconds: 20) { panel.isLit(.green) }
        try panel.set(.red, "busy", false)
        try waitForPanel(box, "ready")
        // One that can be had and not be driven.
        try panel.set(.green, "broken", true)
        try waitForPanel(box, "partly", "panel.green_line: cannot switch")
        try press(box, panel, .stop, "stop")
        try box.waitForPhase("finished")
        try panel.set(.green, "broken", false)
        try waitForPanel(box, "ready")
        try Box.wait("dark", seconds: 20) { !panel.isLit(.green) }
        let told = box.lines.lines.map(\.text).filter { $0.contains("panel state=partly") }
        #expect(told.contains { $0.contains("cannot switch") } && Set(told).count == told.count, "\(box.log)")
        try await box.stop()
    }

    @Test func `red is shown when another lamp fails`() async throws {
        let (box, panel) = try box()
        try panel.plug()
        try panel.set(.green, "busy", true)
        let words = panel.launcher.dropFirst() + [Box.binary, "lamp", "red", "--seconds", "0"]
        let options = ScriptedPanel.overrides().flatMap { ["--set", $0] }
        let lamp = try Box.run(
            panel.launcher[0], words + ["--config", box.configurationFile] + options, checked: false)
        #expect(panel.isLit(.red))
        #expect(lamp.output.contains("panel.green_line: "), "\(lamp.output)")
        try await box.stop()
    }

    @Test func `a release that the kernel dropped does not cost the next press`() async throws {
        let (box, panel) = try box()
        try panel.plug()
        try start(box, panel, oneButton: true)
        try waitForPanel(box, "ready")
        try panel.move(.start, [true])
        try #require(box.lines.wait(seconds: 20) { $0 == "<6>button name=start/stop" } != nil, "\(box.log)")
        // Its release bounces while the loop is away: 17 edges, of which the kernel keeps the first 16.
        let pid = try #require(box.daemon).pid
        kill(pid, SIGSTOP)
        try panel.move(.start, (0..<16).map { $0 % 2 == 1 }, level: false)
        kill(pid, SIGCONT)
        try box.wait("the lost edge", seconds: 20) { status in
            (status["limits"] as? [[String: Any]] ?? []).contains { $0["name"] as? String == "button-edges" }
        }
        try press(box, panel, .start, "start/stop")
        try box.waitForPhase("finished")
        #expect(box.log.contains("limit name=button-edges count=1 "))
        try await box.stop()
    }

    @Test func `a press while the loop was away counts, with the kernel's times of its edges`() async throws {
        let (box, panel) = try box()
        try panel.plug()
        try start(box, panel)
        try waitForPanel(box, "ready")
        let pid = try #require(box.daemon).pid
        kill(pid, SIGSTOP)
        // Stable for 30 ms and more between the bounces.
        let levels = [true, false] + [Bool](repeating: true, count: 1)
        try panel.move(.start, levels)
        _ = poll(nil, 0, 100)
        try panel.move(.start, [false, true, false])
        kill(pid, SIGCONT)
        try box.wait("the lesson", seconds: 20) { $0["phase"] as? String != "idle" }
        #expect(box.lines.lines.count { $0.text == "<6>button name=start" } == 1)
        try await box.stop()
    }
}
