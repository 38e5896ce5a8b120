package import RecorderCore

/// Decides when which audio of a session is sent (sans I/O: the time and the ring's head are told).
///
/// Caught up, a frame goes out as soon as the microphone has delivered it. Behind, a token bucket holds the pace:
/// it fills at the catch-up rate and holds `Limits.burstSamples`, so no more than that ever goes out ahead of the
/// pace (docs/PROTOCOL.md, Messages: "real time or near real time").
package struct SessionPacer: Equatable, Sendable {
    package enum Action: Equatable, Sendable {
        case send(Range<SampleIndex>)
        case keepalive
        case finish
        /// Nothing to do until then; nil: nothing is left to do.
        case wait(until: MonotonicTime?)
    }

    /// How soon to look again when the microphone's next period was not there yet. The delay doubles, so that a silent
    /// microphone costs next to nothing.
    private static let firstRetryMilliseconds: Int64 = 15
    /// Each look comes this much early, so that the looks cannot drift away from the microphone's clock.
    private static let leadMilliseconds: Int64 = 2
    private static let periodMilliseconds = Limits.periodSamples / SampleIndex.samplesPerMillisecond

    /// The session's first sample.
    package let base: SampleIndex
    package private(set) var sentThrough: SampleIndex
    private let samplesPerMillisecond: Double
    private var credit: Double
    private var creditAt: MonotonicTime
    private var lastSentAt: MonotonicTime
    private var end: SampleIndex?
    private var isFinishSent = false
    /// When to look again for a whole frame in the ring, and how often in a row there was none.
    private var nextLook: MonotonicTime?
    private var misses: Int64 = 0
    /// How long the last frame found may have waited in the ring, beyond the first retry.
    private var lateness: Int64 = 0

    /// - Parameters:
    ///   - now: when the session was opened.
    ///   - catchUpRate: seconds of audio a second; below 1 it could never catch up and counts as 1.
    package init(base: SampleIndex, now: MonotonicTime, catchUpRate: Double) {
        self.base = base
        sentThrough = base
        samplesPerMillisecond = max(1, catchUpRate) * Double(SampleIndex.samplesPerMillisecond)
        credit = Double(Limits.burstSamples)
        creditAt = now
        lastSentAt = now
    }

    /// Finishes the session after the samples before `end`.
    package mutating func finish(at end: SampleIndex) {
        self.end = end
        nextLook = nil
        misses = 0
    }

    /// - Parameter head: the index after the newest sample that can be sent.
    package mutating func next(now: MonotonicTime, head: SampleIndex) -> Action {
        guard !isFinishSent else { return .wait(until: nil) }
        refill(now)
        let available = min(head, end ?? head)
        if let end, sentThrough >= end { return .finish }
        let waiting = max(0, available.samples(since: sentThrough))
        let isLast = end.map { available >= $0 } ?? false
        guard waiting >= Limits.periodSamples || (isLast && waiting > 0) else {
            return lookLater(missing: Limits.periodSamples - waiting, now: now)
        }
        if nextLook != nil {
            lateness = misses > 0 ? Self.retryMilliseconds(misses) - Self.firstRetryMilliseconds : 0
            nextLook = nil
            misses = 0
        }
        let count = min(waiting, Limits.periodSamples)
        guard credit >= Double(count) else {
            let milliseconds = ((Double(count) - credit) / samplesPerMillisecond).rounded(.up)
            return .wait(until: now.adding(milliseconds: max(1, Int64(milliseconds))))
        }
        return .send(sentThrough..<sentThrough.advanced(by: count))
    }

    package mutating func didSend(through: SampleIndex, now: MonotonicTime) {
        credit -= Double(through.samples(since: sentThrough))
        sentThrough = through
        lastSentAt = now
    }

    package mutating func didSendKeepalive(now: MonotonicTime) {
        lastSentAt = now
    }

    package mutating func didSendFinish() {
        isFinishSent = true
    }

    private mutating func refill(_ now: MonotonicTime) {
        let elapsed = max(0, now.milliseconds(since: creditAt))
        credit = min(Double(Limits.burstSamples), credit + Double(elapsed) * samplesPerMillisecond)
        creditAt = now
    }

    private static func retryMilliseconds(_ misses: Int64) -> Int64 {
        min(periodMilliseconds, firstRetryMilliseconds << min(misses - 1, 4))
    }

    private mutating func lookLater(missing: Int64, now: MonotonicTime) -> Action {
        let keepaliveAt = lastSentAt.adding(milliseconds: Limits.keepaliveMilliseconds)
        if now >= keepaliveAt { return .keepalive }
        let look: MonotonicTime
        if let planned = nextLook, planned > now {
            look = planned
        } else {
            let first = misses == 0 && nextLook == nil
            if !first { misses += 1 }
            let pause = first
                ? missing / SampleIndex.samplesPerMillisecond - Self.leadMilliseconds - lateness
                : Self.retryMilliseconds(misses)
            look = now.adding(milliseconds: max(1, pause))
            nextLook = look
        }
        return .wait(until: min(look, keepaliveAt))
    }
}
