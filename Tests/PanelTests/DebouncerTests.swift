import RecorderCore
import Testing

private func time(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(milliseconds: milliseconds) }

struct DebouncerTests {
    /// Every edge, and every deadline that comes before the next one, as the loop does it.
    private func events(
        _ edges: [(at: Int64, pressed: Bool)], until end: Int64, _ debouncer: Debouncer
    ) -> [String] {
        var debouncer = debouncer
        var said: [String] = []
        func note(_ event: Debouncer.Event?, _ at: Int64) {
            if let event { said.append("\(at) \(event)") }
        }
        for edge in edges {
            while let deadline = debouncer.nextDeadline, deadline.milliseconds <= edge.at {
                note(debouncer.elapsed(at: deadline, isPressed: nil), deadline.milliseconds)
            }
            note(debouncer.edge(pressed: edge.pressed, at: time(edge.at)), edge.at)
        }
        while let deadline = debouncer.nextDeadline, deadline.milliseconds <= end {
            note(debouncer.elapsed(at: deadline, isPressed: nil), deadline.milliseconds)
        }
        return said
    }

    @Test func `a press counts once it has been stable for long enough`() {
        let edges: [(Int64, Bool)] = [(1_000, true), (1_200, false)]
        #expect(events(edges, until: 5_000, Debouncer(stableMilliseconds: 30)) == ["1030 pressed", "1230 released"])
    }

    @Test func `a finger is on a button from the first edge on, unless it is stuck or was there at the start`() {
        var button = Debouncer(stableMilliseconds: 30, stuckMilliseconds: 1_000)
        #expect(!button.isHeld)
        _ = button.edge(pressed: true, at: time(100))
        #expect(button.isHeld)
        #expect(button.elapsed(at: time(130), isPressed: nil) == .pressed)
        #expect(button.isHeld)
        #expect(button.elapsed(at: time(1_100), isPressed: nil) == .stuck)
        #expect(!button.isHeld)
        var leanedOn = Debouncer(stableMilliseconds: 30, heldSince: time(0))
        #expect(!leanedOn.isHeld)
        _ = leanedOn.edge(pressed: false, at: time(50))
        #expect(leanedOn.elapsed(at: time(80), isPressed: nil) == nil)
        _ = leanedOn.edge(pressed: true, at: time(200))
        #expect(leanedOn.isHeld)
    }

    @Test func `ten edges in 20 ms count once`() {
        let edges = (0..<11).map { (at: 1_000 + Int64($0) * 2, pressed: $0 % 2 == 0) }
        #expect(events(edges, until: 5_000, Debouncer(stableMilliseconds: 30)) == ["1050 pressed"])
    }

    @Test func `a spike shorter than the time is nothing`() {
        let edges: [(Int64, Bool)] = [(1_000, true), (1_029, false), (2_000, true), (2_001, false)]
        #expect(events(edges, until: 5_000, Debouncer(stableMilliseconds: 30)) == [])
    }

    @Test func `bouncing at the release does not press again`() {
        let edges: [(Int64, Bool)] = [
            (1_000, true), (1_500, false), (1_502, true), (1_504, false), (1_506, true), (1_507, false),
        ]
        #expect(events(edges, until: 5_000, Debouncer(stableMilliseconds: 30)) == ["1030 pressed", "1537 released"])
    }

    @Test func `a loop that comes late still counts the press before the release`() {
        var debouncer = Debouncer(stableMilliseconds: 30)
        #expect(debouncer.edge(pressed: true, at: time(1_000)) == nil)
        #expect(debouncer.edge(pressed: false, at: time(1_200)) == .pressed)
        #expect(debouncer.elapsed(at: time(1_229), isPressed: nil) == nil)
        #expect(debouncer.elapsed(at: time(1_230), isPressed: nil) == .released)
        #expect(debouncer.nextDeadline == nil)
    }

