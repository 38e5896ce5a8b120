internal import Foundation

/// Asks a `ControlEndpoint` in another process.
package enum ControlClient {
    package enum Failure: Error, CustomStringConvertible {
        case notReachable(path: String, reason: String)
        case refused(String)

        package var description: String {
            switch self {
            case .notReachable(let path, let reason): "cannot reach the control socket \(path): \(reason)"
            case .refused(let reason): reason
            }
        }
    }

    /// Sends a request and blocks for its answer's body.
    package static func request(
        socket path: String, _ method: String, _ target: String, lines: [String] = []
    ) throws(Failure) -> String {
        let body = lines.map { $0 + "\n" }.joined()
        let head = "\(method) \(target) HTTP/1.1\r\nHost: cloud\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
        let answer = try exchange(path, Array((head + body).utf8))
        guard let end = answer.range(of: "\r\n\r\n"), let status = answer.split(separator: " ").dropFirst().first else {
            throw .notReachable(path: path, reason: "no HTTP answer")
        }
        let text = String(answer[end.upperBound...])
        guard status == "200" else { throw .refused(text.trimmingCharacters(in: .whitespacesAndNewlines)) }
        return text
    }

    private static func exchange(_ path: String, _ request: [UInt8]) throws(Failure) -> String {
        func failure() -> Failure { .notReachable(path: path, reason: String(cString: strerror(errno))) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw .notReachable(path: path, reason: "the path is too long for a Unix socket")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw failure() }
        defer { close(descriptor) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else { throw failure() }
        var sent = 0
        while sent < request.count {
            let count = request[sent...].withUnsafeBytes {
                send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw failure() }
            sent += count
        }
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count >= 0 else { throw failure() }
            if count == 0 { return String(decoding: answer, as: UTF8.self) }
            answer += buffer.prefix(count)
        }
    }
}
