internal import RecorderCore

/// When a session's peer last sent anything, and when it last made progress with the audio.
struct PeerActivity: Equatable {
    /// The last message or pong.
    private(set) var heardAt: MonotonicTime
    var pingedAt: MonotonicTime
    /// Milliseconds of the session's audio that were sent, and that the service has processed.
    private var sentMilliseconds: Int64 = 0
    private var processedMilliseconds: Int64 = 0
    /// When the service last made progress, or was given something to do.
    private var progressAt: MonotonicTime
    /// The silence was too long at the last check: what has arrived meanwhile must be read before the peer is given up.
    fileprivate var isSuspect = false

    /// A service that counts in larger steps than it is sent never reaches the last one.
    private static let slackMilliseconds: Int64 = 1_000

    init(now: MonotonicTime) {
        heardAt = now
        pingedAt = now
        progressAt = now
    }

    mutating func heard(_ now: MonotonicTime) {
        if missing.signal == .traffic { isSuspect = false }
        heardAt = now
    }

    mutating func sent(_ milliseconds: Int64, now: MonotonicTime) {
        if !isOwed { progressAt = now }
        sentMilliseconds = milliseconds
    }

    mutating func processed(_ milliseconds: Int64, now: MonotonicTime) {
        guard milliseconds > processedMilliseconds else { return }
        processedMilliseconds = milliseconds
        progressAt = now
        isSuspect = false
    }

    /// The service has audio that it has not processed.
    private var isOwed: Bool { sentMilliseconds - processedMilliseconds > Self.slackMilliseconds }

    /// Which signal has been missing the longest, and since when.
    fileprivate var missing: (since: MonotonicTime, signal: MissingSignal) {
        isOwed && progressAt < heardAt ? (progressAt, .progress) : (heardAt, .traffic)
    }
}

/// What a peer that counts as lost has not sent.
enum MissingSignal: Equatable {
    /// Nothing arrives at all.
    case traffic
    /// It responds, but processes no audio (`total_audio_proc_ms` stands still).
    case progress
}

/// When a silent peer is pinged (RFC 6455 section 5.5.2), and when it counts as lost.
struct LivenessPolicy {
    private static let secondCheckMilliseconds: Int64 = 100

    let deadAfterMilliseconds: Int64
    /// Two pings must fit into the silence: one may cross a message that is on its way.
    private let pingMilliseconds: Int64

    init(deadAfterMilliseconds: Int64) {
        self.deadAfterMilliseconds = max(500, deadAfterMilliseconds)
        pingMilliseconds = min(2_000, self.deadAfterMilliseconds / 3)
    }

    /// When to ping: after silence, and from time to time in any case, to measure the round trip.
    func pingAt(_ activity: PeerActivity) -> MonotonicTime {
        let afterSilence = max(activity.heardAt, activity.pingedAt).adding(milliseconds: pingMilliseconds)
        return min(afterSilence, activity.pingedAt.adding(milliseconds: UplinkLimits.roundTripMilliseconds))
    }

    /// When the peer counts as lost if nothing arrives.
    func deadAt(_ activity: PeerActivity) -> MonotonicTime {
        let extra = activity.isSuspect ? Self.secondCheckMilliseconds : 0
        return activity.missing.since.adding(milliseconds: deadAfterMilliseconds + extra)
    }

    /// How long which signal has been missing; nil while the peer is alive, or deserves a second check.
    func loss(
        of activity: inout PeerActivity, now: MonotonicTime
    ) -> (afterMilliseconds: Int64, signal: MissingSignal)? {
        let missing = activity.missing
        let milliseconds = now.milliseconds(since: missing.since)
        guard milliseconds >= deadAfterMilliseconds else { return nil }
        defer { activity.isSuspect = true }
        return activity.isSuspect ? (milliseconds, missing.signal) : nil
    }
}
