/// A fault that strikes at a moment: with what value, when, and how often.
package struct FaultTrigger: Equatable, Sendable, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
    /// A status, a close code or milliseconds, as the fault has it; 0 where it takes none.
    package var value: Int
    /// So much of a session's audio must have come; 0: its first frame.
    package var afterMilliseconds: Int
    /// How many times it still strikes, once a session at most; nil: without end.
    package var times: Int?

    package init(_ value: Int = 0, afterMilliseconds: Int = 0, times: Int? = nil) {
        self.value = value
        self.afterMilliseconds = afterMilliseconds
        self.times = times
    }

    package init(integerLiteral value: Int) { self.init(value) }

    package init(booleanLiteral isOn: Bool) { self.init(times: isOn ? nil : 0) }
}

/// Which connections nothing is read from nor written to, though they stay open.
package enum BlackHole: String, Equatable, Sendable, CaseIterable {
    /// Those open now and those to come.
    case all
    /// Those open when the fault is set.
    case existing
    /// Those accepted while it is set.
    case new
}

/// How fast a client may send audio: a token bucket.
package struct PacingLimit: Equatable, Sendable {
    /// Sustained, as a factor of real time.
    package var rate: Double
    /// Audio above that rate which may have come at any time.
    package var burstMilliseconds: Int

    package init(rate: Double, burstMilliseconds: Int = 3_000) {
        self.rate = rate
        self.burstMilliseconds = burstMilliseconds
    }
}

/// Final tokens that come when `final_audio_proc_ms` has long passed them.
package struct LateFinals: Equatable, Sendable {
    package var messages: Int
    /// 1: every final token; 3: each third.
    package var oneIn: Int

    package init(messages: Int, oneIn: Int = 1) {
        self.messages = messages
        self.oneIn = oneIn
    }
}
