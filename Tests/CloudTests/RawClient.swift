import Foundation

/// A WebSocket and HTTP client on a bare socket: it shares no code with the server, and can send what a decent
/// client would not. Every wait ends, after a time that no healthy server needs on a busy machine.
final class RawClient {
    enum Failure: Error {
        case system(String, Int32)
        case deadline
        case closed
        case reset
        case handshake(String)
    }

    struct Frame: Equatable {
        var opcode: UInt8
        var payload: Data
        var text: String { String(decoding: payload, as: UTF8.self) }
    }

    private let descriptor: Int32
    var received = Data()
    /// Of one wait, not of the client's life: a test that is held up between two waits has nothing to blame it for.
    private static let patienceMilliseconds = 60_000

    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Failure.system("socket", errno) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Failure.system("connect", errno) }
    }

    deinit { close(descriptor) }

    // MARK: - HTTP

    /// A request's status and body.
    static func request(
        port: Int, _ method: String = "POST", path: String, headers: [String] = [], body: String = ""
    ) throws -> (status: Int, head: String, body: String) {
        let client = try RawClient(port: port)
        try client.sendRequest(method, path: path, headers: ["Host: 127.0.0.1:\(port)"] + headers, body: body)
        let head = try client.head()
        var rest = client.received
        while let more = try? client.read() { rest = more }
        return (Int(head.split(separator: " ")[1]) ?? 0, head, String(decoding: rest, as: UTF8.self))
    }

    func sendRequest(
        _ method: String = "POST", path: String, headers: [String] = ["Host: 127.0.0.1"], body: String = ""
    ) throws {
        let lines = ["\(method) \(path) HTTP/1.1", "Content-Length: \(body.utf8.count)"] + headers
        try send(Data((lines.joined(separator: "\r\n") + "\r\n\r\n" + body).utf8))
    }

    func head() throws -> String {
        while true {
            if let end = received.range(of: Data("\r\n\r\n".utf8)) {
                defer { received = Data(received[end.upperBound...]) }
                return String(decoding: received[..<end.lowerBound], as: UTF8.self)
            }
            try read()
        }
    }

    // MARK: - WebSocket

    static func webSocket(port: Int, key: String?, path: String = "/transcribe-websocket") throws -> RawClient {
        let client = try RawClient(port: port)
        var request = "GET \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nUpgrade: websocket\r\n"
        request += "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        if let key { request += "Authorization: Bearer \(key)\r\n" }
        try client.send(Data((request + "\r\n").utf8))
        let head = try client.head()
        // The accept value for this key is the example of RFC 6455, section 1.3.
        guard head.hasPrefix("HTTP/1.1 101"), head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") else {
            throw Failure.handshake(String(head.prefix { $0 != "\r\n" }))
        }
        return client
    }

    func send(text: String) throws { try send(frame: 1, Data(text.utf8)) }

    func send(samples: [Int16]) throws { try send(frame: 2, samples.withUnsafeBytes { Data($0) }) }

    /// A final, masked frame (RFC 6455, section 5.2).
    func send(frame opcode: UInt8, _ payload: Data, final: Bool = true) throws {
        var frame = Data([opcode | (final ? 0x80 : 0)])
        switch payload.count {
        case ..<126: frame.append(0x80 | UInt8(payload.count))
        case ..<65_536: frame += [0xFE, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
        default: frame += [0xFF] + (0..<8).map { UInt8(payload.count >> (56 - 8 * $0) & 255) }
        }
        let mask: [UInt8] = [0x12, 0x34, 0x56, 0x78]
        frame += mask
        frame += Data(payload.enumerated().map { $1 ^ mask[$0 & 3] })
        try send(frame)
    }

    /// The next frame; the service does not fragment.
    func frame() throws -> Frame {
        while true {
            if let frame = takeFrame() { return frame }
            try read()
        }
    }

    /// The next text message as a JSON object.
    func message() throws -> [String: Any] {
        while true {
            let frame = try frame()
            if frame.opcode == 8 { throw Failure.closed }
            guard frame.opcode == 1 else { continue }
            return try JSONSerialization.jsonObject(with: frame.payload) as? [String: Any] ?? [:]
        }
    }

    /// All messages up to the close frame, which must come.
    func messagesUntilClose() throws -> [[String: Any]] {
        var messages: [[String: Any]] = []
        while true {
            do {
                messages.append(try message())
            } catch Failure.closed {
                return messages
            }
        }
    }

    private func takeFrame() -> Frame? {
        let bytes = [UInt8](received.prefix(10))
        guard bytes.count >= 2 else { return nil }
        var length = Int(bytes[1] & 0x7F)
        var start = 2
        if length == 126 {
            guard bytes.count >= 4 else { return nil }
            (length, start) = (Int(bytes[2]) << 8 | Int(bytes[3]), 4)
        } else if length == 127 {
            guard bytes.count >= 10 else { return nil }
            (length, start) = (bytes[2..<10].reduce(0) { $0 << 8 | Int($1) }, 10)
        }
        guard received.count >= start + length else { return nil }
        let payload = received.dropFirst(start).prefix(length)
        defer { received = Data(received.dropFirst(start + length)) }
        return Frame(opcode: bytes[0] & 0x0F, payload: Data(payload))
    }

    // MARK: - Socket

    func send(_ data: Data) throws {
        var rest = data
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else {
                throw errno == ECONNRESET || errno == EPIPE ? Failure.reset : Failure.system("send", errno)
            }
            rest = Data(rest.dropFirst(count))
        }
    }

    /// Whether the server says anything in that time.
    func isReadable(withinMilliseconds milliseconds: Int) throws -> Bool {
        var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        let count = poll(&poller, 1, Int32(milliseconds))
        guard count >= 0 else { throw Failure.system("poll", errno) }
        return count > 0
    }

    @discardableResult
    func read() throws -> Data {
        guard try isReadable(withinMilliseconds: Self.patienceMilliseconds) else { throw Failure.deadline }
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        if count == 0 { throw Failure.closed }
        guard count > 0 else { throw errno == ECONNRESET ? Failure.reset : Failure.system("recv", errno) }
        received += buffer.prefix(count)
        return received
    }
}

/// Runs blocking work on a thread of its own, so that it never holds up the tests' cooperative threads.
func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        Thread { continuation.resume(with: Result(catching: body)) }.start()
    }
}
