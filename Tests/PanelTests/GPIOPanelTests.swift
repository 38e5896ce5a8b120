import RecorderCore
import Testing

@testable import Panel

struct GPIOPanelTests {
    private func lines(start: String = "", green: String = "") -> PanelLines {
        PanelLines(
            start: start, stop: "", green: green, amber: "", red: "", activeLow: true, debounceMilliseconds: 30)
    }

    @Test func `buttons and lamps are requested with a polarity each`() {
        var lines = lines()
        #expect(lines.buttonUse == .button(activeLow: true, debounceMilliseconds: 30))
        #expect(lines.lampUse == .lamp(activeLow: false), "high lights a lamp unless it is said otherwise")
        lines.lampsActiveLow = true
        #expect(lines.lampUse == .lamp(activeLow: true))
        lines.activeLow = false
        #expect(lines.buttonUse == .button(activeLow: false, debounceMilliseconds: 30))
        #expect(lines.lampUse == .lamp(activeLow: true))
    }

    @Test func `an absent chip is named, with what to do`() throws {
        let error = try #require(throws: PanelError.self) { try GPIOPanel(lines(start: "gpiochip99:17")) }
        #expect(error == .chip(line: "gpiochip99:17", path: "/dev/gpiochip99", errno: 2))
        #expect(error.message.contains("/dev/gpiochip99"))
        #expect(error.message.contains("gpiodetect"))
    }

    @Test func `an absent lamp's chip is an error as well`() {
        #expect(throws: PanelError.chip(line: "gpiochip99:3", path: "/dev/gpiochip99", errno: 2)) {
            try GPIOPanel(lines(green: "gpiochip99:3"))
        }
    }

    @Test func `a name that no chip has is said so`() throws {
        let name = "NO_SUCH_LINE_ANYWHERE"
        let error = try #require(throws: PanelError.self) { try GPIOPanel(lines(start: name)) }
        guard case .unknownName(name, _) = error else {
            Issue.record("another error: \(error)")
            return
        }
        #expect(error.message.contains("gpioinfo"))
    }

    @Test func `a malformed line is found before any is requested`() {
        #expect(throws: PanelError.malformed(line: "gpiochip0:x")) { try GPIOPanel(lines(start: "gpiochip0:x")) }
    }

    @Test func `a panel without lines is fine and does nothing`() throws {
        let panel = try GPIOPanel(lines())
        #expect(panel.fileDescriptors == [])
        #expect(panel.readEdges() == [])
        #expect(try !panel.isHeld(.start))
        try panel.set(green: true, amber: true, red: true)
    }

    @Test func `an edge's time from the wall clock is replaced by the time of its reading`() {
        let now = MonotonicTime(milliseconds: 5_000_000)
        #expect(GPIOLine.plausible(MonotonicTime(milliseconds: 4_999_990), now: now).milliseconds == 4_999_990)
        #expect(GPIOLine.plausible(MonotonicTime(milliseconds: 1_790_000_000_000), now: now) == now)
        #expect(GPIOLine.plausible(MonotonicTime(milliseconds: 5_000), now: now) == now)
    }

    @Test func `every error's message says what to do`() {
        let errors: [PanelError] = [
            .malformed(line: "x/y"), .chip(line: "gpiochip0:1", path: "/dev/gpiochip0", errno: 13),
            .offset(line: "gpiochip0:99", path: "/dev/gpiochip0", lines: 54), .unknownName(line: "A", chips: 2),
            .ambiguousName(line: "A", first: "/dev/gpiochip0", second: "/dev/gpiochip1"),
            .request(line: "gpiochip0:1", path: "/dev/gpiochip0", errno: 16),
        ]
        for error in errors { #expect(error.message.contains(";") || error.message.contains("counted from 0")) }
    }
}
