package import RecorderCore
package import WebTransport

/// Where finished lessons are uploaded to, and as whom.
package struct UploadSettings: Sendable {
    /// tus 1.0, creation.
    package var url: String
    package var manifestURL: String
    /// Supabase's bucket; other servers ignore it.
    package var bucket: String
    /// The box's own secret for both URLs, already read from its file.
    package var bearer: String?
    /// PEM files; both empty: no client certificate.
    package var certificateFile: String
    package var keyFile: String
    /// 0: no limit.
    package var kilobitsPerSecond: Int
    /// The directory that holds the recordings' directories.
    package var recordings: String

    package init(
        url: String = "", manifestURL: String = "", bucket: String = "lessons", bearer: String? = nil,
        certificateFile: String = "", keyFile: String = "", kilobitsPerSecond: Int = 0, recordings: String
    ) {
        self.url = url
        self.manifestURL = manifestURL
        self.bucket = bucket
        self.bearer = bearer
        self.certificateFile = certificateFile
        self.keyFile = keyFile
        self.kilobitsPerSecond = kilobitsPerSecond
        self.recordings = recordings
    }

    /// A file in a recording's own directory.
    func path(_ recording: RecordingID, _ name: String) -> String {
        recordings + "/" + recording.text + "/" + name
    }
}

/// One request to the school's servers.
package final class UploadCall: HTTPCall, @unchecked Sendable {
    private let request: UploadRequest
    private let settings: UploadSettings
    /// Nil until the call has ended. Written on the transport's thread; the queue that brings `.ended` orders the two.
    package private(set) var answer: UploadAnswer?

    package init(_ request: UploadRequest, _ settings: UploadSettings) {
        self.request = request
        self.settings = settings
    }

    package func makeRequest() throws(UplinkFailure) -> HTTPRequest {
        try TusRequests.request(request, settings)
    }

    package func receive(_ response: HTTPResponse, from endpoint: Endpoint) {
        answer = TusResponses.read(response, to: request, at: endpoint)
    }

    package func fail(_ failure: UplinkFailure) {
        answer = .failed(failure)
    }
}

/// Bounds of this module alone.
enum UploadLimits {
    static let fileNameBytes = 255
    /// No server has more; below a tenth of what an Int holds.
    static let fileBytes = 1 << 56
}
