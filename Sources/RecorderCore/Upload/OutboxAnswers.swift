/// What the school's servers say, and what follows from it.
extension Outbox {
    mutating func receive(
        _ answer: UploadAnswer, of request: UploadRequest, _ current: inout CurrentUpload, _ turn: inout Turn
    ) {
        switch (answer, request) {
        case (.created(let url), .create):
            guard let place = current.place else { return }
            note(place, url: url, isSent: false, &current, &turn)
            current.offset = 0
        case (.offset(let offset, let length), .offset(_, let file)):
            guard (0...file.bytes).contains(offset), length ?? file.bytes == file.bytes else {
                let of = length.map { " of \($0)" } ?? ""
                let what = "the server says that it has \(offset)\(of) bytes of a file of \(file.bytes)"
                offsetConflict(what, request, &current, &turn)
                return
            }
            current.offsetConflicts = 0
            current.offset = offset
            current.step = .waiting(until: turn.now)
        case (.sent(let offset), .send(_, _, let from, let count)):
            guard offset > from, offset <= from + count else {
                failed(UplinkFailure(.messageMalformed, Self.lie(offset, from, count)), request, &current, &turn)
                return
            }
            current.offset = offset
            progress(&current, turn)
        case (.accepted, .manifest):
            current.isAccepted = true
            progress(&current, turn)
        case (.missing(let names), .manifest):
            sendAgain(names, &current, &turn)
        case (.failed(let failure), _):
            failed(failure, request, &current, &turn)
        default:
            let failure = UplinkFailure(.messageMalformed, "the server's answer fits no question")
            failed(failure, request, &current, &turn)
        }
    }

    private static func lie(_ offset: Int64, _ from: Int64, _ count: Int64) -> String {
        "the server says that it has \(offset) bytes after \(count) from \(from) on"
    }

    private mutating func progress(_ current: inout CurrentUpload, _ turn: Turn) {
        current.failures = 0
        current.step = .waiting(until: turn.now)
    }

    /// To begin anew what may be complete would make a second object: the server is asked again first.
    private mutating func offsetConflict(
        _ what: String, _ request: UploadRequest, _ current: inout CurrentUpload, _ turn: inout Turn
    ) {
        current.offsetConflicts += 1
        if current.offsetConflicts >= Limits.uploadOffsetConflicts {
            current.offsetConflicts = 0
            restart(what, &current, &turn)
        } else {
            failed(UplinkFailure(.messageMalformed, what), request, &current, &turn)
        }
    }

    /// What the server has of the file is not to be gone on with.
    private mutating func restart(_ reason: String, _ current: inout CurrentUpload, _ turn: inout Turn) {
        current.restarts += 1
        guard let place = current.place, current.restarts <= Limits.uploadRestarts else {
            block(reason, &current, &turn)
            return
        }
        let name = current.package.files[place].name
        let line = "upload id=\(current.id.text) state=anew file=\(name) reason=\(LogEntry.quoted(reason))"
        turn.log(.warning, line)
        note(place, url: nil, isSent: false, &current, &turn)
    }

    private mutating func sendAgain(_ names: [String], _ current: inout CurrentUpload, _ turn: inout Turn) {
        current.restarts += 1
        let places = current.package.files.indices.filter { names.contains(current.package.files[$0].name) }
        let reason = "the school does not have \(names.first ?? "what is in the manifest") as it was sent"
        guard !places.isEmpty, current.restarts <= Limits.uploadRestarts else {
            block(reason, &current, &turn)
            return
        }
        let line = "upload id=\(current.id.text) state=anew files=\(places.count) reason=\(LogEntry.quoted(reason))"
        turn.log(.warning, line)
        for place in places { note(place, url: nil, isSent: false, &current, &turn) }
    }

