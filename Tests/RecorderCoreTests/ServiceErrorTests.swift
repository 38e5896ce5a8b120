import RecorderCore
import Testing

/// What the service's `error_type` means for a lesson: one row of PROTOCOL.md, Errors, each.
@Suite struct `The service's error types` {
    private static func failure(_ type: ServiceErrorType, code: Int = 999) -> UplinkFailure {
        UplinkFailure(
            .message(code: code, type: type), "the service answered error \(code)", typeName: type.name, said: "",
            .session)
    }

    /// Live for 20 s, with a spare key, and then this.
    private func ended(by type: ServiceErrorType, policy: ReconnectPolicy = .init(jitterMilliseconds: 0)) -> Box {
        var box = Box(policy: policy)
        box.goLive()
        box.happens(.uplink(.key(attempt: 2, SessionKey(secret: "spare", webSocketURL: ""))))
        box.happens(.uplink(.message(session: 1, message([(" one", 0, 900)], final: 2_000))))
        box.happens(.uplink(.closed(session: 1, Self.failure(type))), after: 20_000)
        return box
    }

    private func reason(_ box: Box) -> String {
        if case .failed(let reason) = box.recorder.phase { reason.text } else { "\(box.recorder.phase)" }
    }

    // MARK: Tried again

    @Test func `service_unavailable: a new session at once`() {
        let box = ended(by: .serviceUnavailable)
        #expect(box.request?.key.secret == "spare")
        #expect(box.recorder.phase == .reconnecting(attempt: 1))
    }

    @Test func `service_unavailable is final where reconnect.on_503 says so, whatever its number`() {
        let box = ended(by: .serviceUnavailable, policy: ReconnectPolicy(on503: .fail))
        #expect(reason(box).contains("service_unavailable"))
        #expect(box.recorder.lesson?.uplink.primary.state == .idle)
    }

    @Test(arguments: [ServiceErrorType.requestTimeout, .internalError])
    func `request_timeout and internal_error: the backoff burst`(type: ServiceErrorType) throws {
        var box = ended(by: type)
        let lost = box.now
        var attempts: [Int64] = []
        for number in 2...6 {
            let session = try #require(box.recorder.lesson?.uplink.session ?? box.request)
            box.happens(.uplink(.closed(session: session.id, Self.failure(type))))
            #expect(box.recorder.phase == .reconnecting(attempt: number))
            try box.untilDeadline()
            attempts.append(box.now.milliseconds(since: lost))
            box.keyComes()
        }
        // Each key takes 20 ms.
        #expect(attempts == [1_000, 3_020, 7_040, 15_060, 31_080])
    }

    @Test func `max_duration_reached: the next session at once, and no error is shown`() {
        var box = ended(by: .maxDurationReached)
        #expect(box.request?.key.secret == "spare")
        #expect(box.request?.base == .zero)
        #expect(box.request?.catchUpRate == 1.5)
        #expect(box.recorder.lesson?.lastError == "")
        #expect(!box.log.contains { $0.hasPrefix("attempt ") })
        #expect(box.log.contains { $0.hasPrefix("renewal reason=") })
        box.opens(2)
        #expect(box.recorder.phase == .live)
    }

    @Test func `max_duration_reached as soon as a session begins is no renewal`() throws {
        var box = ended(by: .maxDurationReached)
        let renewed = box.now
        var sessions = 0
        while box.now.milliseconds(since: renewed) < 60_000 {
            if let request = box.request {
                sessions += 1
                box.happens(.uplink(.opened(session: request.id, tookMilliseconds: 1)))
                box.happens(.uplink(.closed(session: request.id, Self.failure(.maxDurationReached))))
            } else if let attempt = box.requestedKey {
                box.happens(.uplink(.key(attempt: attempt, Box.key)))
            } else {
                try box.untilDeadline()
            }
        }
        #expect(sessions <= 7)
        #expect(reason(box).contains("max_duration_reached"))
    }

    @Test func `temp_api_key_session_expired: the next session at once, with a key that is asked for now`() {
        var box = ended(by: .keySessionExpired)
        #expect(box.request == nil)
        #expect(box.requestedKey == 3)
        #expect(box.recorder.lesson?.lastError == "")
        box.keyComes()
        #expect(box.request?.isPrefetchedKey == false)
        box.opens(2)
        #expect(box.recorder.phase == .live)
    }

