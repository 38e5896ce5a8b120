internal import RecorderCore

/// Audio that the ring no longer has, read from the journal a piece at a time.
struct ReplayBuffer {
    private var start = SampleIndex.zero
    private var samples: [Int16] = []
    /// When the requested piece has to be here; nil when none was requested.
    private(set) var due: MonotonicTime?
    var isAwaited: Bool { due != nil }

    /// The part of `range` that is here, from its beginning; nil when its beginning is not here.
    func part(of range: Range<SampleIndex>) -> ArraySlice<Int16>? {
        let offset = Int(range.lowerBound.samples(since: start))
        guard offset >= 0, offset < samples.count else { return nil }
        let count = Int(range.upperBound.samples(since: range.lowerBound))
        return samples[offset..<min(samples.count, offset + count)]
    }

    mutating func await(now: MonotonicTime) {
        due = now.adding(milliseconds: Limits.replayAnswerMilliseconds)
        samples = []
    }

    mutating func store(_ samples: [Int16], from start: SampleIndex) {
        due = nil
        self.start = start
        self.samples = samples
    }
}
