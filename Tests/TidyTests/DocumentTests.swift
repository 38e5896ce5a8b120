import Foundation
import Testing

/// The documents as they stand: what they name is there.
@Suite struct `The documents are tidy` {
    typealias Source = `The tree is tidy`.Source

    static let root = `The tree is tidy`.root

    static func text(_ path: String) throws -> String {
        try String(contentsOfFile: root + "/" + path, encoding: .utf8)
    }

    /// All text that people write: source, scripts, rules, units and documents.
    static let written: [Source] =
        ["Sources", "Tests", "board", "bench", "image", "udev", "docs", "findings", ".ci"].flatMap {
            `The tree is tidy`.files(under: $0, "")
        } + top("README.md") + top("CONTRIBUTING.md") + top("Package.swift")

    private static func top(_ name: String) -> [Source] {
        guard let text = try? text(name) else { return [] }
        return [Source(path: name, lines: text.components(separatedBy: "\n"))]
    }

    @Test func `each decision has one name, and each that is cited is there`() throws {
        let names = try Self.text("docs/DECISIONS.md").components(separatedBy: "\n")
            .filter { $0.hasPrefix("### ") }.map { String($0.dropFirst(4)) }
        #expect(names.count > 80)
        #expect(Set(names).count == names.count, "a name stands twice in docs/DECISIONS.md")
        for name in names {
            let isPlain = try name.wholeMatch(of: Regex("[a-z0-9]+(-[a-z0-9]+)+")) != nil
            #expect(isPlain, "\(name): lower-case words joined by `-`")
        }
        // "decision some-name", or a link to its heading; a number is of no list that is still there.
        // The name may stand at the beginning of the next line, behind the sign of a comment.
        let cited = try Regex("(?:[Dd]ecision[\\s/#]+|DECISIONS\\.md#)([a-z0-9]+(?:-[a-z0-9]+)+|[0-9]+)\\b")
        var count = 0
        for source in Self.written where !source.path.hasPrefix("Tests/TidyTests/") {
            for match in source.lines.joined(separator: "\n").matches(of: cited) {
                let name = String(match.output[1].substring ?? "")
                #expect(names.contains(name), "\(source.path): there is no decision \(name)")
                count += 1
            }
        }
        #expect(count > 20)
    }

    @Test func `each section of the protocol that is cited is there`() throws {
        let sections = try Self.text("docs/PROTOCOL.md").components(separatedBy: "\n")
            .filter { $0.hasPrefix("## ") }.map { $0.dropFirst(3) }
        var count = 0
        for source in Self.written where source.path.hasPrefix("Sources/") || source.path.hasPrefix("Tests/") {
            guard !source.path.hasPrefix("Tests/TidyTests/") else { continue }
            for (number, line) in source.lines.enumerated() {
                let place = "\(source.path):\(number + 1)"
                for part in line.components(separatedBy: "PROTOCOL, ").dropFirst() {
                    // A name of two words may go on in the next line.
                    let name = part.prefix { $0.isLetter || $0 == " " }
                    #expect(name.count > 3, "\(place): which section?")
                    #expect(sections.contains { name.hasPrefix($0) || $0.hasPrefix(name) }, "\(place): \(name)")
                    count += 1
                }
            }
        }
        #expect(count > 5)
    }

    /// The names in the first cells of a chapter's table in docs/INTERFACES.md.
    static func names(_ chapter: String, _ heading: String) throws -> Set<String> {
        let lines = try text("docs/INTERFACES.md").components(separatedBy: "\n")
        guard let start = lines.firstIndex(of: "## " + chapter),
            let table = lines[start...].firstIndex(where: { $0.hasPrefix("| \(heading) |") })
        else { return [] }
        let rows = lines[(table + 2)...].prefix { $0.hasPrefix("| `") }
        return Set(rows.map { String($0.dropFirst(3).prefix { $0 != "`" }) })
    }

    /// The events that had another name, as docs/INTERFACES.md has them.
    private static func renamed() throws -> [(String, String)] {
        let lines = try text("docs/INTERFACES.md").components(separatedBy: "\n")
        guard let table = lines.firstIndex(of: "| earlier name | now | until |") else { return [] }
        return lines[(table + 2)...].prefix { $0.hasPrefix("| `") }.map { row in
            let cells = row.components(separatedBy: "`")
            return (cells[1], cells[3])
        }
    }

    private static let product = `The tree is tidy`.sources.filter {
        `The tree is tidy`.product.contains($0.target)
    }

