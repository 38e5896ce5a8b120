import CloudKit
import Foundation
import Testing

@Suite struct SessionFaultTests {
    private let minute = ToneLesson(.seconds(6), seed: 6).samples

    @Test(arguments: [401, 402, 429, 500, 503])
    func `a service error strikes after so much audio, in so many sessions`(code: Int) async throws {
        let faults = try FaultPlan(arguments: ["error-code=\(code)@4000*2"])
        try await withServer({ $0.faults = faults }) { server in
            for number in 1...2 {
                let (frames, ending) = try await lesson(server, minute)
                let error = try #require(messages(frames).last)
                #expect(error["error_code"] as? Int == code)
                #expect((error["error_type"] as? String)?.isEmpty == false)
                #expect((error["error_message"] as? String)?.isEmpty == false)
                #expect((error["request_id"] as? String)?.isEmpty == false)
                #expect(ending == .closed(code: 1_000))
                let record = try await closedSession(server, number)
                #expect(record.closeReason?.hasPrefix("error \(code) ") == true)
                #expect(record.faults.map(\.audioMilliseconds) == [4_000])
            }
            #expect(try await lesson(server, minute).frames.last?.text.contains(#""finished":true"#) == true)
            #expect(server.faults == FaultPlan())
        }
    }

    @Test(arguments: [1_000, 1_001, 1_011])
    func `a session is closed with a code after so much audio`(code: Int) async throws {
        try await withServer({ $0.faults.close = FaultTrigger(code, afterMilliseconds: 1_000, times: 1) }) { server in
            let (frames, ending) = try await lesson(server, minute)
            #expect(ending == .closed(code: code))
            #expect(!frames.contains { $0.text.contains("finished") || $0.text.contains("error_code") })
            #expect(try await lesson(server, minute).frames.last?.text.contains(#""finished":true"#) == true)
        }
    }

    @Test func `a fault set at run time strikes the running session`() async throws {
        try await withServer { server in
            let client = try await openSession(server)
            try await blocking { try stream([Int16](repeating: 0, count: 16_000), to: client.value) }
            try await server.changeFaults("error-code=503@500*1")
            let code = try await blocking {
                // The error may have ended it already.
                _ = try? client.value.send(samples: [0])
                return errorCode(try drain(client.value).frames)
            }
            #expect(code == 503)
            let second = try await openSession(server)
            try await server.perform(.error(code: 500))
            #expect(try await blocking { errorCode(try drain(second.value).frames) } == 500)
            let third = try await openSession(server)
            try await server.perform(.close(code: 1_001))
            #expect(try await blocking { try drain(third.value).ending } == .closed(code: 1_001))
        }
    }

    @Test func `a session leaves out audio and counts as if there had been none, or only pauses`() async throws {
        for (fault, missing) in [("leave-out=2500@1000*1", 2_500), ("pause=300@1000*1", 0)] {
            let faults = try FaultPlan(arguments: [fault])
            try await withServer({ $0.faults = faults }) { server in
                let last = try #require(messages(try await lesson(server, minute).frames).last)
                #expect(last["finished"] as? Bool == true)
                let heard = try #require(last["total_audio_proc_ms"] as? Int)
                // Whole frames are left out.
                #expect((0..<1_000).contains(heard + missing - minute.count / 16 + 500), "\(fault): \(heard) ms")
                #expect(server.log.sessions.first?.faults.map(\.audioMilliseconds).count == 1)
            }
        }
    }

    @Test(arguments: [401, 402, 429, 500, 503])
    func `the token endpoint and the handshake fail so many times`(status: Int) async throws {
        let faults = try FaultPlan(
            arguments: ["token-status=\(status)*2", "handshake-status=\(status)*1", "retry-after=11"])
        try await withServer({ $0.faults = faults }) { server in
            let port = server.port
            let answers = try await blocking {
                try (0..<3).map { _ in try RawClient.request(port: port, path: "/api/token") }
            }
            #expect(answers.map(\.status) == [status, status, 200])
            #expect(answers[0].head.contains("Retry-After: 11") == (status == 429))
            await #expect(throws: RawClient.Failure.self) { try await openSession(server) }
            #expect(server.log.refusedHandshakes.map(\.status) == [status])
            _ = try await openSession(server)
        }
    }

    @Test func `handshakes and tokens can be slow`() async throws {
        let faults = try FaultPlan(arguments: ["handshake-delay=300*1", "token-delay=300*1"])
        try await withServer({ $0.faults = faults }) { server in
            let port = server.port
            let began = Date()
            #expect(try await blocking { try RawClient.request(port: port, path: "/api/token").status } == 200)
            _ = try await openSession(server)
            #expect(Date().timeIntervalSince(began) >= 0.59)
            #expect(server.faults == FaultPlan())
        }
    }

    @Test func `a token endpoint that hangs keeps the connection open and says nothing`() async throws {
        try await withServer({ $0.faults.tokenHang = true }) { server in
            let port = server.port
            try await blocking {
                let client = try RawClient(port: port)
                try client.sendRequest(path: "/api/token")
                #expect(try !client.isReadable(withinMilliseconds: 300))
            }
            #expect(server.log.tokenRequests.map(\.status) == [0])
        }
    }

