internal import LinuxRuntime
internal import RecorderCore
internal import Synchronization
internal import WebTransport
internal import WireJSON

/// One session with the speech service.
final class SpeechSession: ConnectionHandler {
    private enum Phase {
        case connecting
        /// Connected; the first message is not written yet.
        case greeting
        case live
    }

    let id: SessionID
    let connection: Connection
    private let client: SpeechClient
    private let recording: RecordingID
    private let base: SampleIndex
    private let catchUpRate: Double
    private let isSaved: Bool
    private let terms: [String]
    private let liveness: LivenessPolicy
    private let frame = FrameBuffer()
    private var phase = Phase.connecting
    private var pacer: SessionPacer
    private var end: SampleIndex?
    private var activity: PeerActivity
    private var validator = PositionValidator()
    /// When the end of the audio was told: the service's last message is due within `Limits.finishMilliseconds`.
    private var finishSentAt: MonotonicTime?
    private var sentReportedAt: MonotonicTime
    private var replayed = ReplayBuffer()
    private var incoming: JSONParser?
    private var closeCode = 0

    init(_ request: SessionRequest, endpoint: Endpoint, client: SpeechClient, loop: TransportLoop) {
        id = request.id
        self.client = client
        connection = Connection(
            loop: loop, endpoint: endpoint, method: nil, secret: request.key.secret,
            timeoutMilliseconds: Limits.connectTimeoutMilliseconds)
        let now = connection.startedAt
        recording = request.recording
        base = request.base
        catchUpRate = request.catchUpRate
        isSaved = request.isSaved
        terms = client.readTerms()
        end = request.end
        liveness = LivenessPolicy(deadAfterMilliseconds: client.settings.deadAfterMilliseconds)
        pacer = SessionPacer(base: request.base, now: now, catchUpRate: request.catchUpRate)
        activity = PeerActivity(now: now)
        sentReportedAt = now
    }

    var isConnecting: Bool {
        if case .connecting = phase { return true }
        return false
    }

    func finish(at end: SampleIndex, loop: TransportLoop) {
        self.end = end
        guard case .live = phase else { return }
        pacer.finish(at: end)
        plan(loop)
    }

    func receive(_ event: LWSEvent, loop: TransportLoop) -> CallbackResult {
        switch unsafe event {
        case .appendHeaders(let headers):
            return unsafe connection.appendAuthorization(headers) ? .keepOpen : .close
        case .established:
            return established(loop)
        case .writable:
            return writable(loop)
        case .text(let bytes, let isFirst, let isLast):
            return unsafe text(bytes, isFirst: isFirst, isLast: isLast, loop: loop)
        case .binary:
            return loop.close(self, UplinkFailure(.messageMalformed, "\(endpoint.peer) sent a binary message"))
        case .pong(let bytes):
            unsafe pong(bytes, loop: loop)
            return .keepOpen
        case .closedByPeer(let code):
            closeCode = code
            return .keepOpen
        case .failed(let reason, let status, let retryAfterSeconds):
            return loop.close(self, connection.failure(reason, status: status, retryAfterSeconds: retryAfterSeconds))
        case .closed(let errno):
            let failure = isConnecting
                ? connection.failure() : connection.lostFailure(errno: errno, closeCode: closeCode)
            return loop.close(self, failure)
        case .responseHead, .bodyReadable, .body, .bodyComplete:
            return .keepOpen
        }
    }

    func deadlinePassed(loop: TransportLoop) {
        let now = Clock.now
        guard case .live = phase else {
            let seconds = Limits.connectTimeoutMilliseconds / 1_000
            let text = "\(endpoint.peer) did not accept the session within \(seconds) s"
            loop.close(self, UplinkFailure(.timeout, text))
            return
        }
        if let finishSentAt, now >= finishSentAt.adding(milliseconds: Limits.finishMilliseconds) {
            let seconds = Limits.finishMilliseconds / 1_000
            let text = "\(endpoint.peer) did not finish the session within \(seconds) s"
            loop.close(self, UplinkFailure(.stalled, text))
            return
        }
        if let due = replayed.due, now >= due {
            let text = "the journal gave no audio within \(Limits.replayAnswerMilliseconds / 1_000) s"
            loop.close(self, UplinkFailure(.journal, text))
            return
        }
        if let loss = liveness.loss(of: &activity, now: now) {
            client.logLoss(session: id, loss)
            let what = loss.signal == .traffic ? "no sign of life from" : "no progress at"
            let text = "\(what) \(endpoint.peer) for \(loss.afterMilliseconds) ms"
            loop.close(self, UplinkFailure(.stalled, text))
            return
        }
        plan(loop)
    }

