internal import RecorderCore

/// What is known of a peer's life: whether it says anything, and whether it works on what it is sent.
struct Vitals: Equatable {
    /// The last message or pong.
    private(set) var heardAt: MonotonicTime
    var pingedAt: MonotonicTime
    /// Milliseconds of the session's audio that were sent, and that the service has worked through.
    private var sent: Int64 = 0
    private var done: Int64 = 0
    /// When the service last came on, or was given something to do.
    private var progressAt: MonotonicTime
    /// The silence was too long at the last look: what has come meanwhile must be read before the verdict.
    fileprivate var isSuspect = false

    /// A service that counts in larger steps than it is sent never reaches the last one.
    private static let slackMilliseconds: Int64 = 1_000

    init(now: MonotonicTime) {
        heardAt = now
        pingedAt = now
        progressAt = now
    }

    mutating func heard(_ now: MonotonicTime) {
        if quiet.sign == .silence { isSuspect = false }
        heardAt = now
    }

    mutating func sent(_ milliseconds: Int64, now: MonotonicTime) {
        if !isOwed { progressAt = now }
        sent = milliseconds
    }

    mutating func done(_ milliseconds: Int64, now: MonotonicTime) {
        guard milliseconds > done else { return }
        done = milliseconds
        progressAt = now
        isSuspect = false
    }

    /// The service has audio to work on.
    private var isOwed: Bool { sent - done > Self.slackMilliseconds }

    /// Since when there is no sign of life, and which sign is missing.
    fileprivate var quiet: (since: MonotonicTime, sign: Pulse.Sign) {
        isOwed && progressAt < heardAt ? (progressAt, .progress) : (heardAt, .silence)
    }
}

/// When a silent peer is asked (RFC 6455 section 5.5.2), and when it counts as gone.
struct Pulse {
    /// What is missing of a peer that counts as gone.
    enum Sign: Equatable {
        /// Nothing comes at all.
        case silence
        /// It answers, but works on nothing (`total_audio_proc_ms` stands still).
        case progress
    }

    private static let secondLookMilliseconds: Int64 = 100

    let deadAfterMilliseconds: Int64
    /// Two pings must fit into the silence: one may cross a message that is on its way.
    private let pingMilliseconds: Int64

    init(deadAfterMilliseconds: Int64) {
        self.deadAfterMilliseconds = max(500, deadAfterMilliseconds)
        pingMilliseconds = min(2_000, self.deadAfterMilliseconds / 3)
    }

    /// After silence; and now and then in any case, for the round trip.
    func pingAt(_ vitals: Vitals) -> MonotonicTime {
        let afterSilence = max(vitals.heardAt, vitals.pingedAt).adding(milliseconds: pingMilliseconds)
        return min(afterSilence, vitals.pingedAt.adding(milliseconds: UplinkLimits.roundTripMilliseconds))
    }

    func deadAt(_ vitals: Vitals) -> MonotonicTime {
        let extra = vitals.isSuspect ? Self.secondLookMilliseconds : 0
        return vitals.quiet.since.adding(milliseconds: deadAfterMilliseconds + extra)
    }

    /// Nil while it lives, or deserves a second look.
    func death(of vitals: inout Vitals, now: MonotonicTime) -> (afterMilliseconds: Int64, sign: Sign)? {
        let quiet = vitals.quiet
        let milliseconds = now.milliseconds(since: quiet.since)
        guard milliseconds >= deadAfterMilliseconds else { return nil }
        defer { vitals.isSuspect = true }
        return vitals.isSuspect ? (milliseconds, quiet.sign) : nil
    }
}
