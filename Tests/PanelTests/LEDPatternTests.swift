import RecorderCore
import Testing

@Suite struct `Lamp patterns` {
    func time(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(milliseconds: milliseconds) }

    @Test func `blinking is 2 Hz with equal halves`() {
        let lit = (0..<20).map { LEDPattern.blink.isLit(at: time(Int64($0) * 125)) }
        #expect(lit == (0..<20).map { $0 % 4 < 2 })
    }

    @Test func `a double blink is two flashes a second`() {
        let lit = (0..<8).map { LEDPattern.doubleBlink.isLit(at: time(7_000 + Int64($0) * 125)) }
        #expect(lit == [true, false, true, false, false, false, false, false])
    }

    @Test func `the next change is where the lamp changes and nowhere before`() throws {
        for pattern in [LEDPattern.blink, .doubleBlink, .slowPulse] {
            for start: Int64 in [0, 1, 249, 250, 999, 1_000, 12_345] {
                let next = try #require(pattern.nextChange(after: time(start)))
                let lit = pattern.isLit(at: time(start))
                #expect(next > time(start))
                for moment in start..<next.milliseconds { #expect(pattern.isLit(at: time(moment)) == lit) }
                #expect(pattern.isLit(at: next) != lit)
            }
        }
    }

    @Test func `steady lamps need no timer`() {
        #expect(LEDPattern.off.nextChange(after: time(5)) == nil)
        #expect(LEDPattern.solid.nextChange(after: time(5)) == nil)
        #expect(LEDPattern.solid.isLit(at: time(5)))
        #expect(!LEDPattern.off.isLit(at: time(5)))
    }
}
