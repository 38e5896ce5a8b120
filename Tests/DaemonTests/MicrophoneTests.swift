import Foundation
import OwnThread
import RecorderCore
import Testing

/// The shipped binary's commands for the microphone, and the sound card's mixer. The virtual microphone's sound server
/// is a mixer, too (ALSA's `ctl pulse`).
@Suite(.ownThread, .serialized) struct `The microphone's commands` {
    private static let off = ["transcription.enabled=no"]

    private func box(_ samples: [Int16]) throws -> Box {
        let box = try Box()
        try box.startMicrophone(samples)
        let file = try FileHandle(forUpdating: URL(filePath: box.directory + "/mic/asound.conf"))
        try file.seekToEnd()
        let server = "server \"unix:\(box.directory)/mic/pulse.sock\""
        try file.write(contentsOf: Data("ctl.lesson { type pulse \(server) source \"classroom.monitor\" }\n".utf8))
        try box.writeConfiguration(device: "lesson", token: "", authority: "")
        return box
    }

    private func environment(_ box: Box) -> [String] {
        ["/usr/bin/env", "ALSA_CONFIG_PATH=\(box.directory)/mic/asound.conf", "XDG_RUNTIME_DIR=\(box.directory)/mic"]
    }

    private func run(_ box: Box, _ arguments: String...) throws -> (code: Int32, output: String) {
        let more = ["--config", box.configurationFile, "--set", "transcription.enabled=no"]
        return try Child.run(environment(box) + [Box.binary] + arguments + more, checked: false)
    }

    private func mixer(_ box: Box, _ arguments: String...) throws {
        _ = try Child.run(environment(box) + ["/usr/bin/amixer", "-q", "-D", "lesson", "sset", "Capture"] + arguments)
    }

    private func problem(_ box: Box) throws -> String? {
        (try box.status()["microphone"] as? [String: Any])?["problem"] as? String
    }

    private static let tone: [Int16] = (0..<960_000).map { (place: Int) -> Int16 in
        let tone: Double = 8_000 * sin(Double(place) * 0.172_787_6)
        let noise: Int = place * 7_919 % 401 - 200
        return Int16(tone) + Int16(noise)
    }

    /// As speech has it: sound, and a pause with little noise.
    private static let sine: [Int16] = tone.enumerated().map { place, sample in
        place % 16_000 < 12_000 ? sample : Int16(place * 7_919 % 401 - 200)
    }

    @Test func `a muted capture switch is told by light's reasons, and mended by a volume`() async throws {
        let box = try box(Self.sine)
        try mixer(box, "40%", "nocap")
        try box.startDaemon(device: "lesson", overrides: Self.off)
        #expect(try box.chalkbox("start").code == 0)
        try box.wait("the muted switch") { _ in (try? self.problem(box))?.hasPrefix("muted: ") == true }
        #expect(box.log.contains("<4>mixer elements=\"Capture 40% off\" reason=\"muted: the card's capture switch"))
        #expect(try run(box, "status").output.contains("; muted: "))
        #expect(try run(box, "doctor", "--leave-microphone").output.contains("WRONG  microphone: lesson: muted: "))
        let test = try run(box, "microphone", "test", "--seconds", "1")
        #expect(test.code == 1 && test.output.contains("WRONG  device: muted: "), "\(test.output)")
        #expect(try box.chalkbox("stop").code == 0)
        #expect(box.daemon?.end() == 0)

        try box.restartDaemon(device: "lesson", overrides: Self.off + ["audio.capture_volume=70%"])
        #expect(try box.chalkbox("start").code == 0)
        try box.waitForSamples(1_600, seconds: 20)
        #expect(box.log.contains("<6>mixer elements=\"Capture 70% on\"\n"), "\(box.log)")
        #expect(try problem(box) == nil)
        // As udev does with a card that was just plugged in, when the microphone is open already.
        try mixer(box, "10%", "nocap")
        let again = "<4>mixer elements=\"Capture 70% on\" reason=\"somebody else had set it to Capture 10% off\"\n"
        try Box.wait("the mixer to be set again", seconds: 10) { box.log.contains(again) }
        #expect(try problem(box) == nil)
        #expect(try box.chalkbox("stop").code == 0)
        try await box.stop()
    }

