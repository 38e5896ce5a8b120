/// Notices a live session whose service has left out audio (decision left-out-audio): it falls behind what it was sent
/// and does not come nearer again, so from then on it places words too early. A service that only stood still, or is
/// always late, works through all of it.
///
/// All times are milliseconds of the session's audio, but for `now`.
struct LagWatch: Equatable, Sendable {
    enum Verdict: Equatable, Sendable {
        /// It is as far as it always is.
        case inOrder
        /// It is further behind: what it says is held.
        case behind
        /// It has worked through what it was sent: what was held counts.
        case caughtUp
        /// It has left out audio: what was held is void.
        case leftOut
        /// It is further behind, and is believed all the same.
        case believed
    }

    /// A service may count in steps of a second (`PeerActivity`).
    private static let most: Int64 = 1_500
    /// As near to its usual lag as messages vary.
    private static let near: Int64 = 250
    /// How late a service always is shows when it has worked through so much.
    private static let begun: Int64 = 1_000
    /// So long the lag is looked at before it is compared with what it was.
    private static let spanMilliseconds: Int64 = 5_000
    /// Two spans in which it did not shrink, or so long in all, and the service is not waited for.
    private static let standingSpans = 2
    private static let longestMilliseconds: Int64 = 30_000
    /// What a service makes of the last word before audio that it leaves out is not sure.
    private static let cutWord = Limits.cutWordSamples / SampleIndex.samplesPerMillisecond
    /// The usual lag may have grown by 1 %: a second in two minutes is none of the audio left out.
    private static let drift: Int64 = 10

    private struct Fall: Equatable, Sendable {
        let since: MonotonicTime
        /// When the span began, the largest excess of the last one, and of this one.
        var span: MonotonicTime
        var before: Int64
        var peak: Int64 = 0
        var standing = 0
    }

    private let isBelieved: Bool
    private let opened: MonotonicTime
    private var isTold = false
    /// By how much the service is behind when it is in order: the least there was. It may grow by as much as audio is
    /// sent faster than real time, as the service need not be faster.
    private var usual: Int64?
    /// The most that was sent ahead of real time.
    private var hurry: Int64 = 0
    private var drifted: MonotonicTime
    private var worked: Int64 = 0
    /// How much further behind than usual it is.
    private(set) var excess: Int64 = 0
    /// Words that end before this are in their places.
    private(set) var sure: Int64 = 0
    private var fall: Fall?
    /// Final tokens, and where each message's end; messages that were released.
    private var held: [ServiceToken] = []
    private var messageEnds: [Int] = []
    private var released = 0

    /// - Parameter isBelieved: so many sessions have left out audio that another one would be no better.
    init(opened: MonotonicTime, isBelieved: Bool = false) {
        self.opened = opened
        self.isBelieved = isBelieved
        drifted = opened
    }

    /// In order for so long that what sessions before it left out tells nothing any more.
    func isTrusted(_ now: MonotonicTime) -> Bool {
        !isBehind && !isTold && now.milliseconds(since: opened) >= Limits.trustedSessionMilliseconds
    }

    @inline(never)
    mutating func receive(_ message: ServiceMessage, now: MonotonicTime) -> Verdict {
        guard measure(message, now), !isTold else { return isBehind ? .behind : .inOrder }
        // At the end there is nothing that it may still be about to hear.
        if message.finished { excess = max(excess, message.sentMilliseconds - worked) }
        guard var fall else {
            guard excess > Self.most else {
                if excess <= Self.near { sure = max(sure, worked - Self.cutWord) }
                return .inOrder
            }
            isTold = isBelieved
            guard !isBelieved else { return .believed }
            self.fall = Fall(since: now, span: now, before: excess)
            return message.finished ? .leftOut : .behind
        }
        guard excess > Self.most / 2 else {
            self.fall = nil
            return .caughtUp
        }
        fall.peak = max(fall.peak, excess)
        if now.milliseconds(since: fall.span) >= Self.spanMilliseconds {
            fall.standing = fall.peak + Self.near < fall.before ? 0 : fall.standing + 1
            (fall.before, fall.peak, fall.span) = (fall.peak, 0, now)
        }
        self.fall = fall
        let isOver = message.finished || fall.standing >= Self.standingSpans || held.count > Limits.heldTokens
            || now.milliseconds(since: fall.since) >= Self.longestMilliseconds
        return isOver ? .leftOut : .behind
    }

    /// What it says is held.
    var isBehind: Bool {
        if case .some = fall { return true }
        return false
    }

    /// - Returns: whether the message tells how far the service is.
    private mutating func measure(_ message: ServiceMessage, _ now: MonotonicTime) -> Bool {
        worked = max(worked, message.totalAudioMilliseconds)
        guard worked >= Self.begun, message.sentMilliseconds > 0 else { return false }
        let lag = message.sentMilliseconds - worked
        let ahead = message.sentMilliseconds - now.milliseconds(since: opened)
        let seconds = now.milliseconds(since: drifted) / 1_000
        drifted = drifted.adding(milliseconds: seconds * 1_000)
        if let last = usual {
            usual = min(lag, isBehind ? last : last + max(0, ahead - hurry) + seconds * Self.drift)
        } else {
            usual = lag
            hurry = ahead
        }
        hurry = max(hurry, ahead)
        excess = lag - (usual ?? lag)
        return true
    }

    /// Keeps the final words of a message that are not sure.
    /// - Returns: what of it counts at once; what is held is shown as what may still change.
    @inline(never)
    mutating func hold(_ message: ServiceMessage) -> ServiceMessage {
        var shown = message
        shown.finalAudioMilliseconds = min(message.finalAudioMilliseconds, sure)
        shown.tokens = []
        var open: [ServiceToken] = []
        for token in message.tokens {
            if !token.isFinal {
                open.append(token)
            } else if token.endMilliseconds <= sure {
                shown.tokens.append(token)
            } else {
                held.append(token)
            }
        }
        // What is held may have begun before the place that is sure.
        for token in held { shown.finalAudioMilliseconds = min(shown.finalAudioMilliseconds, token.startMilliseconds) }
        if held.count > messageEnds.last ?? 0 { messageEnds.append(held.count) }
        for token in held + open {
            var interim = token
            interim.isFinal = false
            shown.tokens.append(interim)
        }
        return shown
    }

    /// What was held of each message, in order; nil: no more.
    @inline(never)
    mutating func release() -> ServiceMessage? {
        guard released < messageEnds.count else {
            (held, messageEnds, released) = ([], [], 0)
            return nil
        }
        let start = released > 0 ? messageEnds[released - 1] : 0
        released += 1
        return ServiceMessage(tokens: Array(held[start..<messageEnds[released - 1]]))
    }
}
