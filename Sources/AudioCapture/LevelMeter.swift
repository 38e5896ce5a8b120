internal import RecorderCore

/// Peak and mean square of each second of audio, in integers.
struct LevelMeter {
    struct Second: Equatable {
        /// 0 to 32768.
        var peak: Int64
        /// Of the samples' squares, 0 to 2³⁰.
        var meanSquare: Int64
        /// Of the samples.
        var mean: Int64 = 0
        /// Runs of at least `Limits.clippedRun` samples at full scale.
        var clipped = 0
    }

    /// Converters give 32767 and −32768 for whatever is louder; some are symmetrical.
    private static let fullScale: Int64 = 32_767

    private var samples: Int64 = 0
    private var peak: Int64 = 0
    private var squares: Int64 = 0
    private var sum: Int64 = 0
    private var clipped = 0
    /// Samples in a row at full scale, up to now.
    private var run = 0

    init(run: Int = 0) {
        self.run = run
    }

    /// The second that these samples complete, if they do. At most a second's samples at a time.
    mutating func add(_ source: UnsafeBufferPointer<Int16>) -> Second? {
        for offset in 0..<source.count {
            let value = Int64(unsafe source[offset])
            squares += value * value
            sum += value
            peak = max(peak, abs(value))
            run = abs(value) >= Self.fullScale ? run + 1 : 0
            if run == Limits.clippedRun { clipped += 1 }
        }
        samples += Int64(source.count)
        guard samples >= SampleIndex.samplesPerSecond else { return nil }
        let second = Second(peak: peak, meanSquare: squares / samples, mean: sum / samples, clipped: clipped)
        self = LevelMeter(run: run)
        return second
    }
}
