import Foundation
import Testing

/// An ext4 file system of a box's own, on a loop device, where its recordings go.
final class StateDisk {
    let path: String
    private let image: String

    /// Whether this machine lets us mount: root, with loop devices.
    static let isPermitted: Bool = {
        let directory = NSTemporaryDirectory() + "disk-\(UUID().uuidString.prefix(8))"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        guard (try? FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)) != nil
        else { return false }
        return (try? StateDisk(directory)) != nil
    }()

    /// - Parameter directory: a box's.
    init(_ directory: String, megabytes: Int = 16) throws {
        path = directory + "/state"
        image = directory + "/state.image"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        _ = FileManager.default.createFile(atPath: image, contents: nil)
        guard truncate(image, off_t(megabytes) << 20) == 0 else { throw Box.Failure(description: "truncate: \(errno)") }
        _ = try Box.run("mkfs.ext4", ["-q", "-m", "0", image])
        try mount()
    }

    deinit {
        _ = try? unmount()
    }

    func mount() throws {
        _ = try Box.run("mount", ["-o", "loop", image, path])
    }

    func unmount() throws {
        _ = try Box.run("umount", [path], checked: false)
    }

    var freeBytes: Int {
        var status = statvfs()
        return statvfs(path, &status) == 0 ? Int(status.f_bavail) * Int(status.f_frsize) : 0
    }

    /// Takes space until `left` bytes are free; nil: until nothing more fits.
    func fill(leaving left: Int? = nil) throws {
        let ballast = path + "/ballast"
        let file = open(ballast, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Box.Failure(description: "\(ballast): \(errno)") }
        defer { close(file) }
        let block = [UInt8](repeating: 0, count: 4_096)
        var wanted = left.map { max(0, freeBytes - $0) / block.count } ?? Int.max
        while wanted > 0, write(file, block, block.count) == block.count { wanted -= 1 }
        fsync(file)
    }

    func clear() {
        unlink(path + "/ballast")
    }

    /// Refuses every change of what is there, as a file system does that the kernel has made read-only. (Nobody can
    /// remount one so while files are open for writing, and an aborted one does not come back before it is unmounted.)
    /// Not SQLite's shared memory: a mapped page of an immutable file is SIGBUS, which one of a read-only file system,
    /// its block being there, is not.
    func freeze(_ frozen: Bool) throws {
        let change = ["-exec", "chattr", frozen ? "+i" : "-i", "{}", "+"]
        _ = try Box.run("find", [path, "!", "-name", "*-shm", "!", "-name", "lost+found"] + change)
    }

    /// What the kernel does to ext4 when its journal fails (`errors=remount-ro`).
    func abort() throws {
        _ = try Box.run("mount", ["-o", "remount,abort", path])
    }
}