    @Test func `a live session ends with its key, and the key is dead then`() async throws {
        try await withServer({ $0.faults.keyLifetimeMilliseconds = 4_000 }) { server in
            let asked = Date()
            let (key, expires) = try await freshKey(server)
            // The answer's time is cut to milliseconds.
            let life = (asked.addingTimeInterval(3.999))...Date().addingTimeInterval(4)
            #expect(life.contains(expires))
            let client = try await openSession(server, key: key)
            let code = try await blocking { errorCode(try drain(client.value).frames) }
            // On a machine that is busy the key may have expired before it was presented.
            #expect(code == (server.log.sessions.first?.isAdmitted == true ? 403 : 401))
            #expect(Date() >= expires)
            #expect(try await lesson(server, [0], key: key).frames.first?.text.contains("401") == true)
            try await server.changeFaults("refuse-at-handshake")
            await #expect(throws: RawClient.Failure.self) { try await openSession(server, key: key) }
            #expect(server.log.refusedHandshakes.first?.keyHash == CloudServer.fingerprint(of: key))
        }
    }

    @Test func `keys can be made to expire at once`() async throws {
        try await withServer { server in
            let key = try await freshKey(server).key
            let client = try await openSession(server, key: key)
            let permanent = try await openSession(server)
            try await server.perform(.expireKeys)
            #expect(try await blocking { errorCode(try drain(client.value).frames) } == 403)
            #expect(errorCode(try await lesson(server, [0], key: key).frames) == 401)
            try await blocking {
                try permanent.value.send(text: "")
                #expect(messages(try drain(permanent.value).frames).last?["finished"] as? Bool == true)
            }
        }
    }

    @Test func `single-use keys open one session`() async throws {
        try await withServer({ $0.faults.singleUseKeys = true }) { server in
            let key = try await freshKey(server).key
            #expect(errorCode(try await lesson(server, [0], key: key).frames) == nil)
            #expect(errorCode(try await lesson(server, [0], key: key).frames) == 401)
            #expect(server.log.sessions.map(\.keyHash) == [key, key].map(CloudServer.fingerprint(of:)))
            #expect(server.log.sessions.map(\.isAdmitted) == [true, false])
        }
    }

    @Test func `sessions beyond the cap get 429, as a message or in the handshake`() async throws {
        // However slow the machine, nobody is sent away for having nothing to say.
        func configure(_ configuration: inout CloudConfiguration) {
            configuration.idleTimeoutMilliseconds = 3_600_000
            configuration.faults.maximumSessions = 2
        }
        try await withServer(configure) { server in
            let first = try await openSession(server)
            let second = try await openSession(server)
            let refused = try await lesson(server, [0])
            #expect(errorCode(refused.frames) == 429)
            try await server.changeFaults("refuse-at-handshake")
            await #expect(throws: RawClient.Failure.self) { try await openSession(server) }
            #expect(server.log.refusedHandshakes.map(\.status) == [429])
            try await blocking {
                try first.value.send(text: "")
                _ = try drain(first.value)
            }
            let third = try await openSession(server)
            #expect(server.log.maximumOpenSessions == 2)
            #expect(server.log.openSessions == 2)
            withExtendedLifetime((second, third)) {}
        }
    }

    @Test func `more requests than allowed within a minute get 429`() async throws {
        try await withServer({ $0.faults.maximumRequestsPerMinute = 3 }) { server in
            let port = server.port
            // In one go: a test that has to wait for its turn between them needs more than a minute.
            let codes = try await blocking { try (0..<5).map { _ in errorCode(try lesson(port: port, [0]).frames) } }
            #expect(codes == [nil, nil, nil, 429, 429])
        }
    }

    @Test func `a burst of audio is an error, and the log has how far it was ahead`() async throws {
        try await withServer({ $0.faults.pacing = PacingLimit(rate: 2, burstMilliseconds: 3_000) }) { server in
            // One frame each: however slow the machine, it comes at once.
            @Sendable func burst(samples: Int) async throws -> Int? {
                let client = try await openSession(server)
                return try await blocking {
                    try client.value.send(samples: [Int16](repeating: 0, count: samples))
                    try client.value.send(text: "")
                    return errorCode(try drain(client.value).frames)
                }
            }
            #expect(try await burst(samples: 64_000) == 400)
            let long = try await closedSession(server)
            #expect(long.faults.map(\.name) == ["pacing"])
            #expect(long.worstBurstMilliseconds == 4_000)
            #expect(try await burst(samples: 40_000) == nil)
            let short = try await closedSession(server, 2)
            #expect(short.worstLeadMilliseconds == 2_500)
            #expect(short.audioSamples == 40_000)
        }
    }

    @Test func `fields that nobody knows harm nobody, and wrong types are sent once`() async throws {
        let truth = ToneLesson(.seconds(6), seed: 6).text
        let faults = try FaultPlan(arguments: ["unknown-fields", "wrong-types@1000*1", "malformed-json@2000*1"])
        try await withServer({ $0.faults = faults }) { server in
            let (frames, _) = try await lesson(server, minute)
            #expect(frames.filter { $0.text.contains(#""start_ms":"12""#) }.count == 1)
            #expect(frames.filter { $0.text == #"{"tokens":[{"text":"cut"# }.count == 1)
            let good = messages(frames).filter { $0["final_audio_proc_ms"] is Int }
            #expect(good.dropLast().allSatisfy { $0["unknown"] is [String: Any] })
            #expect(text(tokens(good)) == " " + truth)
            #expect(tokens(good).allSatisfy { $0["unknown"] is [String: Any] })
            #expect(try await closedSession(server).faults.map(\.audioMilliseconds) == [1_000, 2_000])
        }
    }
}
