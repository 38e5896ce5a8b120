import CloudKit
import Foundation

/// An HTTP answer by its Content-Length; header names in lower case.
struct HTTPReply {
    var status: Int
    var headers: [String: String]
    var body: Data

    var text: String { String(decoding: body, as: UTF8.self) }

    var json: [String: Any] {
        (try? JSONSerialization.jsonObject(with: body) as? [String: Any]) ?? [:]
    }
}

extension RawClient {
    /// A request on this connection, which stays open, and its answer.
    ///
    /// - Parameter announcing: what Content-Length says, when the body is to be shorter than that.
    func exchange(
        _ method: String, _ path: String, _ headers: [String: String] = [:], body: Data = Data(),
        announcing length: Int? = nil
    ) throws -> HTTPReply {
        try begin(method, path, headers, body: body, announcing: length)
        return try reply(to: method)
    }

    func begin(
        _ method: String, _ path: String, _ headers: [String: String] = [:], body: Data = Data(),
        announcing length: Int? = nil
    ) throws {
        var text = "\(method) \(path) HTTP/1.1\r\nHost: school.test\r\n"
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        text += "Content-Length: \(length ?? body.count)\r\n\r\n"
        try send(Data(text.utf8) + body)
    }

    func reply(to method: String = "GET") throws -> HTTPReply {
        let lines = try head().components(separatedBy: "\r\n")
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            headers[line[..<colon].lowercased()] = line[line.index(after: colon)...]
                .trimmingCharacters(in: .whitespaces)
        }
        let length = method == "HEAD" ? 0 : headers["content-length"].flatMap(Int.init) ?? 0
        while received.count < length { try read() }
        let body = received.prefix(length)
        received = Data(received.dropFirst(length))
        return HTTPReply(status: Int(lines[0].split(separator: " ")[1]) ?? 0, headers: headers, body: Data(body))
    }
}

/// tus 1.0 by hand, one connection a request.
struct TusClient: Sendable {
    let port: Int
    var more: [String: String] = [:]

    static func metadata(bucket: String = "lessons", _ name: String, type: String = "audio/flac") -> String {
        func base64(_ text: String) -> String { Data(text.utf8).base64EncodedString() }
        return "bucketName \(base64(bucket)),objectName \(base64(name)),contentType \(base64(type))"
    }

    func request(
        _ method: String, _ path: String, _ headers: [String: String] = [:], body: Data = Data()
    ) throws -> HTTPReply {
        let all = ["Tus-Resumable": "1.0.0"].merging(more) { $1 }.merging(headers) { $1 }
        return try RawClient(port: port).exchange(method, path, all, body: body)
    }

    func create(_ name: String, length: Int, _ headers: [String: String] = [:]) throws -> HTTPReply {
        let own = ["Upload-Length": "\(length)", "Upload-Metadata": Self.metadata(name)]
        return try request("POST", "/files/", own.merging(headers) { $1 })
    }

    /// The path of a new upload.
    func path(_ name: String, length: Int, _ headers: [String: String] = [:]) throws -> String {
        let reply = try create(name, length: length, headers)
        guard reply.status == 201, let location = reply.headers["location"] else {
            throw RawClient.Failure.handshake("\(reply.status) \(reply.text)")
        }
        return location.hasPrefix("/") ? location : URL(string: location)?.path ?? ""
    }

    static func patchHeaders(_ offset: Int) -> [String: String] {
        ["Content-Type": "application/offset+octet-stream", "Upload-Offset": "\(offset)", "Tus-Resumable": "1.0.0"]
    }

    func patch(_ path: String, at offset: Int, _ body: Data, _ headers: [String: String] = [:]) throws -> HTTPReply {
        try request("PATCH", path, Self.patchHeaders(offset).merging(headers) { $1 }, body: body)
    }

    /// Says that more will come, sends this much and leaves.
    func patchPartly(_ path: String, at offset: Int, _ body: Data, of length: Int) throws {
        let client = try RawClient(port: port)
        try client.begin("PATCH", path, Self.patchHeaders(offset).merging(more) { $1 }, body: body, announcing: length)
    }

    func offset(_ path: String) throws -> Int? {
        try request("HEAD", path).headers["upload-offset"].flatMap(Int.init)
    }

    /// Returns when the server has so much of it.
    func wait(_ path: String, for offset: Int) throws {
        let deadline = Date().addingTimeInterval(60)
        while try self.offset(path) != offset {
            guard deadline.timeIntervalSinceNow > 0 else { throw RawClient.Failure.deadline }
        }
    }
}

/// Bytes that tell where they belong.
func payload(_ count: Int, seed: UInt64 = 1) -> Data {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    return Data(
        (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 33)
        })
}
