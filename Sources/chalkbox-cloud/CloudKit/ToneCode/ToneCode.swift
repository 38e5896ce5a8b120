internal import Foundation

/// An acoustic code that carries one word in 200 ms of audio at 16 kHz.
///
/// A burst is a preamble of four short tones in Costas order (J. P. Costas, 1984: no shift of it in time and
/// frequency matches itself in more than one place, so its start is found to the sample), then eight symbols of
/// sixteen tones each: 16 bits of word number, 2 bits of speaker, 14 bits of checksum. Every tone is a whole number
/// of periods in its slot, so slots join without a click and are orthogonal.
package enum ToneCode {
    package static let sampleRate = 16_000
    /// A preamble slot; its tones lie on a grid of 100 Hz.
    static let slotSamples = 160
    static let preambleFrequencies = [1_200, 1_600, 2_400, 2_000]
    static let preambleSamples = slotSamples * preambleFrequencies.count
    static let symbolSamples = 320
    static let symbolCount = 8
    static let toneCount = 16
    /// The whole burst: what a word's end minus its start is.
    package static let wordSamples = preambleSamples + symbolCount * symbolSamples
    /// Raised-cosine ends keep the burst from splattering over the spectrum.
    static let rampSamples = 32

    static func dataFrequency(_ tone: Int) -> Int { 800 + 100 * tone }

    /// A word's number and speaker, as eight symbols with their checksum.
    static func symbols(index: UInt16, speaker: Int) -> [Int] {
        precondition((1...4).contains(speaker), "the code has room for speakers 1 to 4")
        let payload = UInt32(index) << 2 | UInt32(speaker - 1)
        let bits = payload << 14 | checksum(payload)
        return (0..<symbolCount).map { Int(bits >> (28 - 4 * UInt32($0)) & 15) }
    }

    /// The word that eight symbols carry, or nil when the checksum does not fit.
    static func word(symbols: [Int]) -> (index: UInt16, speaker: Int)? {
        let bits = symbols.reduce(UInt32(0)) { $0 << 4 | UInt32($1) }
        let payload = bits >> 14
        guard bits & 0x3FFF == checksum(payload) else { return nil }
        return (UInt16(payload >> 2), Int(payload & 3) + 1)
    }

    /// CRC-14/GSM (3GPP TS 45.003: polynomial 0x202D, final complement) over the 18 bits of payload.
    private static func checksum(_ payload: UInt32) -> UInt32 {
        var register: UInt32 = 0
        for place in stride(from: 17, through: 0, by: -1) {
            let bit = payload >> UInt32(place) & 1
            let carry = register >> 13 & 1
            register = register << 1 & 0x3FFF
            if carry != bit { register ^= 0x202D }
        }
        return register ^ 0x3FFF
    }

    /// The burst for one word.
    ///
    /// - Parameter amplitude: peak as a fraction of full scale, above 0 and at most 1.
    package static func burst(index: UInt16, speaker: Int, amplitude: Double = 0.3) -> [Int16] {
        var samples: [Int16] = []
        samples.reserveCapacity(wordSamples)
        func append(frequency: Int, count: Int) {
            let step = 2 * Double.pi * Double(frequency) / Double(sampleRate)
            for position in 0..<count {
                let edge = min(samples.count, wordSamples - 1 - samples.count)
                let ramp = edge < rampSamples ? 0.5 - 0.5 * cos(.pi * Double(edge) / Double(rampSamples)) : 1
                samples.append(Int16(ramp * amplitude * 32_767 * sin(step * Double(position))))
            }
        }
        for frequency in preambleFrequencies { append(frequency: frequency, count: slotSamples) }
        for symbol in symbols(index: index, speaker: speaker) {
            append(frequency: dataFrequency(symbol), count: symbolSamples)
        }
        return samples
    }
}

/// A word of a tone-coded lesson: what was put in, or what a decoder found.
package struct ToneWord: Equatable, Sendable, Codable {
    package var index: UInt16
    package var text: String
    package var speaker: Int
    /// The first sample of the burst, counted from the first sample of the audio.
    package var startSample: Int
    /// One past the last sample of the burst.
    package var endSample: Int

    package init(index: UInt16, speaker: Int, startSample: Int) {
        self.index = index
        self.text = Vocabulary.text(of: index)
        self.speaker = speaker
        self.startSample = startSample
        self.endSample = startSample + ToneCode.wordSamples
    }
}
