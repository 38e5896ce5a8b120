/// What a server knows of one tus upload.
package struct UploadRecord: Equatable, Sendable, Encodable {
    package var id: String
    /// `BUCKET/NAME`.
    package var object: String
    package var length: Int
    package var offset: Int
    /// Bytes that came for it and were stored at some time, those of repeated ranges too.
    package var receivedBytes: Int
    package var patches: Int
    package var isComplete: Bool
    /// Deleted or expired.
    package var isGone = false
}

/// What completed uploads of one name became.
package struct ObjectRecord: Equatable, Sendable, Encodable {
    /// `BUCKET/NAME`.
    package var name: String
    package var contentType: String?
    package var bytes: Int
    package var sha256: String
    package var timesCompleted: Int
    /// The school has lost it.
    package var isGone = false
}

/// A lesson that the school has taken.
package struct LessonRecord: Equatable, Sendable, Encodable {
    package var id: String
    /// More than one, and the school has the lesson twice.
    package var idempotencyKeys: [String]
    package var files: Int
    package var bytes: Int
    /// Manifests of this lesson that were in order, repeats too.
    package var timesReceived: Int
}

/// An audio file that the speech service was given.
package struct FileRecord: Equatable, Sendable, Encodable {
    package var id: String
    package var filename: String
    package var bytes: Int
    package var clientReferenceID: String?
    package var isDeleted = false
}

/// An asynchronous transcription.
package struct TranscriptionRecord: Equatable, Sendable, Encodable {
    package var id: String
    package var fileID: String
    /// queued, processing, completed or error.
    package var status: String
    package var model: String
    package var languageHints: [String]
    package var clientReferenceID: String?
    package var audioMilliseconds: Int?
    package var isDeleted = false
}

/// A request to the upload server, the manifest endpoint or the service's REST API.
package struct ExchangeRecord: Equatable, Sendable, Encodable {
    package var method: String
    package var path: String
    /// 0: it was left without an answer.
    package var status: Int
    /// Of the body, stored or not.
    package var bodyBytes: Int
    package var atMilliseconds: Int
    /// When its answer left, or its connection was lost.
    package var endMilliseconds: Int
}

extension CloudRecords {
    /// Files and transcriptions that nobody has deleted: the service would keep them for 30 days.
    package var leftUndeleted: Int {
        files.filter { !$0.isDeleted }.count + transcriptions.filter { !$0.isDeleted }.count
    }

    /// Bytes of all PATCH bodies: what uploading has cost so far.
    package var uploadedBytes: Int { exchanges.filter { $0.method == "PATCH" }.reduce(0) { $0 + $1.bodyBytes } }

    /// Bytes of the objects that are there: what uploading is good for.
    package var objectBytes: Int { objects.filter { !$0.isGone }.reduce(0) { $0 + $1.bytes } }
}
