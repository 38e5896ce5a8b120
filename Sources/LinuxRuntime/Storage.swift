internal import CLinux
package import RecorderCore

/// Carries out the store's changes on the disk; for one thread at a time (decision disk-changes-are-values).
///
/// Not final: tests override `perform` to record, refuse or delay changes.
package class Storage: @unchecked Sendable {
    /// The file that was changed last. A recording changes the same one thousands of times.
    private var file: File?

    package init() {}

    package func perform(_ effect: StorageEffect) throws(SystemError) {
        switch effect {
        case .makeDirectory(let path):
            try FileSystem.makeDirectory(path, mode: 0o750)
        case .create(let path):
            close(path)
            file = try File(path, .write)
        case .write(let path, let offset, let bytes):
            try open(path).write(bytes, at: offset)
        case .truncate(let path, let bytes):
            try open(path).truncate(to: bytes)
        case .sync(let path):
            try open(path).synchronise()
        case .syncDirectory(let path):
            try FileSystem.synchroniseDirectory(path)
        case .rename(let path, let target):
            close(path)
            try FileSystem.rename(path, to: target)
        case .remove(let path):
            close(path)
            try FileSystem.remove(path)
        }
    }

    /// Creates a directory and those above it, each synced to the medium; no effect when it exists.
    package final func makeDirectories(_ path: String) throws(SystemError) {
        let parent = path.before(last: "/") ?? ""
        do throws(SystemError) {
            try perform(.makeDirectory(path))
        } catch {
            if error.number == EEXIST { return }
            guard error.number == ENOENT, !parent.isEmpty else { throw error }
            try makeDirectories(parent)
            try perform(.makeDirectory(path))
        }
        if !parent.isEmpty { try perform(.syncDirectory(parent)) }
    }

    /// Closes a file that is not changed any more.
    package final func close(_ path: String) {
        if file?.path == path { file = nil }
    }

    /// Whether the open file is still the one at `path`.
    package final func isInPlace(_ path: String) -> Bool {
        if let file, file.path == path { return file.isInPlace }
        return FileSystem.place(path) != nil
    }

    private func open(_ path: String) throws(SystemError) -> File {
        if let file, file.path == path { return file }
        // A file that was deleted meanwhile must not be created again and begin in its middle.
        let opened = try File(path, .change)
        file = opened
        return opened
    }
}
