internal import Foundation
internal import NIOCore

/// A PATCH under way: its bytes are kept as they come, so that none is lost with the connection.
final class UploadPatch: StreamedRequest {
    /// `Upload-Checksum`: an algorithm's name and the digest in base64.
    struct Checksum {
        let digest: Digest
        let expected: [UInt8]

        init?(_ header: String) {
            let parts = header.split(separator: " ")
            guard parts.count == 2, let algorithm = Digest.Algorithm(rawValue: String(parts[0])),
                let expected = Data(base64Encoded: String(parts[1]))
            else { return nil }
            digest = Digest(algorithm)
            self.expected = [UInt8](expected)
        }
    }

    private enum Strike {
        case cut, reset, stall
    }

    private let exchange: Exchange
    private let upload: Upload
    private let state: CloudState
    private let checksum: Checksum?
    private let answer: (Result<Void, TusEndpoint.Refusal>) -> Void
    private let start: StoredBytes.Mark?
    private var strike: (kind: Strike, after: Int)?
    private var isCorrupting: Bool
    private var received = 0
    private var isOver = false
    /// In a black hole: nothing more is heard.
    private var isStalled = false

    init(
        _ exchange: Exchange, _ upload: Upload, state: CloudState, checksum: Checksum?,
        answer: @escaping (Result<Void, TusEndpoint.Refusal>) -> Void
    ) {
        self.exchange = exchange
        self.upload = upload
        self.state = state
        self.checksum = checksum
        self.answer = answer
        start = upload.bytes?.mark
        strike = Self.strike(state.faults, length: exchange.contentLength ?? 0)
        isCorrupting = exchange.contentLength != 0 && state.faults.claim(\.corrupt) != nil
        upload.isLocked = true
        if checksum != nil {
            upload.facts.uncheckedFrom = upload.offset
            try? state.uploads.note(upload)
        }
    }

    /// The first of the faults that is in force; without a number, it strikes anywhere in the body.
    private static func strike(_ faults: FaultSwitchboard, length: Int) -> (kind: Strike, after: Int)? {
        let fields: [(Strike, WritableKeyPath<FaultPlan, FaultTrigger?>)] = [
            (.cut, \.patchCut), (.reset, \.patchReset), (.stall, \.patchStall),
        ]
        for (kind, field) in fields {
            guard let value = faults.claim(field)?.value else { continue }
            return (kind, value < 0 ? Int.random(in: 0...max(0, length - 1)) : value)
        }
        return nil
    }

    func body(_ part: ByteBuffer) {
        guard !isOver, !isStalled else { return }
        var part = part
        let room = min(upload.facts.length - upload.offset, strike.map { $0.after - received } ?? .max)
        let isTooLong = part.readableBytes > upload.facts.length - upload.offset
        guard let taken = part.readSlice(length: min(part.readableBytes, room)) else { return }
        received += taken.readableBytes
        do {
            try keep(taken)
        } catch {
            return finish(.failure(.init(500, "\(error)")))
        }
        if let strike, received >= strike.after { return suffer(strike.kind) }
        if isTooLong { return finish(.failure(.init(413, "the upload has \(upload.facts.length) bytes"))) }
        if let rate = state.faults.plan.uploadBytesPerSecond {
            exchange.pause(microseconds: taken.readableBytes * 1_000_000 / rate)
        }
    }

    private func keep(_ part: ByteBuffer) throws {
        if isCorrupting, part.readableBytes > 0 {
            isCorrupting = false
            var bytes = Array(part.readableBytesView)
            bytes[bytes.count / 2] ^= 1
            try bytes.withUnsafeBytes { try upload.bytes?.append($0) }
        } else {
            try part.withUnsafeReadableBytes { try upload.bytes?.append($0) }
        }
        part.withUnsafeReadableBytes { checksum?.digest.update($0) }
    }

    private func suffer(_ kind: Strike) {
        switch kind {
        case .cut: exchange.cut()
        case .reset: exchange.reset()
        case .stall:
            isStalled = true
            exchange.stall()
        }
    }

    func end() {
        guard !isOver, !isStalled else { return }
        // A body shorter than the place of the fault.
        if let strike { return suffer(strike.kind) }
        if let checksum, checksum.digest.value != checksum.expected {
            return finish(.failure(.init(460, "the checksum does not match")))
        }
        finish(.success(()))
    }

    func lost() {
        guard !isOver else { return }
        close(isWhole: false)
    }

    private func finish(_ result: Result<Void, TusEndpoint.Refusal>) {
        var result = result
        let isWhole = if case .success = result { true } else { false }
        if let failure = close(isWhole: isWhole) { result = .failure(failure) }
        if isWhole, state.faults.claim(\.patchLost) != nil { return exchange.cut() }
        answer(result)
    }

    /// What has come stays, unless there is a checksum that was to tell whether it is right.
    @discardableResult
    private func close(isWhole: Bool) -> TusEndpoint.Refusal? {
        isOver = true
        upload.isLocked = false
        do {
            if checksum != nil, !isWhole, let start { try upload.bytes?.rewind(to: start) }
            try state.uploads.patched(upload, receivedBytes: received)
            return nil
        } catch {
            return .init(500, "\(error)")
        }
    }
}
