/// What a server is to do wrong. Empty: nothing. `FaultTable` has the names and what each means.
package struct FaultPlan: Equatable, Sendable {
    // Connections.
    package var refuse = false
    package var acceptReset: FaultTrigger?
    package var blackHole: BlackHole?
    package var slowMilliseconds = 0
    // Token endpoints and their keys.
    package var tokenStatus: FaultTrigger?
    package var tokenDelay: FaultTrigger?
    package var tokenHang: FaultTrigger?
    package var retryAfterSeconds = 5
    package var noRetryAfter = false
    package var keyLifetimeMilliseconds: Int?
    package var singleUseKeys = false
    package var otherRegion = false
    // Odd answers.
    package var tokenAnswer: FaultTrigger?
    package var handshakeAnswer: FaultTrigger?
    package var createAnswer: FaultTrigger?
    package var headAnswer: FaultTrigger?
    package var patchAnswer: FaultTrigger?
    package var manifestAnswer: FaultTrigger?
    // Handshakes and limits.
    package var handshakeStatus: FaultTrigger?
    package var handshakeDelay: FaultTrigger?
    package var refuseAtHandshake = false
    package var maximumSessions: Int?
    package var maximumRequestsPerMinute: Int?
    package var pacing: PacingLimit?
    package var maximumSessionMilliseconds: Int?
    package var goneModel: String?
    // Ends of a session.
    package var errorCode: FaultTrigger?
    /// The value is the type's place among all.
    package var errorType: FaultTrigger?
    package var errorNumber: Int?
    package var close: FaultTrigger?
    package var reset: FaultTrigger?
    package var cut: FaultTrigger?
    package var halfClose: FaultTrigger?
    package var stall: FaultTrigger?
    package var freeze: FaultTrigger?
    package var pause: FaultTrigger?
    package var leaveOut: FaultTrigger?
    package var closeBeforeFinished: FaultTrigger?
    // Messages.
    package var malformedJSON: FaultTrigger?
    package var wrongTypes: FaultTrigger?
    package var hugeMessage: FaultTrigger?
    package var binaryGarbage: FaultTrigger?
    package var unknownFields = false
    package var translations = false
    package var firstUntimed = false
    // The transcript.
    package var duplicateFinals: Int?
    package var lateFinals: LateFinals?
    package var permuteSpeakers = false
    package var cutWords = false
    package var splitTokens = false
    package var hanWords = false
    package var spellOtherwise = false
    package var timeJitterMilliseconds = 0
    package var finalDelayMilliseconds: Int?
    // Uploads. The cuts' value is the byte of the body; -1: any.
    package var createStatus: FaultTrigger?
    package var createLost: FaultTrigger?
    package var headStatus: FaultTrigger?
    package var headOffset: FaultTrigger?
    package var patchStatus: FaultTrigger?
    package var patchCut: FaultTrigger?
    package var patchReset: FaultTrigger?
    package var patchStall: FaultTrigger?
    package var patchLost: FaultTrigger?
    package var corrupt: FaultTrigger?
    package var uploadDeleteStatus: FaultTrigger?
    package var manifestStatus: FaultTrigger?
    package var manifestMissing: FaultTrigger?
    package var manifestLost: FaultTrigger?
    package var uploadBytesPerSecond: Int?
    package var uploadLifeMilliseconds: Int?
    package var uploadMaximumBytes = 5_368_709_120
    package var serverErrorRetryAfterSeconds: Int?
    package var relativeLocation = false
    // The service's REST API.
    package var restFileStatus: FaultTrigger?
    package var restFileCut: FaultTrigger?
    package var restCreateStatus: FaultTrigger?
    package var restCreateLost: FaultTrigger?
    package var restPollStatus: FaultTrigger?
    package var restTranscriptStatus: FaultTrigger?
    package var restDeleteStatus: FaultTrigger?
    package var restDelayMilliseconds = 0
    package var restFails: FaultTrigger?
    package var restHangs: FaultTrigger?
    package var restMalformedJSON: FaultTrigger?
    package var restWrongTypes: FaultTrigger?

    package init() {}

    /// Retry-After of an HTTP 429.
    var busySeconds: Int? { noRetryAfter ? nil : retryAfterSeconds }

    /// The first session to receive this much audio has its TCP connection reset; later ones are left alone.
    package var dropAfterMilliseconds: Int? {
        get { reset?.afterMilliseconds }
        set { reset = newValue.map { FaultTrigger(afterMilliseconds: $0, times: 1) } }
    }

    /// A plan from arguments, `NAME[=VALUE][@MS][*TIMES]` each.
    package init(arguments: [String]) throws(FaultArgumentError) {
        for argument in arguments { try apply(argument) }
    }

    /// Adds a fault, or takes it out: `NAME=off`; `none` takes out all.
    package mutating func apply(_ argument: String) throws(FaultArgumentError) {
        if argument == "none" {
            self = FaultPlan()
            return
        }
        let parsed = try FaultArgument(argument)
        guard let row = FaultTable.rows.first(where: { $0.name == parsed.name }) else { throw .unknown(argument) }
        if parsed.value == "off" {
            row.clear(&self)
        } else {
            try row.set(&self, parsed)
        }
    }

    /// What is in force, as arguments that would make the same plan.
    package var arguments: [String] { FaultTable.rows.compactMap { $0.show(self) } }

    /// For the command's help.
    package static var help: String { FaultTable.help }
}

