import Testing

@testable import ChalkboxKit

@Suite struct `Arguments are read` {
    private func read(_ words: String..., options: String = "") throws -> Arguments {
        try Arguments(words, CommandOption.list(options))
    }

    private func refusal(_ words: String..., options: String = "") -> String? {
        do throws(Arguments.UsageError) {
            _ = try Arguments(words, CommandOption.list(options))
            return nil
        } catch {
            return error.message
        }
    }

    @Test func `a value follows its option, or an equals sign`() throws {
        let arguments = try read("--label", "7B maths", "--socket=/s", options: "--label TEXT  what")
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
        let arguments = try read("verify", "--json", "--", "--json", "-", options: "--json  how")
        #expect(arguments.flags == ["--json"])
        #expect(arguments.positional == ["verify", "--json", "-"])
    }

    @Test func `a lone dash is a word`() throws {
        #expect(try read("-").positional == ["-"])
    }

    @Test func `what is missing or unknown is named`() {
        #expect(refusal("--label", options: "--label TEXT  what") == "--label needs a value")
        #expect(refusal("--config", "--json", options: "--json  how") == "--config needs a value")
        #expect(refusal("--config=") == "--config needs a value")
        #expect(refusal("--labels", "x", options: "--label TEXT  what") == "unknown option --labels")
        #expect(refusal("--json=yes", options: "--json  how") == "unknown option --json=yes")
        #expect(refusal("") == "one of the words is empty")
        #expect(refusal("--", "") == "one of the words is empty")
    }

    @Test func `a label may be empty, and a value may begin like an option behind an equals sign`() throws {
        #expect(try read("--label", "", options: "--label TEXT  what").last("--label") == "")
        #expect(try read("--label=--x", options: "--label TEXT  what").last("--label") == "--x")
    }
}
