/// Which samples of the recording have their final text: ordered, disjoint ranges.
package struct Coverage: Equatable, Sendable {
    package private(set) var ranges: [Range<SampleIndex>] = []

    package init() {}

    /// Everything before `end` but the gaps, which are in order.
    @inline(never)
    package init(through end: SampleIndex, gaps: [Gap]) {
        var position = SampleIndex.zero
        for gap in gaps where gap.start < end {
            if position < gap.start { insert(position..<gap.start) }
            position = max(position, gap.end)
        }
        if position < end { insert(position..<end) }
    }

    /// Adds a range; ranges that touch become one.
    package mutating func insert(_ range: Range<SampleIndex>) {
        guard !range.isEmpty else { return }
        var merged = range
        var kept: [Range<SampleIndex>] = []
        for old in ranges {
            if old.upperBound < merged.lowerBound || merged.upperBound < old.lowerBound {
                kept.append(old)
            } else {
                merged = min(old.lowerBound, merged.lowerBound)..<max(old.upperBound, merged.upperBound)
            }
        }
        let place = kept.firstIndex { merged.upperBound < $0.lowerBound } ?? kept.count
        kept.insert(merged, at: place)
        ranges = kept
    }

    /// The end of the range that holds sample 0: up to here nothing is missing.
    package var withoutGaps: SampleIndex {
        guard let first = ranges.first, first.lowerBound == .zero else { return .zero }
        return first.upperBound
    }

    /// The end of the last range: the service has said nothing final beyond it.
    package var end: SampleIndex { ranges.last?.upperBound ?? .zero }

    package func contains(_ sample: SampleIndex) -> Bool {
        ranges.contains { $0.contains(sample) }
    }

    /// Samples from a place to the nearest one that is not covered; 0: it is not covered itself.
    func depth(of sample: SampleIndex) -> Int64 {
        guard let range = ranges.first(where: { $0.contains(sample) }) else { return 0 }
        let after = range.upperBound.samples(since: sample)
        return range.lowerBound == .zero ? after : min(after, sample.samples(since: range.lowerBound))
    }

    /// Samples covered in all.
    package var samples: Int64 {
        ranges.reduce(0) { $0 + $1.upperBound.samples(since: $1.lowerBound) }
    }

    /// Samples covered but for silence that the box put there, which has no text, and needs none.
    /// - Parameter marks: by start.
    @inline(never)
    package func samples(outside marks: [SilenceMark]) -> Int64 {
        var sum: Int64 = 0
        for range in ranges {
            var position = range.lowerBound
            for mark in marks where position < mark.end && mark.start < range.upperBound {
                sum += max(0, mark.start.samples(since: position))
                position = mark.end
            }
            sum += max(0, range.upperBound.samples(since: position))
        }
        return sum
    }

    /// These ranges as gaps, among others by start; what is a gap already stays one.
    @inline(never)
    package func added(to gaps: [Gap], reason: String) -> [Gap] {
        guard !ranges.isEmpty else { return gaps }
        var all = gaps
        for range in ranges {
            var position = range.lowerBound
            for gap in gaps where position < gap.end && gap.start < range.upperBound {
                if position < gap.start { all.append(Gap(start: position, end: gap.start, reason: reason)) }
                position = gap.end
            }
            if position < range.upperBound { all.append(Gap(start: position, end: range.upperBound, reason: reason)) }
        }
        return all.ordered { $0.start < $1.start }
    }

    /// What is missing before `end`, shorter gaps than `atLeast` left out.
    package func gaps(before end: SampleIndex, atLeast: Int64 = 1, reason: String) -> [Gap] {
        var gaps: [Gap] = []
        var position = SampleIndex.zero
        for range in ranges where range.lowerBound < end {
            if range.lowerBound.samples(since: position) >= atLeast {
                gaps.append(Gap(start: position, end: range.lowerBound, reason: reason))
            }
            position = max(position, range.upperBound)
        }
        if end.samples(since: position) >= atLeast {
            gaps.append(Gap(start: position, end: end, reason: reason))
        }
        return gaps
    }
}
