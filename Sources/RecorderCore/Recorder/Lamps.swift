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

    /// The light tells the truth: solid = live, blinking = on the way, red = failed. A live lesson whose microphone is
    /// too quiet or too loud winks.
    ///
    /// - Parameters:
    ///   - level: of the microphone; shown while live.
    ///   - isUploading: a finished lesson is on its way to the school; shown when no lesson is recorded.
    ///   - copying: of lessons to a stick; shown when no lesson is recorded.
    ///   - isListening: the newest seconds are kept for a lesson that may begin; shown when no lesson is recorded,
    ///     rather than `isUploading` (decision pre-roll-is-shown).
    ///   - isMisconfigured: the box is ready, but somebody should look at it; shown when no lesson is recorded.
    package init(
        phase: Phase, hasAmber: Bool, level: LevelWatch.State = .fine, isUploading: Bool = false,
        copying: USBExportState = .none, isListening: Bool = false, isMisconfigured: Bool = false
    ) {
        switch phase {
        case .idle, .finished:
            self.init(green: isListening ? .flash : isUploading ? .slowPulse : .off)
            if isMisconfigured {
                if hasAmber { amber = .slowPulse } else { red = .slowPulse }
            }
            switch copying {
            case .none: break
            case .running: green = .blink
            case .failed: red = .blink
            }
        case .starting, .requesting, .connecting, .reconnecting, .finishing:
            self = hasAmber ? Lamps(amber: .blink) : Lamps(green: .blink)
        case .live:
            self.init(green: level == .fine ? .solid : .wink)
        case .failed(let reason):
            self.init(red: reason.losesAudio ? .doubleBlink : .solid)
        }
    }
}

/// Whether lessons are being copied to a stick.
package enum USBExportState: Equatable, Sendable {
    case none
    /// The stick must not be pulled.
    case running
    /// It is full, or refuses.
    case failed
}