    @Test func `each event of the log is documented, and each that is documented is written`() throws {
        let told = try Self.names("Log events", "event")
        #expect(told.count > 30)
        // The first word of a line for the log: what `LogEntry`, the log and the core's helpers are given, and lines
        // that are put together first.
        let writers = "(?:LogEntry\\(|log\\.write\\(|[ .]log\\(|(?:let|var) line =)"
        let line = try Regex(writers + "[^\"{}]*?\"([a-z][a-z-]*)[ \"]")
        var written: [String: String] = [:]
        for source in Self.product {
            let text = source.lines.joined(separator: "\n")
            for match in text.matches(of: line) {
                written[String(match.output[1].substring ?? "")] = source.path
            }
        }
        for (event, path) in written {
            #expect(told.contains(event), "\(path): docs/INTERFACES.md does not tell of the event \(event)")
        }
        #expect(told.subtracting(written.keys).sorted() == [], "nobody writes these")
        // A name that was given up is not written any more, and the one in its place is there.
        for (old, now) in try Self.renamed() {
            #expect(written[old] == nil && told.contains(now), "\(old) is \(now) now")
        }
    }

    @Test func `each code of the control socket is documented, and none else`() throws {
        let code = try Regex("(?:Answer\\.error\\(.*, |case \\.(?:busy|noSpace|notRecording): )\"([a-z-]+)\"")
        var written: Set<String> = []
        for source in Self.product {
            for line in source.lines {
                for match in line.matches(of: code) { written.insert(String(match.output[1].substring ?? "")) }
            }
        }
        let told = try Self.names("Control socket", "code")
        #expect(written.symmetricDifference(told).sorted() == [])
    }

    @Test func `each finding is a script that stops at the first error, and is listed`() throws {
        let scripts = `The tree is tidy`.files(under: "findings", ".sh")
        let readme = try Self.text("findings/README.md")
        for script in scripts {
            let name = String(script.path.dropFirst("findings/".count))
            #expect(readme.contains("| `\(name)` |"), "findings/README.md does not list \(name)")
            #expect(script.lines[0] == "#!/usr/bin/env bash" && script.lines[1].hasPrefix("# "), "\(name): its head")
        }
        let rows = readme.components(separatedBy: "\n").filter { $0.hasPrefix("| `") }
        #expect(rows.count == scripts.count)
    }

    @Test func `the lab's scenarios are listed`() throws {
        let told = Set(try Self.text("docs/LAB.md").components(separatedBy: "\n").filter { $0.hasPrefix("| `") }.map {
            String($0.dropFirst(3).prefix { $0 != "`" })
        })
        let lines = try Self.text("board/lab/lab.py").components(separatedBy: "\n")
        let start = try #require(lines.firstIndex { $0.hasPrefix("SCENARIOS = [") })
        let named = Set(lines[start...].prefix { $0 != "]" }.flatMap { line in
            line.components(separatedBy: "\"").enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
        })
        #expect(told.symmetricDifference(named).sorted() == [])
    }

    @Test func `the glossary has each word once`() throws {
        let lines = try Self.text("docs/GLOSSARY.md").components(separatedBy: "\n").filter { $0.hasPrefix("- **") }
        let words = lines.flatMap { line in
            line.lowercased().components(separatedBy: "**").enumerated().filter { $0.offset % 2 == 1 }
                .map { $0.element }
        }
        #expect(words.count > 40)
        for word in Set(words) {
            #expect(words.count { $0 == word } == 1, "docs/GLOSSARY.md explains \(word) twice")
        }
    }

    @Test func `each link between documents leads somewhere`() throws {
        let link = try Regex("\\]\\(([^)#:]+)(#[^)]+)?\\)")
        for source in Self.written where source.path.hasSuffix(".md") {
            let folder = (source.path as NSString).deletingLastPathComponent
            for (number, line) in source.lines.enumerated() {
                for match in line.matches(of: link) {
                    let target = String(match.output[1].substring ?? "")
                    let path = URL(filePath: "\(Self.root)/\(folder)/\(target)").standardizedFileURL.path
                    let place = "\(source.path):\(number + 1)"
                    #expect(FileManager.default.fileExists(atPath: path), "\(place): no \(target)")
                    guard let anchor = match.output[2].substring?.dropFirst() else { continue }
                    let headings = try String(contentsOfFile: path, encoding: .utf8).components(separatedBy: "\n")
                        .filter { $0.hasPrefix("#") }
                        .map { String($0.lowercased().drop { "# ".contains($0) }).replacing(" ", with: "-") }
                    #expect(headings.contains(String(anchor)), "\(place): \(target) has no heading \(anchor)")
                }
            }
        }
    }
}
