internal import Foundation

/// Finds tone-coded words in a stream of samples, whatever the frames it comes in.
///
/// Two steps keep it cheap. On a grid of 40 samples, running sums of the four preamble tones say whether a preamble
/// may begin here; only then a matched filter fixes the start to the sample, and the symbols are read. The result
/// depends on the samples alone, since the grid counts from the first of them.
package struct ToneDecoder: Sendable {
    /// Step of the coarse search; four steps are one preamble slot.
    private static let hop = 40
    private static let hopsPerSlot = ToneCode.slotSamples / hop
    /// Audio beyond a place that is needed to decide about it: the look-ahead, the fine search and the word.
    private static let reach = hop * (hopsPerSlot + 2) + ToneCode.wordSamples
    /// Share of the energy that must lie in the preamble: white noise as strong as the tones leaves a half, and
    /// noise alone gives about a hundredth.
    private static let preambleShare: Float = 0.25
    /// Share of a symbol's energy, on average, that must lie in its strongest tone.
    private static let symbolShare: Float = 0.2
    /// Mean square below which nothing is looked for: 4 steps of 16-bit audio, -78 dBFS.
    private static let quietMeanSquare: Float = 16
    private static let trimThreshold = 32_768

    /// Samples still needed; `samples[0]` is sample number `base`, a multiple of `hop`.
    private var samples: [Float] = []
    private var base = 0
    /// Per hop: cosine and sine sums of each preamble tone, then the energy.
    private var sums: [Float] = []
    private static let sumsPerHop = 9
    /// The next place, in hops from the first sample, to look for a preamble.
    private var place = 0

    package init() {}

    /// Samples received so far.
    package var receivedSamples: Int { base + samples.count }

    /// Takes the next samples.
    ///
    /// - Returns: the words that became certain, in order.
    package mutating func feed(_ block: UnsafeBufferPointer<Int16>) -> [ToneWord] {
        samples.reserveCapacity(samples.count + block.count)
        var position = 0
        while position < block.count {
            samples.append(Float(block[position]))
            position += 1
        }
        addSums()
        var words: [ToneWord] = []
        while place * Self.hop + Self.reach <= receivedSamples {
            guard let candidate = coarseStart() else {
                place += 1
                continue
            }
            if let word = word(near: candidate) {
                words.append(word)
                place = max(place + 1, word.endSample / Self.hop - 1)
            } else {
                place += 1
            }
        }
        trim()
        return words
    }

    package mutating func feed(_ block: [Int16]) -> [ToneWord] {
        block.withUnsafeBufferPointer { feed($0) }
    }

    /// Ends the audio: the last word may lie right at its end.
    package mutating func finish() -> [ToneWord] {
        feed([Int16](repeating: 0, count: Self.reach + Self.hop))
    }

    /// All words of a whole recording.
    package static func words(in samples: [Int16]) -> [ToneWord] {
        var decoder = ToneDecoder()
        var words: [ToneWord] = []
        var start = 0
        while start < samples.count {
            let end = min(start + 16_000, samples.count)
            words += samples[start..<end].withUnsafeBufferPointer { decoder.feed($0) }
            start = end
        }
        return words + decoder.finish()
    }

    // MARK: - Coarse search

    /// Tones of the 100 Hz grid have whole periods in a slot, so the table repeats with it.
    private static let preambleTable: [Float] = ToneCode.preambleFrequencies.flatMap { frequency in
        (0..<ToneCode.slotSamples).flatMap { position in rotation(frequency, position) }
    }

    private static func rotation(_ frequency: Int, _ position: Int) -> [Float] {
        let angle = 2 * Double.pi * Double(frequency) * Double(position) / Double(ToneCode.sampleRate)
        return [Float(cos(angle)), Float(sin(angle))]
    }

    private mutating func addSums() {
        var hopIndex = sums.count / Self.sumsPerHop
        let hops = samples.count / Self.hop
        sums.reserveCapacity(hops * Self.sumsPerHop)
        samples.withUnsafeBufferPointer { samples in
            Self.preambleTable.withUnsafeBufferPointer { table in
                while hopIndex < hops {
                    let audio = samples.baseAddress! + hopIndex * Self.hop
                    let phase = (base + hopIndex * Self.hop) % ToneCode.slotSamples
                    var tone = 0
                    while tone < 4 {
                        let sum = correlate(
                            audio, table.baseAddress! + 2 * (tone * ToneCode.slotSamples + phase), Self.hop)
                        sums.append(sum.cosine)
                        sums.append(sum.sine)
                        tone += 1
                    }
                    sums.append(energy(audio, Self.hop))
                    hopIndex += 1
                }
            }
        }
    }

    /// Where a preamble may begin, to the nearest hop, when one may begin at `place`.
    private func coarseStart() -> Int? {
        guard preambleShare(at: place) > Self.preambleShare else { return nil }
        var best = place
        var bestShare: Float = 0
        for candidate in place...(place + Self.hopsPerSlot) {
            let share = preambleShare(at: candidate)
            if share > bestShare { (best, bestShare) = (candidate, share) }
        }
        return best * Self.hop
    }

    /// The part of the energy of the next four slots that lies in the preamble's tones, 0 to 1.
    private func preambleShare(at place: Int) -> Float {
        let first = place - base / Self.hop
        return sums.withUnsafeBufferPointer { sums in
            var matched: Float = 0
            var total: Float = 0
            var slot = 0
            while slot < 4 {
                var cosine: Float = 0
                var sine: Float = 0
                var hop = 0
                while hop < Self.hopsPerSlot {
                    let row = (first + slot * Self.hopsPerSlot + hop) * Self.sumsPerHop
                    cosine += sums[row + 2 * slot]
                    sine += sums[row + 2 * slot + 1]
                    total += sums[row + 8]
                    hop += 1
                }
                matched += cosine * cosine + sine * sine
                slot += 1
            }
            guard total > Self.quietMeanSquare * Float(ToneCode.preambleSamples) else { return 0 }
            return matched / (total * Float(ToneCode.slotSamples) / 2)
        }
    }

    // MARK: - Fine search and symbols

    private static let symbolTable: [Float] = (0..<ToneCode.toneCount).flatMap { tone in
        (0..<ToneCode.symbolSamples).flatMap { position in rotation(ToneCode.dataFrequency(tone), position) }
    }

    /// The word whose preamble begins within a hop of `candidate`, if the checksum fits.
    private func word(near candidate: Int) -> ToneWord? {
        samples.withUnsafeBufferPointer { samples in
            let audio = samples.baseAddress! - base
            var best: Float = 0
            var start = candidate
            var offset = max(candidate - Self.hop, base)
            while offset <= candidate + Self.hop {
                let strength = Self.preambleTable.withUnsafeBufferPointer { table in
                    correlate(audio + offset, table.baseAddress!, ToneCode.preambleSamples).power
                }
                if strength > best { (best, start) = (strength, offset) }
                offset += 1
            }
            let total = energy(audio + start, ToneCode.preambleSamples)
            guard best > Self.preambleShare * total * Float(ToneCode.preambleSamples) / 2 else { return nil }
            guard let symbols = symbols(audio + start + ToneCode.preambleSamples) else { return nil }
            return ToneCode.word(symbols: symbols).map {
                ToneWord(index: $0.index, speaker: $0.speaker, startSample: start)
            }
        }
    }

    private func symbols(_ audio: UnsafePointer<Float>) -> [Int]? {
        var symbols: [Int] = []
        var shares: Float = 0
        for symbol in 0..<ToneCode.symbolCount {
            let slot = audio + symbol * ToneCode.symbolSamples
            let total = energy(slot, ToneCode.symbolSamples)
            guard total > 0 else { return nil }
            var best: Float = 0
            var bestTone = 0
            Self.symbolTable.withUnsafeBufferPointer { table in
                var tone = 0
                while tone < ToneCode.toneCount {
                    let rotations = table.baseAddress! + 2 * tone * ToneCode.symbolSamples
                    let power = correlate(slot, rotations, ToneCode.symbolSamples).power
                    if power > best { (best, bestTone) = (power, tone) }
                    tone += 1
                }
            }
            shares += best / (total * Float(ToneCode.symbolSamples) / 2)
            symbols.append(bestTone)
        }
        return shares >= Self.symbolShare * Float(ToneCode.symbolCount) ? symbols : nil
    }

    private mutating func trim() {
        let keep = max(0, place - 2) * Self.hop
        guard keep - base >= Self.trimThreshold else { return }
        samples.removeFirst(keep - base)
        sums.removeFirst((keep - base) / Self.hop * Self.sumsPerHop)
        base = keep
    }
}

private struct Correlation {
    var cosine: Float
    var sine: Float
    var power: Float { cosine * cosine + sine * sine }
}

/// The hot loop: `table` holds cosine and sine by turns. Plain loops over pointers, so that builds without
/// optimisation stay fast enough for tests.
private func correlate(_ audio: UnsafePointer<Float>, _ table: UnsafePointer<Float>, _ count: Int) -> Correlation {
    var cosine: Float = 0
    var sine: Float = 0
    var position = 0
    while position < count {
        let sample = audio[position]
        cosine += sample * table[2 &* position]
        sine += sample * table[2 &* position &+ 1]
        position &+= 1
    }
    return Correlation(cosine: cosine, sine: sine)
}

private func energy(_ audio: UnsafePointer<Float>, _ count: Int) -> Float {
    var sum: Float = 0
    var position = 0
    while position < count {
        sum += audio[position] * audio[position]
        position &+= 1
    }
    return sum
}
