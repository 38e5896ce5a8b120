package import LinuxRuntime
package import RecorderCore

/// A request's method (RFC 9110 section 9, RFC 5789).
package enum HTTPMethod: Equatable, Sendable {
    case get
    case head
    case post
    case patch
    case delete

    var text: String {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .patch: "PATCH"
        case .delete: "DELETE"
        }
    }
}

/// One line of a request's head.
package struct HTTPHeader: Sendable {
    /// In lower case, with its colon.
    package var name: StaticString
    package var value: String

    package init(_ name: StaticString, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// What is sent after a request's head.
package enum HTTPBody: Equatable, Sendable {
    case none
    case bytes([UInt8])
    /// `count` bytes of a file, read as they are sent, between a prefix and a suffix.
    case file(String, from: Int64, count: Int64, prefix: [UInt8] = [], suffix: [UInt8] = [])

    /// In bytes.
    package var count: Int64 {
        switch self {
        case .none: 0
        case .bytes(let bytes): Int64(bytes.count)
        case .file(_, _, let count, let prefix, let suffix): Int64(prefix.count) + count + Int64(suffix.count)
        }
    }
}

extension HTTPBody {
    /// All of a file as it is now, between a prefix and a suffix.
    package static func wholeFile(
        _ path: String, prefix: [UInt8] = [], suffix: [UInt8] = []
    ) throws(UplinkFailure) -> HTTPBody {
        do throws(SystemError) {
            return .file(path, from: 0, count: try File(path, .read).status().bytes, prefix: prefix, suffix: suffix)
        } catch {
            throw UplinkFailure(.file, error.message)
        }
    }
}

/// A client's certificate and its key for TLS, as PEM files.
package struct ClientIdentity: Equatable, Sendable {
    package var certificateFile: String
    package var keyFile: String

    package init(certificateFile: String, keyFile: String) {
        self.certificateFile = certificateFile
        self.keyFile = keyFile
    }

    /// Whether both can be read: the library would go on without.
    package func check() throws(SystemError) {
        for file in [certificateFile, keyFile] { _ = try FileSystem.readFile(file, limitBytes: 1 << 20) }
    }
}

/// A request to a server.
package struct HTTPRequest: Sendable {
    package var method: HTTPMethod
    package var endpoint: Endpoint
    package var headers: [HTTPHeader]
    package var body: HTTPBody
    /// Sent as `Authorization: Bearer …`.
    package var secret: String?
    package var identity: ClientIdentity?
    /// 0: no limit.
    package var kilobitsPerSecond: Int
    /// A success with a longer body is a failure.
    package var responseLimitBytes: Int
    /// All of the exchange takes no longer; nil: it may take as long as it makes progress.
    package var timeoutMilliseconds: Int64?

    package init(
        _ method: HTTPMethod, _ endpoint: Endpoint, headers: [HTTPHeader] = [], body: HTTPBody = .none,
        secret: String? = nil, identity: ClientIdentity? = nil, kilobitsPerSecond: Int = 0,
        responseLimitBytes: Int = 64 << 10, timeoutMilliseconds: Int64? = nil
    ) {
        self.method = method
        self.endpoint = endpoint
        self.headers = headers
        self.body = body
        self.secret = secret
        self.identity = identity
        self.kilobitsPerSecond = kilobitsPerSecond
        self.responseLimitBytes = responseLimitBytes
        self.timeoutMilliseconds = timeoutMilliseconds
    }
}

/// A server's response, whatever its status.
package struct HTTPResponse: Equatable, Sendable {
    package var status: Int
    package var location: String?
    /// Headers of tus 1.0, as the server wrote them.
    package var uploadOffset: String?
    package var uploadLength: String?
    /// RFC 9110 section 10.2.3, in seconds.
    package var retryAfterSeconds: Int?
    /// Who sent it, as far as its head shows.
    package var origin: ResponseOrigin
    package var body: [UInt8]

    package init(
        status: Int, origin: ResponseOrigin = .unknown, location: String? = nil, uploadOffset: String? = nil,
        uploadLength: String? = nil, retryAfterSeconds: Int? = nil, body: [UInt8] = []
    ) {
        self.status = status
        self.origin = origin
        self.location = location
        self.uploadOffset = uploadOffset
        self.uploadLength = uploadLength
        self.retryAfterSeconds = retryAfterSeconds
        self.body = body
    }

    package var isSuccess: Bool { (200..<300).contains(status) }
}

/// How an exchange ended.
package enum HTTPOutcome: Equatable, Sendable {
    case response(HTTPResponse)
    case failed(UplinkFailure)
}

/// Is told how an exchange goes.
package protocol HTTPExchangeDelegate: AnyObject {
    /// The peer has acknowledged `bytes` of the request's body; called at most twice a second.
    func exchange(_ exchange: HTTPExchange, didSend bytes: Int64)
    /// Called once, unless the exchange was cancelled.
    func exchange(_ exchange: HTTPExchange, endedWith outcome: HTTPOutcome)
}

/// Reads a request's body a chunk at a time.
struct BodyReader {
    private let body: HTTPBody
    private let file: File?
    private(set) var position: Int64 = 0

    init(_ body: HTTPBody) throws(SystemError) {
        self.body = body
        if case .file(let path, _, _, _, _) = body { file = try File(path, .read) } else { file = nil }
    }

    var isAtEnd: Bool { position >= body.count }

    /// Fills the beginning of `space` and returns the number of bytes; 0 before the end: the file is shorter than
    /// `count` said.
    mutating func next(into space: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int {
        var count = 0
        switch body {
        case .none:
            break
        case .bytes(let bytes):
            count = unsafe Self.copy(bytes, from: position, into: space)
        case .file(_, let from, let length, let prefix, let suffix):
            let start = Int64(prefix.count)
            if position < start {
                count = unsafe Self.copy(prefix, from: position, into: space)
            } else if position < start + length {
                let room = Int(min(Int64(space.count), start + length - position))
                let part = unsafe UnsafeMutableRawBufferPointer(rebasing: space[..<room])
                count = try unsafe file?.read(at: from + position - start, into: part) ?? 0
            } else {
                count = unsafe Self.copy(suffix, from: position - start - length, into: space)
            }
        }
        position += Int64(count)
        return count
    }

    private static func copy(_ bytes: [UInt8], from position: Int64, into space: UnsafeMutableRawBufferPointer) -> Int {
        let part = bytes[min(bytes.count, Int(position))...].prefix(space.count)
        unsafe space.copyBytes(from: part)
        return part.count
    }
}

/// Limits the rate at which a body is sent (a token bucket).
struct RateLimiter {
    /// 0: no limit.
    private let bytesPerMillisecond: Double
    private var credit: Double
    private var creditAt: MonotonicTime
    private let largestCredit: Double

    init(kilobitsPerSecond: Int, now: MonotonicTime) {
        bytesPerMillisecond = Double(max(0, kilobitsPerSecond)) / 8
        largestCredit = max(2 * Double(TransportLimits.chunkBytes), bytesPerMillisecond * 100)
        credit = Double(TransportLimits.chunkBytes)
        creditAt = now
    }

    /// When the next chunk may be sent; nil: now.
    mutating func wait(now: MonotonicTime) -> MonotonicTime? {
        guard bytesPerMillisecond > 0 else { return nil }
        let elapsed = Double(max(0, now.milliseconds(since: creditAt)))
        credit = min(largestCredit, credit + elapsed * bytesPerMillisecond)
        creditAt = now
        let missing = Double(TransportLimits.chunkBytes) - credit
        guard missing > 0 else { return nil }
        return now.adding(milliseconds: max(1, Int64((missing / bytesPerMillisecond).rounded(.up))))
    }

    mutating func sent(_ bytes: Int) {
        credit -= Double(bytes)
    }
}
