internal import Foundation
internal import NIOCore
internal import NIOHTTP1
internal import NIOWebSocket

/// Answers the token endpoints, and WebSocket requests that did not become one: one such request a connection. Other
/// requests are dealt with while they come, one after the other.
final class HTTPRequestHandler: ChannelInboundHandler, RemovableChannelHandler, @unchecked Sendable {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    static let webSocketPath = "/transcribe-websocket"
    private static let tokenPath = "/api/token"
    private static let temporaryKeyPath = "/v1/auth/temporary-api-key"
    private static let maximumBodyBytes = 65_536

    private let state: CloudState
    private let isTLS: Bool
    private let role: ListenerRole
    private let gate: LinkGate
    private let raw: RawAnswer
    /// What the request under way is answered by when it has ended, whatever it is.
    private var odd: [UInt8]?
    /// What the handshake on this connection is to be answered with instead of an upgrade.
    var handshakeStatus: Int?
    private var head: HTTPRequestHead?
    private var body = ByteBuffer()
    private var exchange: Exchange?

    init(state: CloudState, isTLS: Bool, role: ListenerRole, gate: LinkGate, raw: RawAnswer) {
        self.state = state
        self.raw = raw
        self.role = role
        self.isTLS = isTLS
        self.gate = gate
    }

    private struct Answer {
        var status: Int
        var json: String
        var key: String?
        var retryAfterSeconds: Int?
    }

    private struct TokenAnswer: Encodable {
        var apiKey: String
        var websocketUrl: String
        var expiresAt: Expiry
    }

