internal import Foundation

/// The first message of a session, as far as the service looks at it. Other fields are accepted.
struct SessionConfiguration: Decodable {
    var model: String
    var audioFormat: String
    var sampleRate: Int?
    var numChannels: Int?
    var apiKey: String?
    var clientReferenceID: String?
    var enableSpeakerDiarization: Bool?
    var enableLanguageIdentification: Bool?
    var maxEndpointDelayMilliseconds: Int?
    var languageHintsStrict: Bool?
    var context: RecognitionContext?
    var translation: Translation?

    struct Translation: Decodable {
        var type: String
        var target_language: String?
        var language_a: String?
        var language_b: String?
    }

    enum CodingKeys: String, CodingKey {
        case model
        case audioFormat = "audio_format"
        case sampleRate = "sample_rate"
        case numChannels = "num_channels"
        case apiKey = "api_key"
        case clientReferenceID = "client_reference_id"
        case enableSpeakerDiarization = "enable_speaker_diarization"
        case enableLanguageIdentification = "enable_language_identification"
        case maxEndpointDelayMilliseconds = "max_endpoint_delay_ms"
        case languageHintsStrict = "language_hints_strict"
        case context, translation
    }

    /// Reads a first message.
    static func parse(_ text: String) throws(ServiceError) -> SessionConfiguration {
        do {
            let configuration = try JSONDecoder().decode(SessionConfiguration.self, from: Data(text.utf8))
            try configuration.validate()
            return configuration
        } catch let error as ServiceError {
            throw error
        } catch DecodingError.keyNotFound(let key, _) {
            throw .badRequest("Missing field: \(key.stringValue).")
        } catch DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context) {
            throw .badRequest("Invalid type of field: \(context.codingPath.map(\.stringValue).joined(separator: ".")).")
        } catch {
            throw .badRequest("Start request is not valid JSON.")
        }
    }

    private func validate() throws(ServiceError) {
        guard model.hasPrefix("stt-rt"), model.utf8.count <= 32 else { throw .badRequest("Invalid model specified.") }
        guard audioFormat == "pcm_s16le" else {
            throw .badRequest("Invalid audio_format: this stand-in takes pcm_s16le only.")
        }
        guard let sampleRate, let numChannels else {
            throw .badRequest("audio_format pcm_s16le needs sample_rate and num_channels.")
        }
        guard sampleRate == 16_000, numChannels == 1 else {
            throw .badRequest("This stand-in takes sample_rate 16000 and num_channels 1 only.")
        }
        if let clientReferenceID, clientReferenceID.unicodeScalars.count > 256 {
            throw .badRequest("client_reference_id is longer than 256 characters.")
        }
        if let maxEndpointDelayMilliseconds, !(500...3_000).contains(maxEndpointDelayMilliseconds) {
            throw .badRequest("max_endpoint_delay_ms must be from 500 to 3000.")
        }
        if context?.isTooLong == true { throw .badRequest("context is longer than 10000 characters.") }
    }

    /// The message for the log, without its key.
    static func withoutKey(_ text: String) -> String {
        guard var object = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] else { return "" }
        object["api_key"] = nil
        guard let data = try? JSONSerialization.data(withJSONObject: object, options: [.sortedKeys]) else { return "" }
        return String(decoding: data, as: UTF8.self)
    }
}

/// What a recogniser is told beforehand of what it will hear.
struct RecognitionContext: Decodable {
    struct Pair: Decodable {
        var key: String
        var value: String
    }

    var general: [Pair]?
    var text: String?
    var terms: [String]?

    var isTooLong: Bool {
        let words = (general ?? []).flatMap { [$0.key, $0.value] } + (terms ?? []) + [text ?? ""]
        return words.reduce(0) { $0 + $1.unicodeScalars.count } > 10_000
    }
}

/// A text control message of a running session.
enum ControlMessage: String, Decodable {
    case keepalive, finalize, finish

    private struct Envelope: Decodable {
        var type: ControlMessage
    }

    static func parse(_ text: String) throws(ServiceError) -> ControlMessage {
        // The official clients end the audio with an empty text frame.
        if text.isEmpty { return .finish }
        do {
            return try JSONDecoder().decode(Envelope.self, from: Data(text.utf8)).type
        } catch {
            throw .badRequest("Control request is invalid.")
        }
    }
}

/// An error the service states before it closes.
struct ServiceError: Error, Equatable {
    var code: Int
    var type: String
    var message: String

    static func badRequest(_ message: String) -> ServiceError {
        ServiceError(code: 400, type: "invalid_request", message: message)
    }

