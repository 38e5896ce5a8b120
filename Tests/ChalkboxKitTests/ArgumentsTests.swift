import Testing

@testable import ChalkboxKit

@Suite struct `Arguments are read` {
    private func read(_ words: String..., valued: String = "", plain: String = "") throws -> Arguments {
        try Arguments(words, valued: valued, plain: plain)
    }

    private func refusal(_ words: String..., valued: String = "", plain: String = "") -> String? {
        do throws(Arguments.UsageError) {
            _ = try Arguments(words, valued: valued, plain: plain)
            return nil
        } catch {
            return error.message
        }
    }

    @Test func `a value follows its option, or an equals sign`() throws {
        let arguments = try read("--label", "7B maths", "--socket=/s", valued: "--label")
        #expect(arguments.last("--label") == "7B maths")
        #expect(arguments.last("--socket") == "/s")
        #expect(arguments.positional.isEmpty)
    }

    @Test func `the last of an option counts, or all of it`() throws {
        let arguments = try read("--set", "a.b=1", "--set=a.c=2")
        #expect(arguments.all("--set") == ["a.b=1", "a.c=2"])
        #expect(arguments.last("--set") == "a.c=2")
        #expect(arguments.last("--config") == nil)
    }

    @Test func `flags and words stay in order, and nothing is an option behind --`() throws {
        let arguments = try read("verify", "--json", "--", "--json", "-", plain: "--json")
        #expect(arguments.flags == ["--json"])
        #expect(arguments.positional == ["verify", "--json", "-"])
    }

    @Test func `a lone dash is a word`() throws {
        #expect(try read("-").positional == ["-"])
    }

    @Test func `what is missing or unknown is named`() {
        #expect(refusal("--label", valued: "--label") == "--label needs a value")
        #expect(refusal("--config", "--json", plain: "--json") == "--config needs a value")
        #expect(refusal("--config=") == "--config needs a value")
        #expect(refusal("--labels", "x", valued: "--label") == "unknown option --labels")
        #expect(refusal("--json=yes", plain: "--json") == "unknown option --json=yes")
        #expect(refusal("") == "one of the words is empty")
        #expect(refusal("--", "") == "one of the words is empty")
    }

    @Test func `a label may be empty, and a value may begin like an option behind an equals sign`() throws {
        #expect(try read("--label", "", valued: "--label").last("--label") == "")
        #expect(try read("--label=--x", valued: "--label").last("--label") == "--x")
    }
}
