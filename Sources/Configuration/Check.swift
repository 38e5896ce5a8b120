internal import RecorderCore

/// The kinds of value. Each answers nil, or what is accepted.
enum Check {
    static func number(_ text: String, _ range: ClosedRange<Int>, _ value: inout Int) -> String? {
        guard let number = Int(text), range.contains(number) else {
            return "a whole number from \(range.lowerBound) to \(range.upperBound)"
        }
        value = number
        return nil
    }

    /// - Parameter tenths: the bounds; Embedded Swift's text of a `Double` is a few KiB that nothing else needs.
    static func fraction(_ text: String, tenths: ClosedRange<Int>, _ value: inout Double) -> String? {
        guard let number = Double(text), number * 10 >= Double(tenths.lowerBound),
            number * 10 <= Double(tenths.upperBound)
        else { return "a number from \(decimal(tenths.lowerBound)) to \(decimal(tenths.upperBound))" }
        value = number
        return nil
    }

    private static func decimal(_ tenths: Int) -> String {
        tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
    }

    static func flag(_ text: String, _ value: inout Bool) -> String? {
        switch text.inLowerCase {
        case "yes", "true", "on", "1": value = true
        case "no", "false", "off", "0": value = false
        default: return "yes, no"
        }
        return nil
    }

    static func printable(_ text: String, limit: Int) -> String? {
        let fine = text.utf8.count <= limit && text.isEvery { $0 >= 0x20 && $0 != 0x7F }
        return fine ? nil : "at most \(limit) bytes of printable text"
    }

    static func path(_ text: String) -> String? {
        text.utf8.first == 0x2F && text.utf8.count < 1_024 ? nil : "an absolute path"
    }

    static func optionalPath(_ text: String) -> String? {
        text.isEmpty ? nil : path(text)
    }

    /// unix(7): 108 bytes with the terminating zero.
    static func socketPath(_ text: String) -> String? {
        path(text) == nil && text.utf8.count <= 107 ? nil : "an absolute path of at most 107 bytes"
    }

    /// Empty, the secure scheme, or the plain one to this machine itself.
    static func url(_ text: String, _ secure: String, _ plain: String) -> String? {
        let accepted = "a \(secure):// address, or \(plain):// to a loopback address"
        guard !text.isEmpty else { return nil }
        guard text.utf8.count <= 1_024, text.isEvery({ $0 > 0x20 && $0 < 0x7F }) else { return accepted }
        if let rest = text.remainder(after: secure + "://") { return host(of: rest).isEmpty ? accepted : nil }
        guard let rest = text.remainder(after: plain + "://") else { return accepted }
        return isLoopback(host(of: rest)) ? nil : accepted
    }

    private static func host(of rest: String) -> String {
        var authority = rest
        for end: Unicode.Scalar in ["/", "?", "#"] { authority = authority.cut(at: end)?.before ?? authority }
        if let address = authority.remainder(after: "[") { return address.cut(at: "]")?.before ?? address }
        return authority.cut(at: ":")?.before ?? authority
    }

    private static func isLoopback(_ host: String) -> Bool {
        guard host != "localhost", host != "::1" else { return true }
        let parts = host.parts(separatedBy: ".")
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { isNumber($0, upTo: 255) }
    }

    private static func isNumber(_ text: String, upTo limit: Int) -> Bool {
        Int(text).map { (0...limit).contains($0) } ?? false
    }

    static func languages(_ text: String, _ value: inout [String]) -> String? {
        let accepted = "language codes with commas, at most \(Limits.languageHints), such as en, ar"
        var languages: [String] = []
        for part in text.parts(separatedBy: ",") where !part.isEmpty {
            let code = part.parts(separatedBy: " ").joined(separator: "")
            let letters = code.isEvery {
                (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D
            }
            guard letters, (2...12).contains(code.utf8.count) else { return accepted }
            languages.append(code)
        }
        guard languages.count <= Limits.languageHints else { return accepted }
        value = languages
        return nil
    }

    /// Empty, `chip:offset` or a line's name.
    static func line(_ text: String) -> String? {
        let accepted = "chip:offset such as gpiochip0:17, or a line's name"
        guard let problem = printable(text, limit: 64) else {
            let parts = text.parts(separatedBy: ":")
            guard let offset = parts.last, parts.count > 1 else { return nil }
            return offset.utf8.count + 1 < text.utf8.count && isNumber(offset, upTo: 65_535) ? nil : accepted
        }
        return problem
    }
}

/// The nearest known name to a mistyped one.
enum Suggestion {
    static func nearest(to name: String, among names: [String]) -> String? {
        var best: (name: String, distance: Int)?
        for candidate in names {
            let distance = editDistance(Array(Array(name.utf8).prefix(64)), Array(candidate.utf8))
            if distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        guard let best, best.distance <= max(2, best.name.utf8.count / 3) else { return nil }
        return best.name
    }

    /// Levenshtein's distance: insertions, deletions and replacements.
    private static func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var row = Array(0...right.count)
        for (index, byte) in left.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for place in 0..<right.count {
                let substituted = diagonal + (byte == right[place] ? 0 : 1)
                diagonal = row[place + 1]
                row[place + 1] = min(substituted, row[place] + 1, diagonal + 1)
            }
        }
        return row[right.count]
    }
}
