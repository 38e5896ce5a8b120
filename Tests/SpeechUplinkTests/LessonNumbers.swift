import RecorderCore

// Tests write the numbers of the lesson's own sessions and key requests as they are.

extension SessionID: ExpressibleByIntegerLiteral {
    public init(integerLiteral number: Int) { self = .lesson(number) }
}

extension KeyRequestID: ExpressibleByIntegerLiteral {
    public init(integerLiteral number: Int) { self = .lesson(number) }
}
