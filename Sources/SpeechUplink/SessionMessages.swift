internal import RecorderCore
internal import WebTransport

/// The text messages that the recorder sends in a session (docs/PROTOCOL.md, Messages; the service's own clients send
/// the same).
enum SessionMessages {
    static let keepalive = #"{"type":"keepalive"}"#
    /// As both official clients end the audio: an empty text message.
    static let finish = ""

    /// The first message. The key is in the handshake (docs/PROTOCOL.md, Handshake) and must not be here as well.
    static func start(_ settings: UplinkSettings, _ terms: [String], recording: RecordingID) -> String {
        var writer = JSONWriter()
        writer.object { object in
            object.field("model", settings.model)
            object.field("audio_format", "pcm_s16le")
            object.field("sample_rate", SampleIndex.samplesPerSecond)
            object.field("num_channels", 1)
            object.hints(settings.languageHints, isStrict: settings.languageHintsStrict, terms)
            object.field("enable_speaker_diarization", settings.speakerDiarization)
            object.field("enable_language_identification", settings.languageIdentification)
            object.field("enable_endpoint_detection", settings.endpointDetection)
            object.field("client_reference_id", recording.text)
        }
        return writer.text
    }
}
