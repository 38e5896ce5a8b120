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

    private let now = MonotonicTime(milliseconds: 1_000)

    /// The line's problem after one attempt to take it.
    private func problem(_ lines: PanelLines) throws -> String {
        let slot = try #require(GPIOPanel.slots(lines, at: now).first)
        #expect(slot.problem == nil && slot.nextAttempt == now)
        #expect(slot.acquire(at: now) == nil)
        #expect(!slot.isHeld && slot.nextAttempt == now.adding(milliseconds: 250))
        return try #require(slot.problem)
    }

    @Test func `an absent chip is named, with the key and with what to do`() throws {
        let problem = try problem(lines(start: "gpiochip99:17"))
        #expect(problem.hasPrefix("panel.start_line: cannot open /dev/gpiochip99 for the panel line gpiochip99:17: "))
        #expect(problem.contains("gpiodetect"))
        #expect(try self.problem(lines(green: "gpiochip99:3")).hasPrefix("panel.green_line: "))
    }

    @Test func `a name that no chip has is said so`() throws {
        let problem = try problem(lines(start: "NO_SUCH_LINE_ANYWHERE"))
        #expect(problem.contains("no line is named NO_SUCH_LINE_ANYWHERE") && problem.contains("gpioinfo"))
    }

    @Test func `a malformed line is told`() throws {
        #expect(try problem(lines(start: "gpiochip0:x")).contains("neither gpiochipN:OFFSET nor a line's name"))
    }

    @Test func `a panel without lines has no slots`() {
        #expect(GPIOPanel.slots(lines(), at: now).isEmpty)
    }

    @Test func `one button for both is START's`() {
        var lines = lines(start: "gpiochip9:1")
        lines.stop = "gpiochip9:1"
        #expect(GPIOPanel.slots(lines, at: now).map { $0.part } == [.start])
        lines.stop = "gpiochip9:2"
        #expect(GPIOPanel.slots(lines, at: now).map { $0.part } == [.start, .stop])
    }

    @Test func `what is not held is neither read nor driven`() throws {
        let slot = try #require(GPIOPanel.slots(lines(green: "gpiochip99:3"), at: now).first)
        slot.show(true, at: now)
        #expect(slot.check(at: now) == nil && slot.peekEdge(at: now) == nil && slot.problem == nil)
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
            .read(line: "gpiochip0:1", errno: 19), .write(line: "gpiochip0:1", errno: 19),
        ]
        for error in errors { #expect(error.message.contains(";") || error.message.contains("counted from 0")) }
    }
}
