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

/// One question to a server.
package struct HTTPRequest: Sendable {
    package var method: HTTPMethod
    package var endpoint: Endpoint
    package var headers: [HTTPHeader]
    package var body: HTTPBody
    /// Sent as `Authorization: Bearer …`.
    package var secret: String?
    package var identity: ClientIdentity?
    /// 0: as fast as it goes.
    package var kilobitsPerSecond: Int
    /// A longer answer is none.
    package var answerLimitBytes: Int

    package init(
        _ method: HTTPMethod, _ endpoint: Endpoint, headers: [HTTPHeader] = [], body: HTTPBody = .none,
        secret: String? = nil, identity: ClientIdentity? = nil, kilobitsPerSecond: Int = 0,
        answerLimitBytes: Int = 64 << 10
    ) {
        self.method = method
        self.endpoint = endpoint
        self.headers = headers
        self.body = body
        self.secret = secret
        self.identity = identity
        self.kilobitsPerSecond = kilobitsPerSecond
        self.answerLimitBytes = answerLimitBytes
    }
}

/// What a server answered, whatever the status.
package struct HTTPAnswer: Equatable, Sendable {
    package var status: Int
    package var location: String?
    /// tus 1.0, as written.
    package var uploadOffset: String?
    package var uploadLength: String?
    /// RFC 9110 section 10.2.3, in seconds.
    package var retryAfterSeconds: Int?
    /// What its head shows of who has given it.
    package var sign: AnswerSign
    package var body: [UInt8]

    package init(
        status: Int, sign: AnswerSign = .none, location: String? = nil, uploadOffset: String? = nil,
        uploadLength: String? = nil, retryAfterSeconds: Int? = nil, body: [UInt8] = []
    ) {
        self.status = status
        self.sign = sign
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
    case answer(HTTPAnswer)
    case failed(UplinkFailure)
}

/// Who waits for an exchange.
package protocol HTTPListener: AnyObject {
    /// The peer has acknowledged `bytes` of the body; at most twice a second.
    func sent(_ bytes: Int64, of exchange: HTTPExchange)
    /// Called once, unless the exchange was cancelled.
    func ended(_ exchange: HTTPExchange, _ outcome: HTTPOutcome)
}

/// A body as it goes out, a piece at a time.
struct BodyReader {
    private let body: HTTPBody
    private let file: File?
    private(set) var position: Int64 = 0

    init(_ body: HTTPBody) throws(SystemError) {
        self.body = body
        if case .file(let path, _, _, _, _) = body { file = try File(path, .read) } else { file = nil }
    }

    var isAtEnd: Bool { position >= body.count }

    /// Fills the beginning of `space`; 0 before the end says that the file is shorter than it was said to be.
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

/// Holds a body to its pace (a token bucket).
struct PaceKeeper {
    /// 0: none.
    private let bytesPerMillisecond: Double
    private var credit: Double
    private var creditAt: MonotonicTime
    private let largestCredit: Double

    init(kilobitsPerSecond: Int, now: MonotonicTime) {
        bytesPerMillisecond = Double(max(0, kilobitsPerSecond)) / 8
        largestCredit = max(2 * Double(WebLimits.pieceBytes), bytesPerMillisecond * 100)
        credit = Double(WebLimits.pieceBytes)
        creditAt = now
    }

    /// When a piece may go out; nil: now.
    mutating func wait(now: MonotonicTime) -> MonotonicTime? {
        guard bytesPerMillisecond > 0 else { return nil }
        let elapsed = Double(max(0, now.milliseconds(since: creditAt)))
        credit = min(largestCredit, credit + elapsed * bytesPerMillisecond)
        creditAt = now
        let missing = Double(WebLimits.pieceBytes) - credit
        guard missing > 0 else { return nil }
        return now.adding(milliseconds: max(1, Int64((missing / bytesPerMillisecond).rounded(.up))))
    }

    mutating func sent(_ bytes: Int) {
        credit -= Double(bytes)
    }
}