    func connectionEnded(_ failure: UplinkFailure?, loop: TransportLoop) {
        if case .live = phase { client.events.post(.sent(session: id, through: pacer.sentThrough)) }
        client.ended(self, failure)
    }

    // MARK: Sending

    private func established(_ loop: TransportLoop) -> CallbackResult {
        connection.setUserTimeout(milliseconds: liveness.deadAfterMilliseconds)
        phase = .greeting
        connection.askForWriting()
        return .keepOpen
    }

    /// One write at most (lws-writeable.h: "you should only write one time per callback").
    private func writable(_ loop: TransportLoop) -> CallbackResult {
        switch phase {
        case .connecting:
            return .keepOpen
        case .greeting:
            let message = SessionMessages.start(client.settings, terms, recording: recording)
            guard frame.write(message, to: connection) else { return connectionLost(loop) }
            open(loop)
        case .live:
            let now = Clock.now
            guard liveness.pingAt(activity) > now else {
                guard frame.writePing(now, to: connection) else { return connectionLost(loop) }
                activity.pingedAt = now
                break
            }
            if let result = step(now, loop: loop) { return result }
        }
        plan(loop)
        return .keepOpen
    }

    private func open(_ loop: TransportLoop) {
        let now = Clock.now
        phase = .live
        activity = PeerActivity(now: now)
        pacer = SessionPacer(base: base, now: now, catchUpRate: catchUpRate)
        if let end { pacer.finish(at: end) }
        client.events.post(.opened(session: id, tookMilliseconds: now.milliseconds(since: connection.startedAt)))
        loop.connectingChanged()
    }

    /// Carries out the pacer's next action; nil: the connection stays open.
    private func step(_ now: MonotonicTime, loop: TransportLoop) -> CallbackResult? {
        switch pacer.next(now: now, head: head) {
        case .send(let range):
            return send(range, now, loop: loop)
        case .keepalive:
            guard frame.write(SessionMessages.keepalive, to: connection) else { return connectionLost(loop) }
            pacer.didSendKeepalive(now: now)
        case .finish:
            guard frame.write(SessionMessages.finish, to: connection) else { return connectionLost(loop) }
            pacer.didSendFinish()
            finishSentAt = now
            client.events.post(.sent(session: id, through: pacer.sentThrough))
        case .wait:
            break
        }
        return nil
    }

    /// Sends a frame from the ring or the replay buffer; when neither has it, the journal is asked.
    private func send(_ range: Range<SampleIndex>, _ now: MonotonicTime, loop: TransportLoop) -> CallbackResult? {
        var end = range.upperBound
        if isSaved || !fillFromRing(range) {
            guard let part = replayed.part(of: range) else {
                guard !replayed.isAwaited else { return nil }
                replayed.await(now: now)
                guard client.events.post(.audioWanted(session: id, from: range.lowerBound)) else {
                    let text = "the recorder could not queue the request for the journal's audio"
                    return loop.close(self, UplinkFailure(.busy, text))
                }
                return nil
            }
            frame.fill(from: part)
            end = range.lowerBound.advanced(by: Int64(part.count))
        }
        guard frame.writeAudio(range.lowerBound..<end, to: connection) else { return connectionLost(loop) }
        pacer.didSend(through: end, now: now)
        activity.sent(end.samples(since: base) / SampleIndex.samplesPerMillisecond, now: now)
        if now.milliseconds(since: sentReportedAt) >= UplinkLimits.sentEventMilliseconds {
            sentReportedAt = now
            client.events.post(.sent(session: id, through: pacer.sentThrough))
        }
        return nil
    }

