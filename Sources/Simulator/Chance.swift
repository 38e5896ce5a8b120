internal import RecorderCore

extension RandomSource {
    /// A stream of its own for each part of the world: when one draws more or less, the others stay as they were.
    init(seed: UInt64, stream: UInt64) {
        var mixer = RandomSource(seed: seed &+ stream &* 0xD134_2543_DE82_EF95)
        self.init(seed: mixer.next())
    }

    mutating func between(_ low: Int64, _ high: Int64) -> Int64 {
        low + next(through: high - low)
    }

    mutating func percent(_ chance: Int64) -> Bool {
        next(through: 99) < chance
    }

    /// Small values often, large ones seldom: between `low` and `high` on a scale of powers.
    mutating func skewed(_ low: Int64, _ high: Int64) -> Int64 {
        let span = high - low
        let draw = next(through: 1_000)
        return low + span * draw / 1_000 * draw / 1_000 * draw / 1_000
    }
}

/// A number that depends on its arguments alone: the same for the same word in the same session, whenever it is asked.
func chance(_ seed: UInt64, _ first: Int, _ second: Int) -> UInt64 {
    var random = RandomSource(seed: seed ^ UInt64(truncatingIfNeeded: first) &* 0xA076_1D64_78BD_642F)
    let mixed = random.next() ^ UInt64(truncatingIfNeeded: second) &* 0xE703_7ED1_A0B4_28DB
    random = RandomSource(seed: mixed)
    return random.next()
}
