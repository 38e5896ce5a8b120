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
                let isRunner = source.path.hasSuffix("/Campaign.swift")
                #expect(
                    words[place + 1] == "RecorderCore" || isRunner, "\(source.path):\(number + 1): \(line)")
            }
            for (number, line) in source.lines.enumerated() {
                for word in ["Clock.", ".random(", "SystemRandomNumberGenerator", "shuffled()", ".shuffle()"] {
                    #expect(!line.contains(word), "\(source.path):\(number + 1): \(word)")
                }
            }
        }
    }

    @Test func `files are at most 400 lines, lines at most 120 characters`() {
        for source in Self.sources + Self.tests {
            #expect(source.lines.count <= 401, "\(source.path): \(source.lines.count) lines")
            for (number, line) in source.lines.enumerated() where line.count > 120 {
                Issue.record("\(source.path):\(number + 1): \(line.count) characters")
            }
        }
    }

    @Test func `functions are at most 60 lines`() {
        for source in Self.sources {
            var start: (line: Int, indent: Int)?
            for (number, line) in source.lines.enumerated() {
                let indent = line.prefix { $0 == " " }.count
                let text = line.trimmingCharacters(in: .whitespaces)
                if start == nil, text.contains("func ") || text.hasPrefix("init") || text.contains(" init("),
                    !text.hasPrefix("//")
                {
                    start = (number, indent)
                }
                guard let open = start, text == "}" || text == "{}", indent == open.indent else { continue }
                let length = number - open.line + 1
                #expect(length <= 60, "\(source.path):\(open.line + 1): a function of \(length) lines")
                start = nil
            }
        }
    }

    @Test func `the core has no clock, no chance and no catch-all`() {
        for source in Self.sources where source.target == "RecorderCore" {
            for (number, line) in source.lines.enumerated() {
                for word in ["Clock.", ".random(", "SystemRandomNumberGenerator", "shuffled()"] {
                    #expect(!line.contains(word), "\(source.path):\(number + 1): \(word)")
                }
            }
        }
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
        let scripts = ["board", "bench", "image", ".ci"].flatMap { Self.files(under: $0, "") }
        for source in Self.sources + Self.tests + scripts {
            for (number, line) in source.lines.enumerated() {
                for word in words { #expect(!line.contains(word), "\(source.path):\(number + 1): \(word)") }
            }
        }
    }

    @Test func `package types say what they are`() {
        let kinds = ["struct", "final class", "enum", "protocol", "class"]
        for source in Self.sources where Self.product.contains(source.target) {
            for (number, line) in source.lines.enumerated() where number > 0 {
                let isType = kinds.contains {
                    line.hasPrefix("package \($0) ") || line.hasPrefix("@safe package \($0) ")
                }
                guard isType else { continue }
                let before = source.lines[number - 1]
                let place = "\(source.path):\(number + 1)"
                #expect(before.hasPrefix("///") || before.hasPrefix("@"), "\(place): no doc comment")
            }
        }
    }

    @Test func `scripts stop at the first error and can be run`() throws {
        for folder in ["board", "bench", "Tests", ".ci"] {
            for script in Self.files(under: folder, "") where script.lines[0].hasPrefix("#!") {
                let path = Self.root + "/" + script.path
                #expect(FileManager.default.isExecutableFile(atPath: path), "\(script.path): no run bit")
                guard script.lines[0].hasSuffix("bash") else { continue }
                #expect(script.lines.contains("set -euo pipefail"), "\(script.path): set -euo pipefail is missing")
            }
        }
    }

    @Test func `the README's map names every source folder`() throws {
        let readme = try String(contentsOfFile: Self.root + "/README.md", encoding: .utf8)
        for folder in try FileManager.default.contentsOfDirectory(atPath: Self.root + "/Sources").sorted() {
            #expect(readme.contains(folder), "README.md does not name Sources/\(folder)")
        }
    }
}
