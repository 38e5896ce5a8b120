/// `audio.capture_volume`: how far the sound card turns the microphone up.
package enum CaptureVolume: Equatable, Sendable {
    /// Of the element's own range.
    case percent(Int)
    /// By the scale that the card's driver gives, in hundredths of dB (alsa/mixer.h).
    case decibels(hundredths: Int)

    /// `70%`, `-6 dB`, `+7.5dB`; nil: it is neither.
    package init?(_ text: String) {
        let text = text.inLowerCase
        if let number = text.before(last: "%"), text.utf8.count == number.utf8.count + 1 {
            guard let percent = number.trimmingSpaces.decimal(upTo: 100) else { return nil }
            self = .percent(percent)
            return
        }
        guard var number = text.before(last: "d"), text == number + "db" else { return nil }
        number = number.trimmingSpaces
        let isNegative = number.begins(with: "-")
        number = number.remainder(after: isNegative ? "-" : "+") ?? number
        let (whole, fraction) = number.cut(at: ".") ?? (number, "0")
        guard fraction.utf8.count == 1, let ones = whole.decimal(upTo: 99), let tenths = fraction.decimal(upTo: 9)
        else { return nil }
        self = .decibels(hundredths: (ones * 100 + tenths * 10) * (isNegative ? -1 : 1))
    }
}

/// A part of a sound card's mixer that turns capture up or off (alsa/mixer.h: an element of the simple mixer).
package struct MixerElement: Equatable, Sendable {
    /// Raw steps, and hundredths of dB where the driver knows them.
    package struct Volume: Equatable, Sendable {
        package var value: Int
        package var range: ClosedRange<Int>
        package var hundredths: Int?

        package init(_ value: Int, of range: ClosedRange<Int>, hundredths: Int? = nil) {
            self.value = value
            self.range = range
            self.hundredths = hundredths
        }

        /// Rounded.
        package var percent: Int {
            let steps = range.upperBound - range.lowerBound
            return steps == 0 ? 100 : ((value - range.lowerBound) * 100 + steps / 2) / steps
        }

        /// Nothing can be heard: a gain of 0 dB, or little less, is no silence although it is the lowest.
        var isSilent: Bool {
            value == range.lowerBound && range.count > 1 && hundredths ?? -9_999 < -1_000
        }
    }

    package var name: String
    /// Nil: it has none.
    package var volume: Volume?
    /// Its switch; nil: it has none.
    package var isOn: Bool?
    /// One of several of which one is on: which one is the technician's to choose.
    package var isExclusive: Bool

    package init(_ name: String, volume: Volume? = nil, isOn: Bool? = nil, isExclusive: Bool = false) {
        self.name = name
        self.volume = volume
        self.isOn = isOn
        self.isExclusive = isExclusive
    }

    /// What is to be done to it for a volume.
    package func change(for wanted: CaptureVolume) -> MixerChange {
        var change = MixerChange(turnsOn: isOn == false && !isExclusive)
        guard let volume else { return change }
        switch wanted {
        case .percent(let percent):
            let steps = volume.range.upperBound - volume.range.lowerBound
            change.value = volume.range.lowerBound + (steps * percent + 50) / 100
        case .decibels(let hundredths):
            if volume.hundredths != nil { change.hundredths = hundredths }
        }
        return change
    }

    /// For the log: `"Mic" 70% -6.0dB on`.
    package var text: String {
        var text = name
        if let volume {
            text += " \(volume.percent)%"
            if let hundredths = volume.hundredths { text += " " + Self.decibels(hundredths) }
        }
        if let isOn { text += isOn ? " on" : " off" }
        return text
    }

    static func decibels(_ hundredths: Int) -> String {
        let tenths = abs(hundredths) / 10
        return (hundredths < 0 ? "-" : "") + "\(tenths / 10).\(tenths % 10) dB"
    }
}

/// What is written to an element; nil: that is left alone.
package struct MixerChange: Equatable, Sendable {
    package var turnsOn: Bool
    package var value: Int?
    package var hundredths: Int?

    package init(turnsOn: Bool, value: Int? = nil, hundredths: Int? = nil) {
        self.turnsOn = turnsOn
        self.value = value
        self.hundredths = hundredths
    }
}

/// What a card's mixer does to the microphone, read back after it was set.
package struct MixerReport: Equatable, Sendable {
    /// How far a driver may round, in hundredths of dB: the coarsest converters have steps of 3 dB.
    private static let toleranceHundredths = 150

    /// Those of the card that have to do with capture.
    package var elements: [MixerElement]
    /// What is wrong, and what to do, for people; empty: nothing is.
    package var problem: String

    /// - Parameter wanted: nil: the mixer is somebody else's.
    package init(_ elements: [MixerElement], wanted: CaptureVolume?) {
        self.elements = elements
        problem = Self.problem(elements, wanted)
    }

    package static let none = MixerReport([], wanted: nil)

    /// A card may have converters that nothing is plugged into: only what holds for all of them is wrong.
    private static func problem(_ elements: [MixerElement], _ wanted: CaptureVolume?) -> String {
        var (off, hasOn, hasVolume, isHeard) = ("", false, false, false)
        for element in elements {
            if element.isOn == true { hasOn = true }
            if element.isOn == false { off = element.name }
            guard let volume = element.volume else { continue }
            hasVolume = true
            if !volume.isSilent { isHeard = true }
        }
        if !off.isEmpty, !hasOn { return "muted: the card's capture switch " + off + " is off; `alsamixer`, F4, space" }
        guard let wanted else {
            let isMuted = hasVolume && !isHeard
            return isMuted ? "muted: the card's capture volume is 0; `alsamixer`, F4, or audio.capture_volume" : ""
        }
        guard hasVolume else { return "audio.capture_volume: the card has no capture volume" }
        for element in elements {
            if let problem = element.problem(wanted, tolerance: toleranceHundredths) { return problem }
        }
        return ""
    }
}

extension MixerElement {
    /// Nil: it was taken, or it has no volume.
    fileprivate func problem(_ wanted: CaptureVolume, tolerance: Int) -> String? {
        guard let volume else { return nil }
        let what = "audio.capture_volume: the card's " + name
        switch wanted {
        case .percent(let percent):
            let isTaken = abs(volume.value - (change(for: wanted).value ?? volume.value)) <= 1
            return isTaken ? nil : what + " is at \(volume.percent)%, not at \(percent)%"
        case .decibels(let hundredths):
            guard let now = volume.hundredths else { return what + " has no scale in dB; give it in percent" }
            let isTaken = abs(now - hundredths) <= tolerance
            return isTaken ? nil : what + " is at " + Self.decibels(now) + ", not at " + Self.decibels(hundredths)
        }
    }
}
