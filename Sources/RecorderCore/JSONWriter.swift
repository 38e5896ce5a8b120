/// Writes one line of JSON (RFC 8259): commas and escapes are its business, the order of fields is the caller's.
package struct JSONWriter: Sendable {
    package private(set) var text = ""
    private var needsComma = false

    package init() {}

    package mutating func object(_ body: (inout JSONWriter) -> Void) {
        open("{")
        body(&self)
        close("}")
    }

    package mutating func array(_ body: (inout JSONWriter) -> Void) {
        open("[")
        body(&self)
        close("]")
    }

    // For documents that are written in pieces.

    package mutating func beginObject() { open("{") }
    package mutating func endObject() { close("}") }

    package mutating func beginArray(_ name: String) {
        key(name)
        open("[")
    }

    package mutating func endArray() { close("]") }

    /// What was written since this was last asked; the text goes on behind it.
    package mutating func take() -> String {
        defer { text = "" }
        return text
    }

    /// The name of the object's next value.
    package mutating func key(_ name: String) {
        separate()
        appendQuoted(name)
        text += ":"
        needsComma = false
    }

    package mutating func value(_ value: String) {
        separate()
        appendQuoted(value)
        needsComma = true
    }

    package mutating func value(_ value: Int64) { raw(String(value)) }
    package mutating func value(_ value: Int) { raw(String(value)) }
    package mutating func value(_ value: Bool) { raw(value ? "true" : "false") }
    package mutating func null() { raw("null") }

    /// A fraction with exactly three decimals.
    package mutating func thousandths(_ value: Double) {
        guard value.isFinite, abs(value) < 1e12 else {
            null()
            return
        }
        let scaled = Int64((abs(value) * 1_000).rounded())
        raw((value < 0 && scaled > 0 ? "-" : "") + "\(scaled / 1_000)." + padded(scaled % 1_000, 3))
    }

    package mutating func field(_ name: String, _ value: String) {
        key(name)
        self.value(value)
    }

    package mutating func field(_ name: String, _ value: Int64) {
        key(name)
        self.value(value)
    }

    package mutating func field(_ name: String, _ value: Int) {
        field(name, Int64(value))
    }

    package mutating func field(_ name: String, _ value: Bool) {
        key(name)
        self.value(value)
    }

    /// `null` for an empty string: "nothing to say" in `status`.
    package mutating func field(_ name: String, orNull value: String) {
        key(name)
        value.isEmpty ? null() : self.value(value)
    }

    package mutating func object(_ name: String, _ body: (inout JSONWriter) -> Void) {
        key(name)
        object(body)
    }

    package mutating func array(_ name: String, _ body: (inout JSONWriter) -> Void) {
        key(name)
        array(body)
    }

    private mutating func open(_ bracket: String) {
        separate()
        text += bracket
        needsComma = false
    }

    private mutating func close(_ bracket: String) {
        text += bracket
        needsComma = true
    }

    private mutating func raw(_ literal: String) {
        separate()
        text += literal
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { text += "," }
    }

    /// Escapes what RFC 8259 section 7 demands, as short as it allows.
    private mutating func appendQuoted(_ value: String) {
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            default:
                if scalar.value < 0x20 {
                    let hex = String(scalar.value, radix: 16)
                    text += "\\u" + String(repeating: "0", count: 4 - hex.utf8.count) + hex
                } else {
                    text.unicodeScalars.append(scalar)
                }
            }
        }
        text += "\""
    }
}
