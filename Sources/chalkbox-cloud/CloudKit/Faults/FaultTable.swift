/// Every fault's name, form and meaning: the command line, the control socket and the help come from here.
enum FaultTable {
    static let rows =
        connections + tokens + handshakes + endings + messages + transcript + uploads + manifests + rest + answers

    static let help: String = {
        let grammar = """
            NAME[=VALUE][@MS][*TIMES]: @MS is when, in milliseconds of a session's audio (default: its first frame); \
            *TIMES is how often in all, once a session at most (default: always). NAME=off takes a fault out, none \
            takes out all.
            """
        return ([grammar] + rows.map { "\($0.name)\($0.form): \($0.meaning)" }).joined(separator: "\n")
    }()

    private static let connections: [FaultRow] = [
        .flag("refuse", \.refuse, "new TCP connections are refused; the port stays taken"),
        .trigger("accept-reset", \.acceptReset, "a TCP connection is reset as soon as it is accepted"),
        blackHole,
        .number("slow", \.slowMilliseconds, 0...600_000, "MS", "everything sent leaves so much later, TLS included"),
    ]

    private static let tokens: [FaultRow] = [
        .trigger("token-status", \.tokenStatus, value: ("CODE", 400...599), "the token endpoint answers so"),
        .trigger("token-delay", \.tokenDelay, value: ("MS", 0...3_600_000), "the token endpoint answers so much later"),
        .trigger("token-hang", \.tokenHang, "the token endpoint never answers"),
        .number("retry-after", \.retryAfterSeconds, 0...86_400, "S", "Retry-After of an HTTP 429; 5 without this"),
        .flag("no-retry-after", \.noRetryAfter, "an HTTP 429 has no Retry-After"),
        .optional(
            "key-lifetime-ms", \.keyLifetimeMilliseconds, 0...86_400_000, "MS",
            "keys issued from now on live so long; a session whose key expires ends with error 403"),
        .flag("single-use-keys", \.singleUseKeys, "keys issued from now on open one session each"),
        .flag("other-region", \.otherRegion, "keys issued from now on belong to another region: they get 401 here"),
    ]

    private static let handshakes: [FaultRow] = [
        .trigger(
            "handshake-status", \.handshakeStatus, value: ("CODE", 400...599),
            "the WebSocket handshake is answered so"),
        .trigger(
            "handshake-delay", \.handshakeDelay, value: ("MS", 0...3_600_000),
            "the WebSocket handshake is answered so much later"),
        .flag(
            "refuse-at-handshake", \.refuseAtHandshake,
            "a bad key and the limits below answer the handshake with 401 or 429, not a message after it"),
        .optional("max-sessions", \.maximumSessions, 0...100_000, "N", "a session beyond N at a time gets error 429"),
        .optional(
            "max-requests-per-minute", \.maximumRequestsPerMinute, 0...100_000, "N",
            "a session beyond N begun within a minute gets error 429"),
        pacing,
        .optional(
            "max-session-ms", \.maximumSessionMilliseconds, 0...86_400_000, "MS",
            "a session ends after so long with error 413, max_duration_reached"),
        goneModel,
    ]

    private static let endings: [FaultRow] = [
        .trigger(
            "error-code", \.errorCode, value: ("CODE", 400...599), at: true, "a session ends with this service error"),
        errorType,
        .optional(
            "error-number", \.errorNumber, 0...599, "CODE", "all service errors of sessions carry this number instead"),
        .trigger("close", \.close, value: ("CODE", 1_000...4_999), at: true, "a session ends with a close frame"),
        .trigger("reset", \.reset, at: true, "a session's TCP connection is reset"),
        dropAfter,
        .trigger("cut", \.cut, at: true, "a session's TCP connection is closed without a close frame"),
        .trigger("half-close", \.halfClose, at: true, "the server shuts its sending side and reads on"),
        .trigger("stall", \.stall, at: true, "a session's connection becomes a black hole for good"),
        .trigger("freeze", \.freeze, at: true, "a session recognises nothing more; it answers pings and reads on"),
        .trigger(
            "pause", \.pause, value: ("MS", 1...600_000), at: true,
            "a session recognises nothing for so long, and then all of it"),
        .trigger(
            "leave-out", \.leaveOut, value: ("MS", 1...600_000), at: true,
            "a session never hears so much of its audio, 2 s of each 3, and counts as if there had been none"),
        .trigger("close-before-finished", \.closeBeforeFinished, "no finished message before the close"),
    ]

