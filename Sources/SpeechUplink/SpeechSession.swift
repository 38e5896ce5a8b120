internal import LinuxRuntime
internal import RecorderCore
internal import Synchronization
internal import WebTransport
internal import WireJSON

/// One session with the speech service.
final class SpeechSession: Dialogue {
    private enum Phase {
        case connecting
        /// Connected; the first message is not written yet.
        case greeting
        case live
    }

    let number: Int
    let connection: Connection
    private let client: SpeechClient
    private let recording: RecordingID
    private let base: SampleIndex
    private let catchUpRate: Double
    private let isSaved: Bool
    private let pulse: Pulse
    private let frame = FrameBuffer()
    private var phase = Phase.connecting
    private var pacer: SessionPacer
    private var end: SampleIndex?
    private var vitals: Vitals
    private var claims = Claims()
    /// When `finish` was written: the service's last word is due within `Limits.finishMilliseconds`.
    private var finishSentAt: MonotonicTime?
    private var sentReportedAt: MonotonicTime
    private var replay = ReplayBuffer()
    private var incoming: JSONParser?
    private var closeCode = 0

    init(_ request: SessionRequest, endpoint: Endpoint, client: SpeechClient, engine: WebEngine) {
        number = request.number
        self.client = client
        connection = Connection(
            engine: engine, endpoint: endpoint, method: nil, secret: request.key.secret, malformed: .messageMalformed,
            timeoutMilliseconds: Limits.connectTimeoutMilliseconds)
        let now = connection.startedAt
        recording = request.recording
        base = request.base
        catchUpRate = request.catchUpRate
        isSaved = request.isSaved
        end = request.end
        pulse = Pulse(deadAfterMilliseconds: client.settings.deadAfterMilliseconds)
        pacer = SessionPacer(base: request.base, now: now, catchUpRate: request.catchUpRate)
        vitals = Vitals(now: now)
        sentReportedAt = now
    }

    var isConnecting: Bool {
        if case .connecting = phase { return true }
        return false
    }

    func finish(at end: SampleIndex, engine: WebEngine) {
        self.end = end
        guard case .live = phase else { return }
        pacer.finish(at: end)
        plan(engine)
    }

    func receive(_ event: LibraryEvent, engine: WebEngine) -> Answer {
        switch unsafe event {
        case .appendHeaders(let headers):
            return unsafe connection.appendAuthorization(headers) ? .goOn : .end
        case .established:
            return established(engine)
        case .writable:
            return writable(engine)
        case .text(let bytes, let isFirst, let isLast):
            return unsafe text(bytes, isFirst: isFirst, isLast: isLast, engine: engine)
        case .binary:
            return engine.end(self, UplinkFailure(.messageMalformed, "\(endpoint.peer) sent a binary message"))
        case .pong(let bytes):
            unsafe pong(bytes, engine: engine)
            return .goOn
        case .closedByPeer(let code):
            closeCode = code
            return .goOn
        case .failed(let reason, let status, let retryAfterSeconds):
            return engine.end(self, connection.failure(reason, status: status, retryAfterSeconds: retryAfterSeconds))
        case .closed(let errno):
            let failure = isConnecting
                ? connection.failure() : connection.lostFailure(errno: errno, closeCode: closeCode)
            return engine.end(self, failure)
        case .answered, .bodyWritable, .bodyReadable, .body, .bodyComplete:
            return .goOn
        }
    }

    func timerFired(engine: WebEngine) {
        let now = Clock.now
        guard case .live = phase else {
            let seconds = Limits.connectTimeoutMilliseconds / 1_000
            let text = "\(endpoint.peer) did not accept the session within \(seconds) s"
            engine.end(self, UplinkFailure(.timeout, text))
            return
        }
        if let finishSentAt, now >= finishSentAt.adding(milliseconds: Limits.finishMilliseconds) {
            let seconds = Limits.finishMilliseconds / 1_000
            let text = "\(endpoint.peer) did not finish the session within \(seconds) s"
            engine.end(self, UplinkFailure(.stalled, text))
            return
        }
        if let due = replay.due, now >= due {
            let text = "the journal gave no audio within \(Limits.replayAnswerMilliseconds / 1_000) s"
            engine.end(self, UplinkFailure(.stalled, text))
            return
        }
        if let death = pulse.death(of: &vitals, now: now) {
            client.logDeath(session: number, death)
            let what = death.sign == .silence ? "no sign of life from" : "no progress at"
            let text = "\(what) \(endpoint.peer) for \(death.afterMilliseconds) ms"
            engine.end(self, UplinkFailure(.stalled, text))
            return
        }
        plan(engine)
    }

