internal import RecorderCore

extension World {
    // MARK: Opening

    func openSession(_ request: SessionRequest) {
        outcome.sessions += 1
        let serial = uplink.sessions.count
        // A box that begins at the wrong sample still counts from the one that it meant.
        let isWrong = planted == .wrongBase && request.id.number > 1
        let base = isWrong ? max(request.base, head) : request.base
        let recogniser = recogniser(serial: serial, base: base.milliseconds)
        let session = Session(
            serial: serial, recording: recording, request: request, address: network.address, now: now,
            recogniser: recogniser)
        session.sent = base.value
        uplink.sessions.append(session)
        uplink.open.append(serial)
        var wait = travel() * 6 + random.skewed(10, 400)
        if network.downs > 0 {
            session.refusal = UplinkFailure(.unreachable, "no route to host")
            wait = random.between(1, 20)
        } else if isOn({ $0 == .serviceHangs }) {
            session.refusal = UplinkFailure(.timeout, "the service did not accept the session")
            wait = random.percent(20) ? 40_000 : Limits.connectTimeoutMilliseconds
        }
        queue.add(.connected(session: serial), at: now + wait)
    }

    func connected(_ serial: Int) {
        let session = uplink.sessions[serial]
        guard session.phase == .connecting else { return }
        guard now >= uplink.blockedUntil else {
            queue.add(.connected(session: serial), at: uplink.blockedUntil)
            return
        }
        if session.refusal == nil, !isReachable(from: session.address) {
            session.refusal = UplinkFailure(.timeout, "the service did not accept the session")
            queue.add(.connected(session: serial), at: session.startedAt + max(
                now - session.startedAt + 1, Limits.connectTimeoutMilliseconds))
            return
        }
        if let refusal = session.refusal ?? refusal(session) {
            over(session, refusal)
            return
        }
        session.opened(now: now)
        session.isMute = isOn { $0 == .serviceMute }
        report(
            .uplink(.opened(session: session.request.id, tookMilliseconds: now - session.startedAt)),
            of: session.recording)
        for (number, fault) in plan.faults.enumerated() where isActive[number] {
            guard case .noPlace(let type) = fault.kind else { continue }
            over(session, UplinkFailure(.message(code: 429, type: type), "the service has no place"))
            return
        }
        queue.add(.step(session: serial), at: now + random.between(100, 400))
    }

    private func refusal(_ session: Session) -> UplinkFailure? {
        let key = Int(session.request.key.secret) ?? 0
        if uplink.keysEnd[key] < now { return UplinkFailure(.httpStatus(401), "the service: 401") }
        for (number, fault) in plan.faults.enumerated() where isActive[number] {
            if case .serviceRefuses(let kind) = fault.kind { return UplinkFailure(kind, "the service refused") }
        }
        return nil
    }

    /// The session is over for the adapter.
    /// - Parameter failure: nil after `finished`, or when we closed it.
    func over(_ session: Session, _ failure: UplinkFailure?) {
        guard session.phase != .over else { return }
        session.phase = .over
        uplink.open.removeAll { $0 == session.serial }
        report(.uplink(.closed(session: session.request.id, failure)), of: session.recording)
    }

    // MARK: Streaming

    /// Audio goes out, words come back; or nothing does, and the adapter notices.
    func step(_ serial: Int) {
        let session = uplink.sessions[serial]
        guard session.phase == .live else { return }
        guard now >= uplink.blockedUntil else {
            queue.add(.step(session: serial), at: uplink.blockedUntil)
            return
        }
        guard isReachable(from: session.address), !session.isMute else {
            if now - session.heardAt >= session.deadAfter {
                over(session, UplinkFailure(.stalled, "no sign of life for 3 s"))
            } else {
                queue.add(.step(session: serial), at: now + 100)
            }
            return
        }
        session.heardAt = now
        let heard = session.sent
        let head = session.recording == recording ? self.head.value : heard
        session.send(now: now, head: head)
        let isBehind = head - heard > Limits.behindSamples
        if isBehind, session.request.catchUpRate > 1, now - session.openedAt > 4_000, isOn({ $0 == .strictPace }) {
            over(session, UplinkFailure(.message(code: 503), "audio comes too fast"))
            return
        }
        let isFinished = session.isAllSent && heard >= session.sent && !isOn { $0 == .noLastWord }
        speak(session, heard: heard / SampleIndex.samplesPerMillisecond, isFinished: isFinished)
        guard session.phase == .live else { return }
        queue.add(.step(session: serial), at: now + random.between(200, 500))
    }

    private func speak(_ session: Session, heard: Int64, isFinished: Bool) {
        let extra: Int64 = isOn { $0 == .slowWords } ? 2_500 : 0
        let message = recognise(session, heard: heard, extraDelay: extra, isFinished: isFinished)
        report(.uplink(.message(session: session.request.id, message)), of: session.recording)
        if isOn({ $0 == .finalTokensTwice }) {
            var again = message
            again.tokens.removeAll { !$0.isFinal }
            report(.uplink(.message(session: session.request.id, again)), of: session.recording)
        }
        if isFinished { over(session, nil) }
    }

    // MARK: Ends by the service

    func endSessions(_ failure: UplinkFailure) {
        for serial in uplink.open where uplink.sessions[serial].phase == .live {
            guard isReachable(from: uplink.sessions[serial].address) else { continue }
            over(uplink.sessions[serial], failure)
        }
    }

    func finishSessions() {
        for serial in uplink.open where uplink.sessions[serial].phase == .live {
            let session = uplink.sessions[serial]
            guard isReachable(from: session.address) else { continue }
            let heard = session.sent / SampleIndex.samplesPerMillisecond
            // Nobody asked for the end: to the adapter that is a connection closed too early.
            let message = recognise(session, heard: heard, extraDelay: 0, isFinished: false)
            report(.uplink(.message(session: session.request.id, message)), of: session.recording)
            over(session, UplinkFailure(.closedEarly, "the service finished early"))
        }
    }
}
