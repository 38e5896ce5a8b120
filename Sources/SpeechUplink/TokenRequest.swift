internal import LinuxRuntime
internal import RecorderCore
internal import WebTransport

/// One POST to the token endpoint.
final class TokenRequest: Dialogue {
    private static let question = Array("{}".utf8)

    let attempt: Int
    let connection: Connection
    private let client: SpeechClient
    private var answer: [UInt8] = []
    /// Of the answer's head, once that is there.
    private var head: (status: Int, retryAfterSeconds: Int?, sign: AnswerSign)?
    private var key: SessionKey?

    init(attempt: Int, endpoint: Endpoint, client: SpeechClient, engine: WebEngine) {
        self.attempt = attempt
        self.client = client
        connection = Connection(
            engine: engine, endpoint: endpoint, method: "POST", secret: client.settings.tokenBearer,
            malformed: .tokenMalformed, timeoutMilliseconds: Limits.tokenTimeoutMilliseconds)
    }

    var isConnecting: Bool { true }

    func receive(_ event: LibraryEvent, engine: WebEngine) -> Answer {
        switch unsafe event {
        case .appendHeaders(let headers):
            return unsafe ask(headers)
        case .bodyWritable:
            return writeQuestion()
        case .answered(let status, let retryAfterSeconds):
            head = (status, retryAfterSeconds, connection.sign)
            // No body can follow these (RFC 9110 section 6.4.1); others tell who has given the answer.
            return (100..<200).contains(status) || status == 204 || status == 304 ? complete(engine) : .goOn
        case .bodyReadable:
            return connection.readBody()
        case .body(let bytes):
            guard answer.count + bytes.count <= Limits.tokenAnswerBytes else {
                if isRefused { return complete(engine) }
                let text = "\(endpoint.peer) gave no token: over \(Limits.tokenAnswerBytes) bytes"
                return engine.end(self, UplinkFailure(.tokenMalformed, text))
            }
            unsafe answer.append(contentsOf: bytes)
            return .goOn
        case .bodyComplete:
            return complete(engine)
        case .failed where isRefused, .closed where isRefused:
            // Half of its body does not make a refusal another one.
            return complete(engine)
        case .failed(let reason, let status, let retryAfterSeconds):
            return engine.end(self, connection.failure(reason, status: status, retryAfterSeconds: retryAfterSeconds))
        case .closed(let errno):
            return engine.end(self, connection.closedFailure(errno: errno))
        case .established, .writable, .text, .binary, .pong, .closedByPeer:
            return .goOn
        }
    }

    func timerFired(engine: WebEngine) {
        guard !isRefused else { return _ = complete(engine) }
        let seconds = Limits.tokenTimeoutMilliseconds / 1_000
        engine.end(self, UplinkFailure(.timeout, "\(endpoint.peer) gave no token within \(seconds) s"))
    }

    func report(_ failure: UplinkFailure?, engine: WebEngine) {
        if let failure {
            client.ended(self, .tokenFailed(attempt: attempt, failure))
        } else {
            client.ended(self, key.map { .token(attempt: attempt, $0) })
        }
    }

    private func ask(_ headers: HeaderSpace) -> Answer {
        guard unsafe connection.appendAuthorization(headers),
            unsafe headers.append("content-type:", Array("application/json".utf8)),
            unsafe headers.append("content-length:", Array("\(Self.question.count)".utf8))
        else { return .end }
        connection.setBody(isPending: true)
        connection.askForWriting()
        return .goOn
    }

    private func writeQuestion() -> Answer {
        let buffer = WriteBuffer(capacity: Self.question.count)
        unsafe buffer.bytes.copyBytes(from: Self.question)
        let isWritten = buffer.write(Self.question.count, as: .lastOfBody, to: connection)
        connection.setBody(isPending: false)
        return isWritten ? .goOn : .end
    }

    private var isRefused: Bool { head.map { !(200..<300).contains($0.status) } ?? false }

    private func complete(_ engine: WebEngine) -> Answer {
        defer {
            for index in answer.indices { answer[index] = 0 }
        }
        do throws(UplinkFailure) {
            if let head, isRefused {
                // Some servers quote what they refuse, and a refusal goes to the log.
                if let secret = client.settings.tokenBearer { answer.hide(Array(secret.utf8)) }
                throw Refusals.failure(
                    status: head.status, head.sign, body: answer, retryAfterSeconds: head.retryAfterSeconds,
                    peer: endpoint.peer)
            }
            key = try TokenAnswer.read(answer, head?.sign ?? .none, peer: endpoint.peer, now: Clock.wall)
            return engine.end(self, nil)
        } catch {
            return engine.end(self, error)
        }
    }
}
