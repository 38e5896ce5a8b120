/// How a lamp is driven over time.
package enum LEDPattern: Equatable, Sendable {
    case off
    case solid
    /// 2 Hz: 250 ms on, 250 ms off.
    case blink
    /// Two flashes a second, then dark: on 0–125 ms and 250–375 ms of each second.
    case doubleBlink
    /// 1 s on, 3 s off.
    case slowPulse
    /// Lit, but for 250 ms every 2 s.
    case wink
    /// A flash of 100 ms every 3 s.
    case flash

    /// As `status` names it.
    package var name: String {
        switch self {
        case .off: "off"
        case .solid: "solid"
        case .blink: "blink"
        case .doubleBlink: "double-blink"
        case .slowPulse: "slow-pulse"
        case .wink: "wink"
        case .flash: "flash"
        }
    }

    /// Lit at that moment. The patterns start at the monotonic clock's zero, so lamps blink together.
    package func isLit(at time: MonotonicTime) -> Bool {
        guard let (period, edges) = timing else { return self == .solid }
        let phase = ((time.milliseconds % period) + period) % period
        return edges.lastIndex { $0 <= phase }.map { $0 % 2 == 0 } ?? false
    }

    /// The next moment at which the lamp changes; nil when it never does.
    package func nextChange(after time: MonotonicTime) -> MonotonicTime? {
        guard let (period, edges) = timing else { return nil }
        let phase = ((time.milliseconds % period) + period) % period
        let next = edges.first { $0 > phase } ?? period
        return time.adding(milliseconds: next - phase)
    }

    /// Milliseconds of the period, and of its edges: on at the first, off at the second, and so on.
    private var timing: (periodMilliseconds: Int64, edges: [Int64])? {
        switch self {
        case .off, .solid: nil
        case .blink: (500, [0, 250])
        case .doubleBlink: (1_000, [0, 125, 250, 375])
        case .slowPulse: (4_000, [0, 1_000])
        case .wink: (2_000, [0, 1_750])
        case .flash: (3_000, [0, 100])
        }
    }
}
