internal import Foundation
internal import NIOCore

/// `POST /v1/files`: an audio file in a form, stored while it comes.
final class FileUpload: StreamedRequest {
    /// Above what 300 minutes of 16 kHz mono take, the longest audio that the service takes.
    private static let maximumBytes = 1 << 30
    private static let maximumFieldBytes = 4_096

    private let exchange: Exchange
    private let store: RestStore
    private let answer: (Result<RestStore.File, RestRefusal>) -> Void
    private var form: Multipart
    private var part: Multipart.Part?
    private var bytes: StoredBytes?
    private var fileName: String?
    private var fields: [String: Data] = [:]
    /// A fault takes the connection there.
    private let cutAfter: Int?
    private var isOver = false

    init(
        _ exchange: Exchange, _ store: RestStore, cutAfter: Int?,
        answer: @escaping (Result<RestStore.File, RestRefusal>) -> Void
    ) throws(RestRefusal) {
        do throws(Multipart.Failure) {
            form = try Multipart(contentType: exchange.header("content-type"))
        } catch {
            throw .invalid("header.content-type", error.reason)
        }
        self.exchange = exchange
        self.store = store
        self.cutAfter = cutAfter.map { $0 < 0 ? Int.random(in: 0...max(0, (exchange.contentLength ?? 0) - 1)) : $0 }
        self.answer = answer
    }

    func body(_ part: ByteBuffer) {
        guard !isOver else { return }
        if let cutAfter, exchange.bodyBytes >= cutAfter { return exchange.cut() }
        do {
            for event in try form.feed(part.readableBytesView) { try take(event) }
        } catch let failure as Multipart.Failure {
            finish(.failure(.invalid("body", failure.reason)))
        } catch let refusal as RestRefusal {
            finish(.failure(refusal))
        } catch {
            finish(.failure(RestRefusal(500, "internal_error", "\(error)")))
        }
    }

    private func take(_ event: Multipart.Event) throws {
        switch event {
        case .begin(let part):
            self.part = part
            guard part.name == "file" else { return }
            guard bytes == nil else { throw RestRefusal.invalid("body.file", "More than one file.") }
            bytes = try store.newBytes()
            fileName = part.fileName
        case .bytes(let data):
            if part?.name == "file" {
                guard (bytes?.count ?? 0) + data.count <= Self.maximumBytes else {
                    throw RestRefusal(413, "file_too_large", "The file is larger than \(Self.maximumBytes) bytes.")
                }
                try data.withUnsafeBytes { try bytes?.append($0) }
            } else if let name = part?.name {
                fields[name, default: Data()].append(data)
                guard fields.values.reduce(0, { $0 + $1.count }) <= Self.maximumFieldBytes else {
                    throw RestRefusal.invalid("body.\(name)", "The field is too long.")
                }
            }
        case .end: part = nil
        }
    }

    func end() {
        guard !isOver else { return }
        if cutAfter != nil { return exchange.cut() }
        guard form.isWhole else { return finish(.failure(.invalid("body", "The form has no end."))) }
        guard let bytes, let fileName, !fileName.isEmpty else {
            return finish(.failure(.invalid("body.file", "Field required.")))
        }
        let reference = fields["client_reference_id"].map { String(decoding: $0, as: UTF8.self) }
        guard (reference ?? "").unicodeScalars.count <= 256 else {
            return finish(.failure(.invalid("body.client_reference_id", "Longer than 256 characters.")))
        }
        let file = RestStore.File(name: fileName, clientReferenceID: reference, bytes: bytes)
        store.add(file)
        finish(.success(file))
    }

    func lost() {
        guard !isOver else { return }
        isOver = true
        bytes?.remove()
    }

    private func finish(_ result: Result<RestStore.File, RestRefusal>) {
        isOver = true
        if case .failure = result { bytes?.remove() }
        answer(result)
    }
}