    func report(_ failure: UplinkFailure?, engine: WebEngine) {
        if case .live = phase { client.outlet.post(.sent(session: number, through: pacer.sentThrough)) }
        client.ended(self, failure)
    }

    // MARK: Outwards

    private func established(_ engine: WebEngine) -> Answer {
        connection.setUserTimeout(milliseconds: pulse.deadAfterMilliseconds)
        phase = .greeting
        connection.askForWriting()
        return .goOn
    }

    /// One write at most (lws-writeable.h: "you should only write one time per callback").
    private func writable(_ engine: WebEngine) -> Answer {
        switch phase {
        case .connecting:
            return .goOn
        case .greeting:
            let message = SessionMessages.start(client.settings, recording: recording)
            guard frame.write(message, to: connection) else { return lost(engine) }
            open(engine)
        case .live:
            let now = Clock.now
            guard pulse.pingAt(vitals) > now else {
                guard frame.writePing(now, to: connection) else { return lost(engine) }
                vitals.pingedAt = now
                break
            }
            if let answer = step(now, engine: engine) { return answer }
        }
        plan(engine)
        return .goOn
    }

    private func open(_ engine: WebEngine) {
        let now = Clock.now
        phase = .live
        vitals = Vitals(now: now)
        pacer = SessionPacer(base: base, now: now, catchUpRate: catchUpRate)
        if let end { pacer.finish(at: end) }
        client.outlet.post(.opened(session: number, tookMilliseconds: now.milliseconds(since: connection.startedAt)))
        engine.noteConnecting()
    }

    /// Nil to go on.
    private func step(_ now: MonotonicTime, engine: WebEngine) -> Answer? {
        switch pacer.next(now: now, head: head) {
        case .send(let range):
            return send(range, now, engine: engine)
        case .keepalive:
            guard frame.write(SessionMessages.keepalive, to: connection) else { return lost(engine) }
            pacer.didSendKeepalive(now: now)
        case .finish:
            guard frame.write(SessionMessages.finish, to: connection) else { return lost(engine) }
            pacer.didSendFinish()
            finishSentAt = now
            client.outlet.post(.sent(session: number, through: pacer.sentThrough))
        case .wait:
            break
        }
        return nil
    }

    /// A frame out of the ring, or of what the journal gave; else the journal is asked.
    private func send(_ range: Range<SampleIndex>, _ now: MonotonicTime, engine: WebEngine) -> Answer? {
        var end = range.upperBound
        if isSaved || isGone(range) {
            guard let part = replay.part(of: range) else {
                guard !replay.isAwaited else { return nil }
                replay.await(now: now)
                guard client.outlet.post(.audioWanted(session: number, from: range.lowerBound)) else {
                    let text = "the recorder did not take the question for the journal's audio"
                    return engine.end(self, UplinkFailure(.stalled, text))
                }
                return nil
            }
            frame.fill(from: part)
            end = range.lowerBound.advanced(by: Int64(part.count))
        }
        guard frame.writeAudio(range.lowerBound..<end, to: connection) else { return lost(engine) }
        pacer.didSend(through: end, now: now)
        vitals.sent(end.samples(since: base) / SampleIndex.samplesPerMillisecond, now: now)
        if now.milliseconds(since: sentReportedAt) >= UplinkLimits.sentEventMilliseconds {
            sentReportedAt = now
            client.outlet.post(.sent(session: number, through: pacer.sentThrough))
        }
        return nil
    }

