internal import Foundation

/// What all connections of a server share. Called from any thread.
final class CloudState: @unchecked Sendable {
    let configuration: CloudConfiguration
    let log: CloudLog
    let keys: KeyRing
    let faults: FaultSwitchboard
    let connections = ConnectionRegistry()
    let sessions = SessionRegistry()
    let uploads: UploadStore
    let lessons: LessonStore
    let rest: RestStore
    private let lock = NSLock()
    private var stopping = false

    init(configuration: CloudConfiguration) throws {
        self.configuration = configuration
        log = try CloudLog(path: configuration.logFile)
        keys = KeyRing(permanent: configuration.apiKeys)
        faults = FaultSwitchboard(configuration.faults)
        uploads = try UploadStore(directory: configuration.objectDirectory, log: log)
        rest = try RestStore(directory: configuration.objectDirectory, log: log)
        lessons = try LessonStore(directory: configuration.objectDirectory, log: log)
    }

    var uploadAccess: UploadAccess {
        UploadAccess(bearer: configuration.uploadBearer, foreignBearer: configuration.bearer)
    }

    /// The header that goes with an error, as the faults have it.
    func retryAfter(status: Int) -> [(String, String)] {
        let plan = faults.plan
        let seconds = status == 429 ? plan.busySeconds : status >= 500 ? plan.serverErrorRetryAfterSeconds : nil
        return seconds.map { [("Retry-After", "\($0)")] } ?? []
    }

    var isStopping: Bool {
        get { lock.withLock { stopping } }
        set { lock.withLock { stopping = newValue } }
    }

    /// On the event loop.
    func perform(_ action: CloudAction) {
        switch action {
        case .expireKeys: keys.expireAll()
        case .expireUploads: uploads.expireUploads(tells: true)
        case .forgetUploads: uploads.expireUploads(tells: false)
        case .forgetObjects: uploads.forgetObjects()
        case .reset, .cut, .halfClose, .close, .error, .typedError: break
        }
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
