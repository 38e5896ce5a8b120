import Foundation
import Glibc

/// A server of a few lines of script a connection, on a loopback port: it can say anything, well-formed or not.
package final class FakePeer: @unchecked Sendable {
    package let port: UInt16
    private let listener: Int32

    /// - Parameter script: runs on a thread of its own for each connection, with the connection's number from 0.
    package init(_ script: @escaping @Sendable (FakeConnection, Int) throws -> Void) throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        closeOnExec(listener)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = self.listener
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && listen(listener, 16) == 0 && getsockname(listener, $0, &size) == 0
            }
        }
        guard listener >= 0, bound else { throw PeerError.system(errno) }
        port = UInt16(bigEndian: address.sin_port)
        Foundation.Thread.detachNewThread {
            var count = 0
            while true {
                let descriptor = accept(listener, nil, nil)
                guard descriptor >= 0 else { return }
                closeOnExec(descriptor)
                let number = count
                count += 1
                Foundation.Thread.detachNewThread {
                    let connection = FakeConnection(reading: descriptor, writing: descriptor)
                    try? script(connection, number)
                    connection.close()
                }
            }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    /// A loopback port that nobody listens on.
    package static func closedPort() throws -> UInt16 { try FakePeer { _, _ in }.port }
}

/// A child that inherits a descriptor keeps its connection open.
package func closeOnExec(_ descriptor: Int32) {
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
}

package enum PeerError: Error {
    case system(Int32)
    case ended
    case tool(String)
}

package struct Frame {
    package var opcode: UInt8
    package var payload: [UInt8]
    package var text: String { String(decoding: payload, as: UTF8.self) }
}

