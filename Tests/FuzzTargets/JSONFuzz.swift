import Foundation
import RecorderCore

@testable import WireJSON

/// What holds for every JSON text, whoever sent it.
enum JSONFuzz {
    /// Parses `bytes`, whole and cut in two, and holds the result against Foundation's and against itself.
    static func value(_ bytes: [UInt8], limitBytes: Int, limitValues: Int = JSONParser.defaultLimitValues) throws
        -> JSONValue?
    {
        let result = parse([bytes], limitBytes, limitValues)
        let half = bytes.count / 2
        // Where it is cut may decide which mistake is seen first, but not whether there is one.
        let halves = parse([Array(bytes[..<half]), Array(bytes[half...])], limitBytes, limitValues)
        try expect((try? halves.get()) == (try? result.get()), "cut in two it is another text")
        switch result {
        case .success(let value):
            guard let reference = try? JSONSerialization.jsonObject(with: Data(bytes)) else {
                throw Violation(description: "Foundation does not take it")
            }
            try compare(value, reference)
            let again = JSONFuzz.text(value)
            guard hasShortNames(value), again.utf8.count <= limitBytes else { return value }
            try expect(parse([Array(again.utf8)], limitBytes, limitValues) == .success(value), "\(again) differs")
            return value
        case .failure(let error):
            try expect(!error.message.isEmpty, "an error without a message")
            return nil
        }
    }

    private static func parse(
        _ parts: [[UInt8]], _ limitBytes: Int, _ limitValues: Int
    ) -> Result<JSONValue, JSONError> {
        let parser = JSONParser(limitBytes: limitBytes, limitValues: limitValues)
        do throws(JSONError) {
            for part in parts { try parser.feed(part) }
            return .success(try parser.finish())
        } catch {
            return .failure(error)
        }
    }

    /// JSON of a value. `JSONWriter` writes no fractions but thousandths.
    static func text(_ value: JSONValue) -> String {
        switch value {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .number(let number): number.integer.map { "\($0)" } ?? "\(number.value)"
        case .string(let text): quoted(text)
        case .array(let elements): "[" + elements.map(text).joined(separator: ",") + "]"
        case .object(let members):
            "{" + members.map { quoted($0.name) + ":" + text($0.value) }.joined(separator: ",") + "}"
        }
    }

    private static func quoted(_ text: String) -> String {
        var writer = JSONWriter()
        writer.value(text)
        return writer.text
    }

    /// A name's bound counts bytes as they are written: with other escapes it may be over it.
    private static func hasShortNames(_ value: JSONValue) -> Bool {
        switch value {
        case .null, .bool, .number, .string: true
        case .array(let elements): elements.allSatisfy(hasShortNames)
        case .object(let members):
            members.allSatisfy {
                quoted($0.name).utf8.count <= JSONParser.maximumNameBytes && hasShortNames($0.value)
            }
        }
    }

    private static func compare(_ value: JSONValue, _ reference: Any) throws {
        let isSame: Bool
        switch value {
        case .null: isSame = reference is NSNull
        case .bool(let value): isSame = reference as? Bool == value
        case .number(let number):
            let other = (reference as? NSNumber)?.doubleValue ?? .nan
            isSame = abs(other - number.value) <= 1e-9 * max(1, abs(number.value))
        case .string(let text): isSame = reference as? String == text
        case .array(let elements):
            let others = reference as? [Any] ?? []
            isSame = others.count == elements.count
            for (element, other) in zip(elements, others) { try compare(element, other) }
        case .object(let members):
            let others = reference as? [String: Any] ?? [:]
            // Of two members with one name, which one counts is not said by RFC 8259.
            guard Set(members.map(\.name)).count == members.count else { return }
            isSame = others.count == members.count
            for member in members { try compare(member.value, others[member.name] ?? "no such member") }
        }
        try expect(isSame, "\(value) is \(reference) for Foundation")
    }
}