    /// False when the ring no longer has the samples.
    private func fillFromRing(_ range: Range<SampleIndex>) -> Bool {
        if case .overrun = frame.fill(from: client.ring, range) { return false }
        return true
    }

    func replay(_ samples: [Int16], from start: SampleIndex, loop: TransportLoop) {
        guard case .live = phase, replayed.isAwaited else { return }
        guard !samples.isEmpty else {
            let text = "the audio from \(start.milliseconds) ms on cannot be read from the journal"
            loop.close(self, UplinkFailure(.journal, text))
            return
        }
        replayed.store(samples, from: start)
        plan(loop)
    }

    /// The index after the newest sample. The ring may hold another lesson than a saved one.
    private var head: SampleIndex { isSaved ? end ?? base : client.ring.head }

    /// Sets the deadline, and asks for a `.writable` callback when there is something to write.
    private func plan(_ loop: TransportLoop) {
        let now = Clock.now
        let pingAt = liveness.pingAt(activity)
        var next = liveness.deadAt(activity)
        if let due = replayed.due { next = min(next, due) }
        if let finishSentAt { next = min(next, finishSentAt.adding(milliseconds: Limits.finishMilliseconds)) }
        switch pacer.next(now: now, head: head) {
        case .send where replayed.isAwaited:
            if pingAt <= now { connection.askForWriting() } else { next = min(next, pingAt) }
        case .send, .keepalive, .finish:
            connection.askForWriting()
        case .wait(let until):
            if let until { next = min(next, until) }
            if pingAt <= now { connection.askForWriting() } else { next = min(next, pingAt) }
        }
        connection.deadline = max(next, now.adding(milliseconds: 1))
        loop.reschedule()
    }

    private func connectionLost(_ loop: TransportLoop) -> CallbackResult {
        loop.close(self, connection.lostFailure(closeCode: closeCode))
    }

    // MARK: Receiving

    private func text(
        _ bytes: UnsafeBufferPointer<UInt8>, isFirst: Bool, isLast: Bool, loop: TransportLoop
    ) -> CallbackResult {
        activity.heard(Clock.now)
        if isFirst { incoming = nil }
        let parser = incoming ?? JSONParser(
            limitBytes: Limits.serviceMessageBytes, limitValues: Limits.jsonNodes, mendsText: true)
        do throws(JSONError) {
            try unsafe parser.feed(bytes)
            guard isLast else {
                incoming = parser
                return .keepOpen
            }
            incoming = nil
            return message(try parser.finish(), mended: parser.mended, loop: loop)
        } catch {
            return loop.close(self, error.failure(endpoint.peer))
        }
    }

    private func message(_ value: JSONValue, mended: Int, loop: TransportLoop) -> CallbackResult {
        do throws(UplinkFailure) {
            var message = try ServiceMessageReader.read(value, after: validator.spoken, peer: endpoint.peer)
            message.oddTokens += mended
            let sent = pacer.sentThrough.samples(since: base) / SampleIndex.samplesPerMillisecond
            validator.check(&message, sent: sent)
            message.sentMilliseconds = sent - connection.unacknowledgedBytes / FrameBuffer.bytesPerMillisecond
            // `finished` before `finish` was sent does not cover all of the audio.
            let isEarly = message.finished && finishSentAt == nil
            if isEarly { message.finished = false }
            activity.processed(message.totalAudioMilliseconds, now: Clock.now)
            guard client.events.post(.message(session: id, message)) else {
                throw UplinkFailure(.busy, "the recorder did not process the service's messages in time")
            }
            if isEarly {
                throw UplinkFailure(.closedEarly, "\(endpoint.peer) finished the session before it was asked to")
            }
            return message.finished ? loop.close(self, nil) : .keepOpen
        } catch {
            return loop.close(self, error)
        }
    }

    private func pong(_ bytes: UnsafeBufferPointer<UInt8>, loop: TransportLoop) {
        let now = Clock.now
        activity.heard(now)
        guard let sentAt = unsafe FrameBuffer.pingTime(bytes) else { return }
        let took = now.milliseconds(since: sentAt)
        if took >= 0, took < 60_000 { client.roundTrip.store(took, ordering: .relaxed) }
    }
}
