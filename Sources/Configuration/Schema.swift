internal import RecorderCore

/// One key: its default, what it accepts, and how a text becomes its value. Parsing, `config check`, the suggestions
/// and the tests of the example file all read this one table.
struct SchemaKey: Sendable {
    /// How a text is refused: what is accepted, in words.
    typealias Apply = @Sendable (inout Settings, String) -> String?

    let section: String
    let name: String
    let standard: String
    let apply: Apply

    var path: String { section + "." + name }

    /// An address can hold a key, and who takes a file's name for its content gives a secret: not to be told. An
    /// authority's certificates and a class's vocabulary are none.
    var mayHoldSecret: Bool {
        let kind = name.parts(separatedBy: "_").last
        return kind == "url" || kind == "file" && name != "ca_file" && name != "terms_file"
    }

    init(_ section: String, _ name: String, _ standard: String, _ apply: @escaping Apply) {
        self.section = section
        self.name = name
        self.standard = standard
        self.apply = apply
    }
}

enum Schema {
    static let keys = box + audio + transcription + service + reconnect + upload + panel + rest

    static func key(_ section: String, _ name: String) -> SchemaKey? {
        keys.first { $0.section == section && $0.name == name }
    }

    /// Whether it looks like a key's: a secret on a line of its own, which often ends with `=`, is not to be told.
    static func isName(_ name: String) -> Bool {
        name.utf8.count <= 40 && name.isEvery { $0 == 0x5F || (0x61...0x7A).contains($0) }
    }

    /// A mistake here says nothing about where the audio may go: none is sent before it is mended
    /// (decision mistake-costs-its-setting).
    static let barringTranscription = [
        "transcription.enabled", "transcription.token_url", "transcription.websocket_url",
    ]

    static var sections: [String] {
        var names: [String] = []
        for key in keys where !names.contains(key.section) { names.append(key.section) }
        return names
    }

    private static let box = [
        SchemaKey("box", "name", "") { $0.box.name = $1; return Check.printable($1, limit: 64) },
        SchemaKey("box", "state_directory", "/var/lib/chalkbox") {
            $0.box.stateDirectory = $1
            return Check.path($1)
        },
        SchemaKey("box", "control_socket", "/run/chalkbox/control.sock") {
            $0.box.controlSocket = $1
            return Check.socketPath($1)
        },
        SchemaKey("box", "reserve_mb", "512") { Check.number($1, 0...1_000_000, &$0.box.reserveMegabytes) },
        SchemaKey("box", "resume_seconds", "120") { Check.number($1, 0...86_400, &$0.box.resumeSeconds) },
        SchemaKey("box", "keep_days", "30") { Check.number($1, 0...3_650, &$0.box.keepDays) },
    ]

    private static let audio = [
        SchemaKey("audio", "device", "plughw:CARD=Microphone") {
            $0.audio.device = $1
            return $1.isEmpty ? "an ALSA PCM name (`arecord -L` lists them)" : Check.printable($1, limit: 256)
        },
        SchemaKey("audio", "fallback_device", "") {
            $0.audio.fallbackDevice = $1
            return Check.printable($1, limit: 256)
        },
        SchemaKey("audio", "capture_volume", "") {
            $0.audio.captureVolume = CaptureVolume($1)
            return $1.isEmpty || $0.audio.captureVolume != nil ? nil : "0% to 100%, or dB such as -6 dB"
        },
        SchemaKey("audio", "rate", "16000") {
            $1 == "16000" ? nil : "16000 only: the speech service and the journal run at 16 kHz"
        },
        SchemaKey("audio", "channel", "mix") {
            Check.channel($1, &$0.audio.channel)
        },
        SchemaKey("audio", "standby", "no") { Check.flag($1, &$0.audio.standby) },
        SchemaKey("audio", "pre_roll_seconds", "0") { Check.number($1, 0...10, &$0.audio.preRollSeconds) },
        SchemaKey("audio", "level_warning_dbfs", "-55") { Check.number($1, -96 ... -10, &$0.audio.levelWarningDBFS) },
    ]

    private static let transcription = [
        SchemaKey("transcription", "token_url", "") {
            $0.transcription.tokenURL = $1
            return Check.url($1, "https", "http")
        },
        SchemaKey("transcription", "token_bearer_file", "") {
            $0.transcription.tokenBearerFile = $1
            return Check.optionalPath($1)
        },
        SchemaKey("transcription", "websocket_url", "") {
            $0.transcription.webSocketURL = $1
            return Check.url($1, "wss", "ws")
        },
        SchemaKey("transcription", "rest_url", "") {
            $0.transcription.restURL = $1
            return Check.url($1, "https", "http")
        },
        SchemaKey("transcription", "rest_bearer_file", "") {
            $0.transcription.restBearerFile = $1
            return Check.optionalPath($1)
        },
        SchemaKey("transcription", "rest_model", "stt-async-v6") {
            $0.transcription.restModel = $1
            return $1.isEmpty ? "a model's name" : Check.printable($1, limit: 64)
        },
        SchemaKey("transcription", "enabled", "yes") { Check.flag($1, &$0.transcription.enabled) },
    ]

