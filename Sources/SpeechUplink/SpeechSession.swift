internal import CWebSockets
internal import LinuxRuntime
internal import RecorderCore
internal import Synchronization
internal import WireJSON

/// One session with the speech service.
@safe final class SpeechSession: Connection {
    private enum Phase {
        case connecting
        /// Connected; the first message is not written yet.
        case greeting
        case live
    }

    private let sessionNumber: Int
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
    /// When `finish` was written: the service's last word is due within `Limits.finishMilliseconds`.
    private var finishSentAt: MonotonicTime?
    private var sentReportedAt: MonotonicTime
    private var replay = ReplayBuffer()
    private var incoming: JSONParser?
    private var closeCode = 0

    init(number: UInt, request: SessionRequest, endpoint: Endpoint, settings: UplinkSettings, now: MonotonicTime) {
        sessionNumber = request.number
        recording = request.recording
        base = request.base
        catchUpRate = request.catchUpRate
        isSaved = request.isSaved
        end = request.end
        pulse = Pulse(deadAfterMilliseconds: settings.deadAfterMilliseconds)
        pacer = SessionPacer(base: request.base, now: now, catchUpRate: request.catchUpRate)
        vitals = Vitals(now: now)
        sentReportedAt = now
        super.init(
            number: number, endpoint: endpoint, secret: request.key.secret, now: now,
            timeoutMilliseconds: Limits.connectTimeoutMilliseconds)
    }

    override var isConnecting: Bool {
        if case .connecting = phase { return true }
        return false
    }

    override var session: Int? { sessionNumber }

    override func finish(at end: SampleIndex, engine: UplinkEngine) {
        self.end = end
        guard case .live = phase else { return }
        pacer.finish(at: end)
        plan(engine)
    }

    override func receive(_ event: LibraryEvent, engine: UplinkEngine) -> Answer {
        switch unsafe event {
        case .appendHeaders(let headers):
            return unsafe appendAuthorization(headers) ? .goOn : .end
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
            let diagnosis = diagnosis(reason, status: status, retryAfterSeconds: retryAfterSeconds)
            return engine.end(self, diagnosis.failure)
        case .closed(let errno):
            guard isConnecting else { return engine.end(self, closedFailure(errno)) }
            return engine.end(self, diagnosis("", status: 0, retryAfterSeconds: nil).failure)
        case .answered, .bodyWritable, .bodyReadable, .body, .bodyComplete:
            return .goOn
        }
    }

    override func timerFired(engine: UplinkEngine) {
        let now = Clock.now
        guard case .live = phase else {
            let seconds = Limits.connectTimeoutMilliseconds / 1_000
            let text = "\(endpoint.peer) did not accept the session within \(seconds) s"
            _ = engine.end(self, UplinkFailure(.timeout, text))
            return
        }
        if let finishSentAt, now >= finishSentAt.adding(milliseconds: Limits.finishMilliseconds) {
            let seconds = Limits.finishMilliseconds / 1_000
            let text = "\(endpoint.peer) did not finish the session within \(seconds) s"
            _ = engine.end(self, UplinkFailure(.stalled, text))
            return
        }
        if let death = pulse.death(of: &vitals, now: now) {
            engine.logDeath(session: sessionNumber, death)
            let what = death.sign == .silence ? "no sign of life from" : "no progress at"
            let text = "\(what) \(endpoint.peer) for \(death.afterMilliseconds) ms"
            _ = engine.end(self, UplinkFailure(.stalled, text))
            return
        }
        plan(engine)
    }

    override func report(_ failure: UplinkFailure?, engine: UplinkEngine) {
        if case .live = phase { engine.post(.sent(session: sessionNumber, through: pacer.sentThrough)) }
        engine.post(.closed(session: sessionNumber, failure), isLast: true)
    }

    // MARK: Outwards

    private func established(_ engine: UplinkEngine) -> Answer {
        guard let wsi = unsafe wsi else { return .end }
        _ = unsafe chalk_lws_set_user_timeout(wsi, UInt32(clamping: pulse.deadAfterMilliseconds))
        phase = .greeting
        askForWriting()
        return .goOn
    }

    /// One write at most (lws-writeable.h: "you should only write one time per callback").
    private func writable(_ engine: UplinkEngine) -> Answer {
        switch phase {
        case .connecting:
            return .goOn
        case .greeting:
            let message = SessionMessages.start(engine.settings, recording: recording)
            guard unsafe frame.write(message, to: wsi) else { return lost(engine) }
            open(engine)
        case .live:
            let now = Clock.now
            guard pulse.pingAt(vitals) > now else {
                guard unsafe frame.writePing(now, to: wsi) else { return lost(engine) }
                vitals.pingedAt = now
                break
            }
            if let answer = step(now, engine: engine) { return answer }
        }
        plan(engine)
        return .goOn
    }

    private func open(_ engine: UplinkEngine) {
        let now = Clock.now
        phase = .live
        vitals = Vitals(now: now)
        pacer = SessionPacer(base: base, now: now, catchUpRate: catchUpRate)
        if let end { pacer.finish(at: end) }
        engine.post(.opened(session: sessionNumber, tookMilliseconds: now.milliseconds(since: startedAt)))
        engine.noteConnecting()
    }