    private enum Expiry: Encodable {
        case text(String)
        case milliseconds(Int)

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .text(let text): try container.encode(text)
            case .milliseconds(let number): try container.encode(number)
            }
        }
    }

    private struct TemporaryKeyRequest: Decodable {
        var usage_type: String
        var expires_in_seconds: Int
        var client_reference_id: String?
        var single_use: Bool?
    }

    private struct TemporaryKeyAnswer: Encodable {
        var api_key: String
        var expires_at: String
    }

    private struct Failure: Encodable {
        var status_code: Int
        var error_type: String
        var message: String
        var validation_errors: [String] = []
        var request_id = UUID().uuidString.lowercased()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            odd = oddAnswer(head)
            guard odd == nil else { return }
            exchange = open(head, context.channel)
            self.head = exchange == nil ? head : nil
        case .body where odd != nil:
            break
        case .body(var part):
            if let exchange { return exchange.body(part) }
            if body.readableBytes + part.readableBytes <= Self.maximumBodyBytes { body.writeBuffer(&part) }
        case .end:
            if let odd { return raw.write(odd) }
            exchange?.end()
            guard let head else { return }
            self.head = nil
            serve(head, context.channel)
        }
    }

    private func oddAnswer(_ head: HTTPRequestHead) -> [UInt8]? {
        let path = path(head)
        let field: WritableKeyPath<FaultPlan, FaultTrigger?>
        switch (path, head.method) {
        case (Self.tokenPath, _), (Self.temporaryKeyPath, _): field = \.tokenAnswer
        case (Self.webSocketPath, _): field = \.handshakeAnswer
        case (ManifestEndpoint.path, _): field = \.manifestAnswer
        case (_, .POST) where TusEndpoint.takes(path): field = \.createAnswer
        case (_, .HEAD) where TusEndpoint.takes(path): field = \.headAnswer
        case (_, .PATCH) where TusEndpoint.takes(path): field = \.patchAnswer
        default: return nil
        }
        return state.faults.claim(field).map { OddAnswer($0).bytes(hasBody: head.method != .HEAD) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        exchange?.lost()
        exchange = nil
        context.fireChannelInactive()
    }

    /// A request that is dealt with while it comes.
    private func open(_ head: HTTPRequestHead, _ channel: any Channel) -> Exchange? {
        let path = path(head)
        guard role.takes(path) else { return nil }
        let exchange = Exchange(
            head, channel, gate, idleMilliseconds: state.configuration.uploadIdleMilliseconds)
        let begun = state.log.milliseconds
        exchange.whenOver = { [log = state.log] status, bytes in
            log.exchange(
                method: head.method.rawValue, path: path, status: status, bodyBytes: bytes, begunMilliseconds: begun)
        }
        exchange.begin(request(path, exchange))
        return exchange
    }

    private func request(_ path: String, _ exchange: Exchange) -> any StreamedRequest {
        if path == ManifestEndpoint.path { return ManifestEndpoint(state: state).begin(exchange) }
        if RestEndpoint.takes(path) { return RestEndpoint(state: state).begin(exchange) }
        return TusEndpoint(state: state, isTLS: isTLS).begin(exchange)
    }

    /// The school's endpoint may be slow, or never come to an answer.
    private func serve(_ head: HTTPRequestHead, _ channel: any Channel) {
        guard isToken(head) else { return respond(answer(to: head), channel) }
        if state.faults.claim(\.tokenHang) != nil {
            state.log.tokenRequest(path: path(head), status: 0, keyHash: nil)
            return
        }
        let delay = state.faults.claim(\.tokenDelay)?.value ?? 0
        guard delay > 0 else { return respond(answer(to: head), channel) }
        channel.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(Int64(delay))) { [self] in
            respond(answer(to: head), channel)
        }
    }

    private func path(_ head: HTTPRequestHead) -> String { String(head.uri.prefix { $0 != "?" }) }

    private func isToken(_ head: HTTPRequestHead) -> Bool {
        [Self.tokenPath, Self.temporaryKeyPath].contains(path(head))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A refused upgrade is told here first; then the request comes by and gets its answer.
        if error is NIOWebSocketUpgradeError { return }
        context.close(promise: nil)
    }

    private func answer(to head: HTTPRequestHead) -> Answer {
        let path = path(head)
        guard role != .uploads else { return failure(404, "There is nothing at this path.") }
        switch path {
        case Self.tokenPath, Self.temporaryKeyPath:
            let answer = head.method == .POST ? tokenAnswer(path, head) : failure(405, "Use POST.")
            state.log.tokenRequest(
                path: path, status: answer.status, keyHash: answer.key.map(KeyRing.fingerprint(of:)))
            return answer
        case Self.webSocketPath:
            return failure(handshakeStatus ?? 426, "WebSocket handshake refused.")
        default:
            return failure(404, "There is nothing at this path.")
        }
    }

    private func tokenAnswer(_ path: String, _ head: HTTPRequestHead) -> Answer {
        if let status = state.faults.claim(\.tokenStatus)?.value {
            return failure(status, ServiceError(code: status).message)
        }
        let bearer = bearerToken(head.headers.first(name: "authorization"))
        return path == Self.tokenPath ? schoolToken(bearer, head) : temporaryKey(bearer)
    }

    private func schoolToken(_ bearer: String?, _ head: HTTPRequestHead) -> Answer {
        if let wanted = state.configuration.bearer, wanted != bearer {
            return failure(401, "Wrong or missing bearer token.")
        }
        let issued = issue(lifeMilliseconds: state.configuration.keyLifeSeconds * 1_000)
        // The name the client used for this server, so that the answer holds across network namespaces too.
        let authority = head.headers.first(name: "host") ?? state.configuration.host
        let expiry: Expiry =
            switch state.configuration.expiryFormat {
            case .rfc3339: .text(Self.rfc3339(issued.expires))
            case .epochMilliseconds: .milliseconds(Int(issued.expires.timeIntervalSince1970 * 1_000))
            }
        let answer = TokenAnswer(
            apiKey: issued.key, websocketUrl: "\(isTLS ? "wss" : "ws")://\(authority)\(Self.webSocketPath)",
            expiresAt: expiry)
        return Answer(status: 200, json: ServiceMessage.json(answer), key: issued.key)
    }

    private func issue(lifeMilliseconds: Int, isSingleUse: Bool = false) -> (key: String, expires: Date) {
        let plan = state.faults.plan
        return state.keys.issue(
            lifeMilliseconds: plan.keyLifetimeMilliseconds ?? lifeMilliseconds,
            isSingleUse: isSingleUse || plan.singleUseKeys, endsSessions: plan.keyLifetimeMilliseconds != nil,
            isOfOtherRegion: plan.otherRegion)
    }

    /// The service's own form, which an account's permanent key authorises when there is one.
    private func temporaryKey(_ bearer: String?) -> Answer {
        guard let bearer, state.configuration.apiKeys.isEmpty || state.keys.isPermanent(bearer) else {
            return failure(401, "Incorrect API key provided.")
        }
        guard let request = try? JSONDecoder().decode(TemporaryKeyRequest.self, from: Data(body.readableBytesView)),
            request.usage_type == "transcribe_websocket", (1...3_600).contains(request.expires_in_seconds),
            (request.client_reference_id ?? "").unicodeScalars.count <= 256
        else {
            return failure(400, "usage_type must be transcribe_websocket and expires_in_seconds from 1 to 3600.")
        }
        let issued = issue(
            lifeMilliseconds: request.expires_in_seconds * 1_000, isSingleUse: request.single_use ?? false)
        let answer = TemporaryKeyAnswer(api_key: issued.key, expires_at: Self.rfc3339(issued.expires))
        return Answer(status: 201, json: ServiceMessage.json(answer), key: issued.key)
    }

    private func failure(_ status: Int, _ message: String) -> Answer {
        let json = ServiceMessage.json(
            Failure(status_code: status, error_type: ServiceError(code: status).type, message: message))
        let wait = status == 429 ? state.faults.plan.busySeconds : nil
        return Answer(status: status, json: json, retryAfterSeconds: wait)
    }

    static func rfc3339(_ date: Date) -> String {
        let formatter = ISO8601DateFormatter()
        formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
        return formatter.string(from: date)
    }

    private func respond(_ answer: Answer, _ channel: any Channel) {
        var headers = HTTPHeaders([("Cache-Control", "no-store")])
        if let seconds = answer.retryAfterSeconds { headers.add(name: "Retry-After", value: "\(seconds)") }
        channel.answerAndClose(status: answer.status, type: "application/json", body: answer.json, headers: headers)
    }
}

extension Channel {
    /// Writes a whole HTTP answer; one request a connection is enough here.
    func answerAndClose(status: Int, type: String, body: String, headers more: HTTPHeaders = HTTPHeaders()) {
        var headers = HTTPHeaders([
            ("Content-Type", type), ("Content-Length", "\(body.utf8.count)"), ("Connection", "close"),
        ])
        headers.add(contentsOf: more)
        let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: headers)
        write(HTTPServerResponsePart.head(head), promise: nil)
        write(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: body))), promise: nil)
        writeAndFlush(HTTPServerResponsePart.end(nil)).whenComplete { _ in self.close(promise: nil) }
    }
}
