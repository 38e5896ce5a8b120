internal import RecorderCore

/// Peak and mean square of each second of audio, in integers.
struct LevelMeter {
    struct Second: Equatable {
        /// 0 to 32768.
        var peak: Int64
        /// Of the samples' squares, 0 to 2³⁰.
        var meanSquare: Int64
    }

    private var samples: Int64 = 0
    private var peak: Int64 = 0
    private var squares: Int64 = 0

    /// The second that these samples complete, if they do. At most a second's samples at a time.
    mutating func add(_ source: UnsafeBufferPointer<Int16>) -> Second? {
        for offset in 0..<source.count {
            let value = Int64(unsafe source[offset])
            squares += value * value
            peak = max(peak, abs(value))
        }
        samples += Int64(source.count)
        guard samples >= SampleIndex.samplesPerSecond else { return nil }
        let second = Second(peak: peak, meanSquare: squares / samples)
        self = LevelMeter()
        return second
    }
}
