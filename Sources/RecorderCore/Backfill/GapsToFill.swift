/// A saved recording whose text has gaps that may still be filled.
package struct GapsToFill: Equatable, Sendable {
    /// Its words are those near the edges of its gaps, the first gaps first, at most `Limits.committedWords`: with
    /// many gaps it is worth asking again when the first are filled.
    package var recording: InterruptedRecording
    /// All that has no text, by start, to the recording's end.
    package var gaps: [Gap]
    /// What the service holds of it since an earlier try.
    package var job: TranscriptionJob

    package init(recording: InterruptedRecording, gaps: [Gap], job: TranscriptionJob = TranscriptionJob()) {
        self.recording = recording
        self.gaps = gaps
        self.job = job
    }
}
