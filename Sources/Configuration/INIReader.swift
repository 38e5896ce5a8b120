internal import CINI
internal import RecorderCore

/// libinih's view of a file, with what it leaves out: line numbers, every bad line (it tells only the first), and
/// lines longer than its buffer, which it would cut.
final class INIReader {
    struct Entry {
        var line: Int
        var section: String
        var name: String
        var value: String
    }

    private(set) var entries: [Entry] = []
    private(set) var sections: [(line: Int, name: String)] = []
    private(set) var problems: [(line: Int, message: String)] = []
    private var rest: ArraySlice<UInt8>
    private var line = 0
    /// A line that looks like an entry and that libinih has not handed back.
    private var unanswered = false

    init(_ text: [UInt8]) {
        // A byte order mark, as Windows editors write it.
        rest = text.starts(with: [0xEF, 0xBB, 0xBF]) ? text.dropFirst(3) : text[...]
        // The other marks of those editors.
        if text.starts(with: [0xFF, 0xFE]) || text.starts(with: [0xFE, 0xFF]) {
            problems.append((1, "the file is UTF-16 text; save it as UTF-8"))
            rest = []
        }
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        _ = unsafe ini_parse_stream(
            { buffer, capacity, context in
                guard let buffer = unsafe buffer, let context = unsafe context else { return nil }
                let reader = unsafe Unmanaged<INIReader>.fromOpaque(context).takeUnretainedValue()
                guard let bytes = reader.nextLine(limit: Int(capacity) - 1) else { return nil }
                for (offset, byte) in bytes.enumerated() { unsafe buffer[offset] = CChar(bitPattern: byte) }
                unsafe buffer[bytes.count] = 0
                return unsafe buffer
            }, context,
            { context, section, name, value in
                guard let context = unsafe context, let section = unsafe section, let name = unsafe name,
                    let value = unsafe value
                else { return 1 }
                let reader = unsafe Unmanaged<INIReader>.fromOpaque(context).takeUnretainedValue()
                unsafe reader.take(String(cString: section), String(cString: name), String(cString: value))
                return 1
            }, context)
        reportUnanswered()
    }

    private func nextLine(limit: Int) -> [UInt8]? {
        reportUnanswered()
        guard !rest.isEmpty else { return nil }
        guard line < Limits.configurationLines else {
            problems.append((line, "the file has more than \(line) lines; the rest was not read"))
            rest = []
            return nil
        }
        line += 1
        let end = rest.firstIndex(of: 0x0A) ?? rest.endIndex
        // Leading white space would make libinih take the line as more of the last value.
        var bytes = Array(rest[..<end].drop { $0 == 0x20 || $0 == 0x09 })
        rest = rest[end...].dropFirst()
        while let last = bytes.last, last == 0x0D || last == 0x20 || last == 0x09 { bytes.removeLast() }
        guard let first = bytes.first, first != 0x23, first != 0x3B else { return [0x0A] }
        guard bytes.count < limit else {
            problems.append((line, "the line is longer than \(limit - 1) bytes"))
            return [0x0A]
        }
        guard String(validating: bytes, as: UTF8.self) != nil, !bytes.contains(0) else {
            problems.append((line, "the line is not UTF-8 text"))
            return [0x0A]
        }
        if first == 0x5B {
            takeSection(bytes)
        } else {
            unanswered = true
        }
        return bytes + [0x0A]
    }

    private func takeSection(_ bytes: [UInt8]) {
        guard let end = bytes.firstIndex(of: 0x5D) else {
            problems.append((line, "a section ends with `]`"))
            return
        }
        sections.append((line, String(decoding: bytes[1..<end], as: UTF8.self)))
    }

    private func reportUnanswered() {
        guard unanswered else { return }
        unanswered = false
        problems.append((line, "neither `[section]` nor `key = value`"))
    }

    private func take(_ section: String, _ name: String, _ value: String) {
        unanswered = false
        entries.append(Entry(line: line, section: section, name: name, value: Self.withoutComment(value)))
    }

    /// libinih ends a value at ` ;`; ` #` is a comment here as well.
    private static func withoutComment(_ value: String) -> String {
        let bytes = Array(value.utf8)
        var end = bytes.count
        for index in bytes.indices where bytes[index] == 0x23 {
            if index == 0 || bytes[index - 1] == 0x20 || bytes[index - 1] == 0x09 {
                end = index
                break
            }
        }
        while end > 0, bytes[end - 1] == 0x20 || bytes[end - 1] == 0x09 { end -= 1 }
        return String(decoding: bytes[..<end], as: UTF8.self)
    }
}
