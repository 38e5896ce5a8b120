/// Settings of the uplink, fixed when it is made.
package struct UplinkSettings: Sendable {
    package var tokenURL: String
    /// The box's own secret for the token endpoint, already read from its file.
    package var tokenBearer: String?
    /// Empty: the key's, else the service's own.
    package var webSocketURL: String
    package var model: String
    package var languageHints: [String]
    package var languageHintsStrict: Bool
    /// Read at each session's start; empty: none.
    package var termsFile: String
    package var speakerDiarization: Bool
    package var languageIdentification: Bool
    package var endpointDetection: Bool
    /// A live session whose service is silent for this long counts as lost.
    package var deadAfterMilliseconds: Int64

    package init(
        tokenURL: String, tokenBearer: String? = nil, webSocketURL: String = "", model: String = "stt-rt-v6",
        languageHints: [String] = ["en", "ar"], languageHintsStrict: Bool = false, termsFile: String = "",
        speakerDiarization: Bool = true, languageIdentification: Bool = true, endpointDetection: Bool = false,
        deadAfterMilliseconds: Int64 = 3_000
    ) {
        self.tokenURL = tokenURL
        self.tokenBearer = tokenBearer
        self.webSocketURL = webSocketURL
        self.model = model
        self.languageHints = languageHints
        self.languageHintsStrict = languageHintsStrict
        self.termsFile = termsFile
        self.speakerDiarization = speakerDiarization
        self.languageIdentification = languageIdentification
        self.endpointDetection = endpointDetection
        self.deadAfterMilliseconds = deadAfterMilliseconds
    }
}

/// Bounds of this module alone.
enum UplinkLimits {
    /// Sessions and key requests at one time: make-before-break needs two of each.
    static let connections = 6
    static let sentEventMilliseconds: Int64 = 500
    static let roundTripMilliseconds: Int64 = 10_000
}
