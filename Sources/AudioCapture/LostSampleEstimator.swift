package import RecorderCore

/// How many samples a microphone captured while nobody could read them.
///
/// The device says how many samples it has delivered and holds ready; the monotonic clock says when. Their
/// difference is constant but for two things: data arrives in chunks, so the position seen is behind the true one by
/// up to a chunk (never ahead), and the two clocks drift apart by some hundred parts per million. So the greatest
/// difference counts, and it sinks slowly when it is not seen again. After a loss the first data's position is measured
/// in the same way: latencies, which both measurements contain, cancel. `snd_pcm_status` is no better: its time
/// stamps are the moment of the call for plug-ins and restart with the stream.
package struct LostSampleEstimator: Equatable, Sendable {
    /// Of the sinking, for each observation: at ten a second 20 samples a second, 0.125 %. Crystals are within 0.05 %.
    private static let sinkingSamples: Int64 = 2

    /// Samples by which the position is ahead of the clock (16 a millisecond).
    private var lead: Int64

    /// - Parameter position: samples of the recording that were captured by `time`.
    package init(position: SampleIndex, at time: MonotonicTime) {
        lead = Self.lead(position, time)
    }

    /// The device has captured as far as `position`: what was read of it and what it holds ready.
    package mutating func observe(position: SampleIndex, at time: MonotonicTime) {
        lead = max(Self.lead(position, time), lead - Self.sinkingSamples)
    }

    /// Where an undisturbed stream is at that moment.
    package func expectedPosition(at time: MonotonicTime) -> SampleIndex {
        SampleIndex(lead + time.milliseconds * SampleIndex.samplesPerMillisecond)
    }

    private static func lead(_ position: SampleIndex, _ time: MonotonicTime) -> Int64 {
        position.value - time.milliseconds * SampleIndex.samplesPerMillisecond
    }
}
