internal import RecorderCore

/// Audio that the ring no longer has, as it comes out of the journal, a piece at a time.
struct ReplayBuffer {
    private var start = SampleIndex.zero
    private var samples: [Int16] = []
    /// A piece was asked for.
    private(set) var isAwaited = false

    /// The samples of `range` that are here, from its beginning; nil when that is not here.
    func part(of range: Range<SampleIndex>) -> ArraySlice<Int16>? {
        let offset = Int(range.lowerBound.samples(since: start))
        guard offset >= 0, offset < samples.count else { return nil }
        let count = Int(range.upperBound.samples(since: range.lowerBound))
        return samples[offset..<min(samples.count, offset + count)]
    }

    mutating func await() {
        isAwaited = true
        samples = []
    }

    mutating func take(_ samples: [Int16], from start: SampleIndex) {
        isAwaited = false
        self.start = start
        self.samples = samples
    }
}