    private mutating func failed(
        _ failure: UplinkFailure, _ request: UploadRequest, _ current: inout CurrentUpload, _ turn: inout Turn
    ) {
        // What of the chunk has arrived, the server has to say.
        current.offset = nil
        current.failures += 1
        switch verdict(failure, request) {
        case .restart:
            restart(failure.detail, &current, &turn)
        case .ask where current.failures <= 1:
            current.step = .waiting(until: turn.now)
        case .ask, .retry:
            retry(failure, &current, &turn)
        case .locked:
            current.failures -= 1
            let wait = Limits.uploadLockMilliseconds + random.next(through: Limits.uploadLockMilliseconds)
            self.wait(wait, state: "locked", failure.detail, &current, &turn)
        case .block:
            block(failure.detail, &current, &turn)
        case .hold:
            authorizationProblem = failure.detail
            wait(Limits.uploadHeldMilliseconds, state: "held", failure.detail, &current, &turn)
        }
    }

    private mutating func retry(_ failure: UplinkFailure, _ current: inout CurrentUpload, _ turn: inout Turn) {
        let backoff = Backoff(capMilliseconds: Limits.uploadCapMilliseconds, jitter: .full)
        let wait = Limits.attemptSpacingMilliseconds + backoff.milliseconds(current.failures, random: &random)
        if let seconds = failure.retryAfterSeconds {
            let asked = Int64(min(max(0, seconds), 86_400)) * 1_000
            let obeyed = min(asked, Limits.uploadHeldMilliseconds)
            notBefore = turn.after(milliseconds: obeyed)
            if obeyed < asked {
                let line = "retry-after asked_s=\(seconds) obeyed_s=\(obeyed / 1_000)"
                turn.log(.warning, line)
            }
        }
        self.wait(wait, state: "waiting", failure.detail, &current, &turn)
    }

    private enum Verdict {
        case retry
        /// The server knows better what it has.
        case ask
        /// Somebody else writes there, perhaps our own last connection.
        case locked
        /// It does not know the upload any more.
        case restart
        /// This lesson cannot go.
        case block
        /// Nothing can go.
        case hold
    }

    private func verdict(_ failure: UplinkFailure, _ request: UploadRequest) -> Verdict {
        switch failure.cause {
        // Also a captive portal, or a clock that is not set yet: both pass.
        case .network: .retry
        case .local(.busy), .local(.journal): .retry
        // An address that is none, a secret that others may read.
        case .local(.configuration): .hold
        case .local(.file): .block
        case .service(.httpStatus(let status, _, _)), .service(.message(let status, _, _)): verdict(status, request)
        // What did not come from the school's server blocks, holds and renews nothing.
        case .service(.intercepted): .retry
        case .service(.keyMalformed), .service(.messageMalformed), .service(.messageTooLarge),
            .service(.notTranscribed), .service(.audioLeftOut):
            .retry
        }
    }

    private func verdict(_ status: Int, _ request: UploadRequest) -> Verdict {
        switch (status, request) {
        case (300..<400, _): .retry
        case (401, _), (403, _): .hold
        // Of what stands between, whoever says it: see `Classification`.
        case (407, _), (451, _): .retry
        case (404, .offset), (404, .send), (410, .offset), (410, .send): .restart
        // There is no such endpoint.
        case (404, _): .hold
        case (409, .send): .ask
        case (408, _), (425, _), (429, _), (460, _): .retry
        case (423, _): .locked
        case (400..<500, _): .block
        default: .retry
        }
    }
}

/// Bytes a second over the last seconds.
struct RateMeter: Equatable {
    private static let windowMilliseconds: Int64 = 10_000
    private static let entries = 32

    private var marks: [Mark] = []

    private struct Mark: Equatable {
        var time: MonotonicTime
        var bytes: Int64
    }

    mutating func add(_ bytes: Int64, now: MonotonicTime) {
        guard bytes > 0 else { return }
        marks.removeAll { now.milliseconds(since: $0.time) > Self.windowMilliseconds }
        if marks.count >= Self.entries { marks.removeFirst() }
        marks.append(Mark(time: now, bytes: bytes))
    }

    func rate(now: MonotonicTime) -> Int64 {
        let recent = marks.filter { now.milliseconds(since: $0.time) <= Self.windowMilliseconds }
        guard let first = recent.first else { return 0 }
        let span = max(1_000, now.milliseconds(since: first.time))
        return recent.reduce(0) { $0 + $1.bytes } * 1_000 / span
    }
}
