/// Something that goes wrong at once, for every connection or session that is open.
package enum CloudAction: Equatable, Sendable {
    /// Every TCP connection gets RST.
    case reset
    /// Every TCP connection is closed, without a close frame or TLS's goodbye.
    case cut
    /// The sending side of every TCP connection is shut; the server reads on.
    case halfClose
    /// Every session ends with a close frame.
    case close(code: Int)
    /// Every session ends with a service error.
    case error(code: Int)
    case typedError(ErrorType)
    /// Every key that was issued expires, and the sessions that use one end with error 403.
    case expireKeys
    /// Every upload that is not complete is gone, and the server says so: 410.
    case expireUploads
    /// Every upload that is not complete is gone, and the server does not know it any more: 404.
    case forgetUploads
    /// The school loses every object that it has.
    case forgetObjects

    /// For the command's help.
    package static let help = """
        reset, cut, half-close, close=CODE, error-code=CODE, error-type=NAME, expire-keys, expire-uploads, \
        forget-uploads, forget-objects
        """

    /// An action from its argument.
    package init(argument: String) throws(FaultArgumentError) {
        let parsed = try FaultArgument(argument)
        try parsed.takes(value: ["close", "error-code", "error-type"].contains(parsed.name))
        switch parsed.name {
        case "reset": self = .reset
        case "cut": self = .cut
        case "half-close": self = .halfClose
        case "close": self = .close(code: try parsed.number(in: 1_000...4_999))
        case "error-code": self = .error(code: try parsed.number(in: 400...599))
        case "error-type": self = .typedError(try parsed.errorType())
        case "expire-keys": self = .expireKeys
        case "expire-uploads": self = .expireUploads
        case "forget-uploads": self = .forgetUploads
        case "forget-objects": self = .forgetObjects
        default: throw .badValue(argument, accepted: "as an action one of: \(Self.help)")
        }
    }
}
