internal import CLinux
internal import RecorderCore

/// An open regular file, closed with its last reference. Anything else, such as a FIFO, is an error and never waited
/// for. One method for each system call; each names the file in its error.
/// A class, since Embedded Swift cannot destroy another module's noncopyable value that has a `deinit`.
package final class File: Sendable {
    package enum Access: Sendable {
        case read
        /// Reading and writing; created when missing.
        case write
        /// As `write`, but a file that exists is an error (O_EXCL).
        case create
        /// As `write`, but a file that does not exist is an error.
        case change
    }

    package let path: String
    private let descriptor: FileDescriptor

    package init(_ path: String, _ access: Access, mode: UInt32 = 0o640) throws(SystemError) {
        let flags: Int32 =
            switch access {
            case .read: O_RDONLY
            case .write: O_RDWR | O_CREAT
            case .create: O_RDWR | O_CREAT | O_EXCL
            case .change: O_RDWR
            }
        let number = unsafe chalk_open_regular(path, flags, mode)
        guard number >= 0 else { throw .last("open", path) }
        descriptor = FileDescriptor(owning: number)
        self.path = path
    }

    /// Writes all of `bytes` at `offset` (pwrite(2)).
    package func write(_ bytes: [UInt8], at offset: Int64) throws(SystemError) {
        var done = 0
        while done < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe pwrite(
                    descriptor.number, buffer.baseAddress! + done, buffer.count - done, off_t(offset) + off_t(done))
            }
            if count < 0 {
                let error = SystemError.last("write to", path)
                guard error.number == EINTR else { throw error }
            } else {
                done += count
            }
        }
    }

    /// At most `limit` bytes from `offset` on; fewer at the end of the file (pread(2)).
    package func read(at offset: Int64, limit: Int) throws(SystemError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: limit)
        let count = unsafe bytes.withUnsafeMutableBytes { buffer in
            unsafe pread(descriptor.number, buffer.baseAddress, buffer.count, off_t(offset))
        }
        guard count >= 0 else { throw .last("read", path) }
        bytes.removeLast(limit - count)
        return bytes
    }

    /// Fills the buffer from `offset` on; returns fewer bytes at the end of the file (pread(2)).
    package func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int {
        let count = unsafe pread(descriptor.number, buffer.baseAddress, buffer.count, off_t(offset))
        guard count >= 0 else { throw .last("read", path) }
        return count
    }

    /// fdatasync(2): what was written is on the medium, with the size that is needed to read it.
    package func synchronise() throws(SystemError) {
        guard fdatasync(descriptor.number) == 0 else { throw .last("sync", path) }
    }

    /// - Parameter size: in bytes.
    package func truncate(to size: Int64) throws(SystemError) {
        guard ftruncate(descriptor.number, off_t(size)) == 0 else { throw .last("truncate", path) }
    }

    /// Whether the file is still at its path: neither deleted nor moved.
    package var isInPlace: Bool {
        guard let now = FileSystem.place(path), let own = unsafe FileSystem.Place(nil, descriptor.number) else {
            return false
        }
        return now.device == own.device && now.number == own.number
    }

    package func status() throws(SystemError) -> (bytes: Int64, mode: UInt32, owner: UInt32) {
        var size: Int64 = 0
        var mode: UInt32 = 0
        var owner: UInt32 = 0
        guard unsafe chalk_file_status(descriptor.number, &size, &mode, &owner) == 0 else {
            throw .last("stat", path)
        }
        return (size, mode, owner)
    }
}

/// Locks a directory for this process, for as long as this object exists (flock(2)).
package final class DirectoryLock {
    private let descriptor: FileDescriptor

    /// Does not wait. Nil when another process holds the lock: `holder` is then its number, or 0; and when the file
    /// system has no locks: `holder` is then -1.
    package init?(_ path: String, holder: inout Int32) {
        let number = unsafe chalk_lock(path, &holder)
        guard number >= 0 else { return nil }
        descriptor = FileDescriptor(owning: number)
    }
}