    private static let service = [
        SchemaKey("transcription", "model", "stt-rt-v6") {
            $0.transcription.model = $1
            return $1.isEmpty ? "a model's name" : Check.printable($1, limit: 64)
        },
        SchemaKey("transcription", "language_hints", "en, ar") {
            Check.languages($1, &$0.transcription.languageHints)
        },
        SchemaKey("transcription", "language_hints_strict", "no") {
            Check.flag($1, &$0.transcription.languageHintsStrict)
        },
        SchemaKey("transcription", "terms_file", "") {
            $0.transcription.termsFile = $1
            return Check.optionalPath($1)
        },
        SchemaKey("transcription", "speaker_diarization", "yes") {
            Check.flag($1, &$0.transcription.speakerDiarization)
        },
        SchemaKey("transcription", "second_hearing", "yes") { Check.flag($1, &$0.transcription.secondHearing) },
        SchemaKey("transcription", "language_identification", "yes") {
            Check.flag($1, &$0.transcription.languageIdentification)
        },
        SchemaKey("transcription", "endpoint_detection", "no") {
            Check.flag($1, &$0.transcription.endpointDetection)
        },
        SchemaKey("transcription", "session_minutes", "55") {
            Check.fraction($1, tenths: 1...3_000, &$0.transcription.sessionMinutes)
        },
        SchemaKey("transcription", "catch_up_rate", "1.5") {
            Check.fraction($1, tenths: 10...40, &$0.transcription.catchUpRate)
        },
    ]

    private static let reconnect = [
        SchemaKey("reconnect", "attempts", "6") { Check.number($1, 1...20, &$0.reconnect.attempts) },
        SchemaKey("reconnect", "cap_seconds", "16") { Check.number($1, 1...300, &$0.reconnect.capSeconds) },
        SchemaKey("reconnect", "jitter_ms", "500") { Check.number($1, 0...10_000, &$0.reconnect.jitterMilliseconds) },
        SchemaKey("reconnect", "slow_probe_seconds", "60") {
            Check.number($1, 0...3_600, &$0.reconnect.slowProbeSeconds)
        },
        SchemaKey("reconnect", "on_503", "retry") {
            guard $1 == "retry" || $1 == "fail" else { return "retry, fail" }
            $0.reconnect.on503 = $1 == "retry" ? .retry : .fail
            return nil
        },
        SchemaKey("reconnect", "dead_after_ms", "3000") {
            Check.number($1, 1_000...60_000, &$0.reconnect.deadAfterMilliseconds)
        },
    ]

    private static let upload = [
        SchemaKey("upload", "url", "") { $0.upload.url = $1; return Check.url($1, "https", "http") },
        SchemaKey("upload", "manifest_url", "") { $0.upload.manifestURL = $1; return Check.url($1, "https", "http") },
        SchemaKey("upload", "bearer_file", "") { $0.upload.bearerFile = $1; return Check.optionalPath($1) },
        SchemaKey("upload", "bucket", "lessons") { $0.upload.bucket = $1; return Check.printable($1, limit: 64) },
        SchemaKey("upload", "certificate_file", "") {
            $0.upload.certificateFile = $1
            return Check.optionalPath($1)
        },
        SchemaKey("upload", "key_file", "") { $0.upload.keyFile = $1; return Check.optionalPath($1) },
        SchemaKey("upload", "chunk_mb", "6") { Check.number($1, 1...1_024, &$0.upload.chunkMegabytes) },
        SchemaKey("upload", "during_lesson", "no") { Check.flag($1, &$0.upload.duringLesson) },
        SchemaKey("upload", "limit_kbps", "0") {
            Check.number($1, 0...10_000_000, &$0.upload.limitKilobitsPerSecond)
        },
    ]

    private static let panel = [
        SchemaKey("panel", "driver", "gpio") {
            switch $1 {
            case "gpio": $0.panel.driver = .gpio
            case "socket": $0.panel.driver = .socket
            case "none": $0.panel.driver = .none
            default: return "gpio, socket, none"
            }
            return nil
        },
        SchemaKey("panel", "start_line", "gpiochip0:17") { $0.panel.startLine = $1; return Check.line($1) },
        SchemaKey("panel", "stop_line", "gpiochip0:27") { $0.panel.stopLine = $1; return Check.line($1) },
        SchemaKey("panel", "green_line", "gpiochip0:22") { $0.panel.greenLine = $1; return Check.line($1) },
        SchemaKey("panel", "amber_line", "") { $0.panel.amberLine = $1; return Check.line($1) },
        SchemaKey("panel", "red_line", "gpiochip0:23") { $0.panel.redLine = $1; return Check.line($1) },
        SchemaKey("panel", "active_low", "yes") { Check.flag($1, &$0.panel.activeLow) },
        SchemaKey("panel", "lamps_active_low", "no") { Check.flag($1, &$0.panel.lampsActiveLow) },
        SchemaKey("panel", "debounce_ms", "30") { Check.number($1, 1...1_000, &$0.panel.debounceMilliseconds) },
    ]

    private static let rest = [
        SchemaKey("tls", "ca_file", "") { $0.caFile = $1; return Check.optionalPath($1) },
        SchemaKey("log", "level", "info") {
            switch $1 {
            case "error": $0.logLevel = .error
            case "warning": $0.logLevel = .warning
            case "info": $0.logLevel = .info
            case "debug": $0.logLevel = .debug
            default: return "error, warning, info, debug"
            }
            return nil
        },
    ]
}