    private func listener(_ box: Box, _ path: String) throws -> Child {
        let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600), null = open("/dev/null", O_WRONLY | O_CLOEXEC)
        defer {
            close(file)
            close(null)
        }
        let arguments = ["microphone", "listen", "--config", box.configurationFile]
        return try Child(environment(box) + [Box.binary] + arguments, output: file, error: null)
    }

    /// The samples behind the header of a WAV file without an end.
    private func samples(_ path: String) throws -> [Int16] {
        let bytes = try Data(contentsOf: URL(filePath: path))
        guard bytes.count >= 44 else { return [] }
        #expect(bytes.prefix(4) == Data("RIFF".utf8) && bytes[36..<40] == Data("data".utf8))
        #expect(bytes[24..<28] == Data([0x80, 0x3E, 0, 0]) && bytes[40..<44] == Data([255, 255, 255, 255]))
        return stride(from: 44, to: bytes.count - 1, by: 2).map {
            Int16(truncatingIfNeeded: Int(bytes[$0]) | Int(bytes[$0 + 1]) << 8)
        }
    }

    @Test func `what it listens to in a lesson are the lesson's own samples`() async throws {
        let box = try box(Self.sine)
        try box.startDaemon(device: "lesson", overrides: Self.off)
        #expect(try box.chalkbox("start").code == 0)
        try box.waitForSamples(1_600, seconds: 20)
        let path = box.directory + "/heard.wav"
        let listener = try listener(box, path)
        try Box.wait("2 s of sound", seconds: 20) { ((try? samples(path)) ?? []).count > 32_000 }
        let test = try run(box, "microphone", "test", "--seconds", "2")
        #expect(test.code == 0 && test.output.contains("fine   level: peak -12 dBFS"), "\(test.output)")
        listener.end(seconds: 5)
        #expect(try box.chalkbox("stop").code == 0)
        let heard = try samples(path), recorded = try box.recordedSamples()
        let place = try #require(recorded.indices.first { recorded[$0...].starts(with: heard.prefix(400)) })
        #expect(heard.count > 32_000 && recorded[place...].starts(with: heard))
        try await box.stop()
    }

    @Test func `without a lesson it opens the device, and a lesson that begins takes it`() async throws {
        let box = try box(Self.sine)
        // No recorder at all.
        let test = try run(box, "microphone", "test", "--seconds", "1")
        #expect(test.code == 0 && test.output.contains("all fine"), "\(test.output)")
        try box.startDaemon(device: "lesson", overrides: Self.off)
        let path = box.directory + "/heard.wav"
        let listener = try listener(box, path)
        func heard() -> Int { (try? samples(path).count) ?? 0 }
        try Box.wait("sound", seconds: 20) { heard() > 8_000 }
        #expect(try box.chalkbox("start").code == 0)
        try box.waitForSamples(16_000, seconds: 20)
        let before = heard()
        try Box.wait("the lesson's sound", seconds: 20) { heard() > before + 16_000 }
        #expect(try box.chalkbox("stop").code == 0)
        // And back.
        let lesson = heard()
        try Box.wait("the device's sound", seconds: 20) { heard() > lesson + 16_000 }
        #expect(listener.end(seconds: 5) == 128 + SIGTERM)
        try await box.stop()
    }

    @Test func `a reader that goes ends it within a second`() async throws {
        let box = try box(Self.sine)
        let start = Date()
        let command = "\"$0\" microphone listen --config \"$1\" | head -c 20000 | wc -c"
        let result = try Child.run(environment(box) + ["/bin/sh", "-c", command, Box.binary, box.configurationFile])
        #expect(result.output.contains("20000"))
        #expect(Date().timeIntervalSince(start) < 10)
        try await box.stop()
    }

    @Test func `who reads too slowly is told, and the lesson goes on`() async throws {
        let box = try box(Self.sine)
        // Unpaced: a minute of sound passes at once.
        try box.startDaemon(device: "null", overrides: Self.off)
        #expect(try box.chalkbox("start").code == 0)
        try box.waitForSamples(1_600, seconds: 20)
        let result = try Child.run(
            environment(box) + [
                "/bin/sh", "-c", "{ \"$0\" microphone listen --config \"$1\"; echo \"code $?\" >&2; } 2>&1 >/dev/null",
                Box.binary, box.configurationFile,
            ])
        #expect(result.output.contains("read too slowly") && result.output.contains("code 1"), "\(result.output)")
        #expect(try box.chalkbox("stop").code == 0)
        try await box.stop()
    }

    @Test func `the fallback is used while the first is away, until the next lesson`() async throws {
        let box = try box(Self.sine)
        let file = try FileHandle(forUpdating: URL(filePath: box.directory + "/mic/asound.conf"))
        try file.seekToEnd()
        // A file that is not there cannot be opened.
        let infile = "infile \"\(box.directory)/first\""
        let first = "type file slave.pcm \"classroom\" file \"/dev/null\" format \"raw\" \(infile)"
        try file.write(contentsOf: Data("pcm.first { \(first) }\n".utf8))
        try box.startDaemon(device: "first", overrides: Self.off + ["audio.fallback_device=lesson"])
        func microphone() throws -> [String: Any] { try box.status()["microphone"] as? [String: Any] ?? [:] }
        #expect(try box.chalkbox("start").code == 0)
        try box.waitForSamples(1_600, seconds: 20)
        #expect(try microphone()["device"] as? String == "lesson")
        #expect((try microphone()["note"] as? String)?.hasPrefix("it is the fallback: cannot open") == true)
        let told = "<4>microphone state=fallback device=lesson reason=\"cannot open the microphone first"
        #expect(box.log.contains(told), "\(box.log)")
        #expect(try box.chalkbox("stop").code == 0)
        try Data(count: 32_000).write(to: URL(filePath: box.directory + "/first"))
        #expect(try box.chalkbox("start").code == 0)
        try box.waitForSamples(1_600, seconds: 20)
        #expect(try microphone()["device"] as? String == "first")
        #expect(box.log.contains("microphone state=first device=first\n"))
        #expect(try box.chalkbox("stop").code == 0)
        try await box.stop()
    }

    private func standby(_ box: Box) throws -> String? {
        (try box.status()["microphone"] as? [String: Any])?["standby"] as? String
    }

    @Test func `what was heard before START begins the lesson, and the light tells that it listens`() async throws {
        let box = try box(Self.tone)
        try box.startDaemon(device: "lesson", overrides: Self.off + ["audio.pre_roll_seconds=2"])
        func kept() throws -> Int {
            (try box.status()["microphone"] as? [String: Any])?["preRollMs"] as? Int ?? 0
        }
        try box.wait("2 s of pre-roll") { _ in (try? kept()) == 2_000 }
        #expect(try standby(box) == "open")
        let waiting = try box.status()
        #expect((waiting["led"] as? [String: String])?["green"] == "flash")
        #expect(waiting["recording"] is NSNull)
        #expect(try run(box, "status").output.contains("it listens: the newest 2 s begin the next lesson"))
        #expect(try run(box, "doctor", "--leave-microphone").output.contains("fine   microphone: lesson, it stands by"))
        let pressed = Date()
        #expect(try box.chalkbox("start").code == 0)
        try box.waitForSamples(40_000, seconds: 20)
        #expect(try standby(box) == "off")
        let log = box.log
        #expect(log.contains(" pre_roll_ms=2000"), "\(log)")
        #expect(try box.chalkbox("stop").code == 0)
        let lasted = Date().timeIntervalSince(pressed)
        let recorded = try box.recordedSamples()
        #expect(Double(recorded.count) / 16_000 > 1.9 + lasted - 1 && Double(recorded.count) / 16_000 < 2.2 + lasted)
        // One tone from the first sample on: it has no quiet beginning, and no seam.
        let loud = stride(from: 0, to: recorded.count - 800, by: 800).map { place in
            recorded[place..<place + 800].map { abs(Int($0)) }.max() ?? 0
        }
        #expect(loud.allSatisfy { $0 > 7_000 }, "\(loud)")
        let recordings = try run(box, "recordings", "--json")
        let list = try JSONSerialization.jsonObject(with: Data(recordings.output.utf8)) as? [[String: Any]] ?? []
        let format = ISO8601DateFormatter()
        format.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
        let started = try #require((list.first?["startedAt"] as? String).flatMap { format.date(from: $0) })
        #expect(abs(started.timeIntervalSince(pressed) + 2) < 1, "the first sample's time: \(started), \(pressed)")
        try await box.stop()
    }

    @Test func `standing by it opens nothing at START, and leaves the device to a command`() async throws {
        let box = try box(Self.sine)
        try box.startDaemon(device: "lesson", overrides: Self.off + ["audio.standby=yes"])
        try box.wait("standby") { _ in (try? standby(box)) == "open" }
        #expect((try box.status()["led"] as? [String: String])?["green"] == "off", "nothing is kept")
        let test = try run(box, "microphone", "test", "--seconds", "1")
        #expect(test.code == 0 && test.output.contains("all fine"), "\(test.output)")
        #expect(box.log.contains("standby state=off\n"))
        try box.wait("standby again") { _ in (try? standby(box)) == "open" }
        #expect(try box.chalkbox("start").code == 0)
        try box.waitForSamples(1_600, seconds: 20)
        #expect(try box.chalkbox("stop").code == 0)
        try box.wait("standby after the lesson") { _ in (try? standby(box)) == "open" }
        try await box.stop()
    }

    @Test func `one that should stand by and is away is told by light, status, doctor and test`() async throws {
        let box = try box([])
        let overrides = Self.off + ["audio.standby=yes", "audio.device=nowhere"]
        try box.startDaemon(device: "nowhere", overrides: overrides)
        try box.wait("the missing microphone") { _ in (try? standby(box)) == "away" }
        #expect(try problem(box)?.hasPrefix("cannot open the microphone nowhere: ") == true)
        try box.wait("the light") { ($0["led"] as? [String: String])?["amber"] == "slow-pulse" }
        #expect(try run(box, "status").output.contains("standby    cannot open the microphone nowhere: "))
        let doctor = try run(box, "doctor", "--leave-microphone").output
        #expect(doctor.contains("WRONG  microphone: lesson: cannot open the microphone nowhere: "), "\(doctor)")
        #expect(box.log.contains("standby state=away reason=\"cannot open the microphone nowhere"))
        // A lesson is silence then, which says nothing of the microphone.
        #expect(try box.chalkbox("start").code == 0)
        try box.waitForSamples(16_000, seconds: 20)
        let test = try run(box, "microphone", "test", "--seconds", "1")
        #expect(test.code == 1 && test.output.contains("cannot open the microphone nowhere"), "\(test.output)")
        #expect(try box.chalkbox("stop").code == 0)
        try await box.stop()
    }

    @Test func `the list names what is configured, with what it can do`() async throws {
        let box = try box([])
        let list = try run(box, "microphone", "list")
        #expect(list.output.contains("* lesson\n"), "\(list.output)")
        #expect(list.output.contains("16000") && list.output.contains("S16_LE"), "\(list.output)")
        try await box.stop()
    }

    @Test(arguments: [["microphone"], ["microphone", "sing"], ["microphone", "test", "--seconds", "0"]])
    func `what it does not know is wrong usage`(_ words: [String]) throws {
        #expect(try Box.run(Box.binary, words, checked: false).code == 2)
    }
}
