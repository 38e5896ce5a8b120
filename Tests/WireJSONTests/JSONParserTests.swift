import Testing

@testable import WireJSON

private func parse(_ text: String) throws -> JSONValue { try JSONValue.parse(text, limitBytes: 1 << 20) }

private func error(_ text: String) -> JSONError? { error(Array(text.utf8)) }

private func error(_ bytes: [UInt8]) -> JSONError? {
    do throws(JSONError) {
        _ = try JSONValue.parse(bytes, limitBytes: 1 << 20)
        return nil
    } catch {
        return error
    }
}

private func number(_ value: Int64) -> JSONValue {
    .number(JSONNumber(value: Double(value), integer: value))
}

@Test func `a service message comes out as its values`() throws {
    let value = try parse(
        #"{"tokens":[{"text":" Hi","start_ms":120,"end_ms":240,"confidence":0.97,"is_final":true,"speaker":null}],"#
            + #""final_audio_proc_ms":240,"total_audio_proc_ms":-3.5e2}"#)
    #expect(value["tokens"]?.array?.count == 1)
    let token = value["tokens"]?.array?.first
    #expect(token?["text"]?.string == " Hi")
    #expect(token?["start_ms"]?.integer == 120)
    #expect(token?["confidence"]?.double == 0.97)
    #expect(token?["confidence"]?.integer == nil)
    #expect(token?["is_final"]?.bool == true)
    #expect(token?["speaker"]?.isNull == true)
    #expect(value["total_audio_proc_ms"]?.integer == -350)
    #expect(value["nothing"] == nil)
}

@Test(arguments: ["{}", "[]", " { } ", "\t[ ]\r\n", "[[]]", "[{}]", #"{"a":{}}"#, #"{"a":[]}"#])
func `empty containers are values`(text: String) throws {
    _ = try parse(text)
}

@Test func `an empty outermost object has no members`() throws {
    #expect(try parse("{}") == .object([]))
    #expect(try parse("[{},[]]") == .array([.object([]), .array([])]))
}

@Test func `of two members with one name the last counts`() throws {
    let value = try parse(#"{"a":1,"b":2,"a":3}"#)
    #expect(value["a"]?.integer == 3)
    #expect(value.object?.count == 3)
}

@Test func `names may hold dots, brackets, escapes and nothing`() throws {
    let value = try parse(#"{"a.b":1,"a[]":2,"":3,"\u00e9\n":4,"x":{"y.z":{"*":5}}}"#)
    #expect(value["a.b"]?.integer == 1)
    #expect(value["a[]"]?.integer == 2)
    #expect(value[""]?.integer == 3)
    #expect(value["é\n"]?.integer == 4)
    #expect(value["x"]?["y.z"]?["*"]?.integer == 5)
}

@Test func `many arrays in one object are no nesting`() throws {
    let members = (0..<40).map { "\"m\($0)\":[[\($0)]]" }.joined(separator: ",")
    let value = try parse("{" + members + "}")
    #expect(value["m39"]?.array?.first?.array?.first?.integer == 39)
}

@Test func `long names side by side and below each other do not run together`() throws {
    let name = String(repeating: "n", count: JSONParser.maximumNameBytes)
    let value = try parse("{\"\(name)\":{\"\(name)\":{\"\(name)\":{\"a\":\"x\"}}},\"m\":[7]}")
    #expect(value[name]?[name]?[name]?["a"]?.string == "x")
    #expect(error("{\"\(name)n\":1}") == .nameTooLong(offset: 2 + JSONParser.maximumNameBytes))
}

@Test(arguments: [
    "\u{7F}", "é€😀", "\u{2028}", String(repeating: "aé😀", count: 4000), String(repeating: "x", count: 253),
    String(repeating: "x", count: 254), String(repeating: "x", count: 255), String(repeating: "x", count: 253) + "é",
])
func `strings of any length and script come whole`(text: String) throws {
    #expect(try parse("[\"" + text + "\",\"next\"]") == .array([.string(text), .string("next")]))
}

@Test func `escapes beyond the first plane are one character`() throws {
    #expect(try parse(#"["\ud83d\ude00\u20ac\u00E9\u0041\u0000\/"]"#) == .array([.string("😀€éA\0/")]))
}

@Test(arguments: [#"["\ud83d"]"#, #"["\ud83dx"]"#, #"["\ude00\ud83d"]"#, #"["\ud83d\ud83d"]"#, #"{"\udc00":1}"#])
func `half a surrogate pair is refused`(text: String) {
    guard case .encoding = error(text) else {
        Issue.record("\(text): \(String(describing: error(text)))")
        return
    }
}

@Test(arguments: [
    [0xFF], [0xC3], [0xC0, 0x80], [0xE2, 0x82], [0xED, 0xA0, 0xBD, 0xED, 0xB8, 0x80], [0xF5, 0x80, 0x80, 0x80],
    [0x80], [0xF0, 0x9F, 0x98],
] as [[UInt8]])
func `a string that is no UTF-8 is refused`(bytes: [UInt8]) {
    guard case .encoding = error(Array(#"[""#.utf8) + bytes + Array(#""]"#.utf8)) else {
        Issue.record("taken: \(bytes)")
        return
    }
}

@Test func `numbers keep their value`() throws {
    let value = try parse(
        "[0,-0,1.0,1e3,9007199254740993,9223372036854775807,9223372036854775808,0.00012345678901234567,"
            + "123456789012345678901234567890,5e-324,-1.5E+2]")
    let numbers = value.array?.map { $0.integer } ?? []
    #expect(numbers == [0, 0, 1, 1000, 9_007_199_254_740_993, .max, nil, nil, nil, nil, -150])
    #expect(value.array?[7].double == 0.00012345678901234567)
    #expect(value.array?[8].double == Double("123456789012345678901234567890"))
    #expect(value.array?[9].double == .leastNonzeroMagnitude)
}

@Test(arguments: [
    "[01]", "[1.]", "[.5]", "[+1]", "[-]", "[1e]", "[1e+]", "[1e5.]", "[1-2]", "[--1]", "[1e400]", "[0x10]", "[1 2]",
    "[NaN]", "[Infinity]", "[" + String(repeating: "1", count: 65) + "]",
])
func `what is nearly a number is refused`(text: String) {
    guard case .syntax = error(text) else {
        Issue.record("\(text): \(String(describing: error(text)))")
        return
    }
}

@Test(arguments: [
    "[1}", #"{"a":1]"#, #"{"a":[1}]}"#, "[1,]", #"{"a":1,}"#, "[,1]", "[1,,2]", "{,}", #"{"a"}"#, #"{"a":}"#,
    #"{"a" 1}"#, #"{"a":1 "b":2}"#, #"{1:2}"#, #"{a:1}"#, "['a']", "# c\n[1]", "[1#\n]", "[tru]", "[truex]", "[nul]",
    "]",
    "}", ":", "true", "1", "\"a\"", "null", "[\"\\x\"]", "[\"\\u12G4\"]", "[\"a\tb\"]", "[\"a\nb\"]",
    "\u{FEFF}[]", "<html>", "\0", #"["a":1]"#, "[}", "{]",
])
func `what is no JSON is refused`(text: String) {
    guard case .syntax = error(text) else {
        Issue.record("\(text): \(String(describing: error(text)))")
        return
    }
}

@Test func `a backslash before a zero byte is refused`() {
    #expect(error([0x5B, 0x22, 0x5C, 0x00, 0x22, 0x5D]) == .syntax(offset: 3))
}

@Test(arguments: ["", " ", "[", "{", #"{"a""#, #"{"a":"#, #"{"a":1"#, #"["a"#, "[1", "[1,", "[tru", #"["\u12"#, "[[]"])
func `a text that ends early is incomplete`(text: String) {
    #expect(error(text) == .incomplete)
}

@Test(arguments: ["[] x", "{}{}", "[1]]", #"{"a":1}}"#, "[],", "{}\0"])
func `a text that goes on is refused`(text: String) {
    guard case .trailing = error(text) else {
        Issue.record("\(text): \(String(describing: error(text)))")
        return
    }
}

@Test func `nesting is limited`() throws {
    let deepest = JSONParser.maximumDepth
    func nested(_ depth: Int) -> String {
        String(repeating: "[", count: depth) + "\"x\"" + String(repeating: "]", count: depth)
    }
    func objects(_ depth: Int) -> String {
        String(repeating: #"{"abc":"#, count: depth) + "\"x\"" + String(repeating: "}", count: depth)
    }
    _ = try parse(nested(deepest))
    _ = try parse(objects(deepest))
    #expect(error(nested(deepest + 1)) == .tooDeep(offset: deepest))
    #expect(error(objects(deepest + 1)) == .tooDeep(offset: deepest * 7))
    #expect(error(String(repeating: "[", count: 100_000)) == .tooDeep(offset: deepest))
}

@Test func `the caller's limits hold`() throws {
    let parser = JSONParser(limitBytes: 8)
    try parser.feed(Array("[1,2".utf8))
    #expect(throws: JSONError.tooLong(limitBytes: 8)) { try parser.feed(Array(",3,4,5]".utf8)) }
    #expect(throws: JSONError.tooLong(limitBytes: 8)) { try parser.finish() }
    #expect(throws: JSONError.tooManyValues(limit: 3)) {
        try JSONValue.parse("[1,2,3]", limitBytes: 100, limitValues: 3)
    }
    #expect(try JSONValue.parse("[1,2]", limitBytes: 5, limitValues: 3) == .array([number(1), number(2)]))
}

@Test func `where the text is cut makes no difference`() throws {
    let text = #" {"aé.b" : [ -1.5e3,true , null,"x\ud83d\ude00\n€" ],"c":{"d":[]}} "#
    let bytes = Array(text.utf8)
    let whole = try parse(text)
    for cut in 0...bytes.count {
        let parser = JSONParser(limitBytes: 1000)
        try parser.feed(Array(bytes[..<cut]))
        try parser.feed(Array(bytes[cut...]))
        #expect(try parser.finish() == whole)
    }
    let single = JSONParser(limitBytes: 1000)
    for byte in bytes { try single.feed([byte]) }
    #expect(try single.finish() == whole)
}

@Test func `no byte string makes the parser crash or take what it should not`() {
    var state: UInt64 = 88_172_645_463_325_252
    func random(_ below: Int) -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int(state % UInt64(below))
    }
    let seed = Array(#"{"tokens":[{"text":" é\ud83d\ude00","start_ms":12,"c":0.5,"f":true}],"x":[[1],{}]}"#.utf8)
    for _ in 0..<20_000 {
        var bytes = seed
        for _ in 0...random(4) {
            switch random(3) {
            case 0: bytes[random(bytes.count)] = UInt8(random(256))
            case 1: bytes.remove(at: random(bytes.count))
            default: bytes.insert(UInt8(random(128)), at: random(bytes.count))
            }
        }
        _ = error(bytes)
    }
}

@Test func `text that is no Unicode is brought near to what it may have meant, where that is wanted`() throws {
    func mend(_ text: [UInt8]) throws -> (value: JSONValue, mended: Int) {
        let parser = JSONParser(limitBytes: 1_000, mendsText: true)
        try parser.feed(text)
        return (try parser.finish(), parser.mended)
    }
    func half(_ value: UInt32) -> String { String(Character(Unicode.Scalar(JSONText.firstHalf + value - 0xD800)!)) }
    let halves = try mend(Array(#"["\ud83d","\ude00x","\ud83d\ude00","\ud83d\ud83d\ude00"]"#.utf8))
    #expect(
        halves.value == .array([
            .string(half(0xD83D)), .string(half(0xDE00) + "x"), .string("😀"), .string(half(0xD83D) + "😀"),
        ]))
    #expect(halves.mended == 3)
    // The same half as bytes, which RFC 3629 forbids, and bytes that are nothing.
    let bytes = try mend(Array("[\"".utf8) + [0xED, 0xA0, 0xBD, 0x22, 0x2C, 0x22, 0xFF, 0x61] + Array("\"]".utf8))
    #expect(bytes.value == .array([.string(half(0xD83D)), .string("\u{FFFD}a")]))
    #expect(bytes.mended == 2)
    #expect(try mend(Array("[1e999]".utf8)).value.array?.first?.double == Double.greatestFiniteMagnitude)
    for text in [#"["\ud83d"]"#, "[1e999]"] {
        #expect(throws: JSONError.self) { try JSONValue.parse(text, limitBytes: 1_000) }
    }
}
