import Foundation
import LinuxRuntime
import OwnThread
import PeerKit
import RecorderCore
import Testing

@testable import WebTransport

/// What talks over sockets runs one after the other, so that the time limits hold on a loaded machine.
@Suite(.ownThread, .serialized) enum ExchangeTests {}

/// Asks one request after the other. The thread keeps its client, so this is not the client.
final class Asker {
    private let thread: TransportThread
    private let client: AskingClient
    /// Last, so that it goes last.
    private let turn = LWSContextLock("exchanges")

    init(caFile: String = "") throws {
        thread = try TransportThread(caFile: caFile, log: Log(threshold: .error))
        client = AskingClient()
        thread.add(client)
    }

    deinit {
        thread.shutdown()
    }

    var progress: Mailbox<Int64> { client.progress }

    /// Nil after 40 s.
    func ask(_ request: HTTPRequest) -> HTTPOutcome? {
        #expect(client.requests.push(request))
        thread.loop.wake()
        return client.outcomes.take()
    }
}

private final class AskingClient: TransportClient, HTTPExchangeDelegate, @unchecked Sendable {
    let requests = BoundedQueue<HTTPRequest>(capacity: 8)
    let outcomes = Mailbox<HTTPOutcome>()
    let progress = Mailbox<Int64>()

    var hasPendingEvents: Bool { false }

    func loopEnded() {}

    func loopDidWake(_ loop: TransportLoop) {
        for request in requests.takeAll() {
            loop.open(HTTPExchange(request, delegate: self, loop: loop))
        }
    }

    func exchange(_ exchange: HTTPExchange, didSend bytes: Int64) {
        progress.put(bytes)
    }

    func exchange(_ exchange: HTTPExchange, endedWith outcome: HTTPOutcome) {
        outcomes.put(outcome)
    }
}

extension HTTPOutcome {
    var response: HTTPResponse? {
        if case .response(let response) = self { response } else { nil }
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
                kilobitsPerSecond: kilobitsPerSecond, responseLimitBytes: limit))
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
