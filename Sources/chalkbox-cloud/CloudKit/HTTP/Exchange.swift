internal import NIOCore
internal import NIOHTTP1

/// An answer to an HTTP request.
struct HTTPAnswer {
    var status: Int
    var headers: HTTPHeaders
    var body: String

    init(_ status: Int, _ headers: [(String, String)] = [], body: String = "", type: String = "application/json") {
        self.status = status
        self.headers = HTTPHeaders(headers)
        self.body = body
        if !body.isEmpty { self.headers.add(name: "Content-Type", value: type) }
    }
}

/// A request that is dealt with while its body comes. On its event loop.
protocol StreamedRequest: AnyObject {
    func body(_ part: ByteBuffer)
    func end()
    /// The connection is gone before the end, or a fault took it.
    func lost()
}

/// One request and its answer, on a connection that stays open for the next. On its event loop.
final class Exchange: @unchecked Sendable {
    private enum Phase {
        /// The body is coming.
        case receiving
        /// The answer is known already; it waits for the end of a request without a body.
        case answered(HTTPAnswer)
        /// The body has ended; the answer is being made.
        case waiting
        /// Answered in mid-body: what still comes is thrown away.
        case discarding
        case over
    }

    /// A client that was answered in mid-body may take so long to see it.
    private static let lingering = TimeAmount.seconds(5)

    let head: HTTPRequestHead
    private let channel: any Channel
    private let gate: LinkGate
    private let idle: TimeAmount
    private var request: (any StreamedRequest)?
    private var phase = Phase.receiving
    private var lastHeard = NIODeadline.now()
    private var pausedUntil = NIODeadline.now()
    /// Of the body, thrown away or not.
    private(set) var bodyBytes = 0
    /// The status, or nil when there was no answer, and the body's bytes.
    var whenOver: ((Int?, Int) -> Void)?

    init(_ head: HTTPRequestHead, _ channel: any Channel, _ gate: LinkGate, idleMilliseconds: Int) {
        self.head = head
        self.channel = channel
        self.gate = gate
        idle = .milliseconds(Int64(idleMilliseconds))
    }

    /// What the head says of the body's length; nil: it comes in chunks.
    var contentLength: Int? {
        if head.headers.contains(name: "transfer-encoding") { return nil }
        return head.headers.first(name: "content-length").flatMap(Int.init) ?? 0
    }

    func header(_ name: String) -> String? { head.headers.first(name: name) }

    var isOver: Bool {
        if case .over = phase { return true }
        return false
    }

    // MARK: - From the connection

    func begin(_ request: any StreamedRequest) {
        self.request = request
        // The answer may have been given before anybody could be told of the body.
        guard case .receiving = phase, contentLength != 0 else { return }
        if header("expect")?.lowercased() == "100-continue" {
            channel.writeAndFlush(
                HTTPServerResponsePart.head(.init(version: .http1_1, status: .continue)), promise: nil)
        }
        watch(for: idle)
    }

    func body(_ part: ByteBuffer) {
        guard !isOver else { return }
        lastHeard = .now()
        bodyBytes += part.readableBytes
        if case .receiving = phase { request?.body(part) }
    }

    func end() {
        switch phase {
        case .receiving:
            phase = .waiting
            request?.end()
        case .answered(let answer): write(answer, closes: false)
        case .discarding:
            finish()
            channel.close(promise: nil)
        case .waiting, .over: break
        }
    }

    func lost() {
        let request = request
        let wasGiving = if case .discarding = phase { true } else { false }
        guard !isOver else { return }
        finish(status: wasGiving ? answeredStatus : nil)
        if !wasGiving { request?.lost() }
    }

    // MARK: - From the request

    private var answeredStatus: Int?

    func answer(_ answer: HTTPAnswer) {
        switch phase {
        case .receiving:
            if contentLength == 0 {
                phase = .answered(answer)
            } else {
                phase = .discarding
                write(answer, closes: true)
                channel.eventLoop.assumeIsolated().scheduleTask(in: Self.lingering) { [self] in
                    if case .discarding = phase {
                        finish()
                        channel.close(promise: nil)
                    }
                }
            }
        case .waiting: write(answer, closes: false)
        case .answered, .discarding, .over: break
        }
    }

