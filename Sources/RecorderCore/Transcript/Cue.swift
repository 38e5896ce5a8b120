/// A subtitle: at most two lines of 42 columns, the field's usual line (Netflix, Timed Text Style Guide: 42 letters, 16
/// of the wide scripts'; wide letters take two columns here), and 7 s (the same guide).
package struct Cue: Equatable, Sendable {
    package static let lineColumns = 42
    package static let lineCount = 2
    package static let longestSamples: Int64 = 7 * SampleIndex.samplesPerSecond
    /// What it lasts at least where silence follows.
    package static let readableSamples: Int64 = 700 * SampleIndex.samplesPerMillisecond
    /// What it lasts in any case, also when two speakers begin together: the later one waits.
    package static let shortestSamples: Int64 = 300 * SampleIndex.samplesPerMillisecond
    /// What people read in a second: 17 letters (Netflix: 17 for children, 20 for adults), or 8 wide ones.
    package static let columnsPerSecond: Int64 = 17

    package var speaker: Int
    package var start: SampleIndex
    package var end: SampleIndex
    package var lines: [String]
    /// Most of what its speaker says is in a script that runs from right to left.
    package var isRightToLeft = false

    /// Cuts segments into cues, in order. Cues never overlap: one ends where the next begins at the latest.
    package static func cues(of segments: [Segment]) -> [Cue] {
        var cutter = CueCutter()
        var cues: [Cue] = []
        for segment in segments {
            for (place, word) in segment.words.enumerated() {
                cues += cutter.receive(word, beginsSegment: place == 0)
            }
        }
        return cues + cutter.finish()
    }

    private var columns: Int64 {
        lines.reduce(0) { $0 + Int64(UnicodeText.columns(of: $1)) }
    }

    /// What it takes to read it.
    private var readingSamples: Int64 { columns * SampleIndex.samplesPerSecond / Self.columnsPerSecond }

    /// Whether people read slower than it passes.
    package var isFast: Bool { readingSamples > end.samples(since: start) }

    /// It lasts until it can be read, but not into the next one.
    mutating func settle(before next: SampleIndex?) {
        let due = max(Self.readableSamples, min(readingSamples, Self.longestSamples))
        end = max(end, start.advanced(by: due))
        end = min(end, start.advanced(by: Self.longestSamples))
        if let next { end = min(end, next) }
    }

    /// One that began with the cue before, or nearly so, waits until that was seen: for as long as can be read, or half
    /// of the time that both have.
    mutating func wait(for last: Cue) {
        guard start.samples(since: last.start) < Self.shortestSamples else { return }
        let half = end.samples(since: last.start) / 2
        let seen = max(Self.shortestSamples, min(Self.readableSamples, half))
        start = last.start.advanced(by: seen)
        end = max(end, start)
    }
}
