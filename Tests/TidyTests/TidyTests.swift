import Foundation
import Testing

/// The tree as it stands: the rules that a machine can check.
@Suite struct `The tree is tidy` {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().standardizedFileURL.path

    struct Source: Sendable {
        let path: String
        let lines: [String]

        /// The target's folder: `Sources/Panel/…` is `Panel`, `Tests/PanelTests/…` is `PanelTests`.
        var target: String { path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }
    }

    static func files(under folder: String, _ ending: String) -> [Source] {
        let names = FileManager.default.enumerator(atPath: root + "/" + folder)?.allObjects as? [String] ?? []
        // What runs leave, and git ignores.
        let left = ["lab/artefacts/", "out/", ".keys/", ".cache/"]
        return names.filter { name in
            name.hasSuffix(ending) && !left.contains { name.hasPrefix($0) }
        }.sorted().compactMap { name in
            let path = "\(root)/\(folder)/\(name)"
            guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
            return Source(path: "\(folder)/\(name)", lines: text.components(separatedBy: "\n"))
        }
    }

    static let product = [
        "RecorderCore", "LinuxRuntime", "WireJSON", "ControlProtocol", "Configuration", "AudioCapture", "Panel",
        "LinkMonitor", "RecordingStore", "WebTransport", "SpeechUplink", "SchoolUpload", "AsyncTranscription",
        "ChalkboxKit", "chalkbox",
    ]
    static let sources = files(under: "Sources", ".swift")
    static let tests = files(under: "Tests", ".swift")

    /// Who may import what, beside Swift's own Synchronization.
    static let imports: [String: Set<String>] = [
        "RecorderCore": [],
        "LinuxRuntime": ["CLinux", "RecorderCore"],
        "WireJSON": ["CWebSockets"],
        "ControlProtocol": ["WireJSON"],
        "Configuration": ["CINI", "RecorderCore"],
        "AudioCapture": ["CALSA", "LinuxRuntime", "RecorderCore"],
        "Panel": ["CGPIO", "LinuxRuntime", "RecorderCore"],
        "LinkMonitor": ["CNetlink", "LinuxRuntime", "RecorderCore"],
        "RecordingStore": ["CSQLite", "CFLAC", "CCrypto", "LinuxRuntime", "RecorderCore"],
        "WebTransport": ["CWebSockets", "WireJSON", "LinuxRuntime", "RecorderCore"],
        "SchoolUpload": ["WebTransport", "WireJSON", "RecorderCore"],
        "AsyncTranscription": ["WebTransport", "WireJSON", "RecorderCore"],
        "SpeechUplink": ["WebTransport", "WireJSON", "LinuxRuntime", "RecorderCore"],
        "ChalkboxKit": Set(product).subtracting(["ChalkboxKit", "chalkbox"]),
        "chalkbox": ["ChalkboxKit"],
    ]

