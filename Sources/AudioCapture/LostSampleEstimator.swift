package import RecorderCore

/// How many samples a microphone captured while nobody could read them.
///
/// The device knows how many samples it has captured, the monotonic clock knows when. Their offset is constant but for
/// two things: data arrives in chunks, so the observed position is behind the true one by up to a chunk (never ahead),
/// and the two clocks drift apart by some hundred parts per million. So the greatest offset counts, and it decays
/// slowly when it is not observed again. After a loss the first data's position is measured
/// in the same way: latencies, which both measurements contain, cancel. `snd_pcm_status` is no better: its time
/// stamps are the moment of the call for plug-ins and restart with the stream.
package struct LostSampleEstimator: Equatable, Sendable {
    /// Decay for each observation: at ten a second 20 samples a second, 0.125 %. Crystals are within 0.05 %.
    private static let decaySamples: Int64 = 2

    /// Samples by which the position is ahead of the clock (16 a millisecond).
    private var clockOffset: Int64

    /// - Parameter position: samples of the recording that were captured by `time`.
    package init(position: SampleIndex, at time: MonotonicTime) {
        clockOffset = Self.clockOffset(position, time)
    }

    /// The device has captured as far as `position`: what was read, and what can be read.
    package mutating func observe(position: SampleIndex, at time: MonotonicTime) {
        clockOffset = max(Self.clockOffset(position, time), clockOffset - Self.decaySamples)
    }

    /// The position of an undisturbed stream at that time.
    package func expectedPosition(at time: MonotonicTime) -> SampleIndex {
        SampleIndex(clockOffset + time.milliseconds * SampleIndex.samplesPerMillisecond)
    }

    private static func clockOffset(_ position: SampleIndex, _ time: MonotonicTime) -> Int64 {
        position.value - time.milliseconds * SampleIndex.samplesPerMillisecond
    }
}
