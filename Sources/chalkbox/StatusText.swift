internal import WireJSON

/// `status` for people.
enum StatusText {
    static func text(of status: JSONValue) -> String {
        var lines: [String] = []
        lines.append("phase      " + phase(status))
        if let reason = status["reason"]?.string { lines.append("reason     " + reason) }
        for mistake in status["mistakes"]?.array ?? [] { lines.append("mistake    " + (mistake.string ?? "")) }
        if let network = status["network"], !network.isNull { lines.append("network    " + describe(network: network)) }
        if let recording = status["recording"], !recording.isNull { lines += describe(recording) }
        let lamps = ["green", "amber", "red"].map { $0 + " " + (status["led"]?[$0]?.string ?? "") }
        lines.append("lamps      " + lamps.joined(separator: ", "))
        if let problem = status["panel"]?["problem"]?.string { lines.append("panel      " + problem) }
        if let level = status["microphone"]?["peakDbfs"]?.double {
            lines.append("microphone peak \(Int(level.rounded())) dBFS")
        }
        let free = status["disk"]?["freeMB"]?.integer ?? 0
        let minutes = status["disk"]?["minutesLeft"]?.integer ?? 0
        lines.append("disk       \(free) MB free, room for about \(minutes / 60) h of recording")
        if let text = status["transcribing"], !text.isNull { lines.append(describe(transcribing: text)) }
        if let outbox = status["outbox"], outbox["enabled"]?.bool == true { lines += describe(outbox: outbox, status) }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func describe(transcribing: JSONValue) -> String {
        let gaps = transcribing["gaps"]?.integer ?? 0
        let length = Duration.clock((transcribing["gapsMs"]?.integer ?? 0) / 1_000)
        let what = "text       \(transcribing["id"]?.string ?? ""): \(gaps) gaps, \(length)"
        return transcribing["lastError"]?.string.map { what + "; last error: " + $0 } ?? what
    }

    private static func describe(outbox: JSONValue, _ status: JSONValue) -> [String] {
        let waiting = outbox["waiting"]?.integer ?? 0
        var line = "upload     "
        if let id = outbox["id"]?.string {
            let done = (outbox["bytesDone"]?.integer ?? 0) >> 10
            let all = (outbox["bytes"]?.integer ?? 0) >> 10
            line += "\(id): \(done) of \(all) KB, \((outbox["bytesPerSecond"]?.integer ?? 0) >> 10) KB/s, "
        }
        line += waiting == 0 ? "nothing waits" : "\(waiting) waiting"
        if waiting > 0, status["network"]?["online"]?.bool == false { line += ", will upload when online" }
        var lines = [line]
        if let error = outbox["lastError"]?.string { lines.append("           last error: " + error) }
        for blocked in outbox["blocked"]?.array ?? [] {
            let id = blocked["id"]?.string ?? ""
            lines.append("           blocked: \(id): \(blocked["reason"]?.string ?? "")")
        }
        return lines
    }

    private static func describe(network: JSONValue) -> String {
        guard network["online"]?.bool == true else {
            return "offline: " + (network["reason"]?.string ?? "no link is up")
        }
        let way = (network["interface"]?.string ?? "") + " " + (network["address"]?.string ?? "")
        return network["ssid"]?.string.map { way + ", WiFi " + $0 } ?? way
    }

    private static func phase(_ status: JSONValue) -> String {
        let name = status["phase"]?.string ?? "unknown"
        guard name == "reconnecting" else { return name }
        return "Reconnecting (\(status["attempt"]?.integer ?? 0)/\(status["attempts"]?.integer ?? 0))"
    }

    private static func describe(_ recording: JSONValue) -> [String] {
        let label = recording["label"]?.string ?? ""
        let seconds = (recording["durationMs"]?.integer ?? 0) / 1_000
        let covered = (recording["coveredMs"]?.integer ?? 0) / 1_000
        var lines = ["recording  \(recording["id"]?.string ?? "")" + (label.isEmpty ? "" : " (\(label))")]
        lines.append("since      \(recording["startedAt"]?.string ?? ""), \(Duration.clock(seconds))")
        let words = recording["finalWords"]?.integer ?? 0
        let speakers = recording["speakers"]?.integer ?? 0
        lines.append("transcript \(words) words, \(speakers) speakers, \(Duration.clock(covered)) final")
        if let xruns = recording["xruns"]?.integer, xruns > 0 {
            lines.append("lost       \(recording["lostMs"]?.integer ?? 0) ms in \(xruns) overruns")
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
