internal import Foundation

/// The audio files and transcriptions of the service's REST API. Used on the event loop only.
final class RestStore: @unchecked Sendable {
    final class File {
        let id = UUID().uuidString.lowercased()
        let created = Date()
        let name: String
        let clientReferenceID: String?
        let bytes: StoredBytes

        init(name: String, clientReferenceID: String?, bytes: StoredBytes) {
            self.name = name
            self.clientReferenceID = clientReferenceID
            self.bytes = bytes
        }
    }

    private let directory: String?
    private let log: CloudLog
    private(set) var files: [File] = []
    private(set) var jobs: [TranscriptionJob] = []

    /// The service keeps files over its restarts; this one forgets them.
    init(directory: String?, log: CloudLog) throws {
        self.directory = directory.map { $0 + "/files" }
        self.log = log
        guard let directory = self.directory else { return }
        try? FileManager.default.removeItem(atPath: directory)
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    func newBytes() throws -> StoredBytes {
        try StoredBytes(path: directory.map { "\($0)/\(UUID().uuidString.lowercased())" })
    }

    func add(_ file: File) {
        file.bytes.closeFile()
        files.append(file)
        log.fileChanged(
            FileRecord(
                id: file.id, filename: file.name, bytes: file.bytes.count, clientReferenceID: file.clientReferenceID))
    }

    func add(_ job: TranscriptionJob) { jobs.append(job) }

    /// Numbers count on when earlier ones are deleted.
    var nextJobNumber: Int { log.snapshot.transcriptions.count + 1 }

    func file(_ id: String) throws(RestRefusal) -> File {
        guard let file = files.first(where: { $0.id == id }) else {
            throw RestRefusal(404, "file_not_found", "File \(id) not found.")
        }
        return file
    }

    func job(_ id: String) throws(RestRefusal) -> TranscriptionJob {
        guard let job = jobs.first(where: { $0.id == id }) else {
            throw RestRefusal(404, "transcription_not_found", "Transcription \(id) not found.")
        }
        return job
    }

    func delete(_ file: File) {
        files.removeAll { $0 === file }
        file.bytes.remove()
        log.fileDeleted(file.id)
    }

    func delete(_ job: TranscriptionJob) throws(RestRefusal) {
        if case .processing = job.phase {
            throw RestRefusal(409, "transcription_invalid_state", "A transcription in processing cannot be deleted.")
        }
        jobs.removeAll { $0 === job }
        job.abandon()
    }
}
