internal import Foundation
internal import NIOCore
internal import NIOHTTP1

/// The school's upload server: tus 1.0.0 with the extensions creation, expiration, checksum and termination, by the
/// rules of Supabase's storage (metadata names the object; `x-upsert: true` may replace one).
struct TusEndpoint {
    static let path = "/files/"
    private static let version = "1.0.0"
    private static let extensions = "creation,expiration,checksum,termination"
    private static let contentType = "application/offset+octet-stream"

    /// Why a request is refused.
    struct Refusal: Error {
        var status: Int
        var message: String
        var headers: [(String, String)] = []

        init(_ status: Int, _ message: String, headers: [(String, String)] = []) {
            self.status = status
            self.message = message
            self.headers = headers
        }
    }

    let state: CloudState
    let isTLS: Bool

    static func takes(_ path: String) -> Bool { path == "/files" || path.hasPrefix(Self.path) }

    func begin(_ exchange: Exchange) -> any StreamedRequest {
        do throws(Refusal) {
            return try open(exchange)
        } catch {
            exchange.answer(answer(error, exchange))
            return BareRequest {}
        }
    }

    private func open(_ exchange: Exchange) throws(Refusal) -> any StreamedRequest {
        let head = exchange.head
        // Clients behind proxies that know few methods (tus 1.0, X-HTTP-Method-Override).
        let method = exchange.header("x-http-method-override").map { HTTPMethod(rawValue: $0.uppercased()) }
            ?? head.method
        if method == .OPTIONS { return BareRequest { exchange.answer(options()) } }
        try state.uploadAccess.check(exchange.header("authorization"))
        guard exchange.header("tus-resumable") == Self.version else {
            throw Refusal(412, "Tus-Resumable is not \(Self.version)", headers: [("Tus-Version", Self.version)])
        }
        let id = String(head.uri.prefix { $0 != "?" }.dropFirst(Self.path.utf8.count))
        switch (method, id.isEmpty) {
        case (.POST, true):
            try strike(\.createStatus)
            return BareRequest { attempt(exchange) { () throws(Refusal) in try create(exchange) } }
        case (.HEAD, false):
            try strike(\.headStatus)
            return BareRequest { attempt(exchange) { () throws(Refusal) in try tell(exchange, find(id)) } }
        case (.PATCH, false):
            try strike(\.patchStatus)
            return try patch(exchange, find(id))
        case (.DELETE, false):
            try strike(\.uploadDeleteStatus)
            return BareRequest { attempt(exchange) { () throws(Refusal) in try delete(exchange, find(id)) } }
        default: throw Refusal(405, "there is no such method here")
        }
    }

    // MARK: - Methods

    private func options() -> HTTPAnswer {
        HTTPAnswer(
            204,
            [
                ("Tus-Resumable", Self.version), ("Tus-Version", Self.version), ("Tus-Extension", Self.extensions),
                ("Tus-Max-Size", "\(state.faults.plan.uploadMaximumBytes)"),
                ("Tus-Checksum-Algorithm", Digest.Algorithm.allCases.map(\.rawValue).joined(separator: ",")),
            ])
    }

    private func create(_ exchange: Exchange) throws(Refusal) {
        guard let length = exchange.header("upload-length").flatMap(Self.number) else {
            throw Refusal(400, "Upload-Length is missing or no number of bytes")
        }
        guard length <= state.faults.plan.uploadMaximumBytes else {
            throw Refusal(413, "Upload-Length is above \(state.faults.plan.uploadMaximumBytes)")
        }
        let header = exchange.header("upload-metadata") ?? ""
        let metadata: UploadMetadata
        do throws(UploadMetadata.Failure) {
            metadata = try UploadMetadata(header)
        } catch {
            throw Refusal(400, "Upload-Metadata: \(error.reason)")
        }
        let name = "\(metadata.bucketName)/\(metadata.objectName)"
        if state.uploads.object(name) != nil, exchange.header("x-upsert") != "true" {
            throw Refusal(409, "the object \(name) exists")
        }
        let life = state.faults.plan.uploadLifeMilliseconds ?? state.configuration.uploadLifeSeconds * 1_000
        let upload: Upload
        do {
            upload = try state.uploads.create(
                metadata, header: header, length: length, expires: Date(timeIntervalSinceNow: Double(life) / 1_000))
        } catch {
            throw Refusal(500, "\(error)")
        }
        if state.faults.claim(\.createLost) != nil { return exchange.cut() }
        let location = origin(exchange) + Self.path + upload.id
        exchange.answer(
            HTTPAnswer(201, [("Tus-Resumable", Self.version), ("Location", location), expiry(of: upload)]))
    }

