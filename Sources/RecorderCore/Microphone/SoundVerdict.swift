/// What `microphone test` says, a line each.
package struct SoundVerdict: Equatable, Sendable {
    package var what: String
    package var isFine: Bool
    package var detail: String

    package init(what: String, isFine: Bool, detail: String) {
        self.what = what
        self.isFine = isFine
        self.detail = detail
    }
}

extension SoundCheck {
    /// Sound that ends below is a telephone's: consonants are above.
    private static let leastBandwidthHertz = 5_000

    /// - Parameters:
    ///   - quietDecibels: `audio.level_warning_dbfs`.
    @inline(never)
    package func verdicts(quietDecibels: Int) -> [SoundVerdict] {
        var verdicts: [SoundVerdict] = []
        func say(_ what: String, _ isFine: Bool, _ detail: String, _ advice: String) {
            verdicts.append(SoundVerdict(what: what, isFine: isFine, detail: isFine ? detail : detail + "; " + advice))
        }
        let peakDecibels = Self.decibels(peak * peak)
        let (level, floor) = (Self.decibels(power), Self.decibels(self.floor))
        say(
            "level", peakDecibels >= quietDecibels, "peak \(peakDecibels) dBFS, mean \(level) dBFS",
            "very quiet: say something; is it muted, or its gain at 0?")
        say("noise", floor <= -40, "\(floor) dBFS between words", "loud: a fan, or too much gain?")
        say("clipping", clipped == 0, clipped == 0 ? "none" : "\(clipped) times", "turn the gain down")
        let dropped = dropouts == 0 ? "none" : "\(dropouts) times"
        say("drop-outs", dropouts == 0, dropped, "try another USB socket, without a hub")
        if let hum = humHertz {
            say("hum", false, "\(hum) Hz is most of the noise", "another power supply, or a cable with a shield?")
        } else {
            say("hum", true, "none", "")
        }
        if let bandwidth = bandwidthHertz {
            let text = "up to \(bandwidth) Hz"
            say("bandwidth", bandwidth >= Self.leastBandwidthHertz, text, "a telephone's: a headset by radio?")
        }
        return verdicts
    }
}
