package import RecorderCore
package import WebTransport

/// The speech service's asynchronous interface, and what it is asked to recognise.
package struct TranscriptionSettings: Sendable {
    /// Without `/v1`; empty: there is none.
    package var url: String
    /// The box's own secret for it, already read from its file.
    package var bearer: String?
    package var model: String
    package var languageHints: [String]
    package var languageHintsStrict: Bool
    /// Read for each transcription; empty: none. What is wrong with it, the live interface tells.
    package var termsFile: String
    package var speakerDiarization: Bool
    package var languageIdentification: Bool
    /// 0: no limit.
    package var kilobitsPerSecond: Int

    package init(
        url: String = "", bearer: String? = nil, model: String = "stt-async-v6",
        languageHints: [String] = ["en", "ar"], languageHintsStrict: Bool = false, termsFile: String = "",
        speakerDiarization: Bool = true, languageIdentification: Bool = true, kilobitsPerSecond: Int = 0
    ) {
        self.url = url
        self.bearer = bearer
        self.model = model
        self.languageHints = languageHints
        self.languageHintsStrict = languageHintsStrict
        self.termsFile = termsFile
        self.speakerDiarization = speakerDiarization
        self.languageIdentification = languageIdentification
        self.kilobitsPerSecond = kilobitsPerSecond
    }
}

/// One request to the asynchronous interface.
package final class TranscriptionCall: HTTPCall, @unchecked Sendable {
    private let request: TranscriptionRequest
    private let settings: TranscriptionSettings
    /// Nil until the call has ended. Written on the transport's thread; the queue that brings `.ended` orders the two.
    package private(set) var answer: TranscriptionAnswer?

    package init(_ request: TranscriptionRequest, _ settings: TranscriptionSettings) {
        self.request = request
        self.settings = settings
    }

    package func makeRequest() throws(UplinkFailure) -> HTTPRequest {
        try TranscriptionRequests.request(request, settings)
    }

    package func receive(_ response: HTTPResponse, from endpoint: Endpoint) {
        answer = TranscriptionResponses.read(response, to: request, at: endpoint)
    }

    package func fail(_ failure: UplinkFailure) {
        answer = .failed(failure)
    }
}

/// Bounds of this module alone.
enum TranscriptionLimits {
    static let identifierBytes = 128
}
