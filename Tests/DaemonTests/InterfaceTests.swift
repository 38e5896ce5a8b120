import Foundation
import LinuxRuntime
import OwnThread
import RecorderCore
import Testing

/// A chapter of docs/INTERFACES.md: the rows of its tables.
private struct Chapter {
    private let rows: [[String]]

    init(_ title: String) throws {
        let text = try String(contentsOfFile: Box.root + "/docs/INTERFACES.md", encoding: .utf8)
        let lines = text.components(separatedBy: "\n")
        let start = try #require(lines.firstIndex(of: "## " + title), "docs/INTERFACES.md has no \(title)")
        rows = lines[(start + 1)...].prefix { !$0.hasPrefix("## ") }.filter { $0.hasPrefix("| ") }.map { line in
            line.replacingOccurrences(of: "\\|", with: "\u{1}").dropFirst().components(separatedBy: "|").map {
                $0.replacingOccurrences(of: "\u{1}", with: "|").trimmingCharacters(in: .whitespaces)
            }
        }
    }

    /// The cells below the heading whose first cell is `heading`, as they are written.
    func cells(_ heading: String) -> [[String]] {
        guard let start = rows.firstIndex(where: { $0[0] == heading }) else { return [] }
        return Array(rows[(start + 2)...].prefix { row in !rows.contains { $0[0] == "---" && $0 == row } })
            .prefix { !["command", "exit code", "verb", "code", "key", "event"].contains($0[0]) }.map { $0 }
    }

    func names(_ heading: String) -> [String] { cells(heading).flatMap { Self.code($0[0]) } }

    /// What stands between backquotes.
    static func code(_ cell: String) -> [String] {
        cell.components(separatedBy: "`").enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
    }
}

/// The keys of JSON: `gaps[].startMs`; and those that hold others.
private struct KeyPaths {
    private(set) var leaves: Set<String> = []
    private(set) var all: Set<String> = []

    mutating func add(_ value: Any, _ path: String = "") {
        if !path.isEmpty { all.insert(path) }
        switch value {
        case let object as [String: Any]:
            for (key, value) in object { add(value, path.isEmpty ? key : path + "." + key) }
        case let array as [Any]:
            for value in array { add(value, path.isEmpty ? "" : path + "[]") }
        default:
            leaves.insert(path)
        }
    }

    mutating func add(json: String) throws { add(try JSONSerialization.jsonObject(with: Data(json.utf8))) }

    func compare(with chapter: String) throws {
        let told = Set(try Chapter(chapter).names("key"))
        #expect(told.count > 10, "docs/INTERFACES.md: \(chapter)")
        #expect(leaves.subtracting(told).sorted() == [], "not in docs/INTERFACES.md, \(chapter)")
        #expect(told.subtracting(all).sorted() == [], "nobody prints what docs/INTERFACES.md has, \(chapter)")
    }
}

