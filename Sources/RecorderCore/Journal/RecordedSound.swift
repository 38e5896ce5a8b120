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

/// What was measured of a recording's sound until STOP. Nil: nothing was, or not for long enough.
package struct MeasuredSound: Equatable, Sendable {
    /// Tenths of dBFS (RMS) of its loudest and its quietest second.
    package var loudestTenths: Int?
    package var quietestTenths: Int?
    /// By how much the microphone's clock runs faster than the box's.
    package var driftPartsPerMillion: Int?

    package init(loudestTenths: Int? = nil, quietestTenths: Int? = nil, driftPartsPerMillion: Int? = nil) {
        self.loudestTenths = loudestTenths
        self.quietestTenths = quietestTenths
        self.driftPartsPerMillion = driftPartsPerMillion
    }

    package mutating func heard(rmsTenths: Int) {
        loudestTenths = max(loudestTenths ?? rmsTenths, rmsTenths)
        quietestTenths = min(quietestTenths ?? rmsTenths, rmsTenths)
    }
}

extension RecordingSummary {
    package var sound: RecordedSound {
        RecordedSound(silenceSamples: silenceSamples, quietSamples: quietSamples, clippedSamples: clippedSamples)
    }
}
