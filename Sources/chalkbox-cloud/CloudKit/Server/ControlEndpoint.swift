internal import Foundation
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// Faults at run time for other processes: HTTP on a Unix socket.
///
/// Not on the server's own port: it would go with `refuse` and `black-hole`. A socket in the file system is reached
/// from every network namespace, and its directory's permissions say who may.
package struct ControlEndpoint: Sendable {
    /// For the command's help.
    package static let help = """
        HTTP/1.1 on the Unix socket; bodies are lines (or & between).
        GET /faults: those in force. POST /faults: adds or replaces these, NAME=off and none take out. PUT /faults: \
        just these.
        POST /actions: \(CloudAction.help); for all open connections at once.
        GET /log: sessions, token requests, refused handshakes, concurrency, requests, uploads, objects, lessons, \
        files, transcriptions, uploaded_bytes (of all PATCH bodies), object_bytes and left_undeleted as JSON.
        The answer comes when the change holds: 200 with the faults in force, or 400 with the reason and no change.
        For example: curl -sS --unix-socket cloud.sock -d refuse -d slow=50 http://cloud/faults
        """

    struct Answer {
        var status: Int
        var type = "text/plain; charset=utf-8"
        var body: String
    }

    let server: CloudServer

    func listen(path: String, group: MultiThreadedEventLoopGroup) async throws {
        _ = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(ControlHandler(endpoint: self))
                }
            }
            .bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
    }

    func answer(method: String, path: String, body: String) async -> Answer {
        let lines = body.split { $0.isNewline || $0 == "&" }.map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty && !$0.hasPrefix("#") }
        do {
            switch (method, path) {
            case ("GET", "/faults"): break
            case ("POST", "/faults"): try await change(lines)
            case ("PUT", "/faults"): try await change(["none"] + lines)
            case ("POST", "/actions"):
                for action in try lines.map(CloudAction.init(argument:)) { try await server.perform(action) }
            case ("GET", "/log"): return Answer(status: 200, type: "application/json", body: try log())
            default: return Answer(status: 404, body: Self.help + "\n")
            }
            return Answer(status: 200, body: server.faults.arguments.map { $0 + "\n" }.joined())
        } catch {
            return Answer(status: error is FaultArgumentError ? 400 : 500, body: "\(error)\n")
        }
    }

    private func change(_ lines: [String]) async throws {
        try await server.changeFaults { plan throws(FaultArgumentError) in
            for line in lines { try plan.apply(line) }
        }
    }

    private func log() throws -> String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(LogAnswer(records: server.log)), as: UTF8.self) + "\n"
    }
}

/// The records, and the sums that tests ask for.
private struct LogAnswer: Encodable {
    enum Key: CodingKey {
        case uploadedBytes, objectBytes, leftUndeleted
    }

    let records: CloudRecords

    func encode(to encoder: any Encoder) throws {
        try records.encode(to: encoder)
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(records.uploadedBytes, forKey: .uploadedBytes)
        try container.encode(records.objectBytes, forKey: .objectBytes)
        try container.encode(records.leftUndeleted, forKey: .leftUndeleted)
    }
}

/// One request a connection.
private final class ControlHandler: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = HTTPServerRequestPart

    private let endpoint: ControlEndpoint
    private var head: HTTPRequestHead?
    private var body = ByteBuffer()

    init(endpoint: ControlEndpoint) { self.endpoint = endpoint }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body(var part): body.writeBuffer(&part)
        case .end:
            guard let head else { return }
            self.head = nil
            let (channel, endpoint, body) = (context.channel, endpoint, String(buffer: body))
            Task {
                let answer = await endpoint.answer(method: head.method.rawValue, path: head.uri, body: body)
                channel.answerAndClose(status: answer.status, type: answer.type, body: answer.body)
            }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
