/// What a server is to do wrong. Empty: nothing.
package struct FaultPlan: Equatable, Sendable {
    /// The token endpoint answers with this HTTP status.
    package var tokenStatus: Int?
    /// The WebSocket handshake is answered with this HTTP status.
    package var handshakeStatus: Int?
    /// After the first audio of a session comes a service error with this code.
    package var errorCode: Int?
    /// After the first audio comes a text message that is cut JSON.
    package var malformedJSON = false
    /// After the first audio comes one message of 10 MB.
    package var hugeMessage = false
    /// After the first audio comes a binary frame of random bytes.
    package var binaryGarbage = false
    /// A finished session is closed after its last finals, without the `finished` message.
    package var closeBeforeFinished = false
    /// The first session to receive this much audio has its TCP connection reset; later ones are left alone.
    package var dropAfterMilliseconds: Int?

    package init() {}

    /// A plan from command-line arguments, `NAME` or `NAME=VALUE` each.
    package init(arguments: [String]) throws(FaultArgumentError) {
        for argument in arguments { try add(argument) }
    }

    private mutating func add(_ argument: String) throws(FaultArgumentError) {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let value = parts.count == 2 ? parts[1] : nil
        switch parts[0] {
        case "token-status": tokenStatus = try Self.number(value, in: 400...599, of: argument)
        case "handshake-status": handshakeStatus = try Self.number(value, in: 400...599, of: argument)
        case "error-code": errorCode = try Self.number(value, in: 400...599, of: argument)
        case "drop-after-ms": dropAfterMilliseconds = try Self.number(value, in: 0...86_400_000, of: argument)
        case "malformed-json": malformedJSON = try Self.flag(value, of: argument)
        case "huge-message": hugeMessage = try Self.flag(value, of: argument)
        case "binary-garbage": binaryGarbage = try Self.flag(value, of: argument)
        case "close-before-finished": closeBeforeFinished = try Self.flag(value, of: argument)
        default: throw .unknown(argument)
        }
    }

    private static func number(
        _ value: String?, in range: ClosedRange<Int>, of argument: String
    ) throws(FaultArgumentError) -> Int {
        guard let value, let number = Int(value), range.contains(number) else {
            throw .badValue(argument, accepted: "a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    private static func flag(_ value: String?, of argument: String) throws(FaultArgumentError) -> Bool {
        guard value == nil else { throw .badValue(argument, accepted: "no value") }
        return true
    }

    /// For the command's help.
    package static let help = """
        token-status=CODE, handshake-status=CODE, error-code=CODE (after the first audio), malformed-json, \
        huge-message, binary-garbage, close-before-finished, drop-after-ms=N (first session only)
        """
}

package enum FaultArgumentError: Error, Equatable, CustomStringConvertible {
    case unknown(String)
    case badValue(String, accepted: String)

    package var description: String {
        switch self {
        case .unknown(let argument): "unknown fault '\(argument)'; there are: \(FaultPlan.help)"
        case .badValue(let argument, let accepted): "fault '\(argument)' takes \(accepted)"
        }
    }
}