    @Test func `imports flow one way`() {
        #expect(Set(Self.imports.keys) == Set(Self.product))
        for source in Self.sources {
            guard let allowed = Self.imports[source.target] else { continue }
            for (number, line) in source.lines.enumerated() {
                let words = line.split(separator: " ")
                guard let place = words.firstIndex(of: "import"), place <= 1, place + 1 < words.count else { continue }
                let module = String(words[place + 1])
                #expect(
                    allowed.contains(module) || module == "Synchronization",
                    "\(source.path):\(number + 1): \(source.target) must not import \(module)")
            }
        }
    }

    @Test func `the simulated world knows the core and nothing else`() {
        for source in Self.sources where source.target == "Simulator" {
            for (number, line) in source.lines.enumerated() {
                let words = line.split(separator: " ")
                guard let place = words.firstIndex(of: "import"), place <= 1, place + 1 < words.count else { continue }
                // What plays many worlds at once has threads.
                let known = source.path.hasSuffix("/Campaign.swift")
                    ? ["RecorderCore", "Dispatch", "Synchronization"] : ["RecorderCore"]
                #expect(known.contains(String(words[place + 1])), "\(source.path):\(number + 1): \(line)")
            }
            for (number, line) in source.lines.enumerated() {
                for word in ["Clock.", ".random(", "SystemRandomNumberGenerator", "shuffled()", ".shuffle()"] {
                    #expect(!line.contains(word), "\(source.path):\(number + 1): \(word)")
                }
            }
        }
    }

    @Test func `files of Swift are at most 400 lines, their lines at most 120 characters`() {
        for source in Self.sources + Self.tests {
            #expect(source.lines.count <= 401, "\(source.path): \(source.lines.count) lines")
            for (number, line) in source.lines.enumerated() where line.count > 120 {
                Issue.record("\(source.path):\(number + 1): \(line.count) characters")
            }
        }
    }

    /// Whether a function, an initialiser, or a property or the like with a body begins here.
    private static func beginsBody(_ text: String) -> Bool {
        guard !text.hasPrefix("//") else { return false }
        if text.contains("func ") || text.hasPrefix("init") || text.contains(" init(") { return true }
        guard text.hasSuffix("{") else { return false }
        let words = text.split(separator: " ").map(String.init)
        return words.contains("var") || words.contains { $0 == "deinit" || $0.hasPrefix("subscript") }
    }

    @Test func `functions, initialisers and properties in Sources are at most 60 lines`() {
        for source in Self.sources {
            var start: (line: Int, indent: Int)?
            for (number, line) in source.lines.enumerated() {
                let indent = line.prefix { $0 == " " }.count
                let text = line.trimmingCharacters(in: .whitespaces)
                if start == nil, Self.beginsBody(text) { start = (number, indent) }
                guard let open = start, text == "}" || text == "{}", indent == open.indent else { continue }
                let length = number - open.line + 1
                #expect(length <= 60, "\(source.path):\(open.line + 1): a function of \(length) lines")
                start = nil
            }
        }
    }

    @Test func `the core has no clock and no chance`() {
        for source in Self.sources where source.target == "RecorderCore" {
            for (number, line) in source.lines.enumerated() {
                for word in ["Clock.", ".random(", "SystemRandomNumberGenerator", "shuffled()"] {
                    #expect(!line.contains(word), "\(source.path):\(number + 1): \(word)")
                }
            }
        }
    }

    /// Catch-alls over an enum of the core's own that were there when this was first counted: it only goes down.
    private static let catchAlls = 1

    /// A new case must not be swallowed: a switch over a value of an enum names them all. One over numbers, text or
    /// several values at once may have the rest in a `default`.
    @Test func `the core gets no new catch-all over an enum`() {
        var found: [String] = []
        for source in Self.sources where source.target == "RecorderCore" {
            for (number, line) in source.lines.enumerated()
            where line.trimmingCharacters(in: .whitespaces).hasPrefix("default:") {
                let indent = line.prefix { $0 == " " }.count
                let before = source.lines[..<number].reversed().filter { $0.prefix { $0 == " " }.count == indent }
                guard let first = before.first(where: { $0.contains("switch ") }),
                    let place = source.lines[..<number].lastIndex(of: first), place + 1 < number
                else { continue }
                let cases = source.lines[place..<number].filter { $0.dropFirst(indent).hasPrefix("case ") }
                if cases.contains(where: { $0.dropFirst(indent).hasPrefix("case .") }) {
                    found.append("\(source.path):\(number + 1)")
                }
            }
        }
        #expect(found.count <= Self.catchAlls, "\(found.joined(separator: "\n"))")
    }

    @Test func `each bound that can be reached is reported somewhere`() throws {
        let bound = try #require(Self.sources.first { $0.path.hasSuffix("/Bound.swift") })
        let names = bound.lines.filter { $0.hasPrefix("    case ") }.map { $0.dropFirst(9) }
        #expect(names.count > 10)
        for name in names {
            // As a value of its own, not as a member of something: `reached(.name)`, `: .name`.
            let report = try Regex("[ (]\\.\(name)\\b")
            let isReported = Self.sources.contains { source in
                Self.product.contains(source.target) && source.path != bound.path
                    && source.lines.contains { $0.contains(report) }
            }
            #expect(isReported, "nobody reports Bound.\(name)")
        }
    }

    @Test func `nothing is left unfinished and no machine is named`() {
        // Spelled in parts, so that this file does not find itself.
        let words = ["TO" + "DO", "FIX" + "ME", "XX" + "X:", "/wo" + "rk/", "/opt/sw" + "ift", "/ro" + "ot/"]
        for source in `The documents are tidy`.written {
            for (number, line) in source.lines.enumerated() {
                for word in words { #expect(!line.contains(word), "\(source.path):\(number + 1): \(word)") }
            }
        }
    }

    /// Whether a doc comment stands before a line, attributes between them.
    private static func isDocumented(_ number: Int, in source: Source) -> Bool {
        let before = source.lines[..<number].reversed().map { $0.trimmingCharacters(in: .whitespaces) }
        return before.first { !$0.hasPrefix("@") }?.hasPrefix("///") ?? false
    }

    @Test func `package types say what they are`() throws {
        let type = try Regex("^(?:@\\w+ )*package (?:indirect |final )?(?:struct|class|enum|protocol) ")
        for source in Self.sources where Self.product.contains(source.target) {
            for (number, line) in source.lines.enumerated() where line.contains(type) {
                #expect(Self.isDocumented(number, in: source), "\(source.path):\(number + 1): no doc comment")
            }
        }
    }

    /// Ranks, names and the like, which have no unit.
    private static let unitless: Set<String> = [
        "confidence", "double", "fileDescriptor", "index", "linkIndex", "metric", "number", "port", "speaker", "status",
        "value", "version",
    ]
    private static let units = [
        "milliseconds", "seconds", "minutes", "days", "samples", "bytes", "megabytes", "kilobits", "tenths",
        "characters", "percent", "dbfs", "decibelmilliwatts", "persecond",
    ]

    @Test func `numbers that a module offers have their unit in their name, or say it`() throws {
        let declaration = try Regex(
            "^ *(?:@\\w+ )*package (?:private\\(set\\) )?(?:static )?(?:let|var) (\\w+)"
                + "(?:: (?:Int|Int64|Int32|UInt32|UInt64|Double|Float)\\??(?: |$)| = [0-9][0-9_.]*)")
        for source in Self.sources where Self.product.contains(source.target) {
            // Not the system's own numbers: `= ENOSPC`.
            for (number, line) in source.lines.enumerated() where !line.contains(" = E") {
                guard let name = line.firstMatch(of: declaration)?.output[1].substring.map(String.init)
                else { continue }
                // What is counted is in a plural, or has a count of its own.
                let isTold = Self.unitless.contains(name) || name.hasSuffix("s") && !name.hasSuffix("ss")
                    || name.hasSuffix("Count")
                    || Self.units.contains { name.lowercased().contains($0) }
                #expect(
                    isTold || Self.isDocumented(number, in: source),
                    "\(source.path):\(number + 1): \(name) of what?")
            }
        }
    }

    @Test func `each setting is read by somebody`() throws {
        let schema = Self.sources.filter { $0.path == "Sources/Configuration/Schema.swift" }.flatMap(\.lines)
        let field = try Regex("\\$0\\.(\\w+(?:\\.\\w+)?)")
        let fields = Set(schema.filter { !$0.contains("== section") }.flatMap { $0.matches(of: field) }.compactMap {
            $0.output[1].substring.map(String.init)
        })
        #expect(fields.count > 40)
        let readers = Self.sources.filter {
            Self.product.contains($0.target) && $0.path != "Sources/Configuration/Schema.swift"
        }
        for field in fields.sorted() {
            // A point between letters is no boundary of words to Unicode.
            let use = try Regex("\\b" + field.replacingOccurrences(of: ".", with: "\\.") + "\\b")
                .wordBoundaryKind(.simple)
            let isRead = readers.contains { $0.lines.contains { !$0.contains("package var ") && $0.contains(use) } }
            #expect(isRead, "nobody reads the setting \(field)")
        }
    }

    @Test func `scripts stop at the first error and can be run`() throws {
        var count = 0
        for folder in ["board", "bench", "image", "udev", "findings", "Tests", ".ci"] {
            for script in Self.files(under: folder, "") where script.lines[0].hasPrefix("#!") {
                count += 1
                let path = Self.root + "/" + script.path
                #expect(FileManager.default.isExecutableFile(atPath: path), "\(script.path): no run bit")
                if script.lines[0].hasSuffix("bash") {
                    #expect(script.lines.contains("set -euo pipefail"), "\(script.path): set -euo pipefail is missing")
                } else if script.lines[0].hasSuffix("sh") {
                    // On the box a start goes on when one step fails; what is not set is a mistake all the same.
                    let isStrict = script.lines.contains { ["set -u", "set -e", "set -eu"].contains($0) }
                    #expect(isStrict, "\(script.path): set -eu or set -u is missing")
                } else {
                    #expect(script.lines[0] == "#!/usr/bin/env python3", "\(script.path): \(script.lines[0])")
                }
            }
        }
        #expect(count > 30)
    }

    @Test func `the README's map names every source folder, and nothing that is not there`() throws {
        let lines = try String(contentsOfFile: Self.root + "/README.md", encoding: .utf8).components(separatedBy: "\n")
        let start = try #require(lines.firstIndex(of: "| where | what |"))
        let rows = lines[(start + 2)...].prefix { $0.hasPrefix("| ") }.map { $0.components(separatedBy: "|")[1] }
        let named = Set(rows.flatMap { row in
            row.components(separatedBy: "`").enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
        })
        let text = lines.joined(separator: "\n")
        for folder in try FileManager.default.contentsOfDirectory(atPath: Self.root + "/Sources").sorted() {
            // A module map of a library is named beside who uses it.
            let isThere = named.contains("Sources/" + folder) || folder.hasPrefix("C") && text.contains("(`\(folder)`")
                || text.contains("`\(folder)`")
            #expect(isThere, "README.md does not name Sources/\(folder)")
        }
        for path in named {
            #expect(FileManager.default.fileExists(atPath: Self.root + "/" + path), "README.md names \(path)")
        }
    }
}