    private func tell(_ exchange: Exchange, _ upload: Upload) {
        let lie = state.faults.claim(\.headOffset)?.value ?? 0
        exchange.answer(
            HTTPAnswer(
                200,
                [
                    ("Tus-Resumable", Self.version), ("Upload-Offset", "\(max(0, upload.offset + lie))"),
                    ("Upload-Length", "\(upload.facts.length)"), ("Upload-Metadata", upload.facts.metadata),
                    ("Cache-Control", "no-store"), expiry(of: upload),
                ]))
    }

    private func patch(_ exchange: Exchange, _ upload: Upload) throws(Refusal) -> any StreamedRequest {
        guard exchange.header("content-type") == Self.contentType else {
            throw Refusal(415, "Content-Type is not \(Self.contentType)")
        }
        guard let offset = exchange.header("upload-offset").flatMap(Self.number) else {
            throw Refusal(400, "Upload-Offset is missing or no number of bytes")
        }
        guard !upload.isLocked else { throw Refusal(423, "another PATCH of this upload is under way") }
        guard offset == upload.offset else { throw Refusal(409, "the upload's offset is \(upload.offset)") }
        guard offset + (exchange.contentLength ?? 0) <= upload.facts.length else {
            throw Refusal(413, "the upload has \(upload.facts.length) bytes")
        }
        let checksum = try exchange.header("upload-checksum").map { header throws(Refusal) in
            guard let checksum = UploadPatch.Checksum(header) else {
                throw Refusal(400, "Upload-Checksum is no known algorithm and base64 digest")
            }
            return checksum
        }
        return UploadPatch(exchange, upload, state: state, checksum: checksum) { [self] result in
            switch result {
            case .success:
                exchange.answer(
                    HTTPAnswer(
                        204,
                        [
                            ("Tus-Resumable", Self.version), ("Upload-Offset", "\(upload.offset)"),
                            expiry(of: upload),
                        ]))
            case .failure(let refusal): exchange.answer(answer(refusal, exchange))
            }
        }
    }

    private func delete(_ exchange: Exchange, _ upload: Upload) throws(Refusal) {
        guard !upload.isLocked else { throw Refusal(423, "a PATCH of this upload is under way") }
        state.uploads.remove(upload)
        exchange.answer(HTTPAnswer(204, [("Tus-Resumable", Self.version)]))
    }

    // MARK: - What they share

    private func find(_ id: String) throws(Refusal) -> Upload {
        switch state.uploads.find(id) {
        case .upload(let upload): return upload
        case .gone: throw Refusal(410, "the upload is no more")
        case .unknown: throw Refusal(404, "there is no such upload")
        }
    }

    private func strike(_ field: WritableKeyPath<FaultPlan, FaultTrigger?>) throws(Refusal) {
        guard let status = state.faults.claim(field)?.value else { return }
        throw Refusal(status, "fault")
    }

    private func attempt(_ exchange: Exchange, _ body: () throws(Refusal) -> Void) {
        do throws(Refusal) {
            try body()
        } catch {
            exchange.answer(answer(error, exchange))
        }
    }

    /// A refusal in the shape of Supabase's storage.
    private func answer(_ refusal: Refusal, _ exchange: Exchange) -> HTTPAnswer {
        let headers = [("Tus-Resumable", Self.version), ("Cache-Control", "no-store")]
        return HTTPAnswer(
            refusal.status, headers + refusal.headers + state.retryAfter(status: refusal.status),
            body: StorageError(refusal.status, refusal.message).json)
    }

    private func expiry(of upload: Upload) -> (String, String) {
        ("Upload-Expires", HTTPDate.text(upload.facts.expires))
    }

    /// The name that the client used for this server, or nothing: the location is a path then.
    private func origin(_ exchange: Exchange) -> String {
        if state.faults.plan.relativeLocation { return "" }
        return "\(isTLS ? "https" : "http")://\(exchange.header("host") ?? state.configuration.host)"
    }

    private static func number(_ text: String) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int(text)
    }
}

/// What the school's servers say when they refuse.
struct StorageError: Encodable {
    var statusCode: String
    var error: String
    var message: String

    init(_ status: Int, _ message: String) {
        statusCode = "\(status)"
        error = HTTPResponseStatus(statusCode: status).reasonPhrase
        self.message = message
    }

    var json: String { ServiceMessage.json(self) }
}

/// RFC 9110, section 5.6.7.
enum HTTPDate {
    static func text(_ date: Date) -> String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "GMT")
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        return formatter.string(from: date)
    }
}

/// Who may upload. Called from any thread.
struct UploadAccess: Sendable {
    /// Nil: everybody.
    var bearer: String?
    /// A secret that is right elsewhere only.
    var foreignBearer: String?

    func check(_ header: String?) throws(TusEndpoint.Refusal) {
        guard let bearer else { return }
        let given = bearerToken(header)
        if given == bearer { return }
        if let given, given == foreignBearer { throw .init(403, "this bearer token may not upload") }
        throw .init(401, "wrong or missing bearer token")
    }
}
