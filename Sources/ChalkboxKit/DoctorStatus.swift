internal import Configuration
internal import LinuxRuntime
internal import RecorderCore
internal import WebTransport
internal import WireJSON

/// What the running recorder says of itself, and the secrets that it reads.
extension Doctor {
    static let isQuiet = "; very quiet: is it muted? `alsamixer`"

    /// - Returns: why there is no status; empty: there is.
    mutating func askRecorder(_ settings: Settings) -> String {
        do throws(SystemError) {
            let client = try ClientCommands.connect(settings)
            client.send { $0.field("do", "status") }
            let deadline = Clock.now.adding(milliseconds: Limits.doctorAnswerMilliseconds)
            status = client.answer(until: deadline) ?? .null
            return status.text("error")
        } catch {
            return error.message
        }
    }

    /// The configuration's as it is now, and as the recorder found it at its start.
    mutating func tellMistakes(_ mistakes: [String]) {
        for mistake in mistakes {
            report("configuration", fine: false, mistake + "; mend it, then `systemctl restart chalkbox`")
        }
        let further = status.list("mistakes").compactMap { $0.string }.filter { !mistakes.contains($0) }
        for mistake in further {
            report("recorder", fine: false, mistake + "; if it was mended: `systemctl restart chalkbox`")
        }
        if mistakes.isEmpty, further.isEmpty { report("configuration", fine: true, "no mistake") }
    }

    /// What the recorder says, or that it does not.
    mutating func tellRecorder(_ problem: String) {
        guard isRunning else {
            let next = "; no status: `systemctl status chalkbox`, `chalkbox logs`, `systemctl restart chalkbox`"
            report("recorder", fine: false, problem + next)
            return
        }
        checkLight()
        let last = status.text("finished.problem")
        if !last.isEmpty {
            let id = status.text("finished.id")
            report("lesson", fine: false, id + ": " + last + "; `chalkbox recordings verify " + id + "`")
        }
        checkSound()
        // Nobody has to mend these.
        for limit in status.list("limits") {
            let count = ", " + String(limit.number("count")) + " times: "
            Console.output("told   limit: " + limit.text("name") + count + limit.text("meaning") + "\n")
        }
    }

    /// What a class did not say, or said too softly, is nothing to mend; what the box did not get is.
    private mutating func checkSound() {
        guard let sound = StatusText.silent(status) else { return }
        guard status.number("finished.silenceMs") > 0 else { return Console.line("told   lesson: " + sound) }
        report("lesson", fine: false, sound + "; `chalkbox logs` says why")
    }

    var isRunning: Bool { !status.text("phase").isEmpty }

    /// What the light shows, and why.
    private mutating func checkLight() {
        var shown = ""
        for colour in ["green", "amber", "red"] {
            let pattern = status.text("led." + colour)
            if pattern != "off" { shown += colour + " " + pattern + ", " }
        }
        shown += "phase " + status.text("phase")
        let reason = status.text("reason")
        if !reason.isEmpty { shown += ": " + reason }
        let isFine = status.text("led.red") == "off"
        report("light", fine: isFine, isFine ? shown : shown + "; `chalkbox logs`, and what is WRONG here")
    }

    /// Empty: the recorder has nothing against it.
    func microphoneProblem() -> String {
        let reason = status.text("reason")
        if let problem = reason.remainder(after: "microphone: ") {
            return problem.remainder(after: status.text("microphone.device") + ": ") ?? problem
        }
        let fault = status.text("microphone.problem")
        if !fault.isEmpty { return fault }
        let level = status.text("microphone.level")
        if level == "quiet" { return level + Self.isQuiet }
        if level == "clipping" { return level + "; turn its gain down: `alsamixer`" }
        let lost = status.number("recording.lostMs")
        return lost > 0 ? String(lost) + " ms of this lesson were lost; `chalkbox logs`" : ""
    }

    /// The files that the recorder reads its secrets from, as it reads them.
    mutating func checkSecrets(_ settings: Settings) {
        if settings.transcription.enabled {
            check("transcription.token_bearer_file", settings.transcription.tokenBearerFile)
            let rest = settings.transcription.restURL.isEmpty ? "" : settings.transcription.restBearerFile
            check("transcription.rest_bearer_file", rest)
            checkTerms(settings.transcription.termsFile)
        }
        check("upload.bearer_file", settings.upload.url.isEmpty ? "" : settings.upload.bearerFile)
    }

    private mutating func checkTerms(_ path: String) {
        guard !path.isEmpty else { return }
        do throws(SystemError) {
            let terms = try TermsFile(path: path)
            let leftOut = terms.leftOut == 0 ? "" : "; \(terms.leftOut) " + Bound.terms.meaning
            report("terms", fine: leftOut.isEmpty, "\(terms.terms.count) in " + path + leftOut)
        } catch {
            report("terms", fine: false, "transcription.terms_file in " + file + ": " + error.message)
        }
    }

    @inline(never)
    private mutating func check(_ key: String, _ path: String) {
        guard !path.isEmpty else { return }
        var problem = ""
        do throws(SystemError) {
            var bytes = try FileSystem.readSecret(path, limitBytes: Limits.secretBytes)
            while let last = bytes.last, last == 0x0A || last == 0x0D { bytes.removeLast() }
            if bytes.isEmpty || bytes.contains(where: { $0 <= 0x20 || $0 == 0x7F }) {
                problem = path + " is empty, or has more in it than one line without spaces"
            }
        } catch {
            problem = error.message
        }
        guard !problem.isEmpty else { return report("secret", fine: true, key + ", " + path) }
        let next = "; the recorder's user has to own it, mode 0600: `ls -l "
        report("secret", fine: false, key + " in " + file + ": " + problem + next + path + "`")
    }
}