/// A fault as it is written: `NAME[=VALUE][@MS][*TIMES]`.
struct FaultArgument {
    let text: String
    let name: String
    var value: String?
    var afterMilliseconds: Int?
    var times: Int?

    init(_ text: String) throws(FaultArgumentError) {
        self.text = text
        var rest = text[...]
        if let (before, number) = try Self.suffix(of: rest, after: "*", in: 1...1_000_000, text) {
            (rest, times) = (before, number)
        }
        if let (before, number) = try Self.suffix(of: rest, after: "@", in: 0...86_400_000, text) {
            (rest, afterMilliseconds) = (before, number)
        }
        let parts = rest.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        name = String(parts[0])
        value = parts.count == 2 ? String(parts[1]) : nil
    }

    private static func suffix(
        of text: Substring, after mark: Character, in range: ClosedRange<Int>, _ argument: String
    ) throws(FaultArgumentError) -> (Substring, Int)? {
        guard let place = text.lastIndex(of: mark) else { return nil }
        guard let number = Int(text[text.index(after: place)...]), range.contains(number) else {
            throw .badValue(argument, accepted: "a number from \(range.lowerBound) after \(mark)")
        }
        return (text[..<place], number)
    }

    func number(in range: ClosedRange<Int>) throws(FaultArgumentError) -> Int {
        guard let value, let number = Int(value), range.contains(number) else {
            throw .badValue(text, accepted: "a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// Refuses what this fault does not take.
    func takes(
        value takesValue: Bool, moment: Bool = false, times takesTimes: Bool = false
    ) throws(FaultArgumentError) {
        if !takesValue, value != nil { throw .badValue(text, accepted: "no value") }
        if !moment, afterMilliseconds != nil { throw .badValue(text, accepted: "no @MS") }
        if !takesTimes, times != nil { throw .badValue(text, accepted: "no *TIMES") }
    }
}

package enum FaultArgumentError: Error, Equatable, CustomStringConvertible {
    case unknown(String)
    case badValue(String, accepted: String)

    package var description: String {
        switch self {
        case .unknown(let argument):
            "unknown fault '\(argument)'; there are: \(FaultTable.rows.map(\.name).joined(separator: ", "))"
        case .badValue(let argument, let accepted): "fault '\(argument)' takes \(accepted)"
        }
    }
}
