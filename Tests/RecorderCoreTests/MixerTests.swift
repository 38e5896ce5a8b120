import RecorderCore
import Testing

@Suite struct `The sound card's mixer` {
    private let wide = 0...100

    @Test(arguments: [
        ("70%", CaptureVolume.percent(70)), ("0 %", .percent(0)), ("100%", .percent(100)),
        ("-6 dB", .decibels(hundredths: -600)), ("+7.5dB", .decibels(hundredths: 750)),
        ("0 DB", .decibels(hundredths: 0)),
    ])
    func `a volume is read as people write it`(_ text: String, _ volume: CaptureVolume) {
        #expect(CaptureVolume(text) == volume)
    }

    @Test(arguments: ["", "70", "101%", "-5%", "%", "dB", "6,5 dB", "--6 dB", "-6.55 dB", "100 dB", "7.dB", "70%%"])
    func `what is no volume is refused`(_ text: String) {
        #expect(CaptureVolume(text) == nil)
    }

    @Test func `an element is turned on, and set within its own range`() {
        let volume = MixerElement.Volume(3, of: 0...31, hundredths: -1_000)
        let element = MixerElement("Mic", volume: volume, isOn: false)
        #expect(element.change(for: .percent(50)) == MixerChange(turnsOn: true, value: 16))
        #expect(element.change(for: .decibels(hundredths: -600)) == MixerChange(turnsOn: true, hundredths: -600))
        let one = MixerElement("Line", isOn: false, isExclusive: true)
        #expect(one.change(for: .percent(50)) == MixerChange(turnsOn: false))
    }

    @Test func `what the card did not take is told`() {
        func problem(_ element: MixerElement, _ wanted: CaptureVolume?) -> String {
            MixerReport([element], wanted: wanted).problem
        }
        let at = MixerElement.Volume(45, of: wide, hundredths: -1_000)
        #expect(problem(MixerElement("Mic", volume: at, isOn: true), .percent(45)) == "")
        #expect(problem(MixerElement("Mic", volume: at), .percent(70)).hasSuffix("Mic is at 45%, not at 70%"))
        #expect(problem(MixerElement("Mic", volume: at), .decibels(hundredths: -1_100)) == "")
        #expect(problem(MixerElement("Mic", volume: at), .decibels(hundredths: -650)).hasSuffix("not at -6.5 dB"))
        let bare = MixerElement.Volume(45, of: wide)
        #expect(problem(MixerElement("Mic", volume: bare), .decibels(hundredths: 0)).contains("percent"))
        #expect(problem(MixerElement("Mic", isOn: true), .percent(70)).contains("no capture volume"))
        #expect(MixerReport([], wanted: .percent(70)).problem.contains("no capture volume"))
    }

    @Test func `a muted microphone is told, whether or not the mixer is set`() {
        let off = MixerElement("Capture", volume: .init(80, of: wide), isOn: false)
        for wanted in [nil, CaptureVolume.percent(80)] {
            #expect(MixerReport([off], wanted: wanted).problem.hasPrefix("muted: the card's capture switch Capture"))
        }
        let zero = MixerElement("Mic", volume: .init(0, of: wide), isOn: true)
        #expect(MixerReport([zero], wanted: nil).problem.hasPrefix("muted: the card's capture volume is 0"))
        #expect(MixerReport([zero], wanted: .percent(0)).problem == "")
    }

    @Test func `a second converter, and a lowest gain that is not silence, are no fault`() {
        let on = MixerElement("Capture", volume: .init(30, of: wide), isOn: true)
        let unused = MixerElement("Capture 1", volume: .init(0, of: wide), isOn: false)
        #expect(MixerReport([on, unused], wanted: nil) == MixerReport([on, unused], wanted: nil))
        #expect(MixerReport([on, unused], wanted: nil).problem == "")
        let boost = MixerElement("Mic Boost", volume: .init(0, of: 0...3, hundredths: 0))
        #expect(MixerReport([boost], wanted: nil).problem == "")
        #expect(MixerReport([], wanted: nil).problem == "")
        #expect(on.text == "Capture 30% on")
    }
}

@Suite struct `The choice of the microphone` {
    private func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(milliseconds: milliseconds) }

    private static func tried(
        _ candidates: (MicrophoneChoice.Microphone, MicrophoneChoice.Microphone?)
    ) -> [MicrophoneChoice.Microphone] {
        [candidates.0] + (candidates.1.map { [$0] } ?? [])
    }

    @Test func `a lesson that cannot have the first begins with the fallback at once`() {
        var choice = MicrophoneChoice(hasFallback: true)
        #expect(Self.tried(choice.candidates(at: at(0))) == [.first, .fallback])
        var alone = MicrophoneChoice(hasFallback: false)
        alone.opened(.first, at: at(0))
        #expect(Self.tried(alone.candidates(at: at(0))) == [.first])
    }

    @Test func `one that is lost in a lesson has a second to come back`() {
        var choice = MicrophoneChoice(hasFallback: true)
        choice.opened(.first, at: at(0))
        #expect(Self.tried(choice.candidates(at: at(5_000))) == [.first])
        #expect(Self.tried(choice.candidates(at: at(5_900))) == [.first])
        #expect(Self.tried(choice.candidates(at: at(6_000))) == [.first, .fallback])
        choice.opened(.fallback, at: at(6_000))
        #expect(Self.tried(choice.candidates(at: at(30_000))) == [.first])
        choice.begin()
        #expect(Self.tried(choice.candidates(at: at(30_100))) == [.first, .fallback])
    }

    @Test func `one that can be opened and delivers nothing is as good as away`() {
        var choice = MicrophoneChoice(hasFallback: true)
        choice.opened(.first, at: at(0))
        #expect(Self.tried(choice.candidates(at: at(3_100))) == [.fallback, .first])
        #expect(Self.tried(choice.candidates(at: at(3_300))) == [.fallback, .first])
        choice.opened(.fallback, at: at(3_300))
        #expect(Self.tried(choice.candidates(at: at(6_400))) == [.first])
        #expect(Self.tried(choice.candidates(at: at(7_500))) == [.first, .fallback])
    }
}