    private func write(_ answer: HTTPAnswer, closes: Bool) {
        var headers = answer.headers
        let isBare = head.method == .HEAD || answer.status == 204
        if answer.status != 204 {
            headers.replaceOrAdd(name: "Content-Length", value: isBare ? "0" : "\(answer.body.utf8.count)")
        }
        let closes = closes || !head.isKeepAlive
        if closes { headers.replaceOrAdd(name: "Connection", value: "close") }
        let response = HTTPResponseHead(
            version: .http1_1, status: .init(statusCode: answer.status), headers: headers)
        channel.write(HTTPServerResponsePart.head(response), promise: nil)
        if !isBare, !answer.body.isEmpty {
            channel.write(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: answer.body))), promise: nil)
        }
        answeredStatus = answer.status
        let isDiscarding = if case .discarding = phase { true } else { false }
        if !isDiscarding { finish() }
        let channel = channel
        channel.writeAndFlush(HTTPServerResponsePart.end(nil)).whenComplete { _ in
            if closes, !isDiscarding { channel.close(promise: nil) }
        }
    }

    private func finish() { finish(status: answeredStatus) }

    private func finish(status: Int?) {
        phase = .over
        request = nil
        whenOver?(status, bodyBytes)
        whenOver = nil
    }

    // MARK: - Faults and limits

    /// Reads nothing for so much longer, so that TCP holds the client back.
    func pause(microseconds: Int) {
        let isPaused = pausedUntil > .now()
        pausedUntil = max(pausedUntil, .now()) + .microseconds(Int64(microseconds))
        lastHeard = pausedUntil
        guard !isPaused else { return }
        channel.setOption(.autoRead, value: false).whenComplete { _ in }
        resume()
    }

    private func resume() {
        channel.eventLoop.assumeIsolated().scheduleTask(deadline: pausedUntil) { [self] in
            guard pausedUntil <= .now() else { return resume() }
            channel.setOption(.autoRead, value: true).whenComplete { _ in }
        }
    }

    func cut() {
        lost()
        gate.cut()
    }

    func reset() {
        lost()
        gate.reset()
    }

    /// The connection is a black hole from now on, until the server finds that nothing has come for long.
    func stall() { gate.stall() }

    func after(milliseconds: Int, _ action: @escaping @Sendable () -> Void) {
        channel.eventLoop.scheduleTask(in: .milliseconds(Int64(milliseconds)), action)
    }

    func onLoop(_ action: @escaping @Sendable () -> Void) { channel.eventLoop.execute(action) }

    /// A client that has vanished in mid-body must not hold what it has begun for ever.
    private func watch(for time: TimeAmount) {
        channel.eventLoop.assumeIsolated().scheduleTask(in: time) { [weak self] in
            guard let self, case .receiving = phase else { return }
            let left = lastHeard + idle - .now()
            if left > .nanoseconds(0) {
                watch(for: left)
            } else {
                cut()
            }
        }
    }
}

/// A request whose body, if it has one, nobody looks at.
final class BareRequest: StreamedRequest {
    private let answer: () -> Void

    init(_ answer: @escaping () -> Void) { self.answer = answer }

    func body(_ part: ByteBuffer) {}

    func end() { answer() }

    func lost() {}
}

/// A request whose body is small and looked at as a whole.
final class WholeRequest: StreamedRequest {
    private let exchange: Exchange
    private let limit: Int
    private let answer: ([UInt8]) -> Void
    private var bytes: [UInt8] = []

    init(_ exchange: Exchange, limit: Int, _ answer: @escaping ([UInt8]) -> Void) {
        self.exchange = exchange
        self.limit = limit
        self.answer = answer
    }

    func body(_ part: ByteBuffer) {
        guard bytes.count + part.readableBytes <= limit else {
            exchange.answer(HTTPAnswer(413, body: "the body is longer than \(limit) bytes\n", type: "text/plain"))
            return
        }
        bytes += part.readableBytesView
    }

    func end() { answer(bytes) }

    func lost() {}
}
