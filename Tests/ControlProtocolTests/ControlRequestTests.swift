import ControlProtocol
import Testing

@Suite struct `A request to the control socket` {
    private static let bounds = ControlRequest.Bounds(lineBytes: 512, labelBytes: 8)

    private func read(_ text: String) throws -> ControlRequest {
        try ControlRequest(Array(text.utf8), Self.bounds)
    }

    @Test func `is one of a few verbs`() throws {
        let name = "01KAVZ0G0000007000000000G1"
        let all: [(String, ControlRequest)] = [
            ("{\"do\":\"start\"}", .start(label: "")), ("{\"label\":\"7B\",\"do\":\"start\"}", .start(label: "7B")),
            ("{\"do\":\"stop\"}", .stop), ("{\"do\":\"status\"}", .status),
            ("{\"do\":\"follow\"}", .follow(meters: false)),
            ("{\"do\":\"follow\",\"meters\":true}", .follow(meters: true)),
            ("{\"do\":\"transcript\"}", .transcript),
            ("{\"do\":\"press\",\"button\":\"start\"}", .button(.start, isPressed: true)),
            ("{\"do\":\"release\",\"button\":\"stop\"}", .button(.stop, isPressed: false)),
            ("{\"do\":\"upload-retry\",\"id\":\"all\"}", .uploadRetry(id: nil)),
            ("{\"do\":\"copying\"}", .copying(failed: false)),
            ("{\"do\":\"copying\",\"failed\":true}", .copying(failed: true)),
            ("{\"do\":\"upload-retry\",\"id\":\"\(name)\"}", .uploadRetry(id: name)),
        ]
        for (text, request) in all { #expect(try read(text) == request, "\(text)") }
    }

    @Test(arguments: [
        ("", "JSON"), ("[]", "\"do\" is missing"), ("{\"do\":1}", "\"do\" is missing"),
        ("{\"do\":\"dance\"}", "unknown verb dance; known: start, listen, stop"),
        ("{\"do\":\"start\",\"label\":\"123456789\"}", "label: over 8 bytes"),
        ("{\"do\":\"start\",\"label\":7}", "label: accepted is a text"),
        ("{\"do\":\"press\"}", "button: accepted"), ("{\"do\":\"release\",\"button\":\"\"}", "button: accepted"),
        ("{\"do\":\"upload-retry\"}", "id: accepted"), ("{\"do\":\"upload-retry\",\"id\":\"../x\"}", "id: accepted"),
    ])
    func `that is wrong is told what is right`(text: String, message: String) {
        do throws(ControlRequest.Refusal) {
            _ = try ControlRequest(Array(text.utf8), Self.bounds)
            Issue.record("\(text) was taken")
        } catch {
            #expect(error.message.contains(message) || message == "JSON", "\(error.message)")
            #expect(!error.message.isEmpty)
        }
    }

    @Test func `does not get a long verb back`() {
        let verb = String(repeating: "é", count: 100)
        #expect(throws: ControlRequest.Refusal(
            message: "unknown verb of 200 bytes; known: start, listen, stop, status, follow, transcript, press, "
                + "release, upload-retry, copying")) { try read("{\"do\":\"\(verb)\"}") }
    }
}
