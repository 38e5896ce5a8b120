/// Which microphone is opened: the first when it can be had, `audio.fallback_device` while it is away. A lesson that
/// got the fallback keeps it, so that its sound changes once; the next lesson begins with the first again.
package struct MicrophoneChoice: Sendable {
    package enum Microphone: Equatable, Sendable {
        case first
        case fallback
    }

    /// A plug that is pulled and put back is not worth a change: the first alone is tried for so long.
    private static let graceMilliseconds: Int64 = 1_000
    /// What is lost that soon after it was opened has delivered nothing worth having.
    private static let uselessMilliseconds: Int64 = 4_000

    private let hasFallback: Bool
    private var open: (microphone: Microphone, since: MonotonicTime)?
    private var lostAt: MonotonicTime?
    private var useless: Microphone?

    package init(hasFallback: Bool) {
        self.hasFallback = hasFallback
    }

    /// A lesson begins.
    package mutating func begin() { self = MicrophoneChoice(hasFallback: hasFallback) }

    /// One is to be opened, since none is or the one that was is lost.
    /// - Returns: what to try, and what to try when that fails.
    package mutating func candidates(at time: MonotonicTime) -> (Microphone, Microphone?) {
        guard hasFallback else { return (.first, nil) }
        if let open {
            useless = time.milliseconds(since: open.since) < Self.uselessMilliseconds ? open.microphone : nil
            lostAt = time
            self.open = nil
        }
        if case .first? = useless { return (.fallback, .first) }
        if let lostAt, time.milliseconds(since: lostAt) < Self.graceMilliseconds { return (.first, nil) }
        return (.first, .fallback)
    }

    /// The first is what was opened last, and it was not lost since.
    package var isFirstOpen: Bool {
        if case .first? = open?.microphone { return true }
        return false
    }

    package mutating func opened(_ microphone: Microphone, at time: MonotonicTime) { open = (microphone, time) }
}
