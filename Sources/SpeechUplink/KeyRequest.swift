internal import LinuxRuntime
internal import RecorderCore
internal import WebTransport

/// One POST to the token endpoint.
final class KeyRequest: ConnectionHandler {
    private static let content = Array("{}".utf8)

    let attempt: Int
    let connection: Connection
    private let client: SpeechClient
    private var body: [UInt8] = []
    /// The response's head, once it has arrived.
    private var head: (status: Int, retryAfterSeconds: Int?, origin: ResponseOrigin)?
    private var key: SessionKey?

    init(attempt: Int, endpoint: Endpoint, client: SpeechClient, loop: TransportLoop) {
        self.attempt = attempt
        self.client = client
        connection = Connection(
            loop: loop, endpoint: endpoint, method: "POST", secret: client.settings.tokenBearer,
            malformed: .tokenMalformed, timeoutMilliseconds: Limits.tokenTimeoutMilliseconds)
    }

    var isConnecting: Bool { true }

    func receive(_ event: LWSEvent, loop: TransportLoop) -> CallbackResult {
        switch unsafe event {
        case .appendHeaders(let headers):
            return unsafe addHeaders(headers)
        case .bodyWritable:
            return writeBody()
        case .responseHead(let status, let retryAfterSeconds):
            head = (status, retryAfterSeconds, connection.origin)
            // No body can follow these (RFC 9110 section 6.4.1); other bodies show who sent the response.
            return (100..<200).contains(status) || status == 204 || status == 304 ? complete(loop) : .keepOpen
        case .bodyReadable:
            return connection.readBody()
        case .body(let bytes):
            guard body.count + bytes.count <= Limits.tokenAnswerBytes else {
                if isRefused { return complete(loop) }
                let text = "\(endpoint.peer) gave no token: over \(Limits.tokenAnswerBytes) bytes"
                return loop.close(self, UplinkFailure(.tokenMalformed, text))
            }
            unsafe body.append(contentsOf: bytes)
            return .keepOpen
        case .bodyComplete:
            return complete(loop)
        case .failed where isRefused, .closed where isRefused:
            // A refusal stays one when its body is cut off.
            return complete(loop)
        case .failed(let reason, let status, let retryAfterSeconds):
            return loop.close(self, connection.failure(reason, status: status, retryAfterSeconds: retryAfterSeconds))
        case .closed(let errno):
            return loop.close(self, connection.closedFailure(errno: errno))
        case .established, .writable, .text, .binary, .pong, .closedByPeer:
            return .keepOpen
        }
    }

    func deadlinePassed(loop: TransportLoop) {
        guard !isRefused else { return _ = complete(loop) }
        let seconds = Limits.tokenTimeoutMilliseconds / 1_000
        loop.close(self, UplinkFailure(.timeout, "\(endpoint.peer) gave no token within \(seconds) s"))
    }

    func connectionEnded(_ failure: UplinkFailure?, loop: TransportLoop) {
        if let failure {
            client.ended(self, .tokenFailed(attempt: attempt, failure))
        } else {
            client.ended(self, key.map { .token(attempt: attempt, $0) })
        }
    }

    private func addHeaders(_ headers: HeaderSpace) -> CallbackResult {
        guard unsafe connection.appendAuthorization(headers),
            unsafe headers.append("content-type:", Array("application/json".utf8)),
            unsafe headers.append("content-length:", Array("\(Self.content.count)".utf8))
        else { return .close }
        connection.setBody(isPending: true)
        connection.askForWriting()
        return .keepOpen
    }

    private func writeBody() -> CallbackResult {
        let buffer = WriteBuffer(capacity: Self.content.count)
        unsafe buffer.bytes.copyBytes(from: Self.content)
        let isWritten = buffer.write(Self.content.count, as: .lastOfBody, to: connection)
        connection.setBody(isPending: false)
        return isWritten ? .keepOpen : .close
    }

    private var isRefused: Bool { head.map { !(200..<300).contains($0.status) } ?? false }

    private func complete(_ loop: TransportLoop) -> CallbackResult {
        defer {
            for index in body.indices { body[index] = 0 }
        }
        do throws(UplinkFailure) {
            if let head, isRefused {
                // Some servers quote what they refuse, and a refusal goes to the log.
                if let secret = client.settings.tokenBearer { body.redact(Array(secret.utf8)) }
                throw ErrorResponse.failure(
                    status: head.status, head.origin, body: body, retryAfterSeconds: head.retryAfterSeconds,
                    peer: endpoint.peer)
            }
            key = try KeyResponse.read(body, head?.origin ?? .unknown, peer: endpoint.peer, now: Clock.wall)
            return loop.close(self, nil)
        } catch {
            return loop.close(self, error)
        }
    }
}
