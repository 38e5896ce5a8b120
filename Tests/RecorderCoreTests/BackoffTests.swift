@testable import RecorderCore
import Testing

@Suite struct `Waits that double` {
    @Test func `end at the cap, however often it failed`() {
        let backoff = Backoff(baseMilliseconds: 250, capMilliseconds: 2_000)
        let waits = [0, 1, 2, 3, 4, 5, .max].map { backoff.milliseconds($0) }
        #expect(waits == [250, 250, 500, 1_000, 2_000, 2_000, 2_000])
    }

    @Test func `are random by as much as the jitter says`() {
        let kinds: [(Backoff.Jitter, ClosedRange<Int64>)] = [
            (.none, 4_000...4_000), (.added(500), 4_000...4_500), (.half, 2_000...4_000), (.full, 0...4_000),
        ]
        for (jitter, range) in kinds {
            var random = RandomSource(seed: 7)
            let backoff = Backoff(capMilliseconds: 60_000, jitter: jitter)
            let waits = (0..<500).map { _ in backoff.milliseconds(3, random: &random) }
            #expect(waits.allSatisfy { range.contains($0) })
            let width = range.upperBound - range.lowerBound
            #expect((waits.max() ?? 0) - (waits.min() ?? 0) >= width * 9 / 10, "\(jitter)")
        }
    }
}

@Suite struct `Without a network` {
    private static func time(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(milliseconds: milliseconds) }

    @Test func `what waits for one is tried once in a while`() {
        var gate = OfflineGate()
        #expect(gate.time(Self.time(5)) == Self.time(5))
        gate.close(at: Self.time(1_000))
        #expect(gate.time(Self.time(5)) == Self.time(1_000 + Limits.offlineRetryMilliseconds))
        gate.pass(at: Self.time(700_000))
        #expect(gate.time(Self.time(5)) == Self.time(700_000 + Limits.offlineRetryMilliseconds))
        gate.open()
        gate.pass(at: Self.time(800_000))
        #expect(!gate.isOffline)
        #expect(gate.time(Self.time(5)) == Self.time(5))
    }
}
