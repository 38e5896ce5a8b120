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
        "RecorderCore": ["CUnistring"],
        "LinuxRuntime": ["CLinux", "RecorderCore"],
        "WireJSON": ["CWebSockets"],
        "ControlProtocol": ["WireJSON"],
        "Configuration": ["CINI", "RecorderCore"],
        "AudioCapture": ["CALSA", "CSpeexDSP", "LinuxRuntime", "RecorderCore"],
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

    /// What a file imports, with the line's place: whatever stands before `import`; a single symbol as its module.
    private static func imported(_ source: Source) throws -> [(number: Int, module: String)] {
        let kind = "(?:struct|class|enum|protocol|typealias|func|let|var) +"
        let line = try Regex("^ *(?:@[\\w()]+ +|[a-z]+ +)*import +(?:\(kind))?(\\w+)")
        return source.lines.enumerated().compactMap { number, text in
            text.firstMatch(of: line)?.output[1].substring.map { (number, String($0)) }
        }
    }

    @Test func `imports flow one way`() throws {
        #expect(Set(Self.imports.keys) == Set(Self.product))
        for source in Self.sources {
            guard let allowed = Self.imports[source.target] else { continue }
            for (number, module) in try Self.imported(source) {
                #expect(
                    allowed.contains(module) || module == "Synchronization",
                    "\(source.path):\(number + 1): \(source.target) must not import \(module)")
            }
        }
    }

    @Test func `one file of the core calls a library, and only Unicode's rules`() throws {
        for source in Self.sources where source.target == "RecorderCore" {
            for (number, module) in try Self.imported(source) where module == "CUnistring" {
                #expect(source.path == "Sources/RecorderCore/Text/UnicodeText.swift", "line \(number + 1)")
            }
        }
    }

    /// How a clock is read, and chance taken, without either being passed in.
    private static let unsteady = [
        "Clock.", "ContinuousClock", "SuspendingClock", "Instant.now", "Date(", "SystemRandomNumberGenerator",
        ".random(", "randomElement(", "shuffled(", ".shuffle(",
    ]

    @Test func `the simulated world knows the core and nothing else`() throws {
        for source in Self.sources where source.target == "Simulator" {
            for (number, module) in try Self.imported(source) {
                // What plays many worlds at once has threads.
                let known = source.path.hasSuffix("/Campaign.swift")
                    ? ["RecorderCore", "Dispatch", "Synchronization"] : ["RecorderCore"]
                #expect(known.contains(module), "\(source.path):\(number + 1): \(module)")
            }
            for (number, line) in source.lines.enumerated() {
                for word in Self.unsteady {
                    #expect(!line.contains(word), "\(source.path):\(number + 1): \(word)")
                }
            }
        }
    }

    /// What is read from the top: Swift, C, Python and scripts.
    static let programs = `The documents are tidy`.written.filter { source in
        [".swift", ".c", ".h", ".py", ".sh", ".awk"].contains { source.path.hasSuffix($0) }
            || source.lines[0].hasPrefix("#!")
    }

    @Test func `sources and scripts are at most 400 lines, lines of Swift at most 120 characters`() {
        #expect(Self.programs.count > 400)
        for source in Self.programs {
            #expect(source.lines.count <= 401, "\(source.path): \(source.lines.count) lines")
        }
        for source in Self.sources + Self.tests {
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
                // What had no body, as in a protocol, has ended with what it stands in.
                if let open = start, text.hasPrefix("}"), indent < open.indent { start = nil }
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
                for word in Self.unsteady {
                    #expect(!line.contains(word), "\(source.path):\(number + 1): \(word)")
                }
            }
        }
    }

    /// Catch-alls over an enum of the core's own: who takes one away lowers it, and none may come in its place.
    private static let catchAlls = 0

    /// A new case must not be swallowed: a switch over a value of an enum names them all. One over numbers, text or
    /// several values at once may have the rest in a `default`.
    @Test func `the core gets no new catch-all over an enum`() throws {
        let all = try Regex("^(?:(?:@unknown )?default:|case _:|case (?:let|var) \\w+:)")
        let one = try Regex("^case (?:let |var )?\\.")
        var found: [String] = []
        for source in Self.sources where source.target == "RecorderCore" {
            for (number, line) in source.lines.enumerated()
            where line.trimmingCharacters(in: .whitespaces).contains(all) {
                let indent = line.prefix { $0 == " " }.count
                let before = source.lines[..<number].indices.reversed().first { place in
                    source.lines[place].prefix { $0 == " " }.count == indent && source.lines[place].contains("switch ")
                }
                let cases = source.lines[(before ?? number)..<number].filter { $0.prefix { $0 == " " }.count == indent }
                if cases.contains(where: { $0.dropFirst(indent).contains(one) }) {
                    found.append("\(source.path):\(number + 1)")
                }
            }
        }
        #expect(found.count == Self.catchAlls, "\(found.count):\n\(found.joined(separator: "\n"))")
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

    /// The doc comment before a line, attributes between them; empty when there is none.
    private static func document(_ number: Int, in source: Source) -> String {
        source.lines[..<number].reversed().map { $0.trimmingCharacters(in: .whitespaces) }
            .prefix { $0.hasPrefix("@") || $0.hasPrefix("///") }
            .filter { $0.hasPrefix("///") }.reversed().joined(separator: " ")
    }

    @Test func `package types say what they are`() throws {
        let kind = "(?:indirect |final )?(?:struct|class|enum|protocol|actor)"
        let type = try Regex("^(?:@\\w+ )*(?:package|public) \(kind) ")
        for source in Self.sources where Self.product.contains(source.target) {
            for (number, line) in source.lines.enumerated() where line.contains(type) {
                #expect(Self.document(number, in: source) != "", "\(source.path):\(number + 1): no doc comment")
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
        "hertz", "frames", "channel", "permillion",
    ]
    /// What else a doc comment may say that a number is of.
    private static let counted = [
        "attempts", "bit", "entries", "events", "from 1", "full scale", "integral", "lessons", "levels", "marks",
        "messages", "number", "per million", "pushes", "strings", "u+d800",
    ]

    private static func tells(_ document: String) -> Bool {
        (units + counted).contains { document.lowercased().contains($0) }
    }

    private static func tells(name: String) -> Bool {
        // What is counted is in a plural, or has a count of its own.
        unitless.contains(name) || name.hasSuffix("s") && !name.hasSuffix("ss") || name.hasSuffix("Count")
            || units.contains { name.lowercased().contains($0) }
    }

    private static let offered = "^ *(?:@[\\w()]+ )*(?:package|public) "
    private static let numeric = "(?:U?Int(?:8|16|32|64)?|Double|Float)\\??"

    @Test func `numbers that a module offers have their unit in their name, or say it`() throws {
        let declaration = try Regex(
            Self.offered + "(?:(?:private|fileprivate|internal)\\(set\\) )?(?:static |lazy )?(?:let|var) (\\w+)"
                + "(?:: \(Self.numeric)(?: |$)| = -?[0-9][0-9_.]*)")
        var count = 0
        for source in Self.sources where Self.product.contains(source.target) {
            // Not the system's own numbers: `= ENOSPC`.
            for (number, line) in source.lines.enumerated() where !line.contains(" = E") {
                guard let name = line.firstMatch(of: declaration)?.output[1].substring.map(String.init)
                else { continue }
                count += 1
                #expect(
                    Self.tells(name: name) || Self.tells(Self.document(number, in: source)),
                    "\(source.path):\(number + 1): \(name) of what?")
            }
        }
        #expect(count > 200)
    }

    @Test func `quantities that a function takes have their unit in their name, or it says it`() throws {
        let function = try Regex(Self.offered + "(?:[a-z]+ )*func \\w+")
        // Marks, numbers of things and the like have no unit.
        let quantity = "(?:age|delay|duration|every|interval|length|limit|offset|pause|period|rate|size|timeout|wait)"
        let parameter = try Regex("\\b(\\w*(?i:\(quantity)))\\b: (?:inout )?\(Self.numeric)")
        for source in Self.sources where Self.product.contains(source.target) {
            for (number, line) in source.lines.enumerated() where line.contains(function) {
                let rest = source.lines[(number + 1)...].prefix(8)
                let head = ([line] + (line.hasSuffix("(") ? rest.prefix { !$0.contains("{") } : []))
                for match in head.joined(separator: " ").matches(of: parameter) {
                    let name = String(match.output[1].substring ?? "")
                    #expect(
                        Self.tells(name: name) || Self.tells(Self.document(number, in: source)),
                        "\(source.path):\(number + 1): \(name) of what?")
                }
            }
        }
    }

    /// A line without its comment and its texts: what is named there is not read. What texts interpolate is.
    private static func code(_ line: String) -> String {
        var (code, last): (String, Character) = ("", " ")
        // The texts and parentheses that are open.
        var open: [Character] = []
        for character in line {
            if open.last == "\"" {
                if last == "\\", character == "(" { open.append("(") }
                if last != "\\", character == "\"" { open.removeLast() }
            } else if last == "/", character == "/" {
                break
            } else {
                code.append(character)
                if character == "\"" || character == "(" { open.append(character) }
                if character == ")", open.last == "(" { open.removeLast() }
            }
            last = last == "\\" && character == "\\" ? " " : character
        }
        return code
    }

    @Test func `each setting is read by somebody`() throws {
        let schema = Self.sources.filter { $0.path == "Sources/Configuration/Schema.swift" }.flatMap(\.lines)
        let field = try Regex("\\$0\\.(\\w+(?:\\.\\w+)?)")
        let fields = Set(schema.filter { !$0.contains("== section") }.flatMap { $0.matches(of: field) }.compactMap {
            $0.output[1].substring.map(String.init)
        })
        #expect(fields.count > 40)
        // A key that has no field is read by nobody either; this one takes one value only.
        for row in schema.joined(separator: "\n").components(separatedBy: " SchemaKey(\"").dropFirst() {
            let name = row.components(separatedBy: "\"").prefix(3).joined().replacing(", ", with: ".")
            #expect(row.contains(field) || name == "audio.rate", "\(name) sets nothing")
        }
        let lines = Self.sources.filter {
            Self.product.contains($0.target) && $0.path != "Sources/Configuration/Schema.swift"
        }.flatMap(\.lines).filter { !$0.contains("package var ") }
        for field in fields.sorted() {
            // A point between letters is no boundary of words to Unicode.
            let use = try Regex("\\b" + field.replacingOccurrences(of: ".", with: "\\.") + "\\b")
                .wordBoundaryKind(.simple)
            let isRead = lines.contains { $0.contains(field) && Self.code($0).contains(use) }
            #expect(isRead, "nobody reads the setting \(field)")
        }
    }

    @Test func `scripts stop at the first error and can be run`() throws {
        var count = 0
        for script in `The documents are tidy`.written {
            let path = Self.root + "/" + script.path
            let canRun = FileManager.default.isExecutableFile(atPath: path)
            guard script.lines[0].hasPrefix("#!") else {
                #expect(!canRun, "\(script.path): a run bit, and no program named in its first line")
                continue
            }
            count += 1
            #expect(canRun, "\(script.path): no run bit")
            // The first command: what stands before it would run without.
            let first = script.lines.first { !$0.isEmpty && !$0.hasPrefix("#") } ?? ""
            if script.lines[0].hasSuffix("bash") {
                #expect(first == "set -euo pipefail", "\(script.path): begins with \(first)")
            } else if script.lines[0].hasSuffix("sh") {
                // On the box a start goes on when one step fails; what is not set is a mistake all the same.
                let isStrict = ["set -u", "set -e", "set -eu"].contains(first)
                #expect(isStrict, "\(script.path): set -eu or set -u is missing, it begins with \(first)")
            } else {
                #expect(script.lines[0] == "#!/usr/bin/env python3", "\(script.path): \(script.lines[0])")
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
