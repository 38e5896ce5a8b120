internal import RecorderCore

/// The kinds of value. Each answers nil, or what is accepted.
enum Check {
    static func channel(_ text: String, _ value: inout ChannelSelection) -> String? {
        var number = text == "left" ? 1 : text == "right" ? 2 : 0
        if number == 0, text != "mix", Self.number(text, 1...ChannelWatch.channelLimit, &number) != nil {
            return "mix, left, right, or a channel's number, 1 to 8"
        }
        value = number == 0 ? .mix : .one(number)
        return nil
    }

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
        text.utf8.count <= limit && text.isPlain ? nil : "at most \(limit) bytes of printable text"
    }

    static func path(_ text: String) -> String? {
        text.utf8.first == 0x2F && text.utf8.count < 1_024 && text.isPlain ? nil : "an absolute path"
    }

    static func optionalPath(_ text: String) -> String? {
        text.isEmpty ? nil : path(text)
    }

    /// unix(7): 108 bytes with the terminating zero.
    static func socketPath(_ text: String) -> String? {
        path(text) == nil && text.utf8.count <= 107 ? nil : "an absolute path of at most 107 bytes"
    }

    /// Empty, the secure scheme, or the plain one to this machine itself; as what connects will take it.
    static func url(_ text: String, _ secure: String, _ plain: String) -> String? {
        guard !text.isEmpty else { return nil }
        do throws(UplinkFailure) {
            _ = try Endpoint(text, name: "here", secure: secure, plain: plain)
            return nil
        } catch {
            return "a \(secure):// address, or \(plain):// to a loopback address; \(error.detail)"
        }
    }

    /// Codes as BCP 47 writes them: two or three letters, and what may follow behind hyphens.
    static func languages(_ text: String, _ value: inout [String]) -> String? {
        var languages: [String] = []
        for part in text.parts(separatedBy: ",") where !part.isEmpty {
            let code = part.trimmingSpaces
            let letters = Array(code.utf8).prefix { 0x61...0x7A ~= $0 | 0x20 }.count
            let isCode = 2...3 ~= letters && (code.utf8.count == letters || Array(code.utf8)[letters] == 0x2D)
                && code.isEvery { 0x61...0x7A ~= $0 | 0x20 || 0x30...0x39 ~= $0 || $0 == 0x2D }
            guard isCode, code.utf8.count <= 12, languages.count < Limits.languageHints else {
                return "at most \(Limits.languageHints) codes with commas, such as en for English, ar for Arabic"
            }
            languages.append(code)
        }
        value = languages
        return nil
    }

    /// Empty, `chip:offset` or a line's name; as the panel will take it.
    static func line(_ text: String) -> String? {
        if text.isEmpty || LineName(text) != nil { return nil }
        return "chip:offset such as gpiochip0:17, or a line's name of at most 31 bytes"
    }
}

/// The nearest known name to a mistyped one.
enum SpellingHint {
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