/// Operations on paths.
package enum FileSystem {
    /// A whole file; an error when it is longer than `limitBytes`.
    package static func readFile(_ path: String, limitBytes: Int) throws(SystemError) -> [UInt8] {
        let file = try File(path, .read)
        var bytes: [UInt8] = []
        while true {
            let part = try file.read(at: Int64(bytes.count), limit: 64 << 10)
            guard !part.isEmpty else { return bytes }
            bytes += part
            guard bytes.count <= limitBytes else { throw SystemError("read", path, number: EFBIG) }
        }
    }

    /// A secret's bytes: a file that only its owner (root or this process's user) can read.
    package static func readSecret(_ path: String, limitBytes: Int) throws(SystemError) -> [UInt8] {
        let file = try File(path, .read)
        let status = try file.status()
        guard status.mode & 0o077 == 0 else {
            throw SystemError("use \(path): others may read it, run chmod 0600", path, number: EPERM)
        }
        return try file.read(at: 0, limit: limitBytes)
    }

    /// Replaces a file atomically: writes a new one beside it, syncs it, and renames it over the old one.
    package static func writeFile(_ path: String, _ bytes: [UInt8], mode: UInt32 = 0o644) throws(SystemError) {
        let temporary = path + ".part"
        do throws(SystemError) {
            try remove(temporary)
            let file = try File(temporary, .create, mode: mode)
            try file.write(bytes, at: 0)
            try file.synchronise()
            try rename(temporary, to: path)
        } catch {
            _ = try? remove(temporary)
            throw error
        }
    }

    package static func rename(_ path: String, to target: String) throws(SystemError) {
        guard unsafe CLinux.rename(path, target) == 0 else { throw .last("rename to \(target)", path) }
    }

    /// A file or an empty directory (remove(3)); no error when it does not exist.
    package static func remove(_ path: String) throws(SystemError) {
        guard unsafe CLinux.remove(path) != 0 else { return }
        let error = SystemError.last("remove", path)
        guard error.number == ENOENT else { throw error }
    }

    /// An error when it exists already.
    package static func makeDirectory(_ path: String, mode: UInt32) throws(SystemError) {
        guard unsafe mkdir(path, mode) == 0 else { throw .last("create directory", path) }
    }

    /// Creates a directory and those above it; no error when it exists.
    package static func makeDirectories(_ path: String, mode: UInt32) throws(SystemError) {
        guard unsafe mkdir(path, mode) != 0 else { return }
        var error = SystemError.last("create directory", path)
        if error.number == EEXIST { return }
        guard error.number == ENOENT, let parent = path.before(last: "/"), !parent.isEmpty else { throw error }
        try makeDirectories(parent, mode: mode)
        guard unsafe mkdir(path, mode) != 0 else { return }
        error = SystemError.last("create directory", path)
        guard error.number == EEXIST else { throw error }
    }

    /// What a path leads to.
    package struct Place {
        var device: UInt64 = 0
        var number: UInt64 = 0
        package private(set) var bytes: Int64 = 0
        /// When it was written last, in nanoseconds.
        package private(set) var modified: Int64 = 0
        package private(set) var isRegular = false

        init?(_ path: UnsafePointer<CChar>?, _ descriptor: Int32) {
            guard unsafe chalk_file_place(path, descriptor, &device, &number, &bytes, &modified, &isRegular) == 0
            else { return nil }
        }
    }

    /// Whether anything has that name, even a link that leads nowhere.
    package static func isThere(_ path: String) -> Bool {
        unsafe faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0
    }

    /// Nil when it leads nowhere, or this process may not see it.
    package static func place(_ path: String) -> Place? { unsafe Place(path, -1) }

    /// Why a directory can neither be written to nor created; nil: it can. A full disk is not a reason.
    /// - Parameter mode: of what is made when it is missing; nil: what is made to try it is removed again.
    package static func whyNotWritable(_ path: String, mode: UInt32?) -> String? {
        var place = path
        do throws(SystemError) {
            if let mode {
                try makeDirectories(path, mode: mode)
            } else if !isThere(path) {
                while let parent = place.before(last: "/"), !parent.isEmpty, !isThere(parent) { place = parent }
                try makeDirectory(place, mode: 0o700)
                try remove(place)
                return nil
            }
            guard unsafe access(path, W_OK | X_OK) == 0 else { throw .last("write to", path) }
            return nil
        } catch {
            return error.message
        }
    }

    /// For files that libraries open: an error for a pipe, a socket or a device; nil when nothing is there.
    package static func whyNotRegular(_ path: String) -> SystemError? {
        unsafe chalk_is_irregular(path) ? SystemError("open", path, number: CHALK_IRREGULAR) : nil
    }

    /// Whether a directory exists, but this user may not use it.
    package static func isForbidden(_ path: String) -> Bool {
        guard unsafe access(path, R_OK | X_OK) != 0 else { return false }
        return SystemError.last("use", path).number == EACCES
    }

    /// Makes new names in a directory survive a power cut (fsync(2) on the directory).
    package static func synchroniseDirectory(_ path: String) throws(SystemError) {
        let number = unsafe chalk_open(path, O_RDONLY | O_DIRECTORY, 0)
        guard number >= 0 else { throw .last("open", path) }
        let descriptor = FileDescriptor(owning: number)
        guard fsync(descriptor.number) == 0 else { throw .last("sync", path) }
    }

    /// The names in a directory, sorted.
    package static func list(_ path: String) throws(SystemError) -> [String] {
        let names = Names()
        let context = unsafe Unmanaged.passUnretained(names).toOpaque()
        let result = unsafe chalk_list_directory(
            path,
            { name, context in
                guard let name = unsafe name, let context = unsafe context else { return }
                unsafe Unmanaged<Names>.fromOpaque(context).takeUnretainedValue().list.append(String(cString: name))
            }, context)
        guard result == 0 else { throw .last("list", path) }
        return names.list.ordered(by: <)
    }

    /// Free bytes for this process where `path` is (statvfs(3), f_bavail).
    package static func freeBytes(at path: String) throws(SystemError) -> Int64 {
        let bytes = unsafe chalk_free_bytes(path)
        guard bytes >= 0 else { throw .last("ask for free space at", path) }
        return bytes
    }

    private final class Names {
        var list: [String] = []
    }
}

extension SystemError {
    package static let addressInUse: Int32 = EADDRINUSE
    package static let noSpace: Int32 = ENOSPC
    package static let noSuchFile: Int32 = ENOENT
    package static let forbidden: Int32 = EACCES
}
