/// Sends saved lessons to the school, one file after another, in chunks that can be gone on with (tus 1.0). It has one
/// lesson in hand and one request under way. What the next step builds on is on disk before that is done, so that a
/// power cut at any moment costs at most the chunk in flight, and makes no second object.
package struct Outbox {
    typealias Turn = RecorderCore.Turn<OutboxEffect>

    let settings: OutboxSettings
    var random: RandomSource
    var work = Work.none
    private var isPaused = false
    private var isInLesson = false
    /// What somebody else has to answer, and by when.
    private var answerDue = MonotonicTime(milliseconds: 0)
    private var gate = OfflineGate()
    /// What a server asked for (`Retry-After`) holds whatever else happens.
    var notBefore: MonotonicTime?
    /// Why nothing at all goes: the school does not let this box in.
    var authorizationProblem = ""
    private(set) var blocked: [BlockedPackage] = []
    /// Such lessons that fell off the list.
    package private(set) var unlistedBlocked: Int64 = 0
    private(set) var lastError = ""
    private var askAt: MonotonicTime?
    private var waiting = 0
    private var bytesLeft: Int64 = 0
    private var meter = RateMeter()

    enum Work {
        case none
        /// The store was asked.
        case asked
        case package(CurrentUpload)
    }

    /// The lesson in hand.
    struct CurrentUpload {
        var package: UploadPackage
        var step: Step
        /// What the server has of the file that is under way; nil: it is to be asked.
        var offset: Int64?
        /// Of the running request.
        var written: Int64 = 0
        /// The school has said that it has the lesson.
        var isAccepted = false
        /// Failures since the last progress.
        var failures = 0
        /// Times in a row that the server named an offset that cannot be.
        var offsetConflicts = 0
        /// Files that had to be begun anew.
        var restarts = 0

        var id: RecordingID { package.recording }
        /// The file that goes next.
        var place: Int? { package.files.firstIndex { !$0.isSent } }
    }

    enum Step: Equatable {
        case waiting(until: MonotonicTime)
        case exchanging(UploadRequest)
        /// The store keeps so many facts.
        case noting(Int)
        case ending
    }

    package init(settings: OutboxSettings, seed: UInt64) {
        self.settings = settings
        random = RandomSource(seed: seed)
        // What was saved before the last start may still have to go.
        if settings.isOn { askAt = MonotonicTime(milliseconds: 0) }
        nextDeadline = deadline
    }

    // MARK: Seen from outside

    // Stored, as of the last input: who asks for them would copy the whole machine otherwise.
    /// When `.tick` is due; nil: nothing is waited for.
    package private(set) var nextDeadline: MonotonicTime?
    /// A lesson is on its way: for the lamp.
    package private(set) var isUploading = false

    private var deadline: MonotonicTime? {
        guard !isPaused else { return nil }
        switch work {
        case .none: return askAt
        case .asked: return answerDue
        case .package(let current):
            guard case .waiting(let until) = current.step else { return answerDue }
            return due(until)
        }
    }

    /// The school does not let the box in, or cannot be asked: a new secret may help.
    package var isAuthorizationBlocked: Bool { !authorizationProblem.isEmpty }

    private var isSending: Bool {
        guard case .package(let current) = work, case .exchanging = current.step else { return false }
        return current.failures == 0
    }

    /// - Parameter now: for the rate.
    package func status(now: MonotonicTime) -> OutboxStatus {
        var status = OutboxStatus(
            waiting: waiting, bytesLeft: bytesLeft, recording: nil, file: "", bytesDone: 0, bytes: 0,
            bytesASecond: meter.rate(now: now), nextAttempt: nextDeadline, lastError: lastError, blocked: blocked)
        guard case .package(let current) = work else { return status }
        status.recording = current.id
        for file in current.package.files {
            status.bytes += file.bytes
            if file.isSent { status.bytesDone += file.bytes }
        }
        if let place = current.place {
            status.file = current.package.files[place].name
            status.bytesDone += (current.offset ?? 0) + current.written
        }
        status.bytesLeft = max(0, bytesLeft - status.bytesDone)
        return status
    }

    // MARK: Inputs

    package mutating func receive(_ input: OutboxInput, now: MonotonicTime) -> [OutboxEffect] {
        guard settings.isOn else { return [] }
        var turn = Turn(now: now)
        switch input {
        case .saved: askAt = turn.now
        case .lessonBegan:
            isInLesson = true
            if !settings.duringLesson { pause(&turn) }
        case .lessonEnded:
            isInLesson = false
            isPaused = false
            expectAnswer(within: Limits.storeWorkMilliseconds, turn)
        case .networkChanged:
            gate.open()
            wake(turn)
        case .networkLost: gate.close(at: turn.now)
        case .bearerChanged:
            if !authorizationProblem.isEmpty { release(turn) }
        case .retry(let id):
            blocked.removeAll { id == nil || $0.recording == id }
            notBefore = nil
            release(turn)
        case .store(.package(let package, let waiting, let bytesLeft)):
            take(package, waiting: waiting, bytesLeft: bytesLeft, &turn)
        case .store(.textSettled): askAt = turn.now
        case .store, .answer, .progress:
            guard case .package(var current) = work else { break }
            receive(input, &current, &turn)
            work = current.step == .ending ? .none : .package(current)
        case .tick: answerMissing(&turn)
        }
        advance(&turn)
        (nextDeadline, isUploading) = (deadline, isSending)
        return turn.effects
    }

    private mutating func receive(_ input: OutboxInput, _ current: inout CurrentUpload, _ turn: inout Turn) {
        switch (input, current.step) {
        case (.store(.packageNoted(let id, let name)), .noting(let left)) where id == current.id:
            guard left <= 1 else {
                current.step = .noting(left - 1)
                return
            }
            if name.isEmpty { finish(&current, &turn) } else { current.step = .waiting(until: turn.now) }
        case (.answer(let answer), .exchanging(let request)):
            current.written = 0
            receive(answer, of: request, &current, &turn)
        case (.progress(let bytes), .exchanging):
            meter.add(bytes - current.written, now: turn.now)
            current.written = bytes
            expectAnswer(within: Limits.exchangeMilliseconds, turn)
        default:
            // What comes late for a request that was given up.
            break
        }
    }

    private mutating func take(_ package: UploadPackage?, waiting: Int, bytesLeft: Int64, _ turn: inout Turn) {
        self.waiting = waiting
        self.bytesLeft = bytesLeft
        guard case .asked = work else { return }
        work = .none
        guard let package else {
            // Whoever was told of everything has nothing to ask; this is for what was missed.
            askAt = askAt ?? turn.after(milliseconds: Limits.uploadAskMilliseconds)
            return
        }
        let bytes = package.files.reduce(0) { $0 + $1.bytes }
        let line = "upload id=\(package.recording.text) state=begun files=\(package.files.count) bytes=\(bytes)"
        turn.log(.info, line)
        work = .package(CurrentUpload(package: package, step: .waiting(until: turn.now)))
    }

    // MARK: What is done next

    private mutating func advance(_ turn: inout Turn) {
        guard !isPaused else { return }
        switch work {
        case .none:
            guard let ask = askAt, ask <= turn.now else { return }
            askAt = nil
            work = .asked
            expectAnswer(within: Limits.storeWorkMilliseconds, turn)
            turn.emit(.store(.nextPackage(skipping: blocked.map { $0.recording })))
        case .asked:
            break
        case .package(var current):
            guard case .waiting(let until) = current.step, due(until) <= turn.now else { return }
            notBefore = nil
            gate.pass(at: turn.now)
            step(&current, &turn)
            work = .package(current)
        }
    }

    private mutating func step(_ current: inout CurrentUpload, _ turn: inout Turn) {
        guard let place = current.place else {
            if settings.hasManifest, !current.isAccepted {
                exchange(.manifest(current.id), &current, &turn)
            } else {
                current.step = .noting(1)
                expectAnswer(within: Limits.storeAnswerMilliseconds, turn)
                turn.emit(.store(.packageDone(current.id)))
            }
            return
        }
        let file = current.package.files[place]
        if file.url == nil {
            exchange(.create(current.id, file), &current, &turn)
        } else if let offset = current.offset {
            guard offset < file.bytes else {
                note(place, url: file.url, isSent: true, &current, &turn)
                return
            }
            let count = min(settings.chunkBytes, file.bytes - offset)
            exchange(.send(current.id, file, from: offset, count: count), &current, &turn)
        } else {
            exchange(.offset(current.id, file), &current, &turn)
        }
    }

    private mutating func exchange(_ request: UploadRequest, _ current: inout CurrentUpload, _ turn: inout Turn) {
        expectAnswer(within: Limits.exchangeMilliseconds, turn)
        current.step = .exchanging(request)
        current.written = 0
        turn.emit(.request(request))
    }

    /// - Parameter url: nil: the file is begun anew.
    mutating func note(_ place: Int, url: String?, isSent: Bool, _ current: inout CurrentUpload, _ turn: inout Turn) {
        expectAnswer(within: Limits.storeAnswerMilliseconds, turn)
        current.package.files[place].url = url
        current.package.files[place].isSent = isSent
        if isSent || url == nil { current.offset = nil }
        if case .noting(let left) = current.step { current.step = .noting(left + 1) } else { current.step = .noting(1) }
        let name = current.package.files[place].name
        turn.emit(.store(.packageFile(current.id, name: name, url: url, isSent: isSent)))
    }

    private mutating func finish(_ current: inout CurrentUpload, _ turn: inout Turn) {
        let bytes = current.package.files.reduce(0) { $0 + $1.bytes }
        turn.log(.info, "upload id=\(current.id.text) state=uploaded bytes=\(bytes)")
        lastError = ""
        current.step = .ending
        askAt = turn.now
    }

    // MARK: Waiting

    private func due(_ until: MonotonicTime) -> MonotonicTime {
        var due = until
        if let notBefore { due = max(due, notBefore) }
        return gate.time(due)
    }

    private mutating func wake(_ turn: Turn) {
        guard authorizationProblem.isEmpty, case .package(var current) = work, case .waiting = current.step else {
            return
        }
        current.step = .waiting(until: turn.now)
        work = .package(current)
    }

    /// Whatever kept it waiting is over.
    private mutating func release(_ turn: Turn) {
        authorizationProblem = ""
        askAt = turn.now
        wake(turn)
    }

    /// A lesson begins: the network is its own. What the server has got of the chunk is asked for afterwards.
    private mutating func pause(_ turn: inout Turn) {
        isPaused = true
        guard case .package(var current) = work, case .exchanging = current.step else { return }
        turn.emit(.cancelRequest)
        current.offset = nil
        current.written = 0
        current.step = .waiting(until: turn.now)
        work = .package(current)
    }

    // MARK: Answers that do not come

    /// Whoever is asked something, or comes on, has all his time again.
    private mutating func expectAnswer(within milliseconds: Int64, _ turn: Turn) {
        answerDue = turn.after(milliseconds: milliseconds)
    }

    private mutating func answerMissing(_ turn: inout Turn) {
        // Lessons are not packed while one is recorded.
        if case .asked = work, isInLesson { expectAnswer(within: Limits.storeWorkMilliseconds, turn) }
        guard answerDue <= turn.now else { return }
        switch work {
        case .none:
            return
        case .asked:
            work = .none
            askAt = turn.now
        case .package(var current):
            switch current.step {
            case .waiting, .ending:
                return
            case .noting:
                // What the store has of it is where it goes on.
                work = .none
                askAt = turn.now
            case .exchanging(let request):
                turn.emit(.cancelRequest)
                let failure = UplinkFailure(.timeout, "the school's server gave no answer")
                receive(.failed(failure), of: request, &current, &turn)
                work = current.step == .ending ? .none : .package(current)
            }
        }
        turn.log(.error, "upload state=stuck")
    }

    // MARK: Failures

    mutating func wait(
        _ milliseconds: Int64, state: String, _ reason: String, _ current: inout CurrentUpload, _ turn: inout Turn
    ) {
        lastError = reason
        current.step = .waiting(until: turn.after(milliseconds: milliseconds))
        let what = "upload id=\(current.id.text) state=\(state) in_ms=\(milliseconds)"
        turn.log(.warning, what + " reason=\(LogEntry.quoted(reason))")
    }

    /// The lesson waits for a person, and the next one is taken.
    mutating func block(_ reason: String, _ current: inout CurrentUpload, _ turn: inout Turn) {
        lastError = reason
        if blocked.count >= Limits.blockedPackages {
            blocked.removeFirst()
            unlistedBlocked += 1
        }
        blocked.append(BlockedPackage(recording: current.id, reason: reason))
        let hint = " hint=\"chalkbox upload retry \(current.id.text)\""
        let line = "upload id=\(current.id.text) state=blocked reason=\(LogEntry.quoted(reason))"
        turn.log(.error, line + hint)
        current.step = .ending
        askAt = turn.now
    }
}
