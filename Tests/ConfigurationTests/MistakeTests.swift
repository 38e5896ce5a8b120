import Configuration
import Foundation
import RecorderCore
import Testing

@Suite struct `A configuration with mistakes` {
    func read(_ text: String, _ overrides: [String] = [], defaults: String = "") -> ConfigurationReading {
        ConfigurationFile.read(
            text: Array(text.utf8), file: "chalkbox.conf", defaults: (Array(defaults.utf8), "defaults.conf"),
            overrides: overrides)
    }

    @Test func `what is wrong has its default, what is right counts`() {
        let reading = read(
            """
            [box]
            name = room-12
            reserve_mb = lots
            state_directory = relative
            [audio]
            device = hw:1
            devise = hw:2
            [reconect]
            attempts = 3
            [transcription]
            token_url = https://school.example/token
            language_hints = e
            catch_up_rate = 9
            """)
        let (settings, standard) = (reading.settings, ConfigurationFile.standard)
        #expect(settings.box.name == "room-12")
        #expect(settings.audio.device == "hw:1")
        #expect(settings.box.reserveMegabytes == standard.box.reserveMegabytes)
        #expect(settings.box.stateDirectory == "/var/lib/chalkbox")
        #expect(settings.reconnect == standard.reconnect)
        #expect(settings.transcription.languageHints == ["en", "ar"])
        #expect(settings.transcription.catchUpRate == 1.5)
        #expect(reading.problems.count == 6)
        #expect(reading.transcriptionProblem == nil)
    }

    @Test func `an override that is wrong leaves what the file says`() {
        let reading = read("[box]\nreserve_mb = 64\n", ["box.reserve_mb=lots", "transcription.enabled=no"])
        #expect(reading.settings.box.reserveMegabytes == 64)
        #expect(reading.problems.map(\.key) == ["box.reserve_mb"])
    }

    /// A PC's image: the recorder's own default would take lines of its chip that belong to something else.
    private static let pc = "[audio]\ndevice = hw:2\n[panel]\ndriver = none\nred_line = LED_RED\namber_line =\n"

    @Test(arguments: [
        "", "[panel]\n", "[panel]\ndriver = gipo\nred_line = gpiochip0:b\n[audio]\ndevice =\n",
        "[panel]\ndriver =\nred_line =\n", "\u{7F}ELF\u{1}",
    ])
    func `what the file does not say is as the board has it`(text: String) {
        let reading = read(text, defaults: Self.pc)
        #expect(reading.settings.audio.device == "hw:2")
        #expect(reading.settings.panel.driver == .none)
        #expect(reading.settings.panel.redLine == "LED_RED")
        #expect(reading.settings.panel.greenLine == ConfigurationFile.standard.panel.greenLine)
        #expect(reading.problems.allSatisfy { $0.file == "chalkbox.conf" })
    }

    @Test func `what the file says counts more than the board's`() {
        let reading = read("[panel]\ndriver = gpio\nred_line = other:3\n", defaults: Self.pc)
        #expect(reading.settings.panel.driver == .gpio)
        #expect(reading.settings.panel.redLine == "other:3")
        #expect(reading.problems.map(\.key) == ["transcription.token_url"])
    }

    @Test func `a mistake in the board's defaults is told by its own name and counts for nothing`() {
        let reading = read(
            "[panel]\ndriver =\n", ["transcription.enabled=no"], defaults: "[panel]\ndriver = gipo\n")
        #expect(reading.settings.panel.driver == .gpio)
        #expect(reading.problems.count == 1)
        #expect(reading.problems.first?.text.hasPrefix("defaults.conf:2: panel.driver") == true)
    }

    @Test(arguments: [
        "", "[transcription]\ntoken_url = http://school.example/t\n",
        "[transcription]\ntoken_ulr = https://s.example/t\n",
        "[transcription]\ntoken_url = https://s.example/t\nenabled = on please\n",
        "[transcription]\ntoken_url = https://s.example/t\nwebsocket_url = https://s.example/ws\n",
    ])
    func `where the audio may go is not guessed`(text: String) throws {
        let problem = try #require(read(text).transcriptionProblem)
        #expect(problem.hasPrefix("chalkbox.conf") && problem.contains("transcription."))
    }

    @Test func `the mistake that keeps it from transcribing is told behind any number of others`() {
        let reading = read(
            "[audio]\n" + (0..<100).map { "key\($0) = 1\n" }.joined() + "[transcription]\nenabled = perhaps\n")
        #expect(reading.problems.count == Limits.configurationProblems)
        #expect(reading.furtherProblems == 102 - Limits.configurationProblems)
        #expect(reading.mistakes.last == "and \(reading.furtherProblems) more")
        #expect(reading.transcriptionProblem?.contains("transcription.enabled") == true)
    }

    @Test func `a file that is nothing but mistakes is read in no time`() {
        let text = (0..<60_000).map { "k\($0)=\n" }.joined()
        let began = Date()
        let reading = read(text)
        #expect(Date().timeIntervalSince(began) < 5)
        #expect(reading.problems.contains { $0.message.contains("more than \(Limits.configurationLines) lines") })
    }

    @Test(arguments: [[0xFF, 0xFE], [0xFE, 0xFF]] as [[UInt8]])
    func `UTF-16 is named as such`(mark: [UInt8]) {
        let text = mark + "[box]\n".utf8.flatMap { [$0, 0] }
        let reading = ConfigurationFile.read(text: text, file: "c")
        #expect(reading.problems.first?.text == "c:1: the file is UTF-16 text; save it as UTF-8")
    }

    @Test func `a secret in the place of a file's name or in an address is not told`() {
        let text = """
            [transcription]
            token_url = http://user:s3cret@school.example/?key=s3cret
            token_bearer_file = s3cret
            [upload]
            url = https://school.example/files?token=s3cret
            bearer_file = /etc/chalkbox/s3cret
            bucket = lessons
            [tls]
            ca_file = /boot/ca.pem
            """
        #expect(read(text).mistakes.count == 2)
        let pasted = read("[upload]\nbearer_file =\nAbCd123==\n").mistakes[0]
        #expect(pasted.hasPrefix("chalkbox.conf:3: upload: unknown key"))
        #expect(!read(text).mistakes.joined().contains("s3cret"))
        let shown = ConfigurationFile.withoutSecrets(text: Array((text + "\n# s3cret\ns3cret = 1\n").utf8))
        let settings = "upload.url = (set)\nupload.bearer_file = (set)\nupload.bucket = lessons\n"
        #expect(shown == settings + "tls.ca_file = /boot/ca.pem\n")
    }

    @Test func `a certificate without its key is not used`() {
        let upload = read("[upload]\ncertificate_file = /etc/chalkbox/box.pem\n").settings.upload
        #expect(upload.certificateFile.isEmpty && upload.keyFile.isEmpty)
    }
}
