/// A device's clock beside the monotonic one, as far as it was measured.
package struct DeviceClock: Equatable, Sendable {
    /// Frames a second that the device says.
    package var nominalRate: Int
    /// By how many millionths more it gives.
    package var partsPerMillion: Int
    /// Over how long that was measured.
    package var milliseconds: Int64

    package init(nominalRate: Int, partsPerMillion: Int, milliseconds: Int64) {
        self.nominalRate = nominalRate
        self.partsPerMillion = partsPerMillion
        self.milliseconds = milliseconds
    }

    /// Frames a second, rounded.
    package var measuredRate: Int {
        nominalRate + Int((Double(nominalRate) * Double(partsPerMillion) / 1e6).rounded())
    }
}

/// Decides whether a device runs at another rate than it says. Crystals are within 0.01 %; a driver that takes 44.1 for
/// 48 kHz is 8 % off.
package struct ClockWatch: Equatable, Sendable {
    private static let wrongPartsPerMillion = 5_000
    /// Each end of the measurement may be so much too early or too late.
    private static let uncertainMilliseconds: Int64 = 20
    /// A shorter measurement says nothing of a crystal's drift: 20 ms in a minute are 0.03 %.
    private static let driftMilliseconds: Int64 = 60_000

    package private(set) var newest: DeviceClock?
    package private(set) var isWrong = false

    package init() {}

    package mutating func heard(_ clock: DeviceClock) {
        newest = clock
        let off = abs(clock.partsPerMillion)
        let doubt = Int(Self.uncertainMilliseconds * 1_000_000 / max(clock.milliseconds, 1))
        if off > Self.wrongPartsPerMillion + doubt { isWrong = true }
        if off + doubt < Self.wrongPartsPerMillion { isWrong = false }
    }

    /// Parts per million, when they were measured for long enough to mean something.
    package var drift: Int? {
        guard let newest, newest.milliseconds >= Self.driftMilliseconds else { return nil }
        return newest.partsPerMillion
    }
}
