internal import LinuxRuntime
internal import RecorderCore

/// Writes a file of a package: under another name until all of it is on the medium. What a crash leaves of it is
/// written over when the package is built again.
final class AtomicFileWriter {
    private let temporary: String
    private let path: String
    private let storage: Storage
    private var pending: [UInt8] = []
    private var saved: Int64 = 0

    @inline(never)
    init(_ path: String, _ storage: Storage) throws(StoreError) {
        self.path = path
        self.storage = storage
        temporary = path + ".part"
        let temporary = temporary
        try onFile { () throws(SystemError) in
            try storage.perform(.create(temporary))
            try storage.perform(.truncate(temporary, bytes: 0))
        }
    }

    deinit {
        storage.close(temporary)
    }

    @inline(never)
    func append(_ text: String) throws(StoreError) {
        pending += Array(text.utf8)
        if pending.count >= Limits.pieceBytes { try save() }
    }

    /// Each piece is synced: to sync megabytes at the end would take longer than START may wait.
    private func save() throws(StoreError) {
        guard !pending.isEmpty else { return }
        try onFile { () throws(SystemError) in
            try storage.perform(.write(temporary, offset: saved, pending))
            try storage.perform(.sync(temporary))
        }
        saved += Int64(pending.count)
        pending = []
    }

    @inline(never)
    func finish() throws(StoreError) {
        try save()
        try onFile { () throws(SystemError) in try storage.perform(.rename(temporary, to: path)) }
    }
}
