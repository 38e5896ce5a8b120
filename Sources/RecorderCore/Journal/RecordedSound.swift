/// What is wrong with the sound of a recording, in samples; of a lesson that is saved, as its row of the index has it.
package struct RecordedSound: Equatable, Sendable {
    /// Silence that the box put in the place of samples that it did not get (`SilenceMark`).
    package var silenceSamples: Int64
    /// While the microphone's level was too low for speech, and while it was too high (`StoreCommand.level`).
    package var quietSamples: Int64
    package var clippedSamples: Int64

    package init(silenceSamples: Int64 = 0, quietSamples: Int64 = 0, clippedSamples: Int64 = 0) {
        self.silenceSamples = silenceSamples
        self.quietSamples = quietSamples
        self.clippedSamples = clippedSamples
    }
}

extension RecordingSummary {
    package var sound: RecordedSound {
        RecordedSound(silenceSamples: silenceSamples, quietSamples: quietSamples, clippedSamples: clippedSamples)
    }
}