/// The server's side of one connection: a socket, or the two pipes of a TLS tunnel.
package final class FakeConnection {
    private let reading: Int32
    private let writing: Int32
    private var isClosed = false

    package init(reading: Int32, writing: Int32) {
        self.reading = reading
        self.writing = writing
        signal(SIGPIPE, SIG_IGN)
    }

    package func close() {
        guard !isClosed else { return }
        isClosed = true
        Glibc.close(reading)
        if writing != reading { Glibc.close(writing) }
    }

    /// Ends the connection with an RST.
    package func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(reading, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    package func read(_ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let got = bytes.withUnsafeMutableBytes { Glibc.read(reading, $0.baseAddress! + done, count - done) }
            guard got > 0 else { throw PeerError.ended }
            done += got
        }
        return bytes
    }

    package func write(_ bytes: [UInt8]) throws {
        var done = 0
        while done < bytes.count {
            let put = bytes.withUnsafeBytes { Glibc.write(writing, $0.baseAddress! + done, bytes.count - done) }
            guard put > 0 else { throw PeerError.ended }
            done += put
        }
    }

    package func write(_ text: String) throws { try write(Array(text.utf8)) }

    /// Request line and headers.
    package func readHead() throws -> String {
        var bytes: [UInt8] = []
        while !bytes.suffix(4).elementsEqual([13, 10, 13, 10]) { bytes += try read(1) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The head and body of a request with Content-Length.
    package func readRequest() throws -> (head: String, body: String) {
        let head = try readHead()
        let length = FakeConnection.header("content-length", in: head).flatMap { Int($0) } ?? 0
        return (head, String(decoding: try read(length), as: UTF8.self))
    }

    package static func header(_ name: String, in head: String) -> String? {
        for line in head.components(separatedBy: "\r\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2, parts[0].lowercased() == name { return parts[1].trimmingCharacters(in: .whitespaces) }
        }
        return nil
    }

    package func answer(_ status: String, _ body: String = "", headers: String = "") throws {
        try write("HTTP/1.1 \(status)\r\ncontent-length: \(body.utf8.count)\r\n\(headers)\r\n\(body)")
    }

    /// Takes a WebSocket handshake (RFC 6455 section 4.2); gives the request's head.
    @discardableResult
    package func upgrade() throws -> String {
        let head = try readHead()
        let key = FakeConnection.header("sec-websocket-key", in: head) ?? ""
        let digest = Data(SHA1.digest(Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)))
        try write(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Accept: \(digest.base64EncodedString())\r\n\r\n")
        return head
    }

    /// The next frame of the client, which must be masked and whole.
    package func readFrame() throws -> Frame {
        let head = try read(2)
        guard head[1] & 0x80 != 0, head[0] & 0x80 != 0 else { throw PeerError.tool("unmasked or fragmented") }
        var length = Int(head[1] & 0x7F)
        if length == 126 {
            let more = try read(2)
            length = Int(more[0]) << 8 | Int(more[1])
        }
        let mask = try read(4)
        let payload = try read(length).enumerated().map { $1 ^ mask[$0 & 3] }
        return Frame(opcode: head[0] & 15, payload: payload)
    }

    /// The next frame that is no ping; pings are answered.
    package func readData() throws -> Frame {
        while true {
            let frame = try readFrame()
            guard frame.opcode == 9 else { return frame }
            try send(frame.payload, opcode: 10)
        }
    }

    package func send(_ payload: [UInt8], opcode: UInt8, isFinal: Bool = true) throws {
        var head: [UInt8] = [(isFinal ? 0x80 : 0) | opcode]
        if payload.count < 126 {
            head.append(UInt8(payload.count))
        } else if payload.count < 65_536 {
            head += [126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
        } else {
            head += [127] + (0..<8).reversed().map { UInt8(truncatingIfNeeded: payload.count >> ($0 * 8)) }
        }
        try write(head + payload)
    }

    package func send(_ text: String) throws { try send(Array(text.utf8), opcode: 1) }

    /// Plays the service until the client's `finish`: gives the first message and the audio.
    package func takeLesson() throws -> (start: String, audio: [UInt8], texts: [String]) {
        let start = try readData().text
        var audio: [UInt8] = []
        var texts: [String] = []
        while true {
            let frame = try readData()
            if frame.opcode == 2 {
                audio += frame.payload
            } else {
                texts.append(frame.text)
                if frame.text.isEmpty { return (start, audio, texts) }
            }
        }
    }

    /// Reads until the client goes.
    package func drain() {
        while (try? readData()) != nil {}
    }
}

/// FIPS 180-4, for the WebSocket handshake.
package enum SHA1 {
    package static func digest(_ message: [UInt8]) -> [UInt8] {
        var state: [UInt32] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0]
        var padded = message + [0x80]
        while padded.count % 64 != 56 { padded.append(0) }
        let bits = UInt64(message.count) * 8
        padded += (0..<8).reversed().map { UInt8(truncatingIfNeeded: bits >> (UInt64($0) * 8)) }
        for start in stride(from: 0, to: padded.count, by: 64) {
            var words = (0..<16).map { index in
                padded[(start + index * 4)..<(start + index * 4 + 4)].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            }
            for index in 16..<80 {
                words.append(rotate(words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16], 1))
            }
            var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
            for index in 0..<80 {
                let (f, k): (UInt32, UInt32) =
                    switch index / 20 {
                    case 0: (b & c | ~b & d, 0x5A82_7999)
                    case 1: (b ^ c ^ d, 0x6ED9_EBA1)
                    case 2: (b & c | b & d | c & d, 0x8F1B_BCDC)
                    default: (b ^ c ^ d, 0xCA62_C1D6)
                    }
                let next = rotate(a, 5) &+ f &+ e &+ k &+ words[index]
                (e, d, c, b, a) = (d, c, rotate(b, 30), a, next)
            }
            for (index, value) in [a, b, c, d, e].enumerated() { state[index] &+= value }
        }
        return state.flatMap { word in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> $0) } }
    }

    private static func rotate(_ value: UInt32, _ by: UInt32) -> UInt32 { value << by | value >> (32 - by) }
}
