internal import Foundation
internal import NIOHTTP1

/// The speech service's REST API for files and asynchronous transcriptions.
struct RestEndpoint {
    static let files = "/v1/files"
    static let transcriptions = "/v1/transcriptions"
    private static let maximumRequestBytes = 65_536

    let state: CloudState

    static func takes(_ path: String) -> Bool {
        [files, transcriptions].contains { path == $0 || path.hasPrefix($0 + "/") }
    }

    func begin(_ exchange: Exchange) -> any StreamedRequest {
        do throws(RestRefusal) {
            return try open(exchange)
        } catch {
            refuse(exchange, error)
            return BareRequest {}
        }
    }

    private func open(_ exchange: Exchange) throws(RestRefusal) -> any StreamedRequest {
        // A temporary key is for the WebSocket alone.
        guard let key = bearerToken(exchange.header("authorization")),
            state.configuration.apiKeys.isEmpty || state.keys.isPermanent(key)
        else { throw RestRefusal(status: 401) }
        let path = exchange.head.uri.prefix { $0 != "?" }.split(separator: "/").dropFirst().map(String.init)
        switch (exchange.head.method, path.count, path.first) {
        case (.POST, 1, "files"):
            try strike(\.restFileStatus)
            let cut = state.faults.claim(\.restFileCut)?.value
            return try FileUpload(exchange, state.rest, cutAfter: cut) { result in
                reply(exchange, 201) { () throws(RestRefusal) in message(try result.get()) }
            }
        case (.POST, 1, "transcriptions"):
            try strike(\.restCreateStatus)
            return WholeRequest(exchange, limit: Self.maximumRequestBytes) { create($0, exchange) }
        case (.GET, 1, "files"): return BareRequest { reply(exchange) { () throws(RestRefusal) in try list(exchange) } }
        case (.GET, 1, "transcriptions"):
            return BareRequest { reply(exchange) { () throws(RestRefusal) in try listJobs(exchange) } }
        case (.GET, 2, _): return BareRequest { tell(exchange, path) }
        case (.GET, 3, "transcriptions") where path[2] == "transcript":
            return BareRequest { transcript(exchange, path[1]) }
        case (.DELETE, 2, _): return BareRequest { delete(exchange, path) }
        default: throw RestRefusal(405, "method_not_allowed", "There is no such method here.")
        }
    }

    // MARK: - Transcriptions

    private func create(_ bytes: [UInt8], _ exchange: Exchange) {
        reply(exchange, 201) { () throws(RestRefusal) in
            let request = try TranscriptionRequest.parse(bytes)
            if request.model == state.faults.plan.goneModel {
                let type = ErrorType.modelNotAvailable
                throw RestRefusal(type.code, type.rawValue, type.message)
            }
            let file = try state.rest.file(request.file_id ?? "")
            let job = TranscriptionJob(request, file, state, number: state.rest.nextJobNumber) {
                exchange.after(milliseconds: $0, $1)
            }
            state.rest.add(job)
            if state.faults.claim(\.restCreateLost) != nil { exchange.cut() }
            return job.message
        }
    }

    private func tell(_ exchange: Exchange, _ path: [String]) {
        switch (path[0], path[1]) {
        case ("files", "count"):
            let count = state.rest.files.count
            reply(exchange) { () throws(RestRefusal) in RestMessage.Count(total: count, public_api: count) }
        case ("files", let id):
            reply(exchange) { () throws(RestRefusal) in message(try state.rest.file(id)) }
        case (_, "count"):
            let count = state.rest.jobs.count
            reply(exchange) { () throws(RestRefusal) in RestMessage.Count(total: count, public_api: count) }
        case (_, let id):
            reply(exchange) { () throws(RestRefusal) in
                try strike(\.restPollStatus)
                return try state.rest.job(id).message
            }
        }
    }

    private func transcript(_ exchange: Exchange, _ id: String) {
        if state.faults.claim(\.restMalformedJSON) != nil {
            return exchange.answer(HTTPAnswer(200, body: RestMessage.malformed))
        }
        if state.faults.claim(\.restWrongTypes) != nil {
            return exchange.answer(HTTPAnswer(200, body: RestMessage.wrongTypes))
        }
        reply(exchange) { () throws(RestRefusal) in
            try strike(\.restTranscriptStatus)
            return try state.rest.job(id).transcript()
        }
    }

    private func delete(_ exchange: Exchange, _ path: [String]) {
        do throws(RestRefusal) {
            try strike(\.restDeleteStatus)
            if path[0] == "files" {
                state.rest.delete(try state.rest.file(path[1]))
            } else {
                try state.rest.delete(try state.rest.job(path[1]))
            }
            exchange.answer(HTTPAnswer(204))
        } catch {
            refuse(exchange, error)
        }
    }

    // MARK: - Lists

    private func list(_ exchange: Exchange) throws(RestRefusal) -> RestMessage.Files {
        let (page, next) = try self.page(of: state.rest.files, exchange) { $0.id }
        return RestMessage.Files(files: page.map(message), next_page_cursor: next)
    }

    private func listJobs(_ exchange: Exchange) throws(RestRefusal) -> RestMessage.Transcriptions {
        let (page, next) = try self.page(of: state.rest.jobs, exchange) { $0.id }
        return RestMessage.Transcriptions(transcriptions: page.map(\.message), next_page_cursor: next)
    }

    /// The cursor is the first row of the next page.
    private func page<Row>(
        of rows: [Row], _ exchange: Exchange, _ id: (Row) -> String
    ) throws(RestRefusal) -> (page: [Row], next: String?) {
        let query = URLComponents(string: exchange.head.uri)?.queryItems ?? []
        let limit = query.first { $0.name == "limit" }?.value ?? "1000"
        guard let limit = Int(limit), (1...1_000).contains(limit) else {
            throw .invalid("query.limit", "A number from 1 to 1000.")
        }
        var rest = rows[...]
        if let cursor = query.first(where: { $0.name == "cursor" })?.value {
            guard let start = rows.firstIndex(where: { id($0) == cursor }) else {
                throw .invalid("query.cursor", "Unknown cursor.")
            }
            rest = rows[start...]
        }
        return (Array(rest.prefix(limit)), rest.dropFirst(limit).first.map(id))
    }

    // MARK: - What they share

    private func message(_ file: RestStore.File) -> RestMessage.File {
        RestMessage.File(
            id: file.id, filename: file.name, size: file.bytes.count,
            created_at: HTTPRequestHandler.rfc3339(file.created), client_reference_id: file.clientReferenceID)
    }

    private func strike(_ field: WritableKeyPath<FaultPlan, FaultTrigger?>) throws(RestRefusal) {
        if let status = state.faults.claim(field)?.value { throw RestRefusal(status: status) }
    }

    private func reply(
        _ exchange: Exchange, _ status: Int = 200, _ body: () throws(RestRefusal) -> some Encodable
    ) {
        do throws(RestRefusal) {
            exchange.answer(HTTPAnswer(status, body: ServiceMessage.json(try body())))
        } catch {
            refuse(exchange, error)
        }
    }

    private func refuse(_ exchange: Exchange, _ refusal: RestRefusal) {
        exchange.answer(
            HTTPAnswer(refusal.status, state.retryAfter(status: refusal.status), body: refusal.json))
    }
}
