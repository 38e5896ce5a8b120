internal import CWebSockets
internal import LinuxRuntime
package import RecorderCore

/// One request and its response.
///
/// While a body is pending, libwebsockets 4.1.6 reads nothing: it would not see a response that comes before the
/// body's end, and its poll(2) would spin because of that response, and of the tickets that TLS 1.3 sends after each
/// handshake. So it is not told of the body: for the library the request is complete with its head, and it waits for
/// the response. The body is written beside that, by the timer, whenever the socket has room.
package final class HTTPExchange: ConnectionHandler {
    private enum Phase {
        case connecting
        case sending
        /// The body is written; the response's head is due.
        case awaitingResponse
        /// The peer has stopped reading the body; a response may still come.
        case cutOff(UplinkFailure, until: MonotonicTime)
        case receivingBody(HTTPResponse)
        case ended
    }

    package let connection: Connection
    private let request: HTTPRequest
    private let delegate: any HTTPExchangeDelegate
    private var phase = Phase.connecting
    private var isCancelled = false
    private var reader: BodyReader?
    private var rateLimiter: RateLimiter
    private let chunk: WriteBuffer
    /// Bytes of the body that the peer has; when they last became more; when that was last reported.
    private var acknowledged: Int64 = 0
    private var progressAt: MonotonicTime
    private var reportedAt: MonotonicTime
    private var headReceivedAt: MonotonicTime
    /// When all of it is over, whatever its progress.
    private let end: MonotonicTime?

    /// `TransportLoop.open` begins it.
    package init(_ request: HTTPRequest, delegate: any HTTPExchangeDelegate, loop: TransportLoop) {
        self.request = request
        self.delegate = delegate
        connection = Connection(
            loop: loop, endpoint: request.endpoint, method: request.method.text, secret: request.secret,
            timeoutMilliseconds: Limits.connectTimeoutMilliseconds, identity: request.identity)
        let now = connection.startedAt
        end = request.timeoutMilliseconds.map { now.adding(milliseconds: $0) }
        rateLimiter = RateLimiter(kilobitsPerSecond: request.kilobitsPerSecond, now: now)
        chunk = WriteBuffer(capacity: request.body.count > 0 ? TransportLimits.chunkBytes : 1)
        (progressAt, reportedAt, headReceivedAt) = (now, now, now)
    }

    package var isConnecting: Bool {
        if case .connecting = phase { return true }
        return false
    }

    /// Ends it; its delegate is not called any more.
    package func cancel(_ loop: TransportLoop) {
        isCancelled = true
        loop.close(self, UplinkFailure(.closedEarly, "cancelled"))
    }

    package func connectionEnded(_ failure: UplinkFailure?, loop: TransportLoop) {
        defer { phase = .ended }
        guard !isCancelled else { return }
        if let failure {
            delegate.exchange(self, endedWith: .failed(failure))
        } else if case .receivingBody(var response) = phase {
            // Some servers quote what they refuse, and a refusal goes to the log.
            if let secret = request.secret, !response.isSuccess { response.body.redact(Array(secret.utf8)) }
            delegate.exchange(self, endedWith: .response(response))
        }
    }

    package func receive(_ event: LWSEvent, loop: TransportLoop) -> CallbackResult {
        switch unsafe event {
        case .appendHeaders(let headers):
            return unsafe sendHead(headers, loop)
        case .responseHead(let status, let retryAfterSeconds):
            return receiveHead(status, retryAfterSeconds, loop)
        case .bodyReadable:
            return connection.readBody()
        case .body(let bytes):
            return unsafe receiveBody(bytes, loop)
        case .bodyComplete:
            return loop.close(self, nil)
        case .failed(let reason, _, _):
            return fail(failure(reason), loop)
        case .closed(let errno):
            return fail(closedFailure(errno), loop)
        case .established, .writable, .text, .binary, .pong, .closedByPeer:
            return .keepOpen
        }
    }

    package func deadlinePassed(loop: TransportLoop) {
        let now = Clock.now
        if let end, let milliseconds = request.timeoutMilliseconds, now >= end {
            let text = "\(endpoint.peer) did not answer within \(milliseconds / 1_000) s"
            return _ = fail(UplinkFailure(.timeout, text), loop)
        }
        switch phase {
        case .connecting:
            let seconds = Limits.connectTimeoutMilliseconds / 1_000
            loop.close(self, UplinkFailure(.timeout, "\(endpoint.peer) did not accept the request within \(seconds) s"))
        case .sending:
            send(now, loop)
        case .awaitingResponse:
            checkProgress(now, loop)
        case .cutOff(let failure, let until):
            guard now < until else { return _ = loop.close(self, failure) }
            wait(until: until)
        case .receivingBody:
            _ = fail(UplinkFailure(.timeout, "\(endpoint.peer) did not complete its answer in time"), loop)
        case .ended:
            break
        }
    }

    // MARK: The request

    private func sendHead(_ headers: HeaderSpace, _ loop: TransportLoop) -> CallbackResult {
        var fits = unsafe connection.appendAuthorization(headers)
        for header in request.headers {
            guard header.value.isEvery({ $0 >= 0x20 && $0 < 0x7F }) else { fits = false; break }
            fits = unsafe fits && headers.append(header.name, Array(header.value.utf8))
        }
        if request.method == .post || request.method == .patch {
            fits = unsafe fits && headers.append("content-length:", Array(request.body.count.description.utf8))
        }
        guard fits else {
            let text = "the request to \(endpoint.peer) has an invalid header"
            return loop.close(self, UplinkFailure(.configuration, text))
        }
        do throws(SystemError) {
            reader = try BodyReader(request.body)
        } catch {
            return loop.close(self, UplinkFailure(.file, error.message))
        }
        phase = .sending
        progressAt = Clock.now
        // The head itself is written when this callback has returned.
        wait(until: progressAt.adding(milliseconds: 1))
        loop.connectingChanged()
        return .keepOpen
    }

    private func send(_ now: MonotonicTime, _ loop: TransportLoop) {
        if acknowledged == 0, reader?.position == 0 { connection.prepareForBody() }
        var next = now.adding(milliseconds: 1)
        for _ in 0..<TransportLimits.chunksPerTurn {
            guard reader?.isAtEnd == false else {
                phase = .awaitingResponse
                break
            }
            guard !connection.hasInput else { break }
            guard !connection.isChoked else {
                next = now.adding(milliseconds: TransportLimits.chokedMilliseconds)
                break
            }
            if let later = rateLimiter.wait(now: now) {
                next = later
                break
            }
            guard writeChunk(now, loop) else { return }
        }
        wait(until: next)
        checkProgress(now, loop)
    }

    private func wait(until deadline: MonotonicTime) {
        connection.deadline = min(deadline, end ?? deadline)
    }

    /// False when the exchange no longer sends.
    private func writeChunk(_ now: MonotonicTime, _ loop: TransportLoop) -> Bool {
        let count: Int
        do throws(SystemError) {
            count = try unsafe reader?.next(into: chunk.bytes) ?? 0
        } catch {
            loop.close(self, UplinkFailure(.file, error.message))
            return false
        }
        guard count > 0 else {
            loop.close(self, UplinkFailure(.file, "a file is shorter than the part of it that should be sent"))
            return false
        }
        guard chunk.write(count, as: .body, to: connection) else {
            // The peer has closed the connection; its response may have come before that.
            let until = now.adding(milliseconds: TransportLimits.finalResponseMilliseconds)
            phase = .cutOff(connection.lostFailure(closeCode: 0), until: until)
            wait(until: until)
            return false
        }
        rateLimiter.sent(count)
        return true
    }

    /// Gives the exchange up when the peer neither takes more of the body nor responds.
    private func checkProgress(_ now: MonotonicTime, _ loop: TransportLoop) {
        let written = reader?.position ?? 0
        let nowAcknowledged = max(acknowledged, written - connection.unacknowledgedBytes)
        if nowAcknowledged > acknowledged {
            acknowledged = nowAcknowledged
            progressAt = now
        }
        if written > 0, now.milliseconds(since: reportedAt) >= TransportLimits.progressMilliseconds {
            reportedAt = now
            delegate.exchange(self, didSend: acknowledged)
        }
        let limit = progressAt.adding(milliseconds: TransportLimits.exchangeStallMilliseconds)
        guard now < limit else {
            let seconds = TransportLimits.exchangeStallMilliseconds / 1_000
            let text = acknowledged < written || !(reader?.isAtEnd ?? true) ? "accepted no data" : "did not answer"
            loop.close(self, UplinkFailure(.stalled, "\(endpoint.peer) \(text) for \(seconds) s"))
            return
        }
        if case .awaitingResponse = phase {
            let later = acknowledged < written ? now.adding(milliseconds: TransportLimits.progressMilliseconds) : limit
            wait(until: min(limit, later))
        }
    }

    // MARK: The response

    private func receiveHead(_ status: Int, _ retryAfterSeconds: Int?, _ loop: TransportLoop) -> CallbackResult {
        phase = .receivingBody(
            HTTPResponse(
                status: status, origin: connection.origin, location: connection.header(WSI_TOKEN_HTTP_LOCATION),
                uploadOffset: connection.header("upload-offset:"), uploadLength: connection.header("upload-length:"),
                retryAfterSeconds: retryAfterSeconds))
        // RFC 9110 section 6.4.1: no content follows, whatever Content-Length says.
        guard request.method != .head, status >= 200, status != 204, status != 304 else { return loop.close(self, nil) }
        headReceivedAt = Clock.now
        extendDeadline()
        return .keepOpen
    }

    private func extendDeadline() {
        wait(
            until: min(
                Clock.now.adding(milliseconds: TransportLimits.exchangeStallMilliseconds),
                headReceivedAt.adding(milliseconds: TransportLimits.responseMilliseconds)))
    }

    private func receiveBody(_ bytes: UnsafeBufferPointer<UInt8>, _ loop: TransportLoop) -> CallbackResult {
        guard case .receivingBody(var response) = phase else { return .keepOpen }
        // The array must have one owner, or each append would copy all of it.
        phase = .ended
        let room = request.responseLimitBytes - response.body.count
        if bytes.count <= room {
            unsafe response.body.append(contentsOf: bytes)
            phase = .receivingBody(response)
            extendDeadline()
            return .keepOpen
        }
        if !response.isSuccess {
            // The beginning of an error is enough.
            phase = .receivingBody(response)
            return loop.close(self, nil)
        }
        let text = "\(endpoint.peer) answered more than \(request.responseLimitBytes) bytes"
        return loop.close(self, UplinkFailure(.messageTooLarge, text))
    }

    // MARK: Failures

    /// An error response counts as soon as its head is there.
    private func fail(_ failure: UplinkFailure, _ loop: TransportLoop) -> CallbackResult {
        if case .receivingBody(let response) = phase, !response.isSuccess { return loop.close(self, nil) }
        return loop.close(self, failure)
    }

    private func failure(_ reason: String) -> UplinkFailure {
        switch phase {
        case .connecting:
            return connection.failure(reason)
        case .cutOff(let failure, _):
            return failure
        case .sending, .awaitingResponse, .receivingBody, .ended:
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
        case .sending, .awaitingResponse, .receivingBody, .ended:
            return connection.lostFailure(errno: errno, closeCode: 0)
        }
    }
}
