internal import RecorderCore

/// The uplink thread: its commands, its reports, its requests and sessions.
struct Uplink {
    struct Request {
        var attempt: KeyRequestID
        var recording: Int
        var address: Int
        /// How it ends, when packets arrive.
        var failure: UplinkFailure?
        /// Told by the system at once, or after a time-out.
        var isDead: Bool
    }

    struct Report {
        var at: Int64
        var input: RecorderInput
        var recording: Int
    }

    /// By their serial numbers; nil when they are over.
    var requests: [Request?] = []
    var sessions: [Session] = []
    /// Serial numbers of sessions that are not over.
    var open: [Int] = []
    var commands: [UplinkCommand] = []
    var reports: [Report] = []
    var nextReport = 0
    var blockedUntil: Int64 = 0
    /// When a key is refused; its secret is its place.
    var keysEnd: [Int64] = []
}

extension World {
    // MARK: Between the threads

    func command(_ command: UplinkCommand) {
        if planted == .uncancelled {
            if case .cancelKey = command { return }
            if case .close = command { return }
        }
        uplink.commands.append(command)
        if uplink.commands.count > Limits.uplinkCommands {
            fail("queues are bounded", "\(uplink.commands.count) uplink commands")
        }
        queue.add(.commands, at: max(now, uplink.blockedUntil) + random.next(through: 1))
    }

    func takeCommands() {
        guard !uplink.commands.isEmpty else { return }
        guard now >= uplink.blockedUntil else {
            queue.add(.commands, at: uplink.blockedUntil + 1)
            return
        }
        let commands = uplink.commands
        uplink.commands.removeAll(keepingCapacity: true)
        for command in commands {
            switch command {
            case .requestKey(let attempt): requestKey(attempt)
            case .cancelKey(let attempt):
                let place = uplink.requests.lastIndex { $0?.attempt == attempt }
                if let place { uplink.requests[place] = nil }
            case .open(let request): openSession(request)
            case .finish(let number, let end): session(called: number)?.finishAt = end.value
            case .close(let number):
                if let session = session(called: number) { over(session, nil) }
            case .audio: break
            }
        }
    }

    /// Reports reach the loop in order, soon or, when it is busy, late.
    func report(_ input: RecorderInput, of recording: Int) {
        var at = now + random.next(through: 3)
        if planted == .lateMessages { at += random.between(0, 1_500) }
        if random.percent(3) || isOn({ $0 == .loopBusy }) { at += random.between(50, 400) }
        if uplink.nextReport < uplink.reports.count, let last = uplink.reports.last { at = max(at, last.at) }
        uplink.reports.append(Uplink.Report(at: at, input: input, recording: recording))
        if uplink.reports.count - uplink.nextReport > Limits.uplinkEvents {
            fail("queues are bounded", "\(uplink.reports.count - uplink.nextReport) uplink events")
        }
        queue.add(.report, at: at)
    }

    func deliverReport() {
        var input = uplink.reports[uplink.nextReport].input
        checker.isFromBefore = uplink.reports[uplink.nextReport].recording != recording
        uplink.nextReport += 1
        if uplink.nextReport == uplink.reports.count {
            uplink.reports.removeAll(keepingCapacity: true)
            uplink.nextReport = 0
        }
        if planted == .lateMessages, case .uplink(.message(_, let message)) = input,
            let current = recorder.lesson?.uplink.session, recorder.lesson?.uplink.secondary == nil
        {
            input = .uplink(.message(session: current.id, message))
        }
        receive(input)
        checker.isFromBefore = false
    }

    private func session(called id: SessionID) -> Session? {
        uplink.open.lazy.map { self.uplink.sessions[$0] }.last { $0.request.id == id }
    }

    // MARK: Token endpoint

    private func requestKey(_ attempt: KeyRequestID) {
        var failure: UplinkFailure?
        var wait = travel() * 4 + random.skewed(5, 800)
        for (number, fault) in plan.faults.enumerated() where isActive[number] {
            guard case .token(let trouble) = fault.kind else { continue }
            switch trouble {
            case .status(let status): failure = UplinkFailure(.httpStatus(status), "token endpoint: \(status)")
            case .busy(let seconds):
                failure = UplinkFailure(.httpStatus(429, retryAfterSeconds: seconds), "token endpoint: 429")
                checker.told(toWaitUntil: now + Int64(seconds) * 1_000)
            case .hangs:
                failure = UplinkFailure(.timeout, "token endpoint: no answer")
                // Sometimes even the adapter's own time-out does not work.
                wait = random.percent(20) ? 40_000 : Limits.keyTimeoutMilliseconds
            case .keysExpire: break
            }
        }
        if network.downs > 0 {
            failure = UplinkFailure(.unreachable, "no route to host")
            wait = random.between(1, 20)
        }
        uplink.requests.append(
            Uplink.Request(
                attempt: attempt, recording: recording, address: network.address, failure: failure,
                isDead: network.downs > 0))
        queue.add(.answered(request: uplink.requests.count - 1), at: now + wait)
    }

    func answer(_ number: Int) {
        guard var request = uplink.requests[number] else { return }
        guard now >= uplink.blockedUntil else {
            queue.add(.answered(request: number), at: uplink.blockedUntil)
            return
        }
        if !request.isDead, !isReachable(from: request.address) {
            request.isDead = true
            request.failure = UplinkFailure(.timeout, "token endpoint: no answer")
            uplink.requests[number] = request
            queue.add(.answered(request: number), at: now + Limits.keyTimeoutMilliseconds)
            return
        }
        uplink.requests[number] = nil
        if let failure = request.failure {
            report(.uplink(.keyFailed(attempt: request.attempt, failure)), of: request.recording)
            return
        }
        var lifetime: Int64? = 3_600_000
        if random.percent(10) { lifetime = nil }
        for (number, fault) in plan.faults.enumerated() where isActive[number] {
            if case .token(.keysExpire(let seconds)) = fault.kind { lifetime = Int64(seconds) * 1_000 }
        }
        uplink.keysEnd.append(now + (lifetime ?? 3_600_000))
        let key = SessionKey(
            secret: String(uplink.keysEnd.count - 1), webSocketURL: "", lifetimeMilliseconds: lifetime)
        report(.uplink(.key(attempt: request.attempt, key)), of: request.recording)
    }
}
