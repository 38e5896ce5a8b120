internal import CWebSockets
internal import LinuxRuntime
internal import RecorderCore

/// One POST to the token endpoint.
@safe final class TokenRequest: Connection {
    private static let question = Array("{}".utf8)

    private static let readBytes = 4_096

    private let attempt: Int
    private var answer: [UInt8] = []

    init(number: UInt, attempt: Int, endpoint: Endpoint, bearer: String?, now: MonotonicTime) {
        self.attempt = attempt
        super.init(
            number: number, endpoint: endpoint, secret: bearer, now: now,
            timeoutMilliseconds: Limits.tokenTimeoutMilliseconds)
    }

    override var method: String? { "POST" }
    override var malformed: UplinkFailure.Kind { .tokenMalformed }
    override var tokenAttempt: Int? { attempt }

    override func receive(_ event: LibraryEvent, engine: UplinkEngine) -> Answer {
        switch unsafe event {
        case .appendHeaders(let headers):
            return unsafe ask(headers)
        case .bodyWritable:
            return writeQuestion()
        case .answered(let status, let retryAfterSeconds):
            guard !(200..<300).contains(status) else { return .goOn }
            let diagnosis = diagnosis("", status: status, retryAfterSeconds: retryAfterSeconds)
            return engine.end(self, diagnosis.failure)
        case .bodyReadable:
            return readAnswer()
        case .body(let bytes):
            guard answer.count + bytes.count <= Limits.tokenAnswerBytes else {
                let text = "\(endpoint.peer) gave no token: over \(Limits.tokenAnswerBytes) bytes"
                return engine.end(self, UplinkFailure(.tokenMalformed, text))
            }
            unsafe answer.append(contentsOf: bytes)
            return .goOn
        case .bodyComplete:
            return complete(engine)
        case .failed(let reason, let status, let retryAfterSeconds):
            let diagnosis = diagnosis(reason, status: status, retryAfterSeconds: retryAfterSeconds)
            return engine.end(self, diagnosis.failure)
        case .closed(let errno):
            guard errno == ECONNRESET || errno == ETIMEDOUT else {
                return engine.end(self, diagnosis("", status: 0, retryAfterSeconds: nil).failure)
            }
            return engine.end(self, Diagnosis.connectFailure(errno, peer: endpoint.peer))
        case .established, .writable, .text, .binary, .pong, .closedByPeer:
            return .goOn
        }
    }

    override func timerFired(engine: UplinkEngine) {
        let seconds = Limits.tokenTimeoutMilliseconds / 1_000
        _ = engine.end(self, UplinkFailure(.timeout, "\(endpoint.peer) gave no token within \(seconds) s"))
    }

    override func report(_ failure: UplinkFailure?, engine: UplinkEngine) {
        guard let failure else { return }
        engine.post(.tokenFailed(attempt: attempt, failure), isLast: true)
    }

    private func ask(_ headers: HeaderSpace) -> Answer {
        guard let wsi = unsafe wsi, unsafe appendAuthorization(headers),
            unsafe headers.append("content-type:", Array("application/json".utf8)),
            unsafe headers.append("content-length:", Array("\(Self.question.count)".utf8))
        else { return .end }
        unsafe lws_client_http_body_pending(wsi, 1)
        askForWriting()
        return .goOn
    }

    private func writeQuestion() -> Answer {
        guard let wsi = unsafe wsi else { return .end }
        let room = Int(chalk_lws_pre())
        var buffer = [UInt8](repeating: 0, count: room) + Self.question
        let written = unsafe buffer.withUnsafeMutableBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return Int32(-1) }
            return unsafe lws_write(wsi, base + room, bytes.count - room, LWS_WRITE_HTTP_FINAL)
        }
        unsafe lws_client_http_body_pending(wsi, 0)
        return written == Int32(Self.question.count) ? .goOn : .end
    }

    /// The library undoes the chunks and comes back with `.body`.
    private func readAnswer() -> Answer {
        guard let wsi = unsafe wsi else { return .end }
        // Plain HTTP hands over the library's own buffer; TLS reads into the caller's.
        return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Self.readBytes) { space in
            var buffer = space.baseAddress
            var length = Int32(space.count)
            return unsafe lws_http_client_read(wsi, &buffer, &length) < 0 ? .end : .goOn
        }
    }

    private func complete(_ engine: UplinkEngine) -> Answer {
        defer {
            for index in answer.indices { answer[index] = 0 }
        }
        do throws(UplinkFailure) {
            let key = try TokenAnswer.read(answer, peer: endpoint.peer, now: Clock.wall)
            engine.post(.token(attempt: attempt, key), isLast: true)
            return engine.end(self, nil)
        } catch {
            return engine.end(self, error)
        }
    }
}
