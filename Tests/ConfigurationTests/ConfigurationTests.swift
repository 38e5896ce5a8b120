import Configuration
import Foundation
import RecorderCore
import Testing

@Suite struct `The configuration` {
    static let minimal = "[transcription]\ntoken_url = https://school.example/token\n"

    func load(_ text: String, _ overrides: [String] = []) -> ConfigurationFile.Result {
        ConfigurationFile.load(text: Array(text.utf8), file: "chalkbox.conf", overrides: overrides)
    }

    func problems(_ text: String, _ overrides: [String] = []) -> [String] {
        guard case .problems(let problems) = load(text, overrides) else { return [] }
        return problems.map(\.text)
    }

    func settings(_ text: String, _ overrides: [String] = []) throws -> Settings {
        switch load(text, overrides) {
        case .settings(let settings): return settings
        case .problems(let problems):
            throw Unaccepted(texts: problems.map(\.text))
        }
    }

    struct Unaccepted: Error { let texts: [String] }

    @Test func `the example gives every key, with its default`() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let example = try String(contentsOf: root.appending(path: "board/chalkbox.conf"), encoding: .utf8)
        let url = "https://school.example/api/soniox/token"
        #expect(try settings(example) == settings("", ["transcription.token_url=\(url)"]))
        for key in ConfigurationFile.keys {
            let name = key.path.split(separator: ".")[1]
            #expect(example.contains("\n\(name) ="), "\(key.path) is missing")
        }
    }

    @Test func `defaults are the documented ones`() throws {
        let settings = try settings(Self.minimal)
        #expect(settings.box.stateDirectory == "/var/lib/chalkbox")
        #expect(settings.box.reserveMegabytes == 512)
        #expect(settings.reconnect.attempts == 6)
        #expect(settings.reconnect.on503 == .retry)
        #expect(settings.transcription.languageHints == ["en", "ar"])
        #expect(settings.transcription.catchUpRate == 1.5)
        #expect(settings.panel.activeLow)
        #expect(!settings.panel.lampsActiveLow)
        #expect(settings.logLevel == .info)
    }

    @Test func `the upload's keys belong together`() throws {
        let upload = try settings(Self.minimal).upload
        #expect(upload.bucket == "lessons")
        #expect(upload.chunkMegabytes == 6)
        let manifest = Self.minimal + "[upload]\nmanifest_url = https://school.example/lessons\n"
        #expect(problems(manifest).first?.contains("upload.url: missing") == true)
        let certificate = Self.minimal + "[upload]\ncertificate_file = /etc/chalkbox/box.pem\n"
        #expect(problems(certificate).first?.contains("upload.key_file: missing") == true)
        let key = Self.minimal + "[upload]\nkey_file = /etc/chalkbox/box.key\n"
        #expect(problems(key).first?.contains("upload.certificate_file: missing") == true)
    }

    @Test func `lamps have a polarity of their own`() throws {
        let panel = try settings(Self.minimal + "[panel]\nactive_low = no\nlamps_active_low = yes\n").panel
        #expect(!panel.activeLow)
        #expect(panel.lampsActiveLow)
        let found = problems(Self.minimal + "[panel]\nlamps_active_low = low\n")
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("chalkbox.conf:4: panel.lamps_active_low: ") == true)
    }

    @Test func `byte order mark, CRLF, indentation and comments are tolerated`() throws {
        let text = "\u{FEFF}[box]\r\n  name = room-12 # by the door\r\n; comment\r\n\treserve_mb=64\r\n"
            + "[transcription]\r\ntoken_url = https://s.example/x ; comment\r\nmodel = a#b # comment\r\n"
        let settings = try settings(text)
        #expect(settings.box.name == "room-12")
        #expect(settings.box.reserveMegabytes == 64)
        #expect(settings.transcription.tokenURL == "https://s.example/x")
        #expect(settings.transcription.model == "a#b")
    }

    @Test func `an unknown key names its line and the nearest key`() {
        let found = problems(Self.minimal + "[audio]\ndevise = hw:0\n")
        #expect(found == ["chalkbox.conf:4: audio.devise: unknown key; did you mean audio.device?"])
    }

    @Test func `an unknown section is named once and its keys are passed over`() {
        let found = problems("[reconect]\nattempts = 3\n" + Self.minimal)
        #expect(found == ["chalkbox.conf:1: unknown section [reconect]; did you mean reconnect?"])
    }

    @Test func `every mistake is told, each with what is accepted`() {
        let found = problems(
            """
            stray = 1
            [box]
            reserve_mb = lots
            state_directory = relative
            [audio]
            rate = 44100
            [transcription]
            token_url = http://school.example/token
            enabled = maybe
            catch_up_rate = 0.2
            language_hints = e
            [reconnect]
            attempts = 0
            attempts = 6
            on_503 = panic
            [panel]
            driver = usb
            start_line = :17
            this is no entry
            [log
            """)
        let lines = [1, 3, 4, 6, 8, 9, 10, 11, 13, 14, 15, 17, 18, 19, 20]
        #expect(found.count == lines.count)
        for line in lines {
            #expect(found.contains { $0.hasPrefix("chalkbox.conf:\(line): ") }, "line \(line): \(found)")
        }
        let range = "`0` is not accepted; accepted: a whole number from 1 to 20"
        #expect(found.contains("chalkbox.conf:13: reconnect.attempts: " + range))
        #expect(found.contains("chalkbox.conf:14: reconnect.attempts: given twice: line 13 has it already"))
    }

    @Test func `plain schemes are for loopback only`() throws {
        for host in ["127.0.0.1:80", "localhost:1", "[::1]:9", "127.9.9.9"] {
            #expect(try settings("", ["transcription.token_url=http://\(host)/t"]).transcription.enabled)
        }
        for host in ["school.example", "127.0.0.1.evil.example", "10.0.0.1", "", "[fe80::1]"] {
            #expect(!problems("", ["transcription.token_url=http://\(host)/t"]).isEmpty, "\(host)")
        }
    }

    /// As what connects does: the same functions.
    @Test(arguments: [
        "https://u:p@school.example/", "https://school.example:99999/", "https://school.example:0/",
        "https://[::1]/", "https://school.example/#x", "https://school.example:/", "https://school.example:x/",
        "https://-:80:80/", "https://a/ b", "https://1.2.3/", "wss://school.example/",
    ])
    func `an address that START would refuse is a mistake`(url: String) throws {
        #expect(throws: UplinkFailure.self) { try Endpoint(url, name: "x", secure: "https", plain: "http") }
        for key in ["transcription.token_url", "transcription.rest_url", "upload.url"] {
            let found = problems(Self.minimal, ["\(key)=\(url)"])
            #expect(found.count == 1 && found[0].contains("what is given is not accepted"), "\(key): \(found)")
            #expect(!found.joined().contains("u:p"))
        }
        #expect(try settings("", ["transcription.token_url=HTTPS://School.example:8443/a?b=c"]).transcription.enabled)
    }

    @Test(arguments: [
        "gpiochip0:65536", "gpiochip:3", "gpiochip0:017", ":17", "a/b", String(repeating: "n", count: 32),
    ])
    func `a line that the panel would refuse is a mistake`(line: String) {
        #expect(LineName(line) == nil)
        #expect(problems(Self.minimal, ["panel.red_line=\(line)"]).count == 1)
    }

    @Test func `a lamp on another's line is not used`() throws {
        let one = try settings(Self.minimal, ["panel.stop_line=gpiochip0:17"]).panel
        #expect(one.stopLine == one.startLine, "one button for both is none")
        for (key, value) in [("green", "gpiochip0:17"), ("amber", "gpiochip0:22"), ("red", "gpiochip0:22")] {
            let reading = ConfigurationFile.read(
                text: Array(Self.minimal.utf8), file: "c", overrides: ["panel.\(key)_line=\(value)"])
            #expect(reading.problems.map(\.key) == ["panel.\(key)_line"])
            let lines = [reading.settings.panel.greenLine, reading.settings.panel.amberLine,
                reading.settings.panel.redLine]
            #expect(lines[["green": 0, "amber": 1, "red": 2][key] ?? 0].isEmpty)
            #expect(reading.settings.panel.startLine == "gpiochip0:17")
        }
        #expect(problems(Self.minimal, ["panel.red_line=gpiochip0:22", "panel.driver=none"]).isEmpty)
    }

    @Test func `languages are codes`() throws {
        for hints in ["en", "en, ar", "EN,ar", "zh-Hans", "pt-BR,fil", ""] {
            #expect(problems(Self.minimal, ["transcription.language_hints=\(hints)"]).isEmpty, "\(hints)")
        }
        for hints in ["english", "e", "en ar", "en,,x", "e1", "en_US", "-", "en,\u{1B}", "engl-US"] {
            let found = problems(Self.minimal, ["transcription.language_hints=\(hints)"])
            #expect(found.count == 1 && found[0].contains("en for English"), "\(hints)")
        }
    }

    @Test func `a channel is a word or a number`() throws {
        for (text, channel) in [("mix", ChannelSelection.mix), ("left", .one(1)), ("right", .one(2)), ("8", .one(8))] {
            #expect(try settings(Self.minimal, ["audio.channel=\(text)"]).audio.channel == channel)
        }
        for text in ["0", "9", "-1", "both", "Left"] {
            #expect(problems(Self.minimal, ["audio.channel=\(text)"]).count == 1)
        }
    }

    @Test func `a level that all speech is below is none`() {
        for level in ["-96", "-55", "-10"] {
            #expect(problems(Self.minimal, ["audio.level_warning_dbfs=\(level)"]).isEmpty)
        }
        for level in ["-9", "0", "-97"] {
            #expect(problems(Self.minimal, ["audio.level_warning_dbfs=\(level)"]).count == 1)
        }
    }

    @Test func `over-long lines and binary rubbish are refused with their line`() {
        let long = Self.minimal + "[box]\nname = " + String(repeating: "x", count: 400) + "\n"
        #expect(problems(long).contains { $0.hasPrefix("chalkbox.conf:4: the line is longer") })
        let rubbish = Array(Self.minimal.utf8) + [0xFF, 0x00, 0x80, 0x0A]
        guard case .problems(let found) = ConfigurationFile.load(text: rubbish, file: "c") else {
            Issue.record("accepted")
            return
        }
        #expect(found.map(\.text) == ["c:3: the line is not UTF-8 text"])
    }

    @Test func `transcription without a token endpoint says what to do`() {
        #expect(problems("").contains { $0.contains("transcription.enabled = no to record only") })
        #expect(problems("[transcription]\nenabled = no\n").isEmpty)
    }

    @Test func `--set comes last and is checked alike`() throws {
        let file = Self.minimal + "[reconnect]\nattempts = 3\n"
        #expect(try settings(file, ["reconnect.attempts=4"]).reconnect.attempts == 4)
        #expect(problems(Self.minimal, ["reconnect"]) == ["--set: reconnect is not section.key=value"])
        #expect(problems(Self.minimal, ["reconnect.atempts=1"]).first?.contains("did you mean") == true)
    }

    @Test func `random bytes never crash it`() {
        var random = RandomSource(seed: 77)
        let alphabet = Array("[]=#;: \n\r\tabox.name_\u{00}é".utf8) + [0xFF, 0xC0]
        for _ in 0..<2_000 {
            let text = (0..<Int(random.next(through: 300))).map { _ in
                alphabet[Int(random.next(through: Int64(alphabet.count - 1)))]
            }
            _ = ConfigurationFile.load(text: text, file: "c", overrides: [])
        }
    }
}
