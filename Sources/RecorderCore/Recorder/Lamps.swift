/// What each line of the panel shows. A box without an amber lamp blinks green in its stead.
package struct Lamps: Equatable, Sendable {
    package var green: LEDPattern
    package var amber: LEDPattern
    package var red: LEDPattern

    package init(green: LEDPattern = .off, amber: LEDPattern = .off, red: LEDPattern = .off) {
        self.green = green
        self.amber = amber
        self.red = red
    }

    /// The light tells the truth: solid = live, blinking = on the way, red = failed.
    ///
    /// - Parameter isUploading: a finished lesson is on its way to the school; shown when no lesson is recorded.
    package init(phase: Phase, hasAmber: Bool, isUploading: Bool = false) {
        switch phase {
        case .idle, .finished:
            self.init(green: isUploading ? .slowPulse : .off)
        case .requesting, .connecting, .reconnecting, .finishing:
            self = hasAmber ? Lamps(amber: .blink) : Lamps(green: .blink)
        case .live:
            self.init(green: .solid)
        case .failed(let reason):
            self.init(red: reason.losesAudio ? .doubleBlink : .solid)
        }
    }
}
