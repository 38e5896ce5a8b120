import ControlProtocol
import Glibc
import RecorderCore
import WireJSON

@testable import LinuxRuntime
@testable import SpeechUplink
@testable import WebTransport

/// The control socket: lines of any bytes, then JSON, then a request.
enum ControlFuzz {
    /// Enough for a line that is too long.
    static let maximumBytes = Limits.controlLineBytes + 1_024

    static func run(_ bytes: [UInt8]) throws {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0, &ends) == 0 else {
            throw Violation(description: "no socket pair")
        }
        let peer = FileDescriptor(owning: ends[0])
        let connection = ControlConnection(FileDescriptor(owning: ends[1]))
        var inputs: [ControlConnection.Input] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = write(peer.number, Array(rest.prefix(4_096)), min(rest.count, 4_096))
            try expect(count > 0, "the socket took nothing")
            rest = rest.dropFirst(count)
            inputs += connection.receive()
        }
        try expect(!connection.isClosed, "closed by what was received")
        let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast()
        try expect(
            inputs == lines.map { $0.count > Limits.controlLineBytes ? .tooLong : .line(Array($0)) }, "other lines")
        for case .line(let line) in inputs {
            try request(line, try JSONFuzz.value(line, limitBytes: Limits.controlLineBytes))
        }
    }

    private static func request(_ line: [UInt8], _ value: JSONValue?) throws {
        let bounds = ControlRequest.Bounds(lineBytes: Limits.controlLineBytes, labelBytes: Limits.labelBytes)
        let request: ControlRequest
        do throws(ControlRequest.Refusal) {
            request = try ControlRequest(line, bounds)
        } catch {
            return try expect((1...512).contains(error.message.utf8.count), "\(error.message.utf8.count) bytes")
        }
        try expect(value?["do"]?.string != nil, "\(request) of no JSON")
        switch request {
        case .start(let label):
            try expect(label.utf8.count <= Limits.labelBytes, "a label of \(label.utf8.count) bytes")
        case .uploadRetry(let id):
            try expect(id?.isEvery { $0 >= 0x30 && $0 <= 0x5A } ?? true, "a name \(id ?? "")")
        case .stop, .status, .follow, .transcript, .listen, .button, .copying:
            break
        }
    }
}

/// The token endpoint's answer, and the address that it names.
enum TokenFuzz {
    static func run(_ bytes: [UInt8]) throws {
        _ = try JSONFuzz.value(bytes, limitBytes: 64 << 10, limitValues: 1_024)
        let key: SessionKey
        do throws(UplinkFailure) {
            key = try KeyResponse.read(bytes, .unknown, peer: "peer", now: WallTime(milliseconds: 1_795_507_200_000))
        } catch {
            return try expect(error.cause == .service(.keyMalformed), "\(error)")
        }
        try expect(key.secret.isHeaderValue, "a key that breaks its header")
        try expect((0...86_400_000).contains(key.lifetimeMilliseconds ?? 0), "\(key.lifetimeMilliseconds ?? 0) ms")
        let endpoint: Endpoint
        do throws(UplinkFailure) {
            endpoint = try Endpoint(key.webSocketURL, name: "websocketUrl", secure: "wss", plain: "ws")
        } catch {
            return try expect(error.cause == .local(.configuration), "\(error)")
        }
        try expect(endpoint.isTLS || Endpoint.isLoopback(endpoint.host), "\(endpoint) in the clear")
        try expect(endpoint.path.utf8.first == 0x2F && (1...65_535).contains(endpoint.port), "\(endpoint)")
        try expect(endpoint.host.isEvery { $0 > 0x20 && $0 < 0x7F } && !endpoint.host.isEmpty, "\(endpoint)")
    }
}

/// The speech service's messages, a line each, and the transcript that they make. An empty line ends the session.
enum SpeechFuzz {
    private static let head = SampleIndex(milliseconds: 3_600_000)

    static func run(_ bytes: [UInt8]) throws {
        var transcript = LiveTranscript()
        var session = 1
        transcript.open(session: session, base: .zero)
        for line in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
            guard !line.isEmpty else {
                _ = transcript.close(session: session)
                session += 1
                transcript.open(session: session, base: transcript.baseOfNextSession(head: head))
                continue
            }
            guard let message = try message(Array(line)) else { continue }
            let update = transcript.receive(message, session: session, end: head)
            for word in update.words { try check(word) }
            try expect(transcript.recent.count <= Limits.recentWords, "\(transcript.recent.count) recent words")
            try expect(transcript.committedCount <= Limits.committedWords, "\(transcript.committedCount) settled words")
            try expect(transcript.speakerCount <= Limits.speakers, "\(transcript.speakerCount) speakers")
            try expect((SampleIndex.zero...head).contains(transcript.resumePoint), "\(transcript.resumePoint)")
        }
        _ = transcript.close(session: session)
        for word in transcript.finish().words { try check(word) }
    }

    private static func message(_ line: [UInt8]) throws -> ServiceMessage? {
        guard let value = try JSONFuzz.value(line, limitBytes: Limits.serviceMessageBytes) else { return nil }
        let message: ServiceMessage
        do throws(UplinkFailure) {
            message = try ServiceMessageReader.read(value, after: 0, peer: "peer")
        } catch {
            try expect(error.detail.utf8.count <= 2 * Limits.errorMessageBytes, "\(error.detail.utf8.count) bytes")
            return nil
        }
        let times = 0...TransportLimits.serviceMilliseconds
        try expect(message.tokens.count <= Limits.serviceMessageTokens, "\(message.tokens.count) tokens")
        try expect(times.contains(message.finalAudioMilliseconds), "final \(message.finalAudioMilliseconds)")
        try expect(times.contains(message.totalAudioMilliseconds), "total \(message.totalAudioMilliseconds)")
        for token in message.tokens {
            try expect(times.contains(token.startMilliseconds), "\(token)")
            try expect((token.startMilliseconds...times.upperBound).contains(token.endMilliseconds), "\(token)")
            try expect((0...1).contains(token.confidence), "\(token)")
        }
        return message
    }

    private static func check(_ word: Word) throws {
        try expect(word.start.value >= 0 && word.start <= word.end, "\(word)")
        try expect(!word.text.isEmpty && (0...Limits.speakers).contains(word.speaker), "\(word)")
    }
}
