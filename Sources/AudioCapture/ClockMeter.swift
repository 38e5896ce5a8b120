internal import RecorderCore

/// Measures a device's clock by the monotonic one. Frames are seen some time after they were captured, never before, by
/// up to a period or more when the thread comes late. So of each stretch of 5 s only the observation counts that is the
/// least late, and what lies between the first and the newest of them is the device's rate. The first stretch is left
/// out: a sound server begins with what it has kept.
struct ClockMeter {
    private struct Observation {
        var time: MonotonicTime
        /// Frames by which the device is ahead of the clock.
        var lead: Double
    }

    private let rate: Int
    private let stretchMilliseconds: Int64
    private var began: MonotonicTime?
    private var stretchEnd: MonotonicTime
    private var best: Observation?
    /// Stretches that are over.
    private var stretches = 0
    private var first: Observation?

    init(rate: Int, stretchMilliseconds: Int64 = 5_000) {
        self.rate = rate
        self.stretchMilliseconds = stretchMilliseconds
        stretchEnd = MonotonicTime(milliseconds: 0)
    }

    /// - Parameter frames: that the device has captured since its stream began.
    /// - Returns: the clock, at the end of each stretch from the third on.
    mutating func observe(frames: Int64, at time: MonotonicTime) -> DeviceClock? {
        guard let began else {
            began = time
            stretchEnd = time.adding(milliseconds: stretchMilliseconds)
            return nil
        }
        let passed = Double(time.milliseconds(since: began)) / 1_000
        let lead = Double(frames) - passed * Double(rate)
        var clock: DeviceClock?
        if time >= stretchEnd {
            clock = closeStretch()
            stretchEnd = time.adding(milliseconds: stretchMilliseconds)
            best = nil
        }
        if best == nil || lead > best?.lead ?? 0 { best = Observation(time: time, lead: lead) }
        return clock
    }

    private mutating func closeStretch() -> DeviceClock? {
        stretches += 1
        guard stretches > 1, let best else { return nil }
        guard let first else {
            first = best
            return nil
        }
        let span = best.time.milliseconds(since: first.time)
        guard span > 0 else { return nil }
        let partsPerMillion = (best.lead - first.lead) * 1e9 / (Double(span) * Double(rate))
        // An unpaced device delivers whatever it is asked for.
        let bounded = min(max(partsPerMillion, -1e9), 1e9)
        return DeviceClock(nominalRate: rate, partsPerMillion: Int(bounded.rounded()), milliseconds: span)
    }
}
