package import RecorderCore

/// Settings of the uplink, fixed when it is made.
package struct UplinkSettings: Sendable {
    package var tokenURL: String
    /// The box's own secret for the token endpoint, already read from its file.
    package var tokenBearer: String?
    /// Empty: the key's, else the service's own.
    package var webSocketURL: String
    package var model: String
    package var languageHints: [String]
    package var speakerDiarization: Bool
    package var languageIdentification: Bool
    package var endpointDetection: Bool
    /// A live session whose service is silent for this long counts as lost.
    package var deadAfterMilliseconds: Int64

    package init(
        tokenURL: String, tokenBearer: String? = nil, webSocketURL: String = "", model: String = "stt-rt-v5",
        languageHints: [String] = ["en", "ar"], speakerDiarization: Bool = true, languageIdentification: Bool = true,
        endpointDetection: Bool = false, deadAfterMilliseconds: Int64 = 3_000
    ) {
        self.tokenURL = tokenURL
        self.tokenBearer = tokenBearer
        self.webSocketURL = webSocketURL
        self.model = model
        self.languageHints = languageHints
        self.speakerDiarization = speakerDiarization
        self.languageIdentification = languageIdentification
        self.endpointDetection = endpointDetection
        self.deadAfterMilliseconds = deadAfterMilliseconds
    }
}

/// A command to the uplink.
package enum UplinkCommand: Sendable {
    case fetchToken(attempt: Int)
    /// Drops a request that nobody waits for; no effect when there is none.
    case cancelToken(attempt: Int)
    case open(SessionRequest)
    /// Sends the audio before `end`, then `finish`, and waits for the service's last message.
    case finish(session: Int, end: SampleIndex)
    /// Ends a session at once; no effect when there is none.
    case close(session: Int)
    /// Samples from the journal, requested by `audioWanted`; empty: they cannot be read.
    case audio(session: Int, from: SampleIndex, [Int16])
}

extension UplinkCommand {
    /// Places in the queue that must stay free when it is queued.
    var reserve: Int {
        switch self {
        case .fetchToken, .open, .audio: Limits.uplinkCommands / 4 * 3
        case .cancelToken, .finish, .close: 0
        }
    }
}

/// An event from the uplink.
package enum UplinkEvent: Equatable, Sendable {
    case token(attempt: Int, SessionKey)
    case tokenFailed(attempt: Int, UplinkFailure)
    /// Connected, and the first message written.
    case opened(session: Int, tookMilliseconds: Int64)
    case message(session: Int, ServiceMessage)
    /// The samples before this are written to the connection; posted at most twice a second.
    case sent(session: Int, through: SampleIndex)
    /// The session needs samples that the ring no longer has.
    case audioWanted(session: Int, from: SampleIndex)
    /// The last event of a session; nil after its `finished` or our own close.
    case closed(session: Int, UplinkFailure?)
}

/// Bounds of this module alone.
enum UplinkLimits {
    /// Sessions and key requests at one time: make-before-break needs two of each.
    static let connections = 6
    static let sentEventMilliseconds: Int64 = 500
    static let roundTripMilliseconds: Int64 = 10_000
}
