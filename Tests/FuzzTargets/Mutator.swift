/// Changes inputs as libFuzzer does, from a seed (SplitMix64; S. Vigna, prng.di.unimi.it).
public struct Mutator: Sendable {
    private var state: UInt64

    public init(seed: UInt64) {
        state = seed
    }

    private mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }

    public mutating func below(_ count: Int) -> Int { count > 0 ? Int(next() % UInt64(count)) : 0 }

    /// One of `inputs`, changed in one to five places, or crossed with another.
    public mutating func mutant(of inputs: [[UInt8]], maximumBytes: Int) -> [UInt8] {
        var bytes = inputs[below(inputs.count)]
        for _ in 0...below(5) { change(&bytes, inputs) }
        return Array(bytes.prefix(maximumBytes))
    }

    private mutating func change(_ bytes: inout [UInt8], _ inputs: [[UInt8]]) {
        let start = below(bytes.count)
        let end = start + min(below(1 << below(10)), bytes.count - start)
        switch below(8) {
        case 0 where !bytes.isEmpty: bytes[start] ^= 1 << UInt8(below(8))
        case 1 where !bytes.isEmpty: bytes[start] = UInt8(below(256))
        case 2: bytes.insert(UInt8(below(256)), at: start)
        case 3: bytes.removeSubrange(start..<end)
        case 4: bytes.insert(contentsOf: bytes[start..<end], at: below(bytes.count))
        case 5: bytes.removeSubrange(start...)
        case 6:
            let other = inputs[below(inputs.count)]
            bytes.replaceSubrange(start..., with: other[below(other.count)...])
        default:
            let number = [0, 1, .max, .min, -1, Int64(Int32.max), 1 << 16, 1 << 39][below(8)]
            let width = min(1 << below(4), bytes.count - start)
            for place in 0..<width { bytes[start + place] = UInt8(truncatingIfNeeded: number >> Int64(8 * place)) }
        }
    }
}
