/// A saved lesson on its way to the school: its files in the order in which they go, and how far each has come.
package struct UploadPackage: Equatable, Sendable {
    package var recording: RecordingID
    /// Audio first, then the transcript, `manifest.json` last.
    package var files: [UploadPackageFile]

    package init(recording: RecordingID, files: [UploadPackageFile]) {
        self.recording = recording
        self.files = files
    }
}

/// One file of a package. It lies in the recording's own directory, and never changes once it is part of a package.
package struct UploadPackageFile: Equatable, Sendable {
    /// Its name in the recording's directory; the object's is `RECORDING/NAME`.
    package var name: String
    /// RFC 9110 section 8.3, for example `audio/flac`.
    package var contentType: String
    package var bytes: Int64
    /// SHA-256 (FIPS 180-4), 64 lower-case hexadecimal digits.
    package var sha256: String
    /// What the server made for it (tus 1.0, `Location`, made absolute); nil before, and when that is gone.
    package var url: String?
    /// The server has confirmed every byte.
    package var isSent: Bool

    package init(
        name: String, contentType: String, bytes: Int64, sha256: String, url: String? = nil, isSent: Bool = false
    ) {
        self.name = name
        self.contentType = contentType
        self.bytes = bytes
        self.sha256 = sha256
        self.url = url
        self.isSent = isSent
    }
}

/// One exchange with the school's servers. There is at most one at a time; each gets exactly one `UploadAnswer`.
package enum UploadRequest: Equatable, Sendable {
    /// tus 1.0, creation: POST with `Upload-Length` and `Upload-Metadata`.
    case create(RecordingID, UploadPackageFile)
    /// tus 1.0, core: HEAD of the file's `url`, for its offset.
    case offset(RecordingID, UploadPackageFile)
    /// tus 1.0, core: PATCH of the file's `url` with its bytes from `from` on, `count` of them.
    case send(RecordingID, UploadPackageFile, from: Int64, count: Int64)
    /// POST of `manifest.json` to `upload.manifest_url`, with the recording's id as `Idempotency-Key`.
    case manifest(RecordingID)
}

/// What came of an `UploadRequest`.
package enum UploadAnswer: Equatable, Sendable {
    /// The upload's URL, absolute.
    case created(url: String)
    /// What the server says it has; `length`: how long it believes the file to be, when it says so.
    case offset(Int64, length: Int64?)
    /// The server's offset after a PATCH.
    case sent(offset: Int64)
    /// The school has the lesson.
    case accepted
    /// The school does not have these files as the manifest tells: they are sent anew.
    case missing([String])
    case failed(UplinkFailure)
}
