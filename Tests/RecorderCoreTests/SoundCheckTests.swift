import Foundation
import RecorderCore
import Testing

/// Ten seconds of a synthetic microphone, a sample at a time.
private struct Signal {
    private var random = SystemRandomNumberGenerator()
    private var samples = [Double](repeating: 0, count: 160_000)

    func sine(_ hertz: Double, _ amplitude: Double, _ isOn: (Int) -> Bool = { _ in true }) -> Signal {
        var copy = self
        for place in copy.samples.indices where isOn(place) {
            copy.samples[place] += amplitude * sin(2 * .pi * hertz * Double(place) / 16_000)
        }
        return copy
    }

    func noise(_ amplitude: Double, _ isOn: (Int) -> Bool = { _ in true }) -> Signal {
        var copy = self
        for place in copy.samples.indices where isOn(place) {
            copy.samples[place] += amplitude * Double.random(in: -1...1, using: &copy.random)
        }
        return copy
    }

    func cut(_ isLost: (Int) -> Bool) -> Signal {
        var copy = self
        for place in copy.samples.indices where isLost(place) { copy.samples[place] = 0 }
        return copy
    }

    /// As a headset by radio has it: half of the samples, and a line between them.
    func telephone() -> Signal {
        var copy = self
        let half = stride(from: 0, to: samples.count, by: 2).map { samples[$0] }
        for place in copy.samples.indices {
            let centre = Double(place) / 2
            var value = 0.0
            for tap in max(0, place / 2 - 39)...min(half.count - 1, place / 2 + 40) {
                let away = centre - Double(tap)
                let sinc = away == 0 ? 0.9 : sin(0.9 * .pi * away) / (.pi * away)
                value += half[tap] * sinc * (0.5 + 0.5 * cos(.pi * away / 40))
            }
            copy.samples[place] = value
        }
        return copy
    }

    var check: SoundCheck {
        var check = SoundCheck()
        for sample in samples { check.add(Int16(max(-32_768, min(32_767, (sample * 32_768).rounded())))) }
        return check
    }

    /// What is wrong with it.
    var wrong: [String] { check.verdicts(quietDecibels: -55).filter { !$0.isFine }.map(\.what) }
}

/// Half a second of voice, half a second of pause.
private func speaks(_ place: Int) -> Bool { place / 8_000 % 2 == 0 }

@Suite struct `What a microphone test says` {
    private let speech = Signal().sine(180, 0.2, speaks).noise(0.1, speaks).noise(0.001)

    @Test func `a good microphone is all fine, with its figures`() {
        #expect(speech.wrong == [])
        let check = speech.check
        #expect(check.samples == 160_000)
        #expect((-66 ... -62).contains(SoundCheck.decibels(check.floor)))
        #expect(check.bandwidthHertz == 7_800)
        #expect(abs(check.offset) < 0.001)
    }

    @Test func `silence is a level, and nothing else`() { #expect(Signal().wrong == ["level"]) }

    @Test func `clipping, drop-outs and a loud room are told`() {
        #expect(speech.sine(300, 1.5, speaks).wrong == ["clipping"])
        #expect(speech.noise(0.05).cut { $0 % 20_000 < 160 }.wrong == ["noise", "drop-outs"])
        #expect(speech.cut { $0 % 20_000 < 160 }.check.dropouts == 7)
        #expect(speech.noise(0.05).wrong == ["noise"])
    }

    @Test(arguments: [50, 60])
    func `hum is that of the mains, and not of a voice`(_ hertz: Int) {
        let hum = speech.sine(Double(hertz), 0.005).sine(3 * Double(hertz), 0.002)
        #expect(hum.check.humHertz == hertz)
        #expect(hum.wrong == ["hum"])
        #expect(Signal().sine(100, 0.2, speaks).sine(120, 0.2, speaks).noise(0.01).check.humHertz == nil)
    }

    @Test func `a telephone's sound is told`() {
        let telephone = speech.telephone()
        #expect(telephone.wrong == ["bandwidth"])
        #expect((3_400...4_000).contains(telephone.check.bandwidthHertz ?? 0))
    }

    @Test(arguments: [(1.0, 0), (0.5, -3), (0.25, -6), (0.001, -30), (1e-9, -90), (0, -120)])
    func `a mean square in decibels`(_ power: Double, _ decibels: Int) {
        #expect(SoundCheck.decibels(power) == decibels)
    }
}
