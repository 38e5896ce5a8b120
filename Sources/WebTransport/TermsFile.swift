package import LinuxRuntime
package import RecorderCore

/// The words of a class that a recogniser does not expect (`transcription.terms_file`): one term a line, UTF-8; a byte
/// order mark and Windows' line ends do no harm. A term has no control characters.
package struct TermsFile: Equatable, Sendable {
    package private(set) var terms: [String] = []
    /// Lines that are not sent: beyond `Limits.termsBytes` in all, or no text.
    package private(set) var leftOut = 0

    package init() {}

    /// - Parameter path: empty: there is no such file, and no term.
    package init(path: String) throws(SystemError) {
        guard !path.isEmpty else {
            self.init()
            return
        }
        self.init(try FileSystem.readFile(path, limitBytes: Limits.termsFileBytes))
    }

    /// None when it cannot be read.
    package static func terms(path: String) -> [String] {
        (try? TermsFile(path: path))?.terms ?? []
    }

    package init(_ bytes: [UInt8]) {
        var room = Limits.termsBytes
        var line: [UInt8] = []
        for byte in ResponseBody.withoutMark(bytes) {
            if byte == 0x0A { take(&line, &room) } else { line.append(byte) }
        }
        take(&line, &room)
    }

    private mutating func take(_ line: inout [UInt8], _ room: inout Int) {
        let text = String(decoding: line, as: UTF8.self)
        // What was no UTF-8 has become something else.
        let isText = Array(text.utf8) == line
        line = []
        let term = text.trimmingSpaces
        guard !term.isEmpty else { return }
        // Each is followed by a separator at least.
        guard isText, term.isEvery({ $0 >= 0x20 && $0 != 0x7F }), term.utf8.count < room else {
            leftOut += 1
            return
        }
        room -= term.utf8.count + 1
        terms.append(term)
    }
}

extension JSONWriter {
    /// What both of the service's interfaces are told of the language that they will hear.
    package mutating func hints(_ languages: [String], isStrict: Bool, _ terms: [String]) {
        array("language_hints") { array in
            for language in languages.prefix(Limits.languageHints) { array.value(language) }
        }
        if isStrict { field("language_hints_strict", true) }
        guard !terms.isEmpty else { return }
        object("context") { context in
            context.array("terms") { array in
                for term in terms { array.value(term) }
            }
        }
    }
}
