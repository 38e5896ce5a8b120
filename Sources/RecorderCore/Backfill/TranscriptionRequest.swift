/// One exchange with the speech service's asynchronous interface (PROTOCOL, Asynchronous API). There is at most one at
/// a time; each gets exactly one `TranscriptionAnswer`.
package enum TranscriptionRequest: Equatable, Sendable {
    /// POST /v1/files, multipart, of a FLAC file of the box.
    case uploadAudio(RecordingID, path: String)
    /// POST /v1/transcriptions.
    case create(RecordingID, file: String)
    /// GET /v1/transcriptions/{id}.
    case state(transcription: String)
    /// GET /v1/transcriptions/{id}/transcript.
    case transcript(transcription: String)
    case deleteTranscription(String)
    case deleteFile(String)
}

/// What came of a `TranscriptionRequest`.
package enum TranscriptionAnswer: Equatable, Sendable {
    case file(String)
    case transcription(String)
    case pending
    case completed
    /// The service could not transcribe it, and says why.
    case refused(String)
    /// Final tokens, times counted from the file's first sample; without positions.
    case text(ServiceMessage)
    /// Deleted, or not there any more (404).
    case deleted
    case failed(UplinkFailure)
}

/// What the service holds of a recording until it is deleted there.
package struct TranscriptionJob: Equatable, Sendable {
    /// The service's name of the audio, or empty.
    package var file: String
    /// The service's name of the transcription, or empty.
    package var transcription: String

    package init(file: String = "", transcription: String = "") {
        self.file = file
        self.transcription = transcription
    }

    package var isEmpty: Bool { file.isEmpty && transcription.isEmpty }
}
