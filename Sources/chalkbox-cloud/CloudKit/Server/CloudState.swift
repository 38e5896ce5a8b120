internal import Foundation

/// What all connections of a server share. Called from any thread.
final class CloudState: @unchecked Sendable {
    let configuration: CloudConfiguration
    let log: CloudLog
    let keys: KeyRing
    let faults: FaultSwitchboard
    let connections = ConnectionRegistry()
    let sessions = SessionRegistry()
    private let lock = NSLock()
    private var stopping = false

    init(configuration: CloudConfiguration) throws {
        self.configuration = configuration
        log = try CloudLog(path: configuration.logFile)
        keys = KeyRing(permanent: configuration.apiKeys)
        faults = FaultSwitchboard(configuration.faults)
    }

    var isStopping: Bool {
        get { lock.withLock { stopping } }
        set { lock.withLock { stopping = newValue } }
    }

    /// On the event loop.
    func perform(_ action: CloudAction) {
        if action == .expireKeys { keys.expireAll() }
        for session in sessions.all { session.perform(action) }
        // What is left are connections without a session: requests, handshakes, closes under way.
        for gate in connections.all { gate.perform(action) }
    }
}

/// The token of an `Authorization: Bearer` header.
func bearerToken(_ header: String?) -> String? {
    guard let header, header.lowercased().hasPrefix("bearer ") else { return nil }
    return header.dropFirst(7).trimmingCharacters(in: .whitespaces)
}
