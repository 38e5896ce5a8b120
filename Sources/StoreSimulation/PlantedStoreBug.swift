/// A mistake made on purpose around the store, to see that the simulator would find it.
package enum PlantedStoreBug: String, CaseIterable, Sendable {
    /// The words since the last commit are forgotten when the recording is closed.
    case droppedBatch = "dropped-batch"
    /// Audio files are written and never synced.
    case missingSync = "missing-sync"
    /// A sample is left out of the audio.
    case shiftedAudio = "shifted-audio"
    /// A voice's numbers are not made one in the index.
    case unmergedRows = "unmerged-rows"
}
