/// A position on a recording's time line: the number of samples before it, at 16 kHz mono. It is the time base of
/// audio, words, silence and coverage; wall time is stored once per recording and never used to place anything.
package struct SampleIndex: Comparable, Hashable, Sendable {
    package static let samplesPerSecond: Int64 = 16_000
    package static let samplesPerMillisecond: Int64 = 16
    package static let zero = SampleIndex(0)

    package var value: Int64

    package init(_ value: Int64) {
        self.value = value
    }

    package init(milliseconds: Int64) {
        self.value = milliseconds * Self.samplesPerMillisecond
    }

    /// Milliseconds of the recording before this sample, rounded down.
    package var milliseconds: Int64 { value / Self.samplesPerMillisecond }

    package static func < (left: Self, right: Self) -> Bool { left.value < right.value }

    package func advanced(by samples: Int64) -> Self { Self(value + samples) }

    /// Samples from `earlier` to this position; negative when `earlier` is later.
    package func samples(since earlier: Self) -> Int64 { value - earlier.value }

    /// Half-way to `end`, rounded down.
    func middle(to end: Self) -> Self { advanced(by: end.samples(since: self) / 2) }
}
