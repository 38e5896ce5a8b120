internal import Foundation

/// What all connections of a server share. Called from any thread.
final class CloudState: @unchecked Sendable {
    let configuration: CloudConfiguration
    let log: CloudLog
    let keys: KeyRing
    private let lock = NSLock()
    private var currentFaults: FaultPlan
    private var stopping = false

    init(configuration: CloudConfiguration) throws {
        self.configuration = configuration
        log = try CloudLog(path: configuration.logFile)
        keys = KeyRing(permanent: configuration.apiKeys)
        currentFaults = configuration.faults
    }

    var faults: FaultPlan {
        get { lock.withLock { currentFaults } }
        set { lock.withLock { currentFaults = newValue } }
    }

    /// Whether a session with so much audio is the one to be dropped; asking uses the fault up.
    func claimDrop(audioMilliseconds: Int) -> Bool {
        lock.withLock {
            guard let limit = currentFaults.dropAfterMilliseconds, audioMilliseconds >= limit else { return false }
            currentFaults.dropAfterMilliseconds = nil
            return true
        }
    }

    var isStopping: Bool {
        get { lock.withLock { stopping } }
        set { lock.withLock { stopping = newValue } }
    }
}

/// The token of an `Authorization: Bearer` header.
func bearerToken(_ header: String?) -> String? {
    guard let header, header.lowercased().hasPrefix("bearer ") else { return nil }
    return header.dropFirst(7).trimmingCharacters(in: .whitespaces)
}
