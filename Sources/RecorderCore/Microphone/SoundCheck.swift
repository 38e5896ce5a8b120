/// What some seconds of a microphone's sound say about it, for `microphone test`: 16 kHz, one channel, full scale 1.
package struct SoundCheck {
    /// A tenth of a second: frames are sorted by how loud they are, and bins of the spectrum are 10 Hz apart.
    private static let frameSamples = 1_600
    /// 2·cos(2π·f/16000) for 50 and 60 Hz; those of the multiples follow by Chebyshev's recurrence.
    private static let fiftyHertz = 1.999_614_480_964_129_6
    private static let sixtyHertz = 1.999_444_860_436_001_1
    /// Bins of the bandwidth: so many, 200 Hz apart.
    private static let bands = 39
    /// Bins of the hum: the mains' frequency and its first multiples.
    private static let harmonics = 3
    /// Zeros in a row between sounds, 5 ms: no microphone gives them, a driver that lost some does.
    private static let dropoutSamples = 80

    private struct Frame {
        var power: Double
        /// Of 50 Hz and of 60 Hz, with their multiples.
        var fifty: Double
        var sixty: Double
    }

    private let fifty: [Double]
    private let sixty: [Double]
    private var pending: [Double] = []
    private var frames: [Frame] = []
    private var spectrum = [Double](repeating: 0, count: bands)
    private var sum = 0.0
    private var zeros = 0
    private var fullRun = 0
    package private(set) var samples = 0
    /// 0 to 1, which is full scale.
    package private(set) var peak = 0.0
    /// Runs of at least `Limits.clippedRun` samples at full scale.
    package private(set) var clipped = 0
    package private(set) var dropouts = 0

    package init() {
        fifty = Self.coefficients(Self.fiftyHertz, count: 4 * Self.bands)
        sixty = Self.coefficients(Self.sixtyHertz, count: Self.harmonics)
    }

    /// 2·cos(kθ) for k = 1 … count.
    private static func coefficients(_ first: Double, count: Int) -> [Double] {
        var values = [first, first * first - 2]
        while values.count < count { values.append(first * values[values.count - 1] - values[values.count - 2]) }
        return values
    }

    package mutating func add(_ sample: Int16) {
        let value = Double(sample) / 32_768
        samples += 1
        sum += value
        peak = max(peak, abs(value))
        fullRun = abs(Int(sample)) >= 32_767 ? fullRun + 1 : 0
        if fullRun == Limits.clippedRun { clipped += 1 }
        if sample == 0 {
            zeros += 1
        } else {
            if zeros >= Self.dropoutSamples, zeros < samples - 1 { dropouts += 1 }
            zeros = 0
        }
        pending.append(value)
        guard pending.count == Self.frameSamples else { return }
        closeFrame()
        pending.removeAll(keepingCapacity: true)
    }

    private mutating func closeFrame() {
        let half = Double(Self.frameSamples / 2)
        var power = 0.0
        for place in 0..<pending.count {
            power += pending[place] * pending[place]
            // A triangle: what is loud and low must not leak into the bins above.
            pending[place] *= 1 - abs(Double(place) - half) / half
        }
        var hum = (fifty: 0.0, sixty: 0.0)
        for place in 0..<Self.harmonics {
            hum.fifty += bin(fifty[place])
            hum.sixty += bin(sixty[place])
        }
        for place in 0..<Self.bands { spectrum[place] += bin(fifty[4 * place + 3]) }
        frames.append(Frame(power: power / Double(pending.count), fifty: hum.fifty, sixty: hum.sixty))
    }

    /// The mean square of the sine at one frequency (Goertzel's algorithm).
    private func bin(_ coefficient: Double) -> Double {
        var (newer, older) = (0.0, 0.0)
        for value in pending { (newer, older) = (value + coefficient * newer - older, newer) }
        let weight = Double(Self.frameSamples) / 2
        return 2 * (newer * newer + older * older - coefficient * newer * older) / (weight * weight)
    }

    // MARK: What it says

    /// Mean square of the samples, 0 to 1.
    package var power: Double {
        var sum = 0.0
        for frame in frames { sum += frame.power }
        return sum / Double(max(1, frames.count))
    }

    /// What is left between words: the quietest tenth of the frames.
    package var floor: Double { quietest.power }

    /// The mains' frequency when its hum is most of what is left between words; nil: it is not.
    package var humHertz: Int? {
        let quiet = quietest
        let (hum, hertz) = quiet.fifty >= quiet.sixty ? (quiet.fifty, 50) : (quiet.sixty, 60)
        return hum > quiet.power / 2 && quiet.power > 1e-7 ? hertz : nil
    }

    private var quietest: Frame {
        var total = Frame(power: 0, fifty: 0, sixty: 0)
        let sorted = frames.ordered { $0.power < $1.power }
        let count = max(1, sorted.count / 10)
        for place in 0..<min(count, sorted.count) {
            let frame = sorted[place]
            total.power += frame.power / Double(count)
            total.fifty += frame.fifty / Double(count)
            total.sixty += frame.sixty / Double(count)
        }
        return total
    }

    /// Up to where there is sound at all, 60 dB below the loudest; nil: it is too quiet to tell.
    package var bandwidthHertz: Int? {
        var (loudest, last) = (0.0, 0)
        for band in spectrum { loudest = max(loudest, band) }
        for place in 0..<spectrum.count where spectrum[place] > loudest / 1e6 { last = place + 1 }
        return power > 1e-6 ? last * 200 : nil
    }

    /// A share of full scale.
    package var offset: Double { samples == 0 ? 0 : sum / Double(samples) }

    /// Whole dB of a mean square below that of full scale, as `status` counts them: 0 is a square wave's.
    package static func decibels(_ power: Double) -> Int {
        var (left, decibels) = (power, 0)
        while left < 0.891, decibels > -120 { (left, decibels) = (left * 1.258_925_411_794_167, decibels - 1) }
        return decibels
    }
}
