internal import CWebSockets
internal import LinuxRuntime
package import RecorderCore

/// One question and its answer.
///
/// libwebsockets 4.1.6 reads nothing while it is told that a body is pending, and so would not see an answer that comes
/// before the body's end; while its poll(2) goes round and round for it, and for the tickets that TLS 1.3 sends after
/// each handshake. So it is not told: for the library the request is complete with its head, and it waits for the
/// answer. The body is written beside that, by the timer, whenever the socket takes more.
package final class HTTPExchange: Dialogue {
    private enum Phase {
        case connecting
        case sending
        /// The body is written; the answer's head is due.
        case asked
        /// No more of the body could be written.
        case cutOff(UplinkFailure, until: MonotonicTime)
        case answered(HTTPAnswer)
        case over
    }

    package let connection: Connection
    private let request: HTTPRequest
    private let listener: any HTTPListener
    private var phase = Phase.connecting
    private var isCancelled = false
    private var reader: BodyReader?
    private var pace: PaceKeeper
    private let piece: WriteBuffer
    /// What the peer has of the body, when that was last more, and when it was told.
    private var acknowledged: Int64 = 0
    private var movedAt: MonotonicTime
    private var toldAt: MonotonicTime
    private var answeredAt: MonotonicTime

    /// `WebEngine.begin` begins it.
    package init(_ request: HTTPRequest, listener: any HTTPListener, engine: WebEngine) {
        self.request = request
        self.listener = listener
        connection = Connection(
            engine: engine, endpoint: request.endpoint, method: request.method.text, secret: request.secret,
            malformed: .messageMalformed, timeoutMilliseconds: Limits.connectTimeoutMilliseconds,
            identity: request.identity)
        let now = connection.startedAt
        pace = PaceKeeper(kilobitsPerSecond: request.kilobitsPerSecond, now: now)
        piece = WriteBuffer(capacity: request.body.count > 0 ? WebLimits.pieceBytes : 1)
        (movedAt, toldAt, answeredAt) = (now, now, now)
    }

    package var isConnecting: Bool {
        if case .connecting = phase { return true }
        return false
    }

    /// Ends it; its listener hears nothing more of it.
    package func cancel(_ engine: WebEngine) {
        isCancelled = true
        engine.end(self, UplinkFailure(.closedEarly, "cancelled"))
    }

    package func report(_ failure: UplinkFailure?, engine: WebEngine) {
        defer { phase = .over }
        guard !isCancelled else { return }
        if let failure {
            listener.ended(self, .failed(failure))
        } else if case .answered(var answer) = phase {
            // Some servers quote what they refuse, and a refusal goes to the log.
            if let secret = request.secret { answer.body.hide(Array(secret.utf8)) }
            listener.ended(self, .answer(answer))
        }
    }

    package func receive(_ event: LibraryEvent, engine: WebEngine) -> Answer {
        switch unsafe event {
        case .appendHeaders(let headers):
            return unsafe ask(headers, engine)
        case .answered(let status, let retryAfterSeconds):
            return answered(status, retryAfterSeconds, engine)
        case .bodyReadable:
            return connection.readBody()
        case .body(let bytes):
            return unsafe take(bytes, engine)
        case .bodyComplete:
            return engine.end(self, nil)
        case .failed(let reason, _, _):
            return give(failure(reason), engine)
        case .closed(let errno):
            return give(closedFailure(errno), engine)
        case .bodyWritable, .established, .writable, .text, .binary, .pong, .closedByPeer:
            return .goOn
        }
    }

    package func timerFired(engine: WebEngine) {
        let now = Clock.now
        switch phase {
        case .connecting:
            let seconds = Limits.connectTimeoutMilliseconds / 1_000
            engine.end(self, UplinkFailure(.timeout, "\(endpoint.peer) did not take the request within \(seconds) s"))
        case .sending:
            send(now, engine)
        case .asked:
            watch(now, engine)
        case .cutOff(let failure, let until):
            guard now < until else { return _ = engine.end(self, failure) }
            connection.deadline = until
        case .answered:
            _ = give(UplinkFailure(.timeout, "\(endpoint.peer) did not complete its answer in time"), engine)
        case .over:
            break
        }
    }

    // MARK: The question

    private func ask(_ headers: HeaderSpace, _ engine: WebEngine) -> Answer {
        var fits = unsafe connection.appendAuthorization(headers)
        for header in request.headers {
            guard header.value.isEvery({ $0 >= 0x20 && $0 < 0x7F }) else { fits = false; break }
            fits = unsafe fits && headers.append(header.name, Array(header.value.utf8))
        }
        if request.method == .post || request.method == .patch {
            fits = unsafe fits && headers.append("content-length:", Array(request.body.count.description.utf8))
        }
        guard fits else {
            return engine.end(self, UplinkFailure(.configuration, "the request to \(endpoint.peer) has no valid head"))
        }
        do throws(SystemError) {
            reader = try BodyReader(request.body)
        } catch {
            return engine.end(self, UplinkFailure(.unknown, error.message))
        }
        phase = .sending
        movedAt = Clock.now
        // The head itself is written when this callback has returned.
        connection.deadline = movedAt.adding(milliseconds: 1)
        engine.noteConnecting()
        return .goOn
    }

    private func send(_ now: MonotonicTime, _ engine: WebEngine) {
        if acknowledged == 0, reader?.position == 0 { connection.prepareForBody() }
        var next = now.adding(milliseconds: 1)
        for _ in 0..<WebLimits.piecesATurn {
            guard reader?.isAtEnd == false else {
                phase = .asked
                break
            }
            guard !connection.hasInput else { break }
            guard !connection.isChoked else {
                next = now.adding(milliseconds: WebLimits.chokedMilliseconds)
                break
            }
            if let later = pace.wait(now: now) {
                next = later
                break
            }
            guard writePiece(now, engine) else { return }
        }
        connection.deadline = next
        watch(now, engine)
    }

    /// False when the exchange has taken another way.
    private func writePiece(_ now: MonotonicTime, _ engine: WebEngine) -> Bool {
        let count: Int
        do throws(SystemError) {
            count = try unsafe reader?.next(into: piece.bytes) ?? 0
        } catch {
            engine.end(self, UplinkFailure(.unknown, error.message))
            return false
        }
        guard count > 0 else {
            engine.end(self, UplinkFailure(.unknown, "a file is shorter than what was to be sent of it"))
            return false
        }
        guard piece.write(count, as: .body, to: connection) else {
            // The peer has closed: perhaps it has said why before.
            let until = now.adding(milliseconds: WebLimits.lastWordMilliseconds)
            phase = .cutOff(connection.lostFailure(closeCode: 0), until: until)
            connection.deadline = until
            return false
        }
        pace.sent(count)
        return true
    }

    /// Whether the peer comes on with what it has to take, or to say.
    private func watch(_ now: MonotonicTime, _ engine: WebEngine) {
        let written = reader?.position ?? 0
        let taken = max(acknowledged, written - connection.unacknowledgedBytes)
        if taken > acknowledged {
            acknowledged = taken
            movedAt = now
        }
        if written > 0, now.milliseconds(since: toldAt) >= WebLimits.progressMilliseconds {
            toldAt = now
            listener.sent(acknowledged, of: self)
        }
        let limit = movedAt.adding(milliseconds: WebLimits.exchangeStallMilliseconds)
        guard now < limit else {
            let seconds = WebLimits.exchangeStallMilliseconds / 1_000
            let text = acknowledged < written || !(reader?.isAtEnd ?? true) ? "took nothing" : "did not answer"
            engine.end(self, UplinkFailure(.stalled, "\(endpoint.peer) \(text) for \(seconds) s"))
            return
        }
        if case .asked = phase {
            let later = acknowledged < written ? now.adding(milliseconds: WebLimits.progressMilliseconds) : limit
            connection.deadline = min(limit, later)
        }
    }

    // MARK: The answer

    private func answered(_ status: Int, _ retryAfterSeconds: Int?, _ engine: WebEngine) -> Answer {
        phase = .answered(
            HTTPAnswer(
                status: status, sign: connection.sign, location: connection.header(WSI_TOKEN_HTTP_LOCATION),
                uploadOffset: connection.header("upload-offset:"), uploadLength: connection.header("upload-length:"),
                retryAfterSeconds: retryAfterSeconds))
        // RFC 9110 section 6.4.1: no content follows, whatever Content-Length says.
        guard request.method != .head, status != 204, status != 304 else { return engine.end(self, nil) }
        answeredAt = Clock.now
        extendAnswer()
        return .goOn
    }

    private func extendAnswer() {
        connection.deadline = min(
            Clock.now.adding(milliseconds: WebLimits.exchangeStallMilliseconds),
            answeredAt.adding(milliseconds: WebLimits.answerMilliseconds))
    }

    private func take(_ bytes: UnsafeBufferPointer<UInt8>, _ engine: WebEngine) -> Answer {
        guard case .answered(var answer) = phase else { return .goOn }
        // One owner, or each piece would copy all that came before.
        phase = .over
        let room = request.answerLimitBytes - answer.body.count
        if bytes.count <= room {
            unsafe answer.body.append(contentsOf: bytes)
            phase = .answered(answer)
            extendAnswer()
            return .goOn
        }
        if !answer.isSuccess {
            // Its beginning says enough.
            phase = .answered(answer)
            return engine.end(self, nil)
        }
        let text = "\(endpoint.peer) answered more than \(request.answerLimitBytes) bytes"
        return engine.end(self, UplinkFailure(.messageTooLarge, text))
    }

    // MARK: Failures

    /// A refusal counts as soon as its head is there.
    private func give(_ failure: UplinkFailure, _ engine: WebEngine) -> Answer {
        if case .answered(let answer) = phase, !answer.isSuccess { return engine.end(self, nil) }
        return engine.end(self, failure)
    }

    private func failure(_ reason: String) -> UplinkFailure {
        switch phase {
        case .connecting:
            return connection.failure(reason)
        case .cutOff(let failure, _):
            return failure
        case .sending, .asked, .answered, .over:
            guard !reason.begins(with: "HS:"), !reason.begins(with: "problems parsing") else {
                return connection.failure(reason)
            }
            return connection.lostFailure(closeCode: 0)
        }
    }

    private func closedFailure(_ errno: Int32) -> UplinkFailure {
        switch phase {
        case .connecting: return connection.closedFailure(errno: errno)
        case .cutOff(let failure, _): return failure
        case .sending, .asked, .answered, .over: return connection.lostFailure(errno: errno, closeCode: 0)
        }
    }
}
