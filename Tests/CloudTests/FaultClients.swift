import CloudKit
import Foundation
import Testing

/// A session that is ready for audio, or one that was refused: the answer to the handshake comes before the server has
/// the session, and what is done to all sessions in between would pass this one by.
func openSession(_ server: CloudServer, key: String? = "key") async throws -> Unchecked<RawClient> {
    try await blocking {
        let earlier = server.log.sessions.count
        let client = Unchecked(value: try openSession(port: server.port, key: key))
        try waitForLog(server) {
            $0.sessions.dropFirst(earlier).contains {
                $0.isAdmitted && $0.configuration != nil || $0.closeReason != nil
            }
        }
        return client
    }
}

private func openSession(port: Int, key: String?) throws -> RawClient {
    let client = try RawClient.webSocket(port: port, key: key)
    try client.send(text: request)
    return client
}

/// How a session came to its end, from the client's side.
enum Ending: Equatable {
    case closed(code: Int)
    /// FIN without a close frame.
    case cut
    case reset
}

/// Everything that is sent up to the end of the connection.
func drain(_ client: RawClient) throws -> (frames: [RawClient.Frame], ending: Ending) {
    var frames: [RawClient.Frame] = []
    while true {
        do {
            let frame = try client.frame()
            if frame.opcode == 8 {
                let code = frame.payload.prefix(2).reduce(0) { $0 << 8 | Int($1) }
                return (frames, .closed(code: code))
            }
            frames.append(frame)
        } catch RawClient.Failure.closed {
            return (frames, .cut)
        } catch RawClient.Failure.reset {
            return (frames, .reset)
        }
    }
}

/// The messages among the frames that are JSON objects.
func messages(_ frames: [RawClient.Frame]) -> [[String: Any]] {
    frames.filter { $0.opcode == 1 }.compactMap {
        try? JSONSerialization.jsonObject(with: $0.payload) as? [String: Any]
    }
}

/// Streams samples in a session of its own and drains it; a server that is gone in mid-stream is no failure.
func lesson(
    _ server: CloudServer, _ samples: [Int16], key: String? = "key"
) async throws -> (frames: [RawClient.Frame], ending: Ending) {
    let port = server.port
    return try await blocking { try lesson(port: port, samples, key: key) }
}

/// The same on the calling thread, for lessons that must not wait for a turn between them.
func lesson(
    port: Int, _ samples: [Int16], key: String? = "key"
) throws -> (frames: [RawClient.Frame], ending: Ending) {
    let client = try openSession(port: port, key: key)
    do {
        try stream(samples, to: client)
        try client.send(text: #"{"type":"finish"}"#)
    } catch RawClient.Failure.reset {}
    return try drain(client)
}

func errorCode(_ frames: [RawClient.Frame]) -> Int? {
    messages(frames).last?["error_code"] as? Int
}

/// A key from the school's endpoint.
func freshKey(_ server: CloudServer) async throws -> (key: String, expires: Date) {
    let port = server.port
    let body = try await blocking { try RawClient.request(port: port, path: "/api/token").body }
    let answer = try #require(JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any])
    let formatter = ISO8601DateFormatter()
    formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
    let key = try #require(answer["apiKey"] as? String)
    let expires = try #require(answer["expiresAt"] as? String)
    return (key, try #require(formatter.date(from: expires)))
}