    /// The service's words for a code.
    init(code: Int) {
        let type = ErrorType.allCases.first { $0.code == code }
        self.init(code: code, type: type?.rawValue ?? "api_error", message: type?.message ?? "Error \(code).")
    }

    init(_ type: ErrorType) {
        self.init(code: type.code, type: type.rawValue, message: type.message)
    }

    init(code: Int, type: String, message: String) {
        self.code = code
        self.type = type
        self.message = message
    }
}

/// Messages from the service.
enum ServiceMessage {
    private struct Token: Encodable {
        var text: String
        var start_ms: Int?
        var end_ms: Int?
        var confidence: Double
        var is_final: Bool
        var speaker: String?
        var language: String?
        var translation_status: String?
        var source_language: String?
        var unknown: Unknown?
    }

    /// What a later version of the service might add.
    private struct Unknown: Encodable {
        var tokens = ["", "<end>"]
        var nested = ["finished": [true], "error_code": [false]]
        var number = -1.5e300
        var text = "\u{1F58D} \" \\ \n"

        enum CodingKeys: String, CodingKey {
            case tokens, nested, number
            case text = "is_final"
        }
    }

    private struct Result: Encodable {
        var tokens: [Token]
        var final_audio_proc_ms: Int
        var total_audio_proc_ms: Int
        var finished: Bool?
        var unknown: Unknown?
    }

    private struct Failure: Encodable {
        var error_code: Int
        var error_type: String
        var error_message: String
        var request_id: String
    }

    /// Which optional parts of a token the session asked for.
    struct Extras: Sendable {
        var speaker: Bool
        var language: Bool
        /// Each final token is followed by what it is in another language.
        var translation = false
        /// Fields that nobody knows.
        var unknown = false
        /// The first token of a message is without times.
        var firstUntimed = false
    }

    /// Valid JSON, but no field has its type.
    static let wrongTypes = #"""
        {"tokens":[{"text":5,"start_ms":"12","end_ms":[],"confidence":"high","is_final":"yes","speaker":{}}],\#
        "final_audio_proc_ms":"all","total_audio_proc_ms":{},"finished":"no"}
        """#

    /// What one recognition says; `<fin>` follows the finals that a `finalize` brought.
    static func result(_ recognition: Recognition, extras: Extras, isFinalized: Bool = false) -> String {
        func token(_ token: RecognisedToken, isFinal: Bool) -> Token {
            Token(
                text: token.text, start_ms: token.startMilliseconds, end_ms: token.endMilliseconds,
                confidence: token.confidence, is_final: isFinal, speaker: extras.speaker ? token.speaker : nil,
                language: extras.language ? token.language : nil,
                translation_status: extras.translation ? "original" : nil, unknown: extras.unknown ? Unknown() : nil)
        }
        var tokens: [Token] = []
        for final in recognition.finals {
            tokens.append(token(final, isFinal: true))
            if extras.translation { tokens.append(translation(of: final, extras)) }
        }
        if isFinalized { tokens.append(Token(text: "<fin>", confidence: 1, is_final: true)) }
        tokens += recognition.nonFinals.map { token($0, isFinal: false) }
        if extras.firstUntimed, !tokens.isEmpty { (tokens[0].start_ms, tokens[0].end_ms) = (nil, nil) }
        return json(
            Result(
                tokens: tokens, final_audio_proc_ms: recognition.finalSamples / samplesPerMillisecond,
                total_audio_proc_ms: recognition.totalSamples / samplesPerMillisecond,
                unknown: extras.unknown ? Unknown() : nil))
    }

    /// Without times and confidence.
    private static func translation(of token: RecognisedToken, _ extras: Extras) -> Token {
        Token(
            text: token.text.uppercased(), confidence: 0, is_final: true,
            speaker: extras.speaker ? token.speaker : nil, language: "xx", translation_status: "translation",
            source_language: token.language)
    }

    static func finished(_ recognition: Recognition) -> String {
        json(
            Result(
                tokens: [], final_audio_proc_ms: recognition.finalSamples / samplesPerMillisecond,
                total_audio_proc_ms: recognition.totalSamples / samplesPerMillisecond, finished: true))
    }

    static func failure(_ error: ServiceError) -> String {
        json(
            Failure(
                error_code: error.code, error_type: error.type, error_message: error.message,
                request_id: UUID().uuidString.lowercased()))
    }

    static func json(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        guard let data = try? encoder.encode(value) else { preconditionFailure("own messages encode") }
        return String(decoding: data, as: UTF8.self)
    }
}
