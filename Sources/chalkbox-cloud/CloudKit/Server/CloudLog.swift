internal import Foundation

/// What a server saw of one speech session.
package struct SessionRecord: Equatable, Sendable {
    /// From 1, in the order of their handshakes.
    package var number: Int
    package var clientReferenceID: String?
    /// The first message as it came, with any key taken out.
    package var configuration: String?
    /// Audio received, about one entry a second; bytes count from the session's first.
    package var ranges: [AudioRange] = []
    /// Nil while the session is open.
    package var closeReason: String?

    package var audioBytes: Int { ranges.last?.bytes.upperBound ?? 0 }
}

/// Consecutive audio bytes of a session and when they came.
package struct AudioRange: Equatable, Sendable {
    package var bytes: Range<Int>
    /// Monotonic milliseconds since the server's start, of the first and the last frame.
    package var firstMilliseconds: Int
    package var lastMilliseconds: Int
}

/// A request to a token endpoint.
package struct TokenRecord: Equatable, Sendable {
    package var path: String
    package var status: Int
}

/// Everything a server saw so far.
package struct CloudRecords: Equatable, Sendable {
    package var sessions: [SessionRecord] = []
    package var tokenRequests: [TokenRecord] = []
}

/// Collects the records and writes them as JSON lines while they come. Keys and bearer tokens never get in.
final class CloudLog: @unchecked Sendable {
    private let lock = NSCondition()
    private let started = DispatchTime.now()
    private let file: FileHandle?
    private var records = CloudRecords() {
        didSet { lock.broadcast() }
    }

    init(path: String?) throws {
        guard let path else {
            file = nil
            return
        }
        if !FileManager.default.fileExists(atPath: path) { try Data().write(to: URL(fileURLWithPath: path)) }
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try handle.seekToEnd()
        file = handle
    }

    var snapshot: CloudRecords { lock.withLock { records } }

    /// Blocks until the records fulfil a condition; nil at the deadline.
    func wait(until deadline: Date, for condition: (CloudRecords) -> Bool) -> CloudRecords? {
        lock.withLock {
            while !condition(records) {
                guard lock.wait(until: deadline) else { return condition(records) ? records : nil }
            }
            return records
        }
    }

    func tokenRequest(path: String, status: Int) {
        lock.withLock {
            records.tokenRequests.append(TokenRecord(path: path, status: status))
            write(Line(event: "token", path: path, status: status))
        }
    }

    /// Opens a record; the answer is the session's number.
    func open() -> Int {
        lock.withLock {
            let number = records.sessions.count + 1
            records.sessions.append(SessionRecord(number: number))
            write(Line(event: "open", session: number))
            return number
        }
    }

    func configured(_ number: Int, clientReferenceID: String?, configuration: String) {
        lock.withLock {
            write(Line(event: "configured", session: number, clientReferenceID: clientReferenceID))
            records.sessions[number - 1].clientReferenceID = clientReferenceID
            records.sessions[number - 1].configuration = configuration
        }
    }

    /// Notes a frame of audio; a line is written when a second's worth has come together.
    func audio(_ number: Int, bytes count: Int) {
        let now = milliseconds
        lock.withLock {
            var ranges = records.sessions[number - 1].ranges
            let begin = ranges.last?.bytes.upperBound ?? 0
            if let last = ranges.last, now - last.firstMilliseconds < 1_000 {
                ranges[ranges.count - 1].bytes = last.bytes.lowerBound..<(begin + count)
                ranges[ranges.count - 1].lastMilliseconds = now
            } else {
                if let last = ranges.last { write(audioLine(number, last)) }
                ranges.append(
                    AudioRange(bytes: begin..<(begin + count), firstMilliseconds: now, lastMilliseconds: now))
            }
            records.sessions[number - 1].ranges = ranges
        }
    }

    func close(_ number: Int, reason: String) {
        lock.withLock {
            guard records.sessions[number - 1].closeReason == nil else { return }
            var record = records.sessions[number - 1]
            record.closeReason = reason
            if let last = record.ranges.last { write(audioLine(number, last)) }
            write(
                Line(
                    event: "close", session: number, clientReferenceID: record.clientReferenceID, reason: reason,
                    totalBytes: record.audioBytes))
            records.sessions[number - 1] = record
        }
    }

    private func audioLine(_ number: Int, _ range: AudioRange) -> Line {
        Line(
            event: "audio", session: number, fromByte: range.bytes.lowerBound, toByte: range.bytes.upperBound,
            firstMilliseconds: range.firstMilliseconds, lastMilliseconds: range.lastMilliseconds)
    }

    private struct Line: Encodable {
        var event: String
        var session: Int?
        var clientReferenceID: String?
        var path: String?
        var status: Int?
        var fromByte: Int?
        var toByte: Int?
        var firstMilliseconds: Int?
        var lastMilliseconds: Int?
        var reason: String?
        var totalBytes: Int?
        var atMilliseconds = 0

        enum CodingKeys: String, CodingKey {
            case event, session, path, status, reason
            case clientReferenceID = "client_reference_id"
            case fromByte = "from_byte"
            case toByte = "to_byte"
            case firstMilliseconds = "first_ms"
            case lastMilliseconds = "last_ms"
            case totalBytes = "total_bytes"
            case atMilliseconds = "at_ms"
        }
    }

    private var milliseconds: Int {
        Int((DispatchTime.now().uptimeNanoseconds - started.uptimeNanoseconds) / 1_000_000)
    }

    private func write(_ line: Line) {
        guard let file else { return }
        var line = line
        line.atMilliseconds = milliseconds
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // A log that cannot be written must not end a lesson's stream; the records in memory stay whole.
        guard let json = try? encoder.encode(line) else { return }
        try? file.write(contentsOf: json + Data("\n".utf8))
    }
}
