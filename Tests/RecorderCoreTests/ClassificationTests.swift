import RecorderCore
import Testing

@Suite struct `Classification of failures` {
    struct Row: Sendable, CustomTestStringConvertible {
        let cause: UplinkFailure.Cause
        let verdict: Verdict
        var on503 = On503.retry
        var testDescription: String { "\(cause)" }
    }

    static let rows: [Row] = [
        Row(cause: .network(.nameResolution), verdict: .retry),
        Row(cause: .network(.refused), verdict: .retry),
        Row(cause: .network(.unreachable), verdict: .retry),
        Row(cause: .network(.timeout), verdict: .retry),
        Row(cause: .network(.reset), verdict: .retry),
        Row(cause: .network(.tlsHandshake), verdict: .retry),
        Row(cause: .network(.tlsUntrusted), verdict: .probe),
        Row(cause: .service(.keyMalformed), verdict: .probe),
        Row(cause: .network(.closedEarly), verdict: .retry),
        Row(cause: .network(.stalled), verdict: .retry),
        Row(cause: .service(.messageMalformed), verdict: .retry),
        Row(cause: .service(.messageTooLarge), verdict: .retry),
        Row(cause: .service(.notTranscribed), verdict: .retry),
        Row(cause: .service(.audioLeftOut), verdict: .retry),
        Row(cause: .local(.configuration), verdict: .fatal),
        Row(cause: .local(.busy), verdict: .retry),
        Row(cause: .local(.journal), verdict: .retry),
        Row(cause: .local(.file), verdict: .retry),
        // The peer itself has said so.
        Row(cause: .service(.httpStatus(100)), verdict: .probe),
        Row(cause: .service(.httpStatus(200)), verdict: .probe),
        Row(cause: .service(.httpStatus(302)), verdict: .probe),
        Row(cause: .service(.httpStatus(400)), verdict: .fatal),
        Row(cause: .service(.httpStatus(401)), verdict: .fatal),
        Row(cause: .service(.httpStatus(402)), verdict: .fatal),
        Row(cause: .service(.httpStatus(403)), verdict: .fatal),
        Row(cause: .service(.httpStatus(404)), verdict: .fatal),
        Row(cause: .service(.httpStatus(407)), verdict: .probe),
        Row(cause: .service(.httpStatus(408)), verdict: .retry),
        Row(cause: .service(.httpStatus(410)), verdict: .fatal),
        Row(cause: .service(.httpStatus(425)), verdict: .retry),
        Row(cause: .service(.httpStatus(429)), verdict: .probe),
        Row(cause: .service(.httpStatus(429, retryAfterSeconds: 7)), verdict: .retryAfter(seconds: 7)),
        Row(cause: .service(.httpStatus(451)), verdict: .probe),
        Row(cause: .service(.httpStatus(500)), verdict: .retry),
        Row(cause: .service(.httpStatus(502)), verdict: .retry),
        Row(cause: .service(.httpStatus(503)), verdict: .retry),
        Row(cause: .service(.httpStatus(503)), verdict: .fatal, on503: .fail),
        Row(cause: .service(.httpStatus(511)), verdict: .probe),
        Row(cause: .service(.httpStatus(999)), verdict: .probe),
        // Perhaps something else on the way has.
        Row(cause: .service(.intercepted(100)), verdict: .probe),
        Row(cause: .service(.intercepted(199)), verdict: .probe),
        Row(cause: .service(.intercepted(200)), verdict: .probe),
        Row(cause: .service(.intercepted(204)), verdict: .probe),
        Row(cause: .service(.intercepted(302)), verdict: .probe),
        Row(cause: .service(.intercepted(400)), verdict: .probe),
        Row(cause: .service(.intercepted(401)), verdict: .probe),
        Row(cause: .service(.intercepted(402)), verdict: .probe),
        Row(cause: .service(.intercepted(403)), verdict: .probe),
        Row(cause: .service(.intercepted(404)), verdict: .probe),
        Row(cause: .service(.intercepted(407)), verdict: .probe),
        Row(cause: .service(.intercepted(408)), verdict: .retry),
        Row(cause: .service(.intercepted(410)), verdict: .probe),
        Row(cause: .service(.intercepted(429, retryAfterSeconds: 7)), verdict: .retryAfter(seconds: 7)),
        Row(cause: .service(.intercepted(451)), verdict: .probe),
        Row(cause: .service(.intercepted(502)), verdict: .retry),
        Row(cause: .service(.intercepted(503)), verdict: .retry, on503: .fail),
        Row(cause: .service(.intercepted(511)), verdict: .probe),
        // In a session.
        Row(cause: .service(.message(code: 0)), verdict: .retry),
        Row(cause: .service(.message(code: 400)), verdict: .fatal),
        Row(cause: .service(.message(code: 401)), verdict: .fatal),
        Row(cause: .service(.message(code: 402)), verdict: .fatal),
        Row(cause: .service(.message(code: 408)), verdict: .retry),
        Row(cause: .service(.message(code: 413)), verdict: .renew),
        Row(cause: .service(.message(code: 429)), verdict: .busy),
        Row(cause: .service(.message(code: 500)), verdict: .retry),
        Row(cause: .service(.message(code: 503)), verdict: .retry),
        Row(cause: .service(.message(code: 503)), verdict: .fatal, on503: .fail),
        // With a type: the number, which is no other's, says nothing.
        row(.serviceUnavailable, .retry),
        row(.serviceUnavailable, .fatal, on503: .fail),
        row(.requestTimeout, .retry),
        row(.internalError, .retry),
        row(.maxDurationReached, .renew),
        row(.keySessionExpired, .renewKey),
        row(.limitExceeded, .busy),
        row(.connectionsReached, .busy),
        row(.unauthenticated, .fatal),
        row(.permissionDenied, .fatal),
        row(.balanceExhausted, .fatal),
        row(.organizationBudgetExhausted, .fatal),
        row(.projectBudgetExhausted, .fatal),
        row(.invalidRequest, .fatal),
        row(.modelNotAvailable, .fatal),
    ]

    private static func row(_ type: ServiceErrorType, _ verdict: Verdict, on503: On503 = .retry) -> Row {
        Row(cause: .service(.message(code: 999, type: type)), verdict: verdict, on503: on503)
    }

    @Test(arguments: rows) func `each way to fail has its verdict`(row: Row) {
        let failure = UplinkFailure(row.cause, "x")
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
