internal import WireJSON

/// A request to the control socket: one JSON object a line, with its verb in `do`.
package enum ControlRequest: Equatable, Sendable {
    /// `{"do":"start","label":"7B maths"}`; the label is optional.
    case start(label: String)
    case stop
    case status
    /// `{"do":"follow"}`; with `"meters":true` also ten times a second in a lesson.
    case follow(meters: Bool)
    case transcript
    /// The lesson's samples from now on.
    case listen
    /// `{"do":"press","button":"start"}`, and `release`, as a finger does.
    case button(Button, isPressed: Bool)
    /// `{"do":"upload-retry","id":"…"}`; nil: `all`.
    case uploadRetry(id: String?)
    /// `{"do":"copying"}`: lessons are being copied to a stick while this connection is open; with `"failed":true`:
    /// they could not be copied. The light shows it.
    case copying(failed: Bool)

    /// A button of the panel.
    package enum Button: Equatable, Sendable {
        case start
        case stop
    }

    /// Bounds on what a line may contain.
    package struct Bounds: Sendable {
        package var lineBytes: Int
        package var labelBytes: Int

        package init(lineBytes: Int, labelBytes: Int) {
            self.lineBytes = lineBytes
            self.labelBytes = labelBytes
        }
    }

    /// Why a line was refused, for whoever sent it.
    package struct Refusal: Error, Equatable, Sendable {
        package let message: String

        package init(message: String) {
            self.message = message
        }
    }

    private static let verbs = "start, listen, stop, status, follow, transcript, press, release, upload-retry, copying"
    /// A recording's name is a ULID.
    private static let nameBytes = 26
    /// The longest unknown verb that is quoted in the refusal.
    private static let shownBytes = 64

    /// Reads one line, without its end.
    package init(_ line: [UInt8], _ bounds: Bounds) throws(Refusal) {
        let request: JSONValue
        do throws(JSONError) {
            request = try JSONValue.parse(line, limitBytes: bounds.lineBytes)
        } catch {
            throw Refusal(message: error.message)
        }
        guard let verb = request["do"]?.string else {
            throw Refusal(message: "\"do\" is missing: {\"do\":\"status\"}")
        }
        switch verb {
        case "start": self = .start(label: try Self.label(request, bounds))
        case "stop": self = .stop
        case "status": self = .status
        case "follow": self = .follow(meters: request["meters"]?.bool == true)
        case "transcript": self = .transcript
        case "listen": self = .listen
        case "press": self = .button(try Self.button(request), isPressed: true)
        case "release": self = .button(try Self.button(request), isPressed: false)
        case "upload-retry": self = .uploadRetry(id: try Self.recording(request))
        case "copying": self = .copying(failed: request["failed"]?.bool == true)
        default:
            let shown = verb.utf8.count <= Self.shownBytes ? " " + verb : " of \(verb.utf8.count) bytes"
            throw Refusal(message: "unknown verb\(shown); known: \(Self.verbs)")
        }
    }

    /// Whether the sender may keep the connection open without asking anything more.
    package var stays: Bool {
        switch self {
        case .follow, .transcript, .listen, .button, .copying: true
        case .start, .stop, .status, .uploadRetry: false
        }
    }

    private static func label(_ request: JSONValue, _ bounds: Bounds) throws(Refusal) -> String {
        guard let given = request["label"] else { return "" }
        guard let label = given.string else { throw Refusal(message: "label: accepted is a text") }
        guard label.utf8.count <= bounds.labelBytes else {
            throw Refusal(message: "label: over \(bounds.labelBytes) bytes")
        }
        return label
    }

    private static func button(_ request: JSONValue) throws(Refusal) -> Button {
        switch request["button"]?.string {
        case "start": return .start
        case "stop": return .stop
        default: throw Refusal(message: "button: accepted are start and stop")
        }
    }

    private static func recording(_ request: JSONValue) throws(Refusal) -> String? {
        let name = request["id"]?.string ?? ""
        if name == "all" { return nil }
        guard name.utf8.count == nameBytes, name.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x5A }) else {
            throw Refusal(message: "id: accepted are a recording's name and all")
        }
        return name
    }
}
