/// This box's secret for the school's servers, which may be mended while the recorder runs: after the servers refused
/// it the file is read again now and then, and uploads go on when it holds another one.
package struct UploadSecret: Equatable, Sendable {
    /// Nil: none is configured.
    package private(set) var bearer: String?
    /// Why nothing can be uploaded, although it is wanted.
    package private(set) var problem: UplinkFailure?
    /// Whether there are connections at all: without them a new secret mends nothing.
    private let isConnected: Bool
    private var nextRead = MonotonicTime(milliseconds: 0)

    private static let readMilliseconds: Int64 = 10_000

    package init(bearer: String?, problem: UplinkFailure?, isConnected: Bool) {
        self.bearer = bearer
        self.problem = problem
        self.isConnected = isConnected
    }

    /// - Parameter isAuthorizationBlocked: nothing goes before the secret is another one.
    package func nextDeadline(isAuthorizationBlocked: Bool) -> MonotonicTime? {
        isAuthorizationBlocked ? nextRead : nil
    }

    /// Whether its file is to be read now; the next time is then later.
    package mutating func isDue(at now: MonotonicTime) -> Bool {
        guard nextRead <= now else { return false }
        nextRead = now.adding(milliseconds: Self.readMilliseconds)
        return true
    }

    /// The file could not be read.
    package mutating func failed(_ message: String) { problem = UplinkFailure(.configuration, message) }

    /// The file was read.
    /// - Returns: whether uploads may go on with it.
    package mutating func found(_ fresh: String?) -> Bool {
        guard isConnected, fresh != bearer || problem != nil else { return false }
        bearer = fresh
        problem = nil
        return true
    }
}
