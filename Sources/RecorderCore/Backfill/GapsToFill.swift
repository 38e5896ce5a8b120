/// A saved recording whose text has holes that may still be filled.
package struct GapsToFill: Equatable, Sendable {
    /// Its words are those near the edges of its holes, the first holes first, at most `Limits.committedWords`: with
    /// many holes it is worth asking again when the first are filled.
    package var recording: InterruptedRecording
    /// All that has no text, by start, to the recording's end.
    package var holes: [Gap]
    /// What the service calls the audio and the transcription that were begun for it; empty: there is none.
    package var fileID: String
    package var transcriptionID: String

    package init(
        recording: InterruptedRecording, holes: [Gap], fileID: String = "", transcriptionID: String = ""
    ) {
        self.recording = recording
        self.holes = holes
        self.fileID = fileID
        self.transcriptionID = transcriptionID
    }
}
