internal import Foundation
internal import NIOHTTP1

/// Where a box says that a lesson is complete: the school looks whether it has the files, and takes the lesson.
struct ManifestEndpoint {
    static let path = "/api/lessons"
    private static let maximumBytes = 4 << 20

    private struct Accepted: Encodable {
        var id: String
        var files: Int
    }

    private struct Missing: Encodable {
        var missing: [String]
    }

    let state: CloudState

    func begin(_ exchange: Exchange) -> any StreamedRequest {
        guard exchange.head.method == .POST else { return refuse(exchange, 405, "use POST") }
        do throws(TusEndpoint.Refusal) {
            try state.uploadAccess.check(exchange.header("authorization"))
        } catch {
            return refuse(exchange, error.status, error.message)
        }
        return WholeRequest(exchange, limit: Self.maximumBytes) { bytes in take(bytes, exchange) }
    }

    private func take(_ bytes: [UInt8], _ exchange: Exchange) {
        guard let key = exchange.header("idempotency-key"), !key.isEmpty, key.utf8.count <= 256 else {
            return answer(exchange, 400, "Idempotency-Key is missing or too long")
        }
        let manifest: Manifest
        do throws(Manifest.Failure) {
            manifest = try Manifest.parse(bytes)
        } catch {
            return answer(exchange, 400, error.reason)
        }
        if let status = state.faults.claim(\.manifestStatus)?.value { return answer(exchange, status, "fault") }
        let isRepeat = state.lessons.knows(key)
        let missing = isRepeat ? [] : missing(of: manifest)
        guard missing.isEmpty else {
            return exchange.answer(HTTPAnswer(409, body: ServiceMessage.json(Missing(missing: missing))))
        }
        do {
            guard try state.lessons.take(manifest, key: key, text: String(decoding: bytes, as: UTF8.self)) else {
                return answer(exchange, 422, "this Idempotency-Key came with another manifest")
            }
        } catch {
            return answer(exchange, 500, "\(error)")
        }
        if state.faults.claim(\.manifestLost) != nil { return exchange.cut() }
        let body = ServiceMessage.json(Accepted(id: manifest.id, files: manifest.files.count))
        exchange.answer(HTTPAnswer(isRepeat ? 200 : 201, body: body))
    }

    /// The files that are no object of that recording, or not of that content.
    private func missing(of manifest: Manifest) -> [String] {
        if let count = state.faults.claim(\.manifestMissing)?.value { return manifest.files.prefix(count).map(\.name) }
        return manifest.files.filter { file in
            !state.uploads.objects(endingWith: "\(manifest.id)/\(file.name)").contains {
                $0.bytes == file.bytes && $0.sha256 == file.sha256
            }
        }.map(\.name)
    }

    private func refuse(_ exchange: Exchange, _ status: Int, _ message: String) -> any StreamedRequest {
        answer(exchange, status, message)
        return BareRequest {}
    }

    private func answer(_ exchange: Exchange, _ status: Int, _ message: String) {
        exchange.answer(
            HTTPAnswer(status, state.retryAfter(status: status), body: StorageError(status, message).json))
    }
}

/// The lessons that the school has. Used on the event loop only.
final class LessonStore: @unchecked Sendable {
    private struct Lesson: Codable {
        var id: String
        /// Each that it came with; one is right.
        var keys: [String] = []
        var manifest: String
        var files: Int
        var bytes: Int
        /// Manifests of this lesson that were in order.
        var timesReceived = 0
    }

    private let directory: String?
    private let log: CloudLog
    private var lessons: [String: Lesson] = [:]

    init(directory: String?, log: CloudLog) throws {
        self.directory = directory.map { $0 + "/lessons" }
        self.log = log
        guard let directory = self.directory else { return }
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        for name in try FileManager.default.contentsOfDirectory(atPath: directory) where name.hasSuffix(".json") {
            let data = try Data(contentsOf: URL(fileURLWithPath: "\(directory)/\(name)"))
            let lesson = try JSONDecoder().decode(Lesson.self, from: data)
            lessons[lesson.id] = lesson
            note(lesson)
        }
    }

    func knows(_ key: String) -> Bool { lessons.values.contains { $0.keys.contains(key) } }

    /// False: the key belongs to another lesson.
    func take(_ manifest: Manifest, key: String, text: String) throws -> Bool {
        if lessons.values.contains(where: { $0.keys.contains(key) && $0.id != manifest.id }) { return false }
        var lesson = lessons[manifest.id]
            ?? Lesson(
                id: manifest.id, manifest: text, files: manifest.files.count,
                bytes: manifest.files.reduce(0) { $0 + $1.bytes })
        lesson.timesReceived += 1
        if !lesson.keys.contains(key) { lesson.keys.append(key) }
        if let directory {
            let file = URL(fileURLWithPath: "\(directory)/\(lesson.id).json")
            try JSONEncoder().encode(lesson).write(to: file, options: .atomic)
        }
        lessons[lesson.id] = lesson
        note(lesson)
        return true
    }

    func manifest(of id: String) -> String? { lessons[id]?.manifest }

    private func note(_ lesson: Lesson) {
        log.lesson(
            LessonRecord(
                id: lesson.id, idempotencyKeys: lesson.keys, files: lesson.files, bytes: lesson.bytes,
                timesReceived: lesson.timesReceived))
    }
}