    @Test func `a release that was lost is seen by the level, and the next press counts`() {
        var button = Debouncer(stableMilliseconds: 30)
        _ = button.edge(pressed: true, at: time(0))
        #expect(button.elapsed(at: time(30), isPressed: true) == .pressed)
        // The release bounces 17 times while the loop is away, and the kernel drops the last edge.
        for number in 0..<16 { #expect(button.edge(pressed: number % 2 == 1, at: time(200 + Int64(number))) == nil) }
        #expect(button.elapsed(at: time(1_200), isPressed: false) == nil)
        #expect(button.nextDeadline == time(1_230))
        #expect(button.elapsed(at: time(1_230), isPressed: false) == .released)
        #expect(button.lostEdges == 1)
        _ = button.edge(pressed: true, at: time(2_000))
        #expect(button.elapsed(at: time(2_030), isPressed: true) == .pressed)
        #expect(button.lostEdges == 1)
    }

    @Test func `a press of which only the release came is one when the button is still held`() {
        var button = Debouncer(stableMilliseconds: 30)
        _ = button.edge(pressed: false, at: time(0))
        #expect(button.elapsed(at: time(30), isPressed: true) == nil)
        #expect(button.elapsed(at: time(60), isPressed: true) == .pressed)
    }

    @Test func `a level whose edge is on its way has to be stable as well, and none was lost`() {
        var button = Debouncer(stableMilliseconds: 30)
        _ = button.edge(pressed: true, at: time(0))
        _ = button.edge(pressed: false, at: time(5))
        // Looked at in the very moment of the next bounce.
        #expect(button.elapsed(at: time(35), isPressed: true) == nil)
        _ = button.edge(pressed: true, at: time(35))
        _ = button.edge(pressed: false, at: time(36))
        #expect(button.elapsed(at: time(66), isPressed: false) == nil)
        #expect(button.nextDeadline == nil && button.lostEdges == 0)
    }

    @Test func `whatever edges are lost, the level counts in the end`() {
        var random = RandomSource(seed: 11)
        for _ in 0..<500 {
            var button = Debouncer(stableMilliseconds: 30)
            var (at, level, said) = (Int64(0), false, [Debouncer.Event]())
            for _ in 0..<40 {
                at += random.next(through: 60)
                level.toggle()
                if random.next() % 3 > 0, let event = button.edge(pressed: level, at: time(at)) { said.append(event) }
            }
            // The last one that came is not the first of its level: what was told is not what is.
            if let event = button.edge(pressed: !level, at: time(at + 1)) { said.append(event) }
            while let deadline = button.nextDeadline, deadline < time(at + 1_000) {
                if let event = button.elapsed(at: deadline, isPressed: level) { said.append(event) }
            }
            #expect(!level || said.last == .pressed)
            #expect(level || said.last == .released || said.isEmpty)
        }
    }

    @Test func `without an edge there is no deadline`() {
        #expect(Debouncer(stableMilliseconds: 30).nextDeadline == nil)
    }

    @Test func `a button held at the start is ignored until it is released`() {
        let held = Debouncer(stableMilliseconds: 30, heldSince: time(0))
        // It bounces while held, is released and pressed.
        let edges: [(Int64, Bool)] = [(500, false), (510, true), (1_000, false), (2_000, true)]
        #expect(events(edges, until: 5_000, held) == ["2030 pressed"])
    }

    @Test func `a stuck button is said once, and counts again after its release`() {
        let edges: [(Int64, Bool)] = [(1_000, true), (60_000, false), (61_000, true), (61_500, false)]
        let debouncer = Debouncer(stableMilliseconds: 30, stuckMilliseconds: 10_000)
        #expect(
            events(edges, until: 100_000, debouncer)
                == ["1030 pressed", "11000 stuck", "60030 released", "61030 pressed", "61530 released"])
    }

    @Test func `a button that is held from the start on is reported as stuck`() {
        let debouncer = Debouncer(stableMilliseconds: 30, stuckMilliseconds: 10_000, heldSince: time(0))
        #expect(events([], until: 100_000, debouncer) == ["10000 stuck"])
    }

    @Test func `no time means that every edge counts`() {
        let edges: [(Int64, Bool)] = [(10, true), (11, false)]
        #expect(events(edges, until: 50, Debouncer(stableMilliseconds: 0)) == ["10 pressed", "11 released"])
    }

    @Test func `whatever a contact does, presses and releases take turns`() {
        var random = RandomSource(seed: 7)
        for _ in 0..<200 {
            var at: Int64 = 0
            var edges: [(at: Int64, pressed: Bool)] = []
            for _ in 0..<100 {
                at += random.next(through: 60)
                // The kernel may drop edges: the same level twice.
                edges.append((at, random.next() % 2 == 0))
            }
            let said = events(edges, until: at + 1_000, Debouncer(stableMilliseconds: 30))
                .map { $0.split(separator: " ")[1] }
            for (index, word) in said.enumerated() { #expect(word == (index % 2 == 0 ? "pressed" : "released")) }
        }
    }
}

struct LEDPatternTests {
    private static let every: [LEDPattern] = [.off, .solid, .blink, .doubleBlink, .slowPulse]

    /// Lit milliseconds of the second (or four) from 0 on.
    private func lit(_ pattern: LEDPattern, _ milliseconds: Int64) -> Int {
        (0..<milliseconds).filter { pattern.isLit(at: time($0)) }.count
    }

    @Test func `the patterns are what the manual says`() {
        #expect(lit(.off, 4_000) == 0)
        #expect(lit(.solid, 4_000) == 4_000)
        #expect(lit(.blink, 1_000) == 500)
        #expect(lit(.doubleBlink, 1_000) == 250)
        #expect(lit(.slowPulse, 4_000) == 1_000)
    }

    @Test(arguments: every) func `the next change is a change, and none comes before it`(pattern: LEDPattern) {
        var now = time(-5_000)
        for _ in 0..<40 {
            guard let next = pattern.nextChange(after: now) else {
                #expect(pattern == .off || pattern == .solid)
                return
            }
            #expect(next > now)
            for moment in now.milliseconds..<next.milliseconds {
                #expect(pattern.isLit(at: time(moment)) == pattern.isLit(at: now))
            }
            #expect(pattern.isLit(at: next) != pattern.isLit(at: now))
            now = next
        }
    }

    @Test func `blink is 2 Hz`() {
        let changes = sequence(first: time(0)) { LEDPattern.blink.nextChange(after: $0) }.prefix(5)
        #expect(changes.map(\.milliseconds) == [0, 250, 500, 750, 1_000])
    }
}