    private static let messages: [FaultRow] = [
        .trigger("malformed-json", \.malformedJSON, at: true, "a message of cut JSON"),
        .trigger("wrong-types", \.wrongTypes, at: true, "a message whose fields have the wrong types"),
        .trigger("huge-message", \.hugeMessage, at: true, "a message of 10 MB"),
        .trigger("binary-garbage", \.binaryGarbage, at: true, "a binary frame of random bytes"),
        .flag("unknown-fields", \.unknownFields, "answers and tokens carry fields nobody knows; harmless"),
        .flag("translations", \.translations, "each final token is followed by its translation"),
        .flag("first-untimed", \.firstUntimed, "each message's first token has no times"),
    ]

    private static let transcript: [FaultRow] = [
        .optional("duplicate-finals", \.duplicateFinals, 1...1_000, "N", "one final token in N comes again later"),
        lateFinals,
        .flag("permute-speakers", \.permuteSpeakers, "each session numbers the speakers in another way"),
        .flag("cut-words", \.cutWords, "a session that begins within a word begins with a wrong word"),
        .flag("split-tokens", \.splitTokens, "each half of a word becomes final on its own"),
        .flag(
            "han-words", \.hanWords,
            "words are three Chinese characters without spaces, in tokens of 1 to 3, each session in another way"),
        .flag(
            "spell-otherwise", \.spellOtherwise,
            "each session writes some words of a text lesson in another case and leaves out some punctuation"),
        .number("time-jitter-ms", \.timeJitterMilliseconds, 0...500, "MS", "each session shifts words up to so much"),
        .optional(
            "final-delay-ms", \.finalDelayMilliseconds, 0...60_000, "MS", "finals lag so far; 1000 without this"),
    ]

    // MARK: - Rows with a form of their own

    private static let blackHole = FaultRow(
        name: "black-hole", form: "[=all|existing|new]",
        meaning: "connections stay open, nothing is read nor written until it is off",
        set: { plan, argument throws(FaultArgumentError) in
            try argument.takes(value: true)
            guard let mode = BlackHole(rawValue: argument.value ?? "all") else {
                throw .badValue(argument.text, accepted: "all, existing or new")
            }
            plan.blackHole = mode
        },
        clear: { $0.blackHole = nil }, show: { plan in plan.blackHole.map { "black-hole=\($0.rawValue)" } })

    private static let pacing = FaultRow(
        name: "pacing", form: "=RATE[/BURST_MS]",
        meaning: "audio faster than RATE times real time, and BURST_MS (3000) beyond, ends with error 400",
        set: { plan, argument throws(FaultArgumentError) in
            try argument.takes(value: true)
            let parts = (argument.value ?? "").split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count <= 2, let rate = parts.first.flatMap({ Double($0) }), (0.1...1_000).contains(rate),
                let burst = parts.count == 2 ? Int(parts[1]) : 3_000, (0...3_600_000).contains(burst)
            else { throw .badValue(argument.text, accepted: "RATE or RATE/BURST_MS, such as 2/3000") }
            plan.pacing = PacingLimit(rate: rate, burstMilliseconds: burst)
        },
        clear: { $0.pacing = nil },
        show: { plan in plan.pacing.map { "pacing=\($0.rate)/\($0.burstMilliseconds)" } })

    private static let lateFinals = FaultRow(
        name: "late-finals", form: "=N[/M]",
        meaning: "one final token in M (1) comes N messages after final_audio_proc_ms has passed it",
        set: { plan, argument throws(FaultArgumentError) in
            try argument.takes(value: true)
            let numbers = (argument.value ?? "").split(separator: "/", omittingEmptySubsequences: false).map {
                Int($0) ?? 0
            }
            guard (1...2).contains(numbers.count), numbers.allSatisfy((1...10_000).contains) else {
                throw .badValue(argument.text, accepted: "N or N/M, such as 5/3")
            }
            plan.lateFinals = LateFinals(messages: numbers[0], oneIn: numbers.count == 2 ? numbers[1] : 1)
        },
        clear: { $0.lateFinals = nil },
        show: { plan in plan.lateFinals.map { "late-finals=\($0.messages)/\($0.oneIn)" } })

    /// The older name of `reset@MS*1`.
    private static let dropAfter = FaultRow(
        name: "drop-after-ms", form: "=MS", meaning: "short for reset@MS*1",
        set: { plan, argument throws(FaultArgumentError) in
            try argument.takes(value: true)
            plan.dropAfterMilliseconds = try argument.number(in: 0...86_400_000)
        },
        clear: { $0.reset = nil }, show: { _ in nil })
}