/// docs/INTERFACES.md against what the binary accepts and prints.
@Suite(.ownThread, .serialized) struct `The interfaces as they are documented` {
    @Test func `each setting is accepted, with its default, and none is missing`() throws {
        let rows = try Chapter("Configuration").cells("key")
        var standard: [String: String] = [:]
        var file = "", section = ""
        for row in rows {
            let key = try #require(Chapter.code(row[0]).first)
            standard[key] = Chapter.code(row[1]).first ?? ""
            let parts = key.components(separatedBy: ".")
            if parts[0] != section { file += "[\(parts[0])]\n" }
            section = parts[0]
            file += "\(parts[1]) = \(standard[key] ?? "")\n"
        }
        #expect(rows.count == standard.count && rows.count > 40)
        let directory = try Box.scratch()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let path = directory + "/all.conf"
        try file.write(toFile: path, atomically: true, encoding: .utf8)
        let url = ["--set", "transcription.token_url=https://school.example/t"]
        let check = try Box.run(Box.binary, ["config", "check", path] + url, checked: false)
        #expect(check.code == 0, "\(check.output)")
        // The example has every key that the parser knows: a test of the configuration's own sees to that.
        var example: [String: String] = [:]
        let shown = try Box.run(Box.binary, ["config", "show", Box.root + "/board/chalkbox.conf"]).output
        for line in shown.split(separator: "\n") {
            let parts = line.components(separatedBy: " = ")
            example[parts[0]] = parts[1]
        }
        var known: Set<String> = []
        let text = try String(contentsOfFile: Box.root + "/board/chalkbox.conf", encoding: .utf8)
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            if line.hasPrefix("[") { section = String(line.dropFirst().prefix { $0 != "]" }) }
            guard let end = line.range(of: " =") else { continue }
            known.insert(section + "." + line[..<end.lowerBound])
        }
        #expect(known.symmetricDifference(standard.keys).sorted() == [])
        for (key, value) in example where key != "transcription.token_url" {
            #expect(standard[key] == value, "the default of \(key)")
        }
    }

    @Test func `each command and option is accepted, and none is missing`() throws {
        let installed = try InstalledBox()
        defer { try? installed.end() }
        let help = try Box.run(installed.binary, ["--help"]).output
        let rows = try Chapter("Commands").cells("command")
        #expect(rows.count > 10)
        var options: Set<String> = ["--config", "--defaults", "--set", "--socket", "--help", "--version"]
        for row in rows {
            let words = try #require(Chapter.code(row[0]).first).components(separatedBy: " ")
            let own = try Box.run(installed.binary, [words[0], "--help"], checked: false)
            #expect(own.code == 0 && own.output.contains(words[0]), "\(words): \(own)")
            #expect(help.contains("  " + words.joined(separator: " ")), "--help lacks \(words)")
            let taken = Chapter.code(row[1]).filter { $0.hasPrefix("-") }
            for option in taken { options.insert(option.components(separatedBy: " ")[0]) }
            // The first one that is not known is named: all before it were taken.
            var line = [words[0]]
            for option in taken {
                line += option.replacingOccurrences(of: " N", with: " 5").components(separatedBy: " ")
            }
            let refused = try Box.run(installed.binary, line + ["--no-such-option"], checked: false)
            #expect(refused.code == 2 && refused.output.contains("--no-such-option"), "\(line): \(refused)")
        }
        let commands = Set(rows.compactMap { Chapter.code($0[0]).first?.components(separatedBy: " ")[0] })
        for line in help.components(separatedBy: "\n") {
            guard line.hasPrefix("  "), let first = line.dropFirst(2).first, first.isLowercase else { continue }
            let name = String(line.dropFirst(2).prefix { $0 != " " })
            #expect(commands.contains(name), "docs/INTERFACES.md has no command \(name)")
        }
        for match in help.matches(of: try Regex("[ \\[](--[a-z][a-z-]*|-o)")) {
            let option = String(match.output[1].substring ?? "")
            #expect(options.contains(option), "docs/INTERFACES.md has no option \(option)")
        }
        for option in options where !["--output", "-f", "-n"].contains(option) {
            #expect(help.contains(option), "--help has no \(option)")
        }
        let codes = try Chapter("Commands").cells("exit code").map { $0[0] + " " + $0[1] }
        #expect(help.contains("exit codes: " + codes.joined(separator: ", ")))
    }

    @Test func `each verb of the control socket is taken, and none is missing`() throws {
        let box = try Box()
        defer { box.endProcesses() }
        try box.writeConfiguration(device: "null", token: "https://school.example/t", authority: "")
        try box.startDaemon(
            device: "null", overrides: ["transcription.enabled=no", "upload.url=https://127.0.0.1:1/files/"])
        func answer(_ request: String) throws -> String {
            let connection = try ControlConnection(path: box.directory + "/control.sock")
            connection.send(request)
            let deadline = Clock.now.adding(milliseconds: 10_000)
            while !connection.isClosed, Poll.readable(connection.fileDescriptor, until: deadline) {
                for case .line(let bytes) in connection.receive() { return String(decoding: bytes, as: UTF8.self) }
            }
            return ""
        }
        let rows = try Chapter("Control socket").cells("verb")
        for row in rows {
            let request = try #require(Chapter.code(row[1]).first)
            let said = try answer(request)
            #expect(said.hasPrefix("{\"ok\":true"), "\(request): \(said)")
        }
        let verbs = rows.flatMap { Chapter.code($0[0]) }
        #expect(try answer("{\"do\":\"sing\"}").contains("known: " + verbs.joined(separator: ", ")))
    }

    @Test func `status and recordings have the keys that are told, and no others`() throws {
        var status = KeyPaths()
        let box = try Box()
        let school = try School(try Box.scratch())
        defer {
            box.endProcesses()
            school.close()
        }
        try box.writeConfiguration(
            device: "null", token: "https://127.0.0.1:1/token", authority: "", more: "[reconnect]\nattemps = 3\n")
        try Backlog.record(1, bytesEach: 200_000, in: box.directory + "/state")
        try school.open(["--fault", "create-status=413*1"])
        try box.startDaemon(device: "null", overrides: ["transcription.enabled=no"] + school.settings)
        // Too many programs.
        let crowd = try (0..<40).map { _ in try ControlConnection(path: box.directory + "/control.sock") }
        try box.wait("a bound that was reached") { ($0["limits"] as? [Any])?.isEmpty == false }
        try box.wait("a blocked lesson") { (($0["outbox"] as? [String: Any])?["blocked"] as? [Any])?.count == 1 }
        status.add(try box.status())
        #expect(crowd.count == 40)
        let name = try #require(try FileManager.default.contentsOfDirectory(atPath: box.directory + "/state/recordings")
            .first { $0.count == 26 })
        var manifest = KeyPaths()
        try manifest.add(json: String(
            contentsOfFile: "\(box.directory)/state/recordings/\(name)/manifest.json", encoding: .utf8))
        try manifest.compare(with: "Manifest JSON")

        // A lesson without its text.
        box.daemon?.end()
        try FileManager.default.createDirectory(atPath: box.directory + "/mic", withIntermediateDirectories: true)
        try "</usr/share/alsa/alsa.conf>\n".write(
            toFile: box.directory + "/mic/asound.conf", atomically: true, encoding: .utf8)
        try box.writeConfiguration(device: "null", token: "https://127.0.0.1:1/token", authority: "")
        try box.restartDaemon(device: "null")
        try box.chalkbox("start")
        try box.waitForSamples(32_000, seconds: 30)
        try box.wait("a channel's level") {
            (($0["microphone"] as? [String: Any])?["channels"] as? [Any])?.isEmpty == false
        }
        status.add(try box.status())
        var recordings = KeyPaths()
        try recordings.add(json: box.chalkbox("recordings", "--json").output)
        try recordings.compare(with: "Recordings JSON")
        try box.chalkbox("stop")
        try box.wait("a lesson that gets its text") { $0["transcribing"] is [String: Any] }
        status.add(try box.status())
        try status.compare(with: "Status JSON")
    }

    @Test func `a transcript has the keys that are told, and no others`() throws {
        let header = RecordingHeader(
            id: try #require(RecordingID("01J00000000000000000000000")), label: "7B",
            startedAt: WallTime(milliseconds: 0), clockSynchronised: true)
        let place = { (milliseconds: Int64) in SampleIndex(milliseconds: milliseconds) }
        let word = Word(
            text: "Good", start: place(100), end: place(200), confidence: 1, speaker: 1, language: "en")
        let recording = RecordingSummary(
            header: header, state: .saved, samples: 160_000, words: 1, speakers: 1, covered: 160_000,
            interrupted: false)
        let document = TranscriptDocument(
            recording: recording, words: [word],
            gaps: [Gap(start: place(5_000), end: place(6_000), reason: "offline")],
            silences: [SilenceMark(start: place(7_000), end: place(8_000), reason: .overrun)])
        var transcript = KeyPaths()
        try transcript.add(json: document.json)
        try transcript.compare(with: "Transcript JSON")
    }
}
