package import RecorderCore

/// What the uploader is told once.
package struct UploaderSettings: Sendable {
    /// tus 1.0, creation.
    package var url: String
    package var manifestURL: String
    package var bucket: String
    /// The box's own secret for both, already read from its file.
    package var bearer: String?
    /// PEM files; both empty: the box shows no certificate.
    package var certificateFile: String
    package var keyFile: String
    /// 0: as fast as it goes.
    package var kilobitsPerSecond: Int
    /// Where the recordings' directories are.
    package var recordings: String
    /// The service's asynchronous interface, without `/v1`; empty: none.
    package var restURL: String
    package var restBearer: String?
    package var restModel: String
    package var languageHints: [String]
    package var speakerDiarization: Bool
    package var languageIdentification: Bool

    package init(
        url: String = "", manifestURL: String = "", bucket: String = "lessons", bearer: String? = nil,
        certificateFile: String = "", keyFile: String = "", kilobitsPerSecond: Int = 0, recordings: String,
        restURL: String = "", restBearer: String? = nil, restModel: String = "stt-async-v5",
        languageHints: [String] = ["en", "ar"], speakerDiarization: Bool = true, languageIdentification: Bool = true
    ) {
        self.url = url
        self.manifestURL = manifestURL
        self.bucket = bucket
        self.bearer = bearer
        self.certificateFile = certificateFile
        self.keyFile = keyFile
        self.kilobitsPerSecond = kilobitsPerSecond
        self.recordings = recordings
        self.restURL = restURL
        self.restBearer = restBearer
        self.restModel = restModel
        self.languageHints = languageHints
        self.speakerDiarization = speakerDiarization
        self.languageIdentification = languageIdentification
    }

    /// A file in a recording's own directory.
    func path(_ recording: RecordingID, _ name: String) -> String {
        recordings + "/" + recording.text + "/" + name
    }
}

/// What the uploader is told. Numbers are the sender's: an answer tells which request it is for.
package enum UploaderCommand: Sendable {
    case upload(Int, UploadRequest)
    case transcribe(Int, TranscriptionRequest)
    /// Ends the request of that number; it gets no answer any more. One that is not there is none.
    case cancel(Int)
    /// The secrets were read anew; a request under way keeps its own.
    case bearer(String?)
    case restBearer(String?)
}

/// What the uploader reports.
package enum UploaderEvent: Equatable, Sendable {
    case uploaded(Int, UploadAnswer)
    case transcribed(Int, TranscriptionAnswer)
    /// Bytes of the request's body that the server has; told at most twice a second.
    case progress(Int, bytes: Int64)
}

/// Bounds of this module alone.
enum UploaderLimits {
    /// A parcel and a gap's text at one time.
    static let exchanges = 2
    static let fileNameBytes = 255
    static let identifierBytes = 128
    /// The service answers with a few fields.
    static let answerNodes = 4_096
}
