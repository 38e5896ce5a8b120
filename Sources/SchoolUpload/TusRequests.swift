internal import RecorderCore
internal import WebTransport

/// Makes requests to the school's servers (docs/PROTOCOL.md, Uploads): tus 1.0
/// (https://tus.io/protocols/resumable-upload) with the metadata that Supabase's storage wants, and the manifest.
enum TusRequests {
    private static let version = HTTPHeader("tus-resumable:", "1.0.0")

    static func request(_ request: UploadRequest, _ settings: UploadSettings) throws(UplinkFailure) -> HTTPRequest {
        switch request {
        case .create(let recording, let file):
            return try create(recording, file, settings)
        case .offset(_, let file):
            return try makeRequest(.head, url(of: file), settings, headers: [version])
        case .send(let recording, let file, let from, let count):
            guard from >= 0, count > 0, from <= file.bytes - count else {
                throw UplinkFailure(.configuration, "\(file.name) has no bytes \(from) to \(from) + \(count)")
            }
            var patch = try makeRequest(
                .patch, url(of: file), settings,
                headers: [
                    version, HTTPHeader("content-type:", "application/offset+octet-stream"),
                    HTTPHeader("upload-offset:", "\(from)"),
                ])
            patch.body = .file(settings.path(recording, try safe(file.name)), from: from, count: count)
            return patch
        case .manifest(let recording):
            return try manifest(recording, settings)
        }
    }

    private static func create(
        _ recording: RecordingID, _ file: UploadPackageFile, _ settings: UploadSettings
    ) throws(UplinkFailure) -> HTTPRequest {
        // The first three are Supabase's names, the last two what other servers ask for.
        let fields = [
            ("bucketName", settings.bucket), ("objectName", recording.text + "/" + (try safe(file.name))),
            ("contentType", file.contentType), ("filename", file.name), ("filetype", file.contentType),
        ]
        var metadata = ""
        for (name, value) in fields {
            metadata += (metadata.isEmpty ? "" : ",") + name + " " + Base64.encode(Array(value.utf8))
        }
        return try makeRequest(
            .post, settings.url, settings,
            headers: [
                version, HTTPHeader("upload-length:", "\(file.bytes)"), HTTPHeader("upload-metadata:", metadata),
                // Replaces what an earlier upload of the same lesson has left.
                HTTPHeader("x-upsert:", "true"),
            ])
    }

    private static func manifest(
        _ recording: RecordingID, _ settings: UploadSettings
    ) throws(UplinkFailure) -> HTTPRequest {
        let body = try HTTPBody.wholeFile(settings.path(recording, "manifest.json"))
        var post = try makeRequest(
            .post, settings.manifestURL, settings, setting: "upload.manifest_url",
            headers: [
                HTTPHeader("content-type:", "application/json"), HTTPHeader("idempotency-key:", recording.text),
            ])
        post.body = body
        post.responseLimitBytes = Limits.manifestAnswerBytes
        return post
    }

    private static func makeRequest(
        _ method: HTTPMethod, _ url: String, _ settings: UploadSettings, setting: String = "upload.url",
        headers: [HTTPHeader]
    ) throws(UplinkFailure) -> HTTPRequest {
        let endpoint = try Endpoint(url, name: setting, secure: "https", plain: "http")
        if let bearer = settings.bearer, !bearer.isHeaderValue {
            throw UplinkFailure(.configuration, "upload.bearer_file contains no valid secret")
        }
        let isOurs = try isConfigured(endpoint, settings)
        let identity =
            settings.certificateFile.isEmpty
            ? nil : ClientIdentity(certificateFile: settings.certificateFile, keyFile: settings.keyFile)
        return HTTPRequest(
            method, endpoint, headers: headers, secret: isOurs ? settings.bearer : nil,
            identity: isOurs ? identity : nil, kilobitsPerSecond: settings.kilobitsPerSecond,
            responseLimitBytes: Limits.uploadAnswerBytes)
    }

    /// Whether a setting names this server. One that only a `Location` names gets no secret.
    private static func isConfigured(_ endpoint: Endpoint, _ settings: UploadSettings) throws(UplinkFailure) -> Bool {
        for url in [settings.url, settings.manifestURL] where !url.isEmpty {
            let known = try Endpoint(url, name: "upload.url", secure: "https", plain: "http")
            if known.authority == endpoint.authority, known.isTLS == endpoint.isTLS { return true }
        }
        return false
    }

    private static func url(of file: UploadPackageFile) throws(UplinkFailure) -> String {
        guard let url = file.url else { throw UplinkFailure(.configuration, "\(file.name) has no upload URL yet") }
        return url
    }

    /// A file name that cannot leave its directory.
    private static func safe(_ name: String) throws(UplinkFailure) -> String {
        guard !name.isEmpty, name.utf8.count <= UploadLimits.fileNameBytes, !name.holds(0x2F), name != "..",
            name.isEvery({ $0 > 0x20 && $0 < 0x7F })
        else { throw UplinkFailure(.configuration, "a file of the lesson has an invalid name") }
        return name
    }
}
