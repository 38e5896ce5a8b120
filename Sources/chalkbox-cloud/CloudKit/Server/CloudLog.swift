internal import Foundation

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

    func tokenRequest(path: String, status: Int, keyHash: String? = nil) {
        lock.withLock {
            records.tokenRequests.append(
                TokenRecord(path: path, status: status, atMilliseconds: milliseconds, keyHash: keyHash))
            write(Line(event: "token", path: path, status: status, keyHash: keyHash))
        }
    }

    func handshakeRefused(status: Int, keyHash: String?) {
        lock.withLock {
            records.refusedHandshakes.append(
                HandshakeRecord(status: status, atMilliseconds: milliseconds, keyHash: keyHash))
            write(Line(event: "handshake", status: status, keyHash: keyHash))
        }
    }

    /// Opens a record; the answer is the session's number.
    func open() -> Int {
        lock.withLock {
            let number = records.sessions.count + 1
            records.sessions.append(SessionRecord(number: number, openedMilliseconds: milliseconds))
            write(Line(event: "open", session: number))
            return number
        }
    }

    func presented(_ number: Int, keyHash: String) {
        lock.withLock {
            records.sessions[number - 1].keyHash = keyHash
            write(Line(event: "key", session: number, keyHash: keyHash))
        }
    }

    func admitted(_ number: Int) {
        lock.withLock {
            records.sessions[number - 1].isAdmitted = true
            countOpen(1)
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
    func audio(_ number: Int, bytes count: Int, worstLead: Int, worstBurst: Int) {
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
            records.sessions[number - 1].worstLeadMilliseconds = worstLead
            records.sessions[number - 1].worstBurstMilliseconds = worstBurst
        }
    }

    func fault(_ number: Int, name: String, audioMilliseconds: Int) {
        lock.withLock {
            records.sessions[number - 1].faults.append(
                FaultRecord(name: name, atMilliseconds: milliseconds, audioMilliseconds: audioMilliseconds))
            write(Line(event: "fault", session: number, reason: name, audioMilliseconds: audioMilliseconds))
        }
    }

    func said(_ number: Int, _ pieces: [Range<Int>]) {
        guard !pieces.isEmpty else { return }
        let now = milliseconds
        lock.withLock {
            records.sessions[number - 1].said += pieces.map { SaidRecord(pieces: $0, atMilliseconds: now) }
        }
    }

    func close(_ number: Int, reason: String) {
        lock.withLock {
            guard records.sessions[number - 1].closeReason == nil else { return }
            var record = records.sessions[number - 1]
            record.closeReason = reason
            record.closedMilliseconds = milliseconds
            if let last = record.ranges.last { write(audioLine(number, last)) }
            write(
                Line(
                    event: "close", session: number, clientReferenceID: record.clientReferenceID, reason: reason,
                    totalBytes: record.audioBytes, worstLeadMilliseconds: record.worstLeadMilliseconds,
                    worstBurstMilliseconds: record.worstBurstMilliseconds))
            records.sessions[number - 1] = record
            if record.isAdmitted { countOpen(-1) }
        }
    }

    private func countOpen(_ change: Int) {
        let open = records.openSessions + change
        records.concurrency.append(ConcurrencyRecord(atMilliseconds: milliseconds, open: open))
        write(Line(event: "concurrency", open: open))
    }

    private func audioLine(_ number: Int, _ range: AudioRange) -> Line {
        Line(
            event: "audio", session: number, fromByte: range.bytes.lowerBound, toByte: range.bytes.upperBound,
            firstMilliseconds: range.firstMilliseconds, lastMilliseconds: range.lastMilliseconds)
    }

    /// Changes the records, and writes what came of it.
    func change(_ body: (inout CloudRecords) -> Line?) {
        lock.withLock {
            if let line = body(&records) { write(line) }
        }
    }

    struct Line: Encodable {
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
        var keyHash: String?
        var open: Int?
        var audioMilliseconds: Int?
        var worstLeadMilliseconds: Int?
        var worstBurstMilliseconds: Int?
        var method: String?
        var upload: String?
        var sha256: String?
        var times: Int?
        var atMilliseconds = 0

        enum CodingKeys: String, CodingKey {
            case event, session, path, status, reason, open, method, upload, sha256, times
            case keyHash = "key_hash"
            case audioMilliseconds = "audio_ms"
            case worstLeadMilliseconds = "worst_lead_ms"
            case worstBurstMilliseconds = "worst_burst_ms"
            case clientReferenceID = "client_reference_id"
            case fromByte = "from_byte"
            case toByte = "to_byte"
            case firstMilliseconds = "first_ms"
            case lastMilliseconds = "last_ms"
            case totalBytes = "total_bytes"
            case atMilliseconds = "at_ms"
        }
    }

    /// Since the server's start.
    var milliseconds: Int {
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
