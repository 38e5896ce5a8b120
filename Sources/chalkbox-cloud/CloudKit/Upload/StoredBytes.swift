internal import Foundation

/// The bytes of one upload, in memory or in a file, and their SHA-256 as they come.
///
/// In a file, what was appended is there after SIGKILL: the kernel has it.
final class StoredBytes {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// A place to come back to.
    struct Mark {
        fileprivate let count: Int
        fileprivate let digest: Digest
    }

    private static let pieceBytes = 1 << 20

    /// Nil: in memory.
    private(set) var path: String?
    private(set) var count = 0
    private var memory = Data()
    private var digest = Digest(.sha256)
    private var descriptor: Int32 = -1

    /// - Parameter path: of a file that is made, or whose bytes are taken over.
    init(path: String?) throws(Failure) {
        self.path = path
        guard path != nil else { return }
        try openFile()
        try takeOver()
    }

    deinit { closeFile() }

    var sha256: String { digest.hexadecimal }

    var mark: Mark { Mark(count: count, digest: Digest(copyOf: digest)) }

    func append(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
        if path == nil {
            memory.append(contentsOf: bytes)
        } else {
            try openFile()
            var written = 0
            while written < bytes.count {
                let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
                let result = pwrite(descriptor, rest.baseAddress, rest.count, off_t(count + written))
                guard result > 0 else { throw failure("write") }
                written += result
            }
        }
        digest.update(bytes)
        count += bytes.count
    }

    /// Forgets what came after the mark.
    func rewind(to mark: Mark) throws(Failure) {
        if path == nil {
            memory.removeLast(count - mark.count)
        } else {
            try openFile()
            guard ftruncate(descriptor, off_t(mark.count)) == 0 else { throw failure("shorten") }
        }
        count = mark.count
        digest = Digest(copyOf: mark.digest)
    }

    /// All bytes.
    func contents() throws(Failure) -> Data {
        guard let path else { return memory }
        do {
            return try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw Failure(description: "cannot read \(path): \(error.localizedDescription)")
        }
    }

    /// Gives the file another name, in a directory that is made; what had that name is gone.
    func move(to target: String) throws(Failure) {
        guard let path else { return }
        closeFile()
        do {
            let directory = URL(fileURLWithPath: target).deletingLastPathComponent()
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        } catch {
            throw Failure(description: "cannot make the directory of \(target): \(error.localizedDescription)")
        }
        guard rename(path, target) == 0 else { throw failure("rename") }
        self.path = target
    }

    func remove() {
        closeFile()
        if let path { unlink(path) }
    }

    func closeFile() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
    }

    private func openFile() throws(Failure) {
        guard descriptor < 0, let path else { return }
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failure("open") }
    }

    private func takeOver() throws(Failure) {
        var piece = [UInt8](repeating: 0, count: Self.pieceBytes)
        while true {
            let result = pread(descriptor, &piece, piece.count, off_t(count))
            guard result >= 0 else { throw failure("read") }
            if result == 0 { return }
            piece.withUnsafeBytes { digest.update(UnsafeRawBufferPointer(rebasing: $0[..<result])) }
            count += result
        }
    }

    private func failure(_ doing: String) -> Failure {
        Failure(description: "cannot \(doing) \(path ?? ""): \(String(cString: strerror(errno)))")
    }
}
