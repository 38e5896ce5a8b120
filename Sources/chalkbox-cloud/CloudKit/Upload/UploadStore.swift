internal import Foundation

/// The uploads and the objects that they became. Used on the event loop only.
///
/// With a directory: `uploads/ID` are the bytes of an upload, `uploads/ID.json` its facts, `objects/BUCKET/NAME` the
/// objects. A server that is killed at any time and started again on the directory goes on where it was.
final class UploadStore: @unchecked Sendable {
    enum Found {
        case upload(Upload)
        /// It was there once.
        case gone
        case unknown
    }

    private let directory: String?
    private let log: CloudLog
    private var uploads: [String: Upload] = [:]
    private var gone: Set<String> = []
    private var objects: [String: StoredObject] = [:]
    private var lastNumber = 0

    init(directory: String?, log: CloudLog) throws {
        self.directory = directory
        self.log = log
        guard let directory else { return }
        for folder in ["uploads", "objects"] {
            try FileManager.default.createDirectory(
                atPath: "\(directory)/\(folder)", withIntermediateDirectories: true)
        }
        try load()
    }

    // MARK: - Uploads

    func create(_ metadata: UploadMetadata, header: String, length: Int, expires: Date) throws -> Upload {
        let id = UUID().uuidString.lowercased()
        lastNumber += 1
        let facts = Upload.Facts(
            id: id, number: lastNumber, metadata: header, object: "\(metadata.bucketName)/\(metadata.objectName)",
            contentType: metadata.contentType, length: length, expires: expires)
        let upload = Upload(facts, bytes: try StoredBytes(path: file(of: id)))
        upload.bytes?.closeFile()
        try note(upload)
        uploads[id] = upload
        log.uploadChanged(upload)
        if length == 0 { try complete(upload) }
        return upload
    }

    func find(_ id: String) -> Found {
        guard let upload = uploads[id] else { return gone.contains(id) ? .gone : .unknown }
        if upload.isExpired, !upload.isLocked {
            remove(upload)
            return .gone
        }
        return .upload(upload)
    }

    /// After a PATCH: its bytes are counted, and a whole upload becomes its object.
    func patched(_ upload: Upload, receivedBytes: Int) throws {
        upload.facts.receivedBytes += receivedBytes
        upload.facts.patches += 1
        upload.facts.uncheckedFrom = nil
        try note(upload)
        upload.bytes?.closeFile()
        log.uploadChanged(upload)
        if upload.offset == upload.facts.length { try complete(upload) }
    }

    /// What an upload's facts are from now on, also after SIGKILL.
    func note(_ upload: Upload) throws {
        upload.facts.notedOffset = upload.offset
        guard let file = file(of: upload.id) else { return }
        try JSONEncoder().encode(upload.facts).write(to: URL(fileURLWithPath: file + ".json"), options: .atomic)
    }

    func remove(_ upload: Upload) {
        uploads[upload.id] = nil
        gone.insert(upload.id)
        if let file = file(of: upload.id) { unlink(file + ".json") }
        upload.bytes?.remove()
        log.uploadGone(upload.id)
    }

    private func complete(_ upload: Upload) throws {
        guard let bytes = upload.bytes, upload.facts.sha256 == nil else { return }
        upload.facts.sha256 = bytes.sha256
        // In this order: what is killed in between is found with its digest, and moved then.
        try note(upload)
        try become(upload, bytes)
    }

    private func become(_ upload: Upload, _ bytes: StoredBytes) throws {
        if let directory { try bytes.move(to: "\(directory)/objects/\(upload.facts.object)") }
        upload.bytes = nil
        let name = upload.facts.object
        objects[name] = StoredObject(
            bytes: upload.facts.length, sha256: upload.facts.sha256 ?? "", contentType: upload.facts.contentType,
            timesCompleted: (objects[name]?.timesCompleted ?? 0) + 1, content: bytes, path: bytes.path)
        log.uploadChanged(upload)
        if let object = objects[name] { log.objectChanged(name, object) }
    }

    private func file(of id: String) -> String? { directory.map { "\($0)/uploads/\(id)" } }

    // MARK: - Objects

    func object(_ name: String) -> StoredObject? { objects[name] }

    /// Those whose name ends so, in any bucket.
    func objects(endingWith suffix: String) -> [StoredObject] {
        objects.filter { $0.key.hasSuffix("/" + suffix) }.map(\.value)
    }

    // MARK: - Faults

    /// Every upload that is not complete is gone; with `tells`, the server knows that it was there.
    func expireUploads(tells: Bool) {
        for upload in uploads.values where upload.bytes != nil && !upload.isLocked { remove(upload) }
        if !tells { gone = [] }
    }

    func forgetObjects() {
        for upload in uploads.values where upload.facts.sha256 != nil { remove(upload) }
        for (name, object) in objects {
            if let path = object.path { unlink(path) }
            log.objectGone(name)
        }
        objects = [:]
    }

    // MARK: - After a restart

    private func load() throws {
        guard let directory else { return }
        let names = try FileManager.default.contentsOfDirectory(atPath: directory + "/uploads")
        let all = try names.filter { $0.hasSuffix(".json") }.map {
            let data = try Data(contentsOf: URL(fileURLWithPath: "\(directory)/uploads/\($0)"))
            return try JSONDecoder().decode(Upload.Facts.self, from: data)
        }
        for facts in all.sorted(by: { $0.number < $1.number }) { try load(facts) }
        lastNumber = all.map(\.number).max() ?? 0
    }

    private func load(_ facts: Upload.Facts) throws {
        let upload = Upload(facts, bytes: nil)
        uploads[facts.id] = upload
        let path = "\(file(of: facts.id) ?? "")"
        if !FileManager.default.fileExists(atPath: path), let sha256 = facts.sha256 {
            let object = directory.map { "\($0)/objects/\(facts.object)" }
            objects[facts.object] = StoredObject(
                bytes: facts.length, sha256: sha256, contentType: facts.contentType,
                timesCompleted: (objects[facts.object]?.timesCompleted ?? 0) + 1, path: object)
            log.uploadChanged(upload)
            if let object = objects[facts.object] { log.objectChanged(facts.object, object) }
            return
        }
        let bytes = try StoredBytes(path: path)
        upload.bytes = bytes
        // What came after the last note was received, though nobody could count it.
        upload.facts.receivedBytes += max(0, bytes.count - facts.notedOffset)
        if let start = facts.uncheckedFrom, start < bytes.count { upload.bytes = try shortened(path, to: start) }
        upload.facts.uncheckedFrom = nil
        upload.bytes?.closeFile()
        if facts.sha256 != nil {
            try become(upload, bytes)
        } else {
            try note(upload)
            log.uploadChanged(upload)
            if upload.offset == facts.length { try complete(upload) }
        }
    }

    private func shortened(_ path: String, to count: Int) throws -> StoredBytes {
        guard truncate(path, off_t(count)) == 0 else {
            throw StoredBytes.Failure(description: "cannot shorten \(path): \(String(cString: strerror(errno)))")
        }
        return try StoredBytes(path: path)
    }
}
