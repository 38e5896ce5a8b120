import Foundation
import LinuxRuntime
import PeerKit
import RecorderCore
import Testing

@testable import WebTransport

/// What talks over sockets runs one after the other, so that the time limits hold on a loaded machine.
@Suite(.serialized) enum ExchangeTests {}

/// A client that asks one question after the other.
final class Asker: WebClient, HTTPListener, @unchecked Sendable {
    let thread: WebThread
    private let questions = BoundedQueue<HTTPRequest>(capacity: 8)
    private let outcomes = Mailbox<HTTPOutcome>()
    /// When, and how much.
    let progress = Mailbox<(at: MonotonicTime, bytes: Int64)>()
    let isCancelling = Mailbox<Void>()
    private var exchange: HTTPExchange?

    init(caFile: String = "") throws {
        thread = try WebThread(caFile: caFile, log: Log(threshold: .error))
        thread.host(self)
    }

    deinit {
        thread.shutdown()
    }

    var isHolding: Bool { false }

    func engineEnded() {
        exchange = nil
    }

    func wake(_ engine: WebEngine) {
        for question in questions.takeAll() {
            let exchange = HTTPExchange(question, listener: self, engine: engine)
            self.exchange = exchange
            engine.begin(exchange)
        }
    }

    func sent(_ bytes: Int64, of exchange: HTTPExchange) {
        progress.put((Clock.now, bytes))
    }

    func ended(_ exchange: HTTPExchange, _ outcome: HTTPOutcome) {
        outcomes.put(outcome)
    }

    /// Nil after 40 s.
    func ask(_ request: HTTPRequest) -> HTTPOutcome? {
        #expect(questions.push(request))
        thread.engine.wake()
        return outcomes.take()
    }
}

extension HTTPOutcome {
    var answer: HTTPAnswer? {
        if case .answer(let answer) = self { answer } else { nil }
    }

    var failure: UplinkFailure? {
        if case .failed(let failure) = self { failure } else { nil }
    }
}

/// The outcome of one request to a peer that runs `script`.
func exchange(
    _ method: HTTPMethod, headers: [HTTPHeader] = [], body: HTTPBody = .none, secret: String? = nil,
    kilobitsPerSecond: Int = 0, limit: Int = 64 << 10,
    _ script: @escaping @Sendable (FakeConnection) throws -> Void
) throws -> HTTPOutcome? {
    let peer = try FakePeer { connection, _ in try script(connection) }
    return try withExtendedLifetime(peer) {
        let endpoint = try Endpoint("http://127.0.0.1:\(peer.port)/a?b=c", name: "test", secure: "https", plain: "http")
        return try Asker().ask(
            HTTPRequest(
                method, endpoint, headers: headers, body: body, secret: secret,
                kilobitsPerSecond: kilobitsPerSecond, answerLimitBytes: limit))
    }
}

/// A file of pseudo-random bytes that goes with its owner.
final class TestFile {
    let path = NSTemporaryDirectory() + "chalkbox-" + UUID().uuidString
    let bytes: [UInt8]

    init(_ count: Int) throws {
        var state: UInt64 = 88_172_645_463_325_252
        bytes = (0..<count).map { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return UInt8(truncatingIfNeeded: state)
        }
        try Data(bytes).write(to: URL(filePath: path))
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }
}
