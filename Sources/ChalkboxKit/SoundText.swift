internal import RecorderCore

/// What is wrong with a lesson's sound, for people: `recordings`, `stop`, `status` and `doctor` say it alike.
enum SoundText {
    /// Empty: nothing is.
    @inline(never)
    static func problem(_ sound: RecordedSound, of samples: Int64) -> String {
        guard samples > 0 else { return "nothing was recorded" }
        var problems: [String] = []
        if sound.silenceSamples > 0 {
            problems.append("no sound for \(length(sound.silenceSamples)) of \(length(samples))")
        }
        if sound.quietSamples > 0 { problems.append("quiet for " + length(sound.quietSamples)) }
        if sound.clippedSamples > 0 { problems.append("clipping for " + length(sound.clippedSamples)) }
        return problems.joined(separator: ", ")
    }

    /// `0:38`; `120 ms` of what would be 0:00.
    private static func length(_ samples: Int64) -> String {
        let milliseconds = SampleIndex(samples).milliseconds
        return milliseconds < 1_000 ? "\(milliseconds) ms" : StatusText.Duration.clock(milliseconds / 1_000)
    }
}
