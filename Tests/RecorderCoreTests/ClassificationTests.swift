import RecorderCore
import Testing

@Suite struct `Classification of failures` {
    struct Row: Sendable, CustomTestStringConvertible {
        let kind: UplinkFailure.Kind
        let verdict: Verdict
        var retryAfter: Int?
        var on503 = On503.retry
        var testDescription: String { "\(kind)" }
    }

    static let rows: [Row] = [
        Row(kind: .nameResolution, verdict: .retry),
        Row(kind: .refused, verdict: .retry),
        Row(kind: .unreachable, verdict: .retry),
        Row(kind: .timeout, verdict: .retry),
        Row(kind: .reset, verdict: .retry),
        Row(kind: .tlsHandshake, verdict: .retry),
        Row(kind: .tlsUntrusted, verdict: .probe),
        Row(kind: .tokenMalformed, verdict: .probe),
        Row(kind: .closedEarly, verdict: .retry),
        Row(kind: .stalled, verdict: .retry),
        Row(kind: .messageMalformed, verdict: .retry),
        Row(kind: .messageTooLarge, verdict: .retry),
        Row(kind: .configuration, verdict: .fatal),
        Row(kind: .unknown, verdict: .retry),
        // The peer itself has said so.
        Row(kind: .httpStatus(100), verdict: .probe),
        Row(kind: .httpStatus(200), verdict: .probe),
        Row(kind: .httpStatus(302), verdict: .probe),
        Row(kind: .httpStatus(400), verdict: .fatal),
        Row(kind: .httpStatus(401), verdict: .fatal),
        Row(kind: .httpStatus(402), verdict: .fatal),
        Row(kind: .httpStatus(403), verdict: .fatal),
        Row(kind: .httpStatus(404), verdict: .fatal),
        Row(kind: .httpStatus(407), verdict: .probe),
        Row(kind: .httpStatus(408), verdict: .retry),
        Row(kind: .httpStatus(410), verdict: .fatal),
        Row(kind: .httpStatus(425), verdict: .retry),
        Row(kind: .httpStatus(429), verdict: .probe),
        Row(kind: .httpStatus(429), verdict: .retryAfter(seconds: 7), retryAfter: 7),
        Row(kind: .httpStatus(451), verdict: .probe),
        Row(kind: .httpStatus(500), verdict: .retry),
        Row(kind: .httpStatus(502), verdict: .retry),
        Row(kind: .httpStatus(503), verdict: .retry),
        Row(kind: .httpStatus(503), verdict: .fatal, on503: .fail),
        Row(kind: .httpStatus(511), verdict: .probe),
        Row(kind: .httpStatus(999), verdict: .probe),
        // Perhaps something else on the way has.
        Row(kind: .intercepted(100), verdict: .probe),
        Row(kind: .intercepted(199), verdict: .probe),
        Row(kind: .intercepted(200), verdict: .probe),
        Row(kind: .intercepted(204), verdict: .probe),
        Row(kind: .intercepted(302), verdict: .probe),
        Row(kind: .intercepted(400), verdict: .probe),
        Row(kind: .intercepted(401), verdict: .probe),
        Row(kind: .intercepted(402), verdict: .probe),
        Row(kind: .intercepted(403), verdict: .probe),
        Row(kind: .intercepted(404), verdict: .probe),
        Row(kind: .intercepted(407), verdict: .probe),
        Row(kind: .intercepted(408), verdict: .retry),
        Row(kind: .intercepted(410), verdict: .probe),
        Row(kind: .intercepted(429), verdict: .retryAfter(seconds: 7), retryAfter: 7),
        Row(kind: .intercepted(451), verdict: .probe),
        Row(kind: .intercepted(502), verdict: .retry),
        Row(kind: .intercepted(503), verdict: .retry, on503: .fail),
        Row(kind: .intercepted(511), verdict: .probe),
        // In a session.
        Row(kind: .service(code: 0), verdict: .retry),
        Row(kind: .service(code: 400), verdict: .fatal),
        Row(kind: .service(code: 401), verdict: .fatal),
        Row(kind: .service(code: 402), verdict: .fatal),
        Row(kind: .service(code: 408), verdict: .retry),
        Row(kind: .service(code: 429), verdict: .probe),
        Row(kind: .service(code: 500), verdict: .retry),
        Row(kind: .service(code: 503), verdict: .retry),
        Row(kind: .service(code: 503), verdict: .fatal, on503: .fail),
    ]

    @Test(arguments: rows) func `each way to fail has its verdict`(row: Row) {
        let failure = UplinkFailure(row.kind, "x", retryAfterSeconds: row.retryAfter)
        #expect(Classification.verdict(on: failure, on503: row.on503) == row.verdict)
    }

    @Test func `what did not come from the service is never for a person alone`() {
        for status in 100..<1_000 {
            for on503 in [On503.retry, .fail] {
                let verdict = Classification.verdict(on: UplinkFailure(.intercepted(status), "x"), on503: on503)
                #expect(verdict != .fatal, "\(status)")
            }
        }
    }
}

@Suite struct `The backoff` {
    @Test func `delays double to the cap and the first has no jitter`() {
        var random = RandomSource(seed: 1)
        let policy = ReconnectPolicy(jitterMilliseconds: 0)
        let delays = (1...8).map { policy.delay(beforeAttempt: $0, random: &random) }
        #expect(delays == [0, 1_000, 2_000, 4_000, 8_000, 16_000, 16_000, 16_000])
    }

    @Test func `jitter stays within its bound and spreads`() {
        var random = RandomSource(seed: 2)
        let policy = ReconnectPolicy()
        let delays = (0..<200).map { _ in policy.delay(beforeAttempt: 2, random: &random) }
        #expect(delays.allSatisfy { (1_000...1_500).contains($0) })
        #expect(Set(delays).count > 50)
    }

    @Test func `the same seed gives the same lesson`() {
        var one = RandomSource(seed: 9)
        var two = RandomSource(seed: 9)
        #expect((0..<20).map { _ in one.next() } == (0..<20).map { _ in two.next() })
    }

    @Test func `slow probes can be turned off`() {
        var random = RandomSource(seed: 3)
        #expect(ReconnectPolicy(slowProbeMilliseconds: 0).probeDelay(random: &random) == nil)
        let delay = ReconnectPolicy().probeDelay(random: &random)
        #expect(delay.map { (60_000...66_000).contains($0) } == true)
    }
}