    /// Fills the frame, if the ring still has it.
    private func isGone(_ range: Range<SampleIndex>) -> Bool {
        if case .overrun = frame.fill(from: client.ring, range) { return true }
        return false
    }

    func take(_ samples: [Int16], from start: SampleIndex, engine: WebEngine) {
        guard case .live = phase, replay.isAwaited else { return }
        guard !samples.isEmpty else {
            let text = "the audio from \(start.milliseconds) ms on cannot be read from the journal"
            engine.end(self, UplinkFailure(.stalled, text))
            return
        }
        replay.take(samples, from: start)
        plan(engine)
    }

    /// How far there is audio. The ring's is of another lesson than a saved one.
    private var head: SampleIndex { isSaved ? end ?? base : client.ring.head }

    /// Sets the deadline, and asks for writing when there is something to write.
    private func plan(_ engine: WebEngine) {
        let now = Clock.now
        let pingAt = pulse.pingAt(vitals)
        var next = pulse.deadAt(vitals)
        if let due = replay.due { next = min(next, due) }
        if let finishSentAt { next = min(next, finishSentAt.adding(milliseconds: Limits.finishMilliseconds)) }
        switch pacer.next(now: now, head: head) {
        case .send where replay.isAwaited:
            if pingAt <= now { connection.askForWriting() } else { next = min(next, pingAt) }
        case .send, .keepalive, .finish:
            connection.askForWriting()
        case .wait(let until):
            if let until { next = min(next, until) }
            if pingAt <= now { connection.askForWriting() } else { next = min(next, pingAt) }
        }
        connection.deadline = max(next, now.adding(milliseconds: 1))
        engine.reschedule()
    }

    private func lost(_ engine: WebEngine) -> Answer {
        engine.end(self, connection.lostFailure(closeCode: closeCode))
    }

    // MARK: Inwards

    private func text(
        _ bytes: UnsafeBufferPointer<UInt8>, isFirst: Bool, isLast: Bool, engine: WebEngine
    ) -> Answer {
        vitals.heard(Clock.now)
        if isFirst { incoming = nil }
        let parser = incoming ?? JSONParser(
            limitBytes: Limits.serviceMessageBytes, limitValues: Limits.jsonNodes, mendsText: true)
        do throws(JSONError) {
            try unsafe parser.feed(bytes)
            guard isLast else {
                incoming = parser
                return .goOn
            }
            incoming = nil
            return message(try parser.finish(), mended: parser.mended, engine: engine)
        } catch {
            return engine.end(self, error.failure(endpoint.peer))
        }
    }

    private func message(_ value: JSONValue, mended: Int, engine: WebEngine) -> Answer {
        do throws(UplinkFailure) {
            var message = try ServiceMessageReader.read(value, after: claims.spoken, peer: endpoint.peer)
            message.oddTokens += mended
            claims.check(&message, sent: pacer.sentThrough.samples(since: base) / SampleIndex.samplesPerMillisecond)
            // The last word before it was asked for is not the last word about the audio.
            let isEarly = message.finished && finishSentAt == nil
            if isEarly { message.finished = false }
            vitals.done(message.totalAudioMilliseconds, now: Clock.now)
            guard client.outlet.post(.message(session: number, message)) else {
                throw UplinkFailure(.stalled, "the recorder did not take the service's messages in time")
            }
            if isEarly {
                throw UplinkFailure(.closedEarly, "\(endpoint.peer) finished the session before it was asked to")
            }
            return message.finished ? engine.end(self, nil) : .goOn
        } catch {
            return engine.end(self, error)
        }
    }

    private func pong(_ bytes: UnsafeBufferPointer<UInt8>, engine: WebEngine) {
        let now = Clock.now
        vitals.heard(now)
        guard let sentAt = unsafe FrameBuffer.pingTime(bytes) else { return }
        let took = now.milliseconds(since: sentAt)
        if took >= 0, took < 60_000 { client.roundTrip.store(took, ordering: .relaxed) }
    }
}
