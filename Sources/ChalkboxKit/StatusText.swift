internal import RecorderCore
internal import WireJSON

/// `status` for people.
enum StatusText {
    static func text(of status: JSONValue) -> String {
        var lines: [String] = []
        lines.append("phase      " + phase(status))
        if let reason = status["reason"]?.string {
            // Of a lesson that is live again it is what was.
            lines.append((status.text("phase") == "live" ? "last error " : "reason     ") + reason)
        }
        for mistake in status["mistakes"]?.array ?? [] { lines.append("mistake    " + (mistake.string ?? "")) }
        if let network = status["network"], !network.isNull { lines.append("network    " + describe(network: network)) }
        if let recording = status["recording"], !recording.isNull { lines += describe(recording) }
        if let sound = silent(status) { lines.append("finished   " + sound) }
        let lamps = ["green", "amber", "red"].map { $0 + " " + (status["led"]?[$0]?.string ?? "") }
        lines.append("lamps      " + lamps.joined(separator: ", "))
        if let problem = status["panel"]?["problem"]?.string { lines.append("panel      " + problem) }
        if let level = status["microphone"]?["peakDbfs"]?.double {
            lines.append("microphone peak \(Int(level.rounded())) dBFS" + warning(status["microphone"]))
        }
        if let standby = standby(status) { lines.append("standby    " + standby) }
        lines.append("disk       " + disk(status))
        if let text = status["transcribing"], !text.isNull { lines.append(describe(transcribing: text)) }
        if let outbox = status["outbox"], outbox["enabled"]?.bool == true { lines += describe(outbox: outbox, status) }
        return lines.map { $0.shown + "\n" }.joined(separator: "")
    }

    /// Of the lesson that ended last, until the next one begins; nil: nothing is wrong with its sound.
    static func silent(_ status: JSONValue) -> String? {
        let sound = status.text("finished.sound")
        // What is not saved as a whole is told as that.
        guard !sound.isEmpty, status.at("recording").isNull, status.text("finished.problem").isEmpty else { return nil }
        return status.text("finished.id") + ": saved, but " + sound
    }

    static func disk(_ status: JSONValue) -> String {
        DiskStatus.text(freeMB: status.number("disk.freeMB"), minutesLeft: status.number("disk.minutesLeft"))
    }

    private static func describe(transcribing: JSONValue) -> String {
        let gaps = transcribing.number("gaps")
        let length = Duration.clock(transcribing.number("gapsMs") / 1_000)
        let what = "text       \(transcribing.text("id")): \(gaps) gaps, \(length)"
        return transcribing["lastError"]?.string.map { what + "; last error: " + $0 } ?? what
    }

    private static func describe(outbox: JSONValue, _ status: JSONValue) -> [String] {
        let waiting = outbox.number("waiting")
        var line = "upload     "
        if let id = outbox["id"]?.string {
            let done = outbox.number("bytesDone") >> 10
            let all = outbox.number("bytes") >> 10
            line += "\(id): \(done) of \(all) KB, \(outbox.number("bytesPerSecond") >> 10) KB/s, "
        }
        line += waiting == 0 ? "nothing waits" : "\(waiting) waiting"
        if waiting > 0, status["network"]?["online"]?.bool == false { line += ", will upload when online" }
        var lines = [line]
        if let error = outbox["lastError"]?.string { lines.append("           last error: " + error) }
        for blocked in outbox["blocked"]?.array ?? [] {
            let id = blocked.text("id")
            lines.append("           blocked: \(id): \(blocked.text("reason"))")
        }
        return lines
    }

    private static func describe(network: JSONValue) -> String {
        guard network["online"]?.bool == true else {
            return "offline: " + (network["reason"]?.string ?? "no link is up")
        }
        let way = network.text("interface") + " " + network.text("address")
        return network["ssid"]?.string.map { way + ", WiFi " + $0 } ?? way
    }

    private static func warning(_ microphone: JSONValue?) -> String {
        if let problem = microphone?["problem"]?.string { return "; " + problem }
        switch microphone?["level"]?.string {
        case "quiet": return "; very quiet for a while: is it muted, or unplugged from its adapter?"
        case "clipping": return "; too loud: lower its volume, or move it away from the speaker"
        default: return microphone?["note"]?.string.map { "; " + $0 } ?? ""
        }
    }

    /// Nil: `audio.standby` is off, or a lesson has the microphone.
    private static func standby(_ status: JSONValue) -> String? {
        switch status.text("microphone.standby") {
        case "open":
            let seconds = (status.number("microphone.preRollMs") + 500) / 1_000
            return seconds > 0 ? "it listens: the newest \(seconds) s begin the next lesson" : "the microphone is open"
        case "away": return status.text("microphone.problem") + "; it is tried again every second"
        default: return nil
        }
    }

    private static func phase(_ status: JSONValue) -> String {
        let name = status["phase"]?.string ?? "unknown"
        guard name == "reconnecting" else { return name }
        return "Reconnecting (\(status.number("attempt"))/\(status.number("attempts")))"
    }

    private static func describe(_ recording: JSONValue) -> [String] {
        let label = recording.text("label")
        let seconds = recording.number("durationMs") / 1_000
        let covered = recording.number("coveredMs") / 1_000
        var lines = ["recording  \(recording.text("id"))" + (label.isEmpty ? "" : " (\(label))")]
        lines.append("since      \(recording.text("startedAt")), \(Duration.clock(seconds))")
        let words = recording.number("finalWords")
        let speakers = recording.number("speakers")
        lines.append("transcript \(words) words, \(speakers) speakers, \(Duration.clock(covered)) final")
        if let xruns = recording["xruns"]?.integer, xruns > 0 {
            lines.append("lost       \(recording.number("lostMs")) ms in \(xruns) overruns")
        }
        return lines
    }

    /// Durations as people write them.
    enum Duration {
        /// `1:05:09` or `5:09`.
        static func clock(_ seconds: Int64) -> String {
            let rest = two(seconds % 60)
            let minutes = seconds / 60
            return minutes < 60 ? "\(minutes):\(rest)" : "\(minutes / 60):\(two(minutes % 60)):\(rest)"
        }

        private static func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
    }
}
