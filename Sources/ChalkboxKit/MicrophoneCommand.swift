internal import AudioCapture
internal import Configuration
internal import LinuxRuntime
internal import RecorderCore

/// `microphone list | test | listen`: what is plugged in, how good it is, and what it hears.
enum MicrophoneCommand {
    /// Of a test: what it keeps of each tenth of a second stays small.
    private static let longestSeconds = 600

    static func run(_ arguments: Arguments) throws(Arguments.UsageError) -> Outcome {
        guard arguments.positional.count == 1 else { throw Arguments.UsageError(message: "list, test or listen?") }
        let reading = ConfigurationSource.read(arguments)
        for mistake in reading.mistakes { complain(mistake) }
        switch arguments.positional[0] {
        case "list": return list(reading.settings)
        case "test":
            let text = arguments.last("--seconds") ?? "10"
            guard let seconds = text.decimal(upTo: longestSeconds), seconds > 0 else {
                throw Arguments.UsageError(message: "--seconds takes 1 to \(longestSeconds)")
            }
            return test(reading.settings, arguments, seconds: seconds)
        case "listen": return listen(reading.settings, arguments)
        default: throw Arguments.UsageError(message: "list, test or listen?")
        }
    }

    // MARK: listen

    /// A WAV file without an end, as ffmpeg(1) writes one into a pipe: both lengths are the greatest there is.
    private static var header: [UInt8] {
        let rate = Int(SampleIndex.samplesPerSecond)
        var bytes = Array("RIFF".utf8) + little(0xFFFF_FFFF, 4) + Array("WAVEfmt ".utf8)
        // PCM, one channel; bytes a second, bytes a frame, bits a sample.
        bytes += little(16, 4) + little(1, 2) + little(1, 2) + little(rate, 4)
        return bytes + little(2 * rate, 4) + little(2, 2) + little(16, 2) + Array("data".utf8) + little(0xFFFF_FFFF, 4)
    }

    @inline(never)
    private static func little(_ value: Int, _ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        for place in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * place))) }
        return bytes
    }

    /// Ends with its reader (SIGPIPE), or by a signal.
    @inline(never)
    private static func listen(_ settings: Settings, _ arguments: Arguments) -> Outcome {
        guard !Process.isTerminal else {
            complain("microphone listen: sound is not for a terminal; for example `| aplay`, or `>sound.wav`")
            return .usage
        }
        Console.output(header)
        let source = MicrophoneSource(settings, arguments) { samples in
            // All at once: an array for each sample took as much time as the resampler.
            var bytes = [UInt8](repeating: 0, count: 2 * samples.count)
            for (place, sample) in samples.enumerated() {
                bytes[2 * place] = UInt8(truncatingIfNeeded: sample)
                bytes[2 * place + 1] = UInt8(truncatingIfNeeded: sample >> 8)
            }
            Console.output(bytes)
            return true
        }
        return outcome("listen", source.hear())
    }

    @inline(never)
    private static func outcome(_ what: String, _ end: MicrophoneSource.End) -> Outcome {
        guard case .failed(let why) = end else { return .fine }
        complain("microphone \(what): \(why)")
        return .failed
    }

    // MARK: test

    @inline(never)
    private static func test(_ settings: Settings, _ arguments: Arguments, seconds: Int) -> Outcome {
        var check = SoundCheck()
        let wanted = seconds * Int(SampleIndex.samplesPerSecond)
        let source = MicrophoneSource(settings, arguments) { samples in
            for sample in samples { check.add(sample) }
            return check.samples < wanted
        }
        guard outcome("test", source.hear()) == .fine else { return .failed }
        let told = [source.problem, source.note, "delivers"].first { !$0.isEmpty } ?? ""
        var wrong = 0
        func say(_ what: String, isFine: Bool, _ detail: String) {
            if !isFine { wrong += 1 }
            Console.line((isFine ? "fine   " : "WRONG  ") + what + ": " + detail)
        }
        say("device", isFine: source.problem.isEmpty, told)
        // One that is wrong is the device's problem.
        let rate = source.measuredRate.map { "\($0) frames a second by the box's clock" }
        say("clock", isFine: true, rate ?? "not measured yet; it takes 6 s")
        for one in check.verdicts(quietDecibels: settings.audio.levelWarningDBFS) {
            say(one.what, isFine: one.isFine, one.detail)
        }
        Console.line(wrong == 0 ? "all fine" : "\(wrong) to mend")
        return wrong == 0 ? .fine : .failed
    }
}

extension MicrophoneCommand {
    @inline(never)
    static func list(_ settings: Settings) -> Outcome {
        let configured = [settings.audio.device, settings.audio.fallbackDevice].filter { !$0.isEmpty }
        var microphones = Microphones.ofCards
        let isThere = !microphones.isEmpty
        // A name of ALSA's own configuration, or a card that is not there.
        for name in configured where !microphones.contains(where: { isMeant(by: name, $0) }) {
            let abilities = Microphones.abilities(of: name)
            microphones.append(MicrophoneDescription(name: name, title: "", abilities: abilities))
        }
        for one in microphones {
            let isUsed = configured.contains { isMeant(by: $0, one) }
            Console.line((isUsed ? "* " : "  ") + one.name + (one.title.isEmpty ? "" : "  " + one.title))
            Console.line("    " + one.abilities)
        }
        if !isThere { complain("microphone list: the kernel has no card that records; is one plugged in? `lsusb`") }
        return isThere ? .fine : .failed
    }

    /// Whether `plughw:CARD=Microphone` is `hw:CARD=Microphone,DEV=0`.
    @inline(never)
    private static func isMeant(by name: String, _ one: MicrophoneDescription) -> Bool {
        func parts(_ name: String) -> (card: String, device: String) {
            var (card, device) = (name, "0")
            for part in name.parts(separatedBy: ":").last?.parts(separatedBy: ",") ?? [] {
                card = part.remainder(after: "CARD=") ?? card
                device = part.remainder(after: "DEV=") ?? device
            }
            return (card, device)
        }
        return parts(name) == parts(one.name)
    }
}
