/// One token as the speech service sends it; times count from its session's first sample.
package struct ServiceToken: Equatable, Sendable {
    /// Without the service's markers.
    package var text: String
    package var startMilliseconds: Int64
    package var endMilliseconds: Int64
    package var confidence: Double
    package var isFinal: Bool
    /// The session's own label, or empty.
    package var speaker: String
    package var language: String

    package init(
        text: String, startMilliseconds: Int64, endMilliseconds: Int64, confidence: Double, isFinal: Bool,
        speaker: String, language: String
    ) {
        self.text = Self.withoutMarkers(text)
        self.startMilliseconds = startMilliseconds
        self.endMilliseconds = endMilliseconds
        self.confidence = confidence
        self.isFinal = isFinal
        self.speaker = speaker
        self.language = language
    }

    /// `<end>` and `<fin>` are the service's own and never text, however they are written, and whatever they stick to
    /// (docs/PROTOCOL.md, Messages).
    private static func withoutMarkers(_ text: String) -> String {
        guard text.holds(0x3C) else { return text }
        let bytes = Array(text.utf8)
        var kept: [UInt8] = []
        var place = 0
        while place < bytes.count {
            if isMarker(bytes, place) {
                place += 5
            } else {
                kept.append(bytes[place])
                place += 1
            }
        }
        return String(decoding: kept, as: UTF8.self)
    }

    private static func isMarker(_ bytes: [UInt8], _ place: Int) -> Bool {
        guard place + 5 <= bytes.count, bytes[place] == 0x3C, bytes[place + 4] == 0x3E else { return false }
        var name: UInt32 = 0
        for letter in 1...3 { name = name << 8 | UInt32(bytes[place + letter] | 0x20) }
        // "end" and "fin".
        return name == 0x65_6E_64 || name == 0x66_69_6E
    }
}

/// One text message of the speech service that is not an error (PROTOCOL, Messages).
package struct ServiceMessage: Equatable, Sendable {
    package var tokens: [ServiceToken]
    /// Milliseconds of the session's audio whose tokens will not change any more.
    package var finalAudioMilliseconds: Int64
    /// Milliseconds of the session's audio that the service has worked through.
    package var totalAudioMilliseconds: Int64
    /// Milliseconds of the session's audio that had reached the service's host when the message came; 0: not known.
    package var sentMilliseconds: Int64 = 0
    /// The service has said its last word of this session.
    package var finished: Bool
    /// Tokens that had to be repaired or left out, and places beyond the audio that the session was sent.
    package var oddTokens = 0
    package var oddPositions = 0
    /// Tokens that translate what was said: not among `tokens`.
    package var translatedTokens = 0

    package init(
        tokens: [ServiceToken] = [], finalAudioMilliseconds: Int64 = 0, totalAudioMilliseconds: Int64 = 0,
        finished: Bool = false
    ) {
        self.tokens = tokens
        self.finalAudioMilliseconds = finalAudioMilliseconds
        self.totalAudioMilliseconds = totalAudioMilliseconds
        self.finished = finished
    }
}

/// The short-lived key of one session, from the token endpoint. Never written to disk, never logged: it has no
/// description.
package struct SessionKey: Equatable, Sendable {
    package var secret: String
    /// Where the endpoint says the service is; empty when it did not say.
    package var webSocketURL: String
    /// How long it is good, from its arrival; nil when the endpoint did not say.
    package var lifetimeMilliseconds: Int64?

    package init(secret: String, webSocketURL: String, lifetimeMilliseconds: Int64? = nil) {
        self.secret = secret
        self.webSocketURL = webSocketURL
        self.lifetimeMilliseconds = lifetimeMilliseconds
    }
}

/// One speech session to open.
package struct SessionRequest: Equatable, Sendable {
    package var id: SessionID
    package var key: SessionKey
    /// The key was fetched in advance: that it is refused says nothing about the box.
    package var isPrefetchedKey: Bool
    /// The service's name for the recording (`client_reference_id`).
    package var recording: RecordingID
    /// The recording's sample that is the session's first.
    package var base: SampleIndex
    /// Where its audio ends; nil: with the lesson.
    package var end: SampleIndex?
    /// Seconds of audio a second when behind.
    package var catchUpRate: Double
    /// The lesson is over: all its audio comes out of the journal.
    package var isSaved: Bool

    package init(
        id: SessionID, key: SessionKey, isPrefetchedKey: Bool = false, recording: RecordingID, base: SampleIndex,
        end: SampleIndex? = nil, catchUpRate: Double = 1.5, isSaved: Bool = false
    ) {
        self.id = id
        self.key = key
        self.isPrefetchedKey = isPrefetchedKey
        self.recording = recording
        self.base = base
        self.end = end
        self.catchUpRate = catchUpRate
        self.isSaved = isSaved
    }
}