    @Test(arguments: [ServiceErrorType.limitExceeded, .connectionsReached])
    func `limit_exceeded and max_concurrent_connections_reached: blinks, and goes on trying`(
        type: ServiceErrorType
    ) throws {
        // Without slow probes, too.
        var box = ended(by: type, policy: ReconnectPolicy(jitterMilliseconds: 0, slowProbeMilliseconds: 0))
        let lost = box.now
        var attempts: [Int64] = []
        while attempts.count < 9 {
            if attempts.count < 6 {
                #expect(box.recorder.phase == .reconnecting(attempt: attempts.count + 1))
            } else {
                #expect(reason(box).contains(type.name))
            }
            try box.untilDeadline()
            attempts.append(box.now.milliseconds(since: lost))
            if let attempt = box.requestedKey { box.happens(.uplink(.key(attempt: attempt, Box.key))) }
            let request = try #require(box.request)
            // The service opens it, and refuses then.
            box.happens(.uplink(.opened(session: request.id, tookMilliseconds: 1)))
            box.happens(.uplink(.closed(session: request.id, Self.failure(type))))
        }
        #expect(attempts == [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 48_000, 64_000, 80_000])
        try box.untilDeadline()
        box.happens(.uplink(.key(attempt: try #require(box.requestedKey), Box.key)))
        let last = try #require(box.request)
        #expect(last.catchUpRate == 1.5)
        box.opens(last.id)
        #expect(box.recorder.phase == .live)
    }

    // MARK: A person has to act

    @Test(arguments: [
        (ServiceErrorType.unauthenticated, "transcription.websocket_url"),
        (.permissionDenied, "transcription.websocket_url"),
        (.balanceExhausted, "balance there is used up"),
        (.organizationBudgetExhausted, "organization's monthly budget"),
        (.projectBudgetExhausted, "project's monthly budget"),
        (.invalidRequest, "transcription.model"),
        (.modelNotAvailable, "transcription.model"),
    ])
    func `what only a person can mend is red, and says in words what to do`(type: ServiceErrorType, words: String) {
        var box = Box()
        box.start()
        box.happens(.uplink(.key(attempt: 1, Box.key)))
        box.happens(.uplink(.opened(session: 1, tookMilliseconds: 1)))
        box.happens(.uplink(.closed(session: 1, Self.failure(type))))
        #expect(reason(box).contains(type.name) && reason(box).contains(words), "\(reason(box))")
        #expect(box.recorder.lesson?.uplink.primary.state == .idle)
        // The lesson itself goes on.
        #expect(box.recorder.lesson?.stage == .recording)
        #expect(!box.effects.contains(.capture(.stop)))
    }

    @Test(arguments: [ServiceErrorType.unauthenticated, .permissionDenied])
    func `a key that had worked is replaced when it is refused`(type: ServiceErrorType) {
        let box = ended(by: type)
        #expect(box.recorder.phase == .reconnecting(attempt: 1))
    }

    // MARK: Type and number

    @Test func `every type has a name of its own, and is known by it`() {
        for type in ServiceErrorType.allCases { #expect(ServiceErrorType(type.name) == type) }
        #expect(Set(ServiceErrorType.allCases.map(\.name)).count == 14)
        #expect(ServiceErrorType("") == nil && ServiceErrorType("quota") == nil)
    }

    @Test func `the type decides, and not the number`() {
        func verdict(_ cause: UplinkFailure.Cause) -> Verdict {
            Classification.verdict(on: UplinkFailure(cause, "x"), on503: .retry)
        }
        #expect(verdict(.service(.message(code: 400, type: .serviceUnavailable))) == .retry)
        #expect(verdict(.service(.message(code: 0, type: .balanceExhausted))) == .fatal)
        #expect(verdict(.service(.message(code: 503, type: .maxDurationReached))) == .renew)
        #expect(verdict(.service(.message(code: 401, type: .keySessionExpired))) == .renewKey)
        #expect(verdict(.service(.message(code: 500, type: .connectionsReached))) == .busy)
        #expect(verdict(.service(.httpStatus(500, type: .modelNotAvailable))) == .fatal)
        #expect(verdict(.service(.httpStatus(429, type: .limitExceeded))) == .busy)
        #expect(verdict(.service(.httpStatus(429, type: .limitExceeded, retryAfterSeconds: 9)))
            == .retryAfter(seconds: 9))
    }

    // MARK: The other owners of the machine

    @Test func `a successor that finds no place backs off, and the old session stays`() throws {
        var box = Box()
        box.goLive()
        box.happens(.networkChanged("address"), after: 5_000)
        let changed = box.now
        var tries: [Int64] = []
        for _ in 0..<4 {
            box.keyComes()
            let request = try #require(box.request)
            box.happens(.uplink(.closed(session: request.id, Self.failure(.connectionsReached))))
            #expect(box.recorder.phase == .live)
            try box.untilDeadline()
            tries.append(box.now.milliseconds(since: changed))
        }
        #expect(tries == [1_020, 3_040, 7_060, 15_080])
    }

    @Test func `a gap that finds no place is not given up`() throws {
        var box = Box()
        box.goLive()
        box.happens(.uplink(.closed(session: 1, UplinkFailure(.reset, "reset"))), after: 20_000)
        box.head = SampleIndex(milliseconds: 100_000)
        box.keyComes()
        box.sessionGoesLive()
        let live = try #require(box.recorder.lesson?.uplink.session?.id)
        var refusals = 0
        while refusals < 2 * Limits.gapTries {
            if let request = box.request {
                refusals += 1
                box.happens(.uplink(.closed(session: request.id, Self.failure(.connectionsReached))))
            } else if let attempt = box.requestedKey {
                box.happens(.uplink(.key(attempt: attempt, Box.key)))
            } else {
                box.happens(.uplink(.message(session: live, message([], total: 1))))
                try box.untilDeadline()
            }
        }
        #expect(box.recorder.phase == .live)
    }

    @Test func `a saved lesson's session that reaches its end is followed by another at once`() {
        for type in [ServiceErrorType.maxDurationReached, .keySessionExpired] {
            let box = BackfillBox(.live)
            #expect(box.begin() == [.uplink(.requestKey(attempt: .backfill(1)))])
            guard case .uplink(.open(let request))? = box.tell(.uplink(.key(attempt: .backfill(1), Box.key))).first
            else {
                Issue.record("no session")
                return
            }
            box.tell(.uplink(.opened(session: request.id, tookMilliseconds: 0)))
            box.now = box.now.adding(milliseconds: 20_000)
            let effects = box.tell(.uplink(.closed(session: request.id, Self.failure(type))))
            // What is left of the lesson is asked for.
            #expect(effects == [.store(.nextText)])
            let gaps = BackfillBox.lesson.coverage.gaps(before: BackfillBox.lesson.saved, reason: "offline")
            box.tell(.store(.text(GapsToFill(recording: BackfillBox.lesson, gaps: gaps, job: TranscriptionJob()))))
            #expect(box.backfill.status?.lastError == "")
        }
    }
}
