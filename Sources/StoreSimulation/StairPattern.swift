internal import LinuxRuntime
internal import RecorderCore

/// What the simulated microphone delivers: stairs, which cost the encoder little and show a sample that has moved.
struct StairPattern {
    private static let stepSamples: Int64 = 1_024
    /// Other recordings have other stairs.
    var salt: Int64

    func sample(_ place: Int64) -> Int16 {
        Int16(truncatingIfNeeded: (place / Self.stepSamples &* 7_919 &+ salt &* 1_009) % 20_000 - 10_000)
    }

    /// - Parameter shift: so many samples further.
    func append(through end: SampleIndex, to ring: SampleRing, shift: Int64) {
        var place = ring.head.value
        var block = [Int16](repeating: 0, count: Int(Self.stepSamples))
        while place < end.value {
            let next = min(end.value, (place + shift) / Self.stepSamples * Self.stepSamples + Self.stepSamples - shift)
            let count = Int(next - place)
            let value = sample(place + shift)
            for offset in 0..<count { block[offset] = value }
            block.withUnsafeBufferPointer { ring.append(UnsafeBufferPointer(rebasing: $0[..<count])) }
            place = next
        }
    }

    /// The first sample of a block that is not the pattern's, nor zero in one of `silences`.
    func firstOther(_ block: UnsafeBufferPointer<Int16>, at place: Int64, silences: [Range<Int64>]) -> Int64? {
        var here = place
        let end = place + Int64(block.count)
        while here < end {
            let next = min(end, here / Self.stepSamples * Self.stepSamples + Self.stepSamples)
            let value = sample(here)
            for offset in Int(here - place)..<Int(next - place) where block[offset] != value {
                let other = place + Int64(offset)
                if block[offset] != 0 || !silences.contains(where: { $0.contains(other) }) { return other }
            }
            here = next
        }
        // What is silent is zero.
        for silence in silences where silence.overlaps(place..<end) {
            for other in silence.clamped(to: place..<end) where block[Int(other - place)] != 0 { return other }
        }
        return nil
    }
}
