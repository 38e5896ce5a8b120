/// Notices a microphone that is muted, far too quiet, or driven too hard. It is told each second of sound:
/// not of silence that the box put in place of lost samples.
package struct LevelWatch: Equatable, Sendable {
    package enum State: Equatable, Sendable {
        case fine
        /// No second of the last `Limits.quietSeconds` reached the threshold.
        case quiet
        /// `Limits.clippedSeconds` of the last `Limits.clippingSeconds` seconds were clipped.
        case clipping

        /// As `status`, the log and the recordings name it. Stable.
        package var name: String {
            switch self {
            case .fine: "ok"
            case .quiet: "quiet"
            case .clipping: "clipping"
            }
        }
    }

    package private(set) var state = State.fine
    /// Seconds below the threshold, one after the other, up to now.
    package private(set) var quietSeconds = 0
    /// One bit for each of the last seconds, the newest is the lowest; set where it was clipped.
    private var clipped: UInt32 = 0

    package init() {}

    /// - Parameter isClipped: the microphone, or the converter behind it, was driven to its end.
    /// - Returns: seconds to be counted as quiet, and as clipped, in the recording.
    package mutating func heard(
        peakTenths: Int, isClipped: Bool, thresholdTenths: Int
    ) -> (quiet: Int, clipped: Int) {
        clipped = clipped << 1 | (isClipped ? 1 : 0)
        let recent = clipped & ((1 << UInt32(Limits.clippingSeconds)) - 1)
        quietSeconds = peakTenths < thresholdTenths ? quietSeconds + 1 : 0
        if quietSeconds >= Limits.quietSeconds {
            state = .quiet
        } else if recent.nonzeroBitCount >= Limits.clippedSeconds || (state == .clipping && recent != 0) {
            state = .clipping
        } else {
            state = .fine
        }
        // Pauses are no fault: only a stretch that is long enough counts, and then from its beginning.
        let quiet = state != .quiet ? 0 : quietSeconds == Limits.quietSeconds ? quietSeconds : 1
        return (quiet, isClipped ? 1 : 0)
    }
}
