/// A small seeded generator (SplitMix64; Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators"). The
/// core has no randomness of its own: the seed comes from outside, so a simulated lesson can be run again.
package struct RandomSource: Equatable, Sendable {
    private var state: UInt64

    package init(seed: UInt64) {
        state = seed
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Uniform in 0...bound (the bias of the remainder is below 2⁻⁵⁰ for bounds of milliseconds).
    package mutating func next(through bound: Int64) -> Int64 {
        bound <= 0 ? 0 : Int64(next() % UInt64(bound + 1))
    }
}

/// Waits that double, up to a cap: base, 2·base, 4·base … Which jitter is added depends on how many come back together
/// and how soon the first has to.
package struct Backoff: Equatable, Sendable {
    package enum Jitter: Equatable, Sendable {
        case none
        /// On top of the wait: no more than this many milliseconds.
        case added(Int64)
        /// Half of the wait is sure, half is random.
        case half
        /// All of it is random (Brooker, "Exponential Backoff And Jitter": the boxes of a school must not come back
        /// together).
        case full
    }

    package var baseMilliseconds: Int64
    package var capMilliseconds: Int64
    package var jitter: Jitter

    package init(baseMilliseconds: Int64 = 1_000, capMilliseconds: Int64, jitter: Jitter = .none) {
        self.baseMilliseconds = baseMilliseconds
        self.capMilliseconds = capMilliseconds
        self.jitter = jitter
    }

    /// Milliseconds of wait `number`, from 1, without jitter.
    package func milliseconds(_ number: Int) -> Int64 {
        min(baseMilliseconds << Int64(max(0, min(number - 1, 20))), capMilliseconds)
    }

    /// Milliseconds of wait `number`, from 1.
    @inline(never)
    func milliseconds(_ number: Int, random: inout RandomSource) -> Int64 {
        let wait = milliseconds(number)
        switch jitter {
        case .none: return wait
        case .added(let most): return wait + random.next(through: most)
        case .half: return wait / 2 + random.next(through: wait / 2)
        case .full: return random.next(through: wait)
        }
    }
}

/// Whether something that needs the network is tried while the kernel says that there is none: what it says may be
/// wrong, so once in a while it is.
struct OfflineGate: Equatable, Sendable {
    private var since: MonotonicTime?

    var isOffline: Bool {
        if case .some = since { return true }
        return false
    }

    mutating func close(at time: MonotonicTime) {
        since = time
    }

    mutating func open() {
        since = nil
    }

    /// Something passes: the next waits as long again.
    mutating func pass(at time: MonotonicTime) {
        if isOffline { since = time }
    }

    /// When what was planned for `time` may pass.
    func time(_ time: MonotonicTime) -> MonotonicTime {
        guard let since else { return time }
        return max(time, since.adding(milliseconds: Limits.offlineRetryMilliseconds))
    }
}

/// The reconnect settings of the configuration.
package struct ReconnectPolicy: Equatable, Sendable {
    package var attempts: Int
    package var capMilliseconds: Int64
    package var jitterMilliseconds: Int64
    /// 0: no probes; only a change of the network starts a new attempt.
    package var slowProbeMilliseconds: Int64
    package var on503: On503

    package init(
        attempts: Int = 6, capMilliseconds: Int64 = 16_000, jitterMilliseconds: Int64 = 500,
        slowProbeMilliseconds: Int64 = 60_000, on503: On503 = .retry
    ) {
        self.attempts = attempts
        self.capMilliseconds = capMilliseconds
        self.jitterMilliseconds = jitterMilliseconds
        self.slowProbeMilliseconds = slowProbeMilliseconds
        self.on503 = on503
    }

    /// Milliseconds to wait before attempt `number` (from 1): 0, 1, 2, 4, 8, 16 s, capped, plus jitter on all but
    /// the first, so that the boxes of a school do not come back in one instant.
    package func delay(beforeAttempt number: Int, random: inout RandomSource) -> Int64 {
        guard number > 1 else { return 0 }
        let backoff = Backoff(capMilliseconds: capMilliseconds, jitter: .added(jitterMilliseconds))
        return backoff.milliseconds(number - 1, random: &random)
    }

    /// Milliseconds until the next slow probe; nil when probing is off.
    package func probeDelay(random: inout RandomSource) -> Int64? {
        guard slowProbeMilliseconds > 0 else { return nil }
        return slowProbeMilliseconds + random.next(through: slowProbeMilliseconds / 10)
    }
}
