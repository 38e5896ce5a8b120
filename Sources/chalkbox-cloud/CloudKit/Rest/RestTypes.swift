internal import Foundation

/// An error of the service's REST API, in its own shape.
struct RestRefusal: Error {
    var status: Int
    var type: String
    var message: String
    /// A field and what is wrong with it.
    var field: (location: String, message: String)?

    private struct Body: Encodable {
        struct Field: Encodable {
            var error_type: String
            var location: String
            var message: String
        }

        var status_code: Int
        var error_type: String
        var message: String
        var validation_errors: [Field]
        var request_id = UUID().uuidString.lowercased()
    }

    init(_ status: Int, _ type: String, _ message: String) {
        self.status = status
        self.type = type
        self.message = message
    }

    /// The service's words for a status.
    init(status: Int) {
        let error = ServiceError(code: status)
        self.init(status, error.type, error.message)
    }

    static func invalid(_ location: String, _ message: String) -> RestRefusal {
        var refusal = RestRefusal(400, "invalid_request", "Invalid request.")
        refusal.field = (location, message)
        return refusal
    }

    var json: String {
        let fields = field.map { [Body.Field(error_type: "value_error", location: $0.location, message: $0.message)] }
        return ServiceMessage.json(
            Body(status_code: status, error_type: type, message: message, validation_errors: fields ?? []))
    }
}

/// What the REST API says, field by field.
enum RestMessage {
    struct File: Encodable {
        var id: String
        var filename: String
        var size: Int
        var created_at: String
        var client_reference_id: String?
    }

    struct Files: Encodable {
        var files: [File]
        var next_page_cursor: String?
    }

    struct Count: Encodable {
        var total: Int
        var public_api: Int
        var playground = 0
    }

    struct Transcription: Encodable {
        var id: String
        var status: String
        var created_at: String
        var model: String
        var file_id: String?
        var filename: String
        var language_hints: [String]?
        var enable_speaker_diarization: Bool
        var enable_language_identification: Bool
        var audio_duration_ms: Int?
        var error_type: String?
        var error_message: String?
        var client_reference_id: String?
    }

    struct Transcriptions: Encodable {
        var transcriptions: [Transcription]
        var next_page_cursor: String?
    }

    struct Token: Encodable {
        var text: String
        var start_ms: Int
        var end_ms: Int
        var confidence: Double
        var speaker: String?
        var language: String?
    }

    struct Transcript: Encodable {
        var id: String
        var text: String
        var tokens: [Token]
    }

    /// Valid JSON, but no field has its type.
    static let wrongTypes = #"{"id":7,"text":["a"],"tokens":[{"text":5,"start_ms":"12","end_ms":{},"speaker":1}]}"#
    static let malformed = #"{"id":"cut","text":"a","tokens":[{"text":"cu"#
}

/// The request of a transcription, as far as the service looks at it.
struct TranscriptionRequest: Decodable {
    var model: String
    var file_id: String?
    var audio_url: String?
    var language_hints: [String]?
    var language_hints_strict: Bool?
    var context: RecognitionContext?
    var enable_speaker_diarization: Bool?
    var enable_language_identification: Bool?
    var client_reference_id: String?

    static func parse(_ bytes: [UInt8]) throws(RestRefusal) -> TranscriptionRequest {
        do {
            let request = try JSONDecoder().decode(TranscriptionRequest.self, from: Data(bytes))
            try request.validate()
            return request
        } catch let refusal as RestRefusal {
            throw refusal
        } catch DecodingError.keyNotFound(let key, _) {
            throw .invalid("body.\(key.stringValue)", "Field required.")
        } catch DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context) {
            let path = context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }
            throw .invalid((["body"] + path).joined(separator: "."), "Invalid type.")
        } catch {
            throw .invalid("body", "Invalid JSON.")
        }
    }

    private func validate() throws(RestRefusal) {
        guard model.hasPrefix("stt-async"), model.utf8.count <= 32 else {
            throw .invalid("body.model", "Unknown model for asynchronous transcription.")
        }
        guard audio_url == nil else {
            throw .invalid("body.audio_url", "This stand-in takes uploaded files only.")
        }
        guard file_id != nil else { throw .invalid("body.file_id", "Either audio_url or file_id must be provided.") }
        for hint in language_hints ?? [] where hint.utf8.count != 2 {
            throw .invalid("body.language_hints", "A language hint has two letters.")
        }
        guard (client_reference_id ?? "").unicodeScalars.count <= 256 else {
            throw .invalid("body.client_reference_id", "Longer than 256 characters.")
        }
        guard context?.isTooLong != true else { throw .invalid("body.context", "Longer than 10000 characters.") }
    }
}