    /// Nil to go on.
    private func step(_ now: MonotonicTime, engine: UplinkEngine) -> Answer? {
        switch pacer.next(now: now, head: head(engine)) {
        case .send(let range):
            return send(range, now, engine: engine)
        case .keepalive:
            guard unsafe frame.write(SessionMessages.keepalive, to: wsi) else { return lost(engine) }
            pacer.didSendKeepalive(now: now)
        case .finish:
            guard unsafe frame.write(SessionMessages.finish, to: wsi) else { return lost(engine) }
            pacer.didSendFinish()
            finishSentAt = now
            engine.post(.sent(session: sessionNumber, through: pacer.sentThrough))
        case .wait:
            break
        }
        return nil
    }

    /// A frame out of the ring, or of what the journal gave; else the journal is asked.
    private func send(_ range: Range<SampleIndex>, _ now: MonotonicTime, engine: UplinkEngine) -> Answer? {
        var end = range.upperBound
        if isSaved || isGone(range, from: engine.ring) {
            guard let part = replay.part(of: range) else {
                guard !replay.isAwaited else { return nil }
                replay.await()
                engine.post(.audioWanted(session: sessionNumber, from: range.lowerBound))
                return nil
            }
            frame.fill(from: part)
            end = range.lowerBound.advanced(by: Int64(part.count))
        }
        guard unsafe frame.writeAudio(range.lowerBound..<end, to: wsi) else { return lost(engine) }
        pacer.didSend(through: end, now: now)
        vitals.sent(end.samples(since: base) / SampleIndex.samplesPerMillisecond, now: now)
        if now.milliseconds(since: sentReportedAt) >= UplinkLimits.sentEventMilliseconds {
            sentReportedAt = now
            engine.post(.sent(session: sessionNumber, through: pacer.sentThrough))
        }
        return nil
    }

    /// Fills the frame, if the ring still has it.
    private func isGone(_ range: Range<SampleIndex>, from ring: SampleRing) -> Bool {
        if case .overrun = frame.fill(from: ring, range) { return true }
        return false
    }

    override func take(_ samples: [Int16], from start: SampleIndex, engine: UplinkEngine) {
        guard case .live = phase, replay.isAwaited else { return }
        guard !samples.isEmpty else {
            let text = "the audio from \(start.milliseconds) ms on cannot be read from the journal"
            _ = engine.end(self, UplinkFailure(.stalled, text))
            return
        }
        replay.take(samples, from: start)
        plan(engine)
    }

    /// How far there is audio. The ring's is of another lesson than a saved one.
    private func head(_ engine: UplinkEngine) -> SampleIndex {
        isSaved ? end ?? base : engine.ring.head
    }

    /// Sets the deadline, and asks for writing when there is something to write.
    private func plan(_ engine: UplinkEngine) {
        let now = Clock.now
        let pingAt = pulse.pingAt(vitals)
        var next = pulse.deadAt(vitals)
        if let finishSentAt { next = min(next, finishSentAt.adding(milliseconds: Limits.finishMilliseconds)) }
        switch pacer.next(now: now, head: head(engine)) {
        case .send where replay.isAwaited:
            if pingAt <= now { askForWriting() } else { next = min(next, pingAt) }
        case .send, .keepalive, .finish:
            askForWriting()
        case .wait(let until):
            if let until { next = min(next, until) }
            if pingAt <= now { askForWriting() } else { next = min(next, pingAt) }
        }
        deadline = max(next, now.adding(milliseconds: 1))
        engine.reschedule()
    }

    private func lost(_ engine: UplinkEngine) -> Answer {
        engine.end(self, closedFailure(chalk_lws_errno()))
    }

    private func closedFailure(_ errno: Int32) -> UplinkFailure {
        if closeCode == 0, errno == ECONNRESET || errno == EPIPE {
            return UplinkFailure(.reset, "\(endpoint.peer) reset the connection")
        }
        if closeCode == 0, errno == ETIMEDOUT {
            return UplinkFailure(.timeout, "\(endpoint.peer) acknowledged nothing any more")
        }
        let code = closeCode == 0 ? "" : " with code \(closeCode)"
        return UplinkFailure(.closedEarly, "\(endpoint.peer) closed the connection" + code)
    }

    // MARK: Inwards

    private func text(
        _ bytes: UnsafeBufferPointer<UInt8>, isFirst: Bool, isLast: Bool, engine: UplinkEngine
    ) -> Answer {
        vitals.heard(Clock.now)
        if isFirst { incoming = nil }
        let parser = incoming ?? JSONParser(limitBytes: Limits.serviceMessageBytes, limitValues: Limits.jsonNodes)
        do throws(JSONError) {
            try unsafe parser.feed(bytes)
            guard isLast else {
                incoming = parser
                return .goOn
            }
            incoming = nil
            return message(try parser.finish(), engine: engine)
        } catch {
            return engine.end(self, error.failure(endpoint.peer))
        }
    }

    private func message(_ value: JSONValue, engine: UplinkEngine) -> Answer {
        do throws(UplinkFailure) {
            var message = try ServiceMessageReader.read(value, peer: endpoint.peer)
            // The last word before it was asked for is not the last word about the audio.
            let isEarly = message.finished && finishSentAt == nil
            if isEarly { message.finished = false }
            vitals.done(message.totalAudioMilliseconds, now: Clock.now)
            guard engine.post(.message(session: sessionNumber, message)) else {
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

    private func pong(_ bytes: UnsafeBufferPointer<UInt8>, engine: UplinkEngine) {
        let now = Clock.now
        vitals.heard(now)
        guard let sentAt = unsafe FrameBuffer.pingTime(bytes) else { return }
        let took = now.milliseconds(since: sentAt)
        if took >= 0, took < 60_000 { engine.roundTrip.store(took, ordering: .relaxed) }
    }
}
