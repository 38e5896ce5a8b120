internal import RecorderCore

/// What is known of a peer's life.
struct Vitals: Equatable {
    /// The last message or pong.
    private(set) var heardAt: MonotonicTime
    var pingedAt: MonotonicTime
    /// The silence was too long at the last look. A name look-up for another connection blocks the thread for
    /// seconds; what has come meanwhile must be read before the verdict.
    fileprivate var isSuspect = false

    init(now: MonotonicTime) {
        heardAt = now
        pingedAt = now
    }

    mutating func heard(_ now: MonotonicTime) {
        heardAt = now
        isSuspect = false
    }
}

/// When a silent peer is asked (RFC 6455 section 5.5.2), and when it counts as gone.
struct Pulse {
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
        return vitals.heardAt.adding(milliseconds: deadAfterMilliseconds + extra)
    }

    func isDead(_ vitals: inout Vitals, now: MonotonicTime) -> Bool {
        guard now.milliseconds(since: vitals.heardAt) >= deadAfterMilliseconds else { return false }
        defer { vitals.isSuspect = true }
        return vitals.isSuspect
    }
}
