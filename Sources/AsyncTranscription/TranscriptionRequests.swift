internal import RecorderCore
internal import WebTransport

/// Makes requests to the service's asynchronous interface (docs/PROTOCOL.md, Asynchronous API).
enum TranscriptionRequests {
    static func request(
        _ request: TranscriptionRequest, _ settings: TranscriptionSettings
    ) throws(UplinkFailure) -> HTTPRequest {
        switch request {
        case .uploadAudio(let recording, let path):
            return try upload(recording, path, settings)
        case .create(let recording, let file):
            var post = try makeRequest(.post, "/v1/transcriptions", settings)
            post.headers = [HTTPHeader("content-type:", "application/json")]
            post.body = .bytes(Array(try parameters(recording, file, settings).utf8))
            return post
        case .state(let transcription):
            return try makeRequest(.get, "/v1/transcriptions/" + (try safe(transcription)), settings)
        case .transcript(let transcription):
            var get = try makeRequest(.get, "/v1/transcriptions/" + (try safe(transcription)) + "/transcript", settings)
            get.responseLimitBytes = Limits.transcriptBytes
            return get
        case .deleteTranscription(let transcription):
            return try makeRequest(.delete, "/v1/transcriptions/" + (try safe(transcription)), settings)
        case .deleteFile(let file):
            return try makeRequest(.delete, "/v1/files/" + (try safe(file)), settings)
        }
    }

    /// A form with one file (RFC 7578). A recording's name is random enough not to occur in its audio.
    private static func upload(
        _ recording: RecordingID, _ path: String, _ settings: TranscriptionSettings
    ) throws(UplinkFailure) -> HTTPRequest {
        let boundary = "chalkbox-" + recording.text
        let head = "--\(boundary)\r\ncontent-disposition: form-data; name=\"file\"; filename=\"\(recording.text).flac\""
            + "\r\ncontent-type: audio/flac\r\n\r\n"
        let body = try HTTPBody.wholeFile(
            path, prefix: Array(head.utf8), suffix: Array("\r\n--\(boundary)--\r\n".utf8))
        var post = try makeRequest(.post, "/v1/files", settings)
        post.headers = [HTTPHeader("content-type:", "multipart/form-data; boundary=" + boundary)]
        post.body = body
        return post
    }

    private static func parameters(
        _ recording: RecordingID, _ file: String, _ settings: TranscriptionSettings
    ) throws(UplinkFailure) -> String {
        let file = try safe(file)
        let terms = TermsFile.terms(path: settings.termsFile)
        var writer = JSONWriter()
        writer.object { object in
            object.field("model", settings.model)
            object.field("file_id", file)
            object.hints(settings.languageHints, isStrict: settings.languageHintsStrict, terms)
            object.field("enable_speaker_diarization", settings.speakerDiarization)
            object.field("enable_language_identification", settings.languageIdentification)
            object.field("client_reference_id", recording.text)
        }
        return writer.text
    }

    private static func makeRequest(
        _ method: HTTPMethod, _ path: String, _ settings: TranscriptionSettings
    ) throws(UplinkFailure) -> HTTPRequest {
        let setting = "transcription.rest_url"
        if let bearer = settings.bearer, !bearer.isHeaderValue {
            throw UplinkFailure(.configuration, "the key for \(setting) contains characters that no key has")
        }
        var base = settings.url
        while base.utf8.last == 0x2F { base = base.before(last: "/") ?? "" }
        let endpoint = try Endpoint(
            base.isEmpty ? "" : base + path, name: setting, secure: "https", plain: "http")
        return HTTPRequest(
            method, endpoint, secret: settings.bearer, kilobitsPerSecond: settings.kilobitsPerSecond,
            responseLimitBytes: Limits.uploadAnswerBytes)
    }

    /// The service's identifier of a file or a transcription, which becomes part of a path.
    static func safe(_ name: String) throws(UplinkFailure) -> String {
        guard isName(name) else {
            throw UplinkFailure(.messageMalformed, "the service returned an invalid identifier")
        }
        return name
    }

    static func isName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= TranscriptionLimits.identifierBytes
            && name.isEvery {
                $0 >= 0x30 && $0 <= 0x39 || $0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A || $0 == 0x2D || $0 == 0x5F
            }
    }
}
