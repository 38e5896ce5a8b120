internal import CLinux

/// The file of a command's `-o FILE`. An existing file is only replaced when that is allowed; a link is followed and
/// kept; a device or a FIFO is written to directly. One a process: signals that end it remove `path` + `.part`.
package struct OutputFile {
    /// With links resolved.
    package let path: String
    /// A device or a FIFO: not replaced, and not seekable.
    package let isStraight: Bool

    /// - Throws: there is a directory, or a file that must be kept.
    package init(_ name: String, replaces: Bool) throws(SystemError) {
        var kind: Int32 = 0
        guard let target = unsafe chalk_output_target(name, &kind) else { throw .last("write to", name) }
        guard kind != CHALK_OUTPUT_FILE || replaces else {
            throw SystemError("write to", name + " without --force", number: EEXIST)
        }
        path = unsafe String(cString: target)
        isStraight = kind == CHALK_OUTPUT_STRAIGHT
    }

    package func write(_ bytes: [UInt8]) throws(SystemError) {
        let writer = try OutputWriter(self)
        try writer.append(bytes)
        try writer.finish()
    }
}

/// Writes it in pieces: under another name until all of it is on the medium, unless it is a device or a FIFO.
package final class OutputWriter {
    private let file: OutputFile
    private let descriptor: FileDescriptor
    private var isFinished = false

    private var name: String { file.isStraight ? file.path : file.path + ".part" }

    package init(_ file: OutputFile) throws(SystemError) {
        self.file = file
        let name = file.isStraight ? file.path : file.path + ".part"
        if !file.isStraight { try FileSystem.remove(name) }
        let kind = file.isStraight ? O_WRONLY | O_NOCTTY : O_WRONLY | O_CREAT | O_EXCL
        let number = unsafe chalk_open(name, kind, 0o644)
        guard number >= 0 else { throw .last("open", name) }
        descriptor = FileDescriptor(owning: number)
    }

    deinit {
        if !isFinished, !file.isStraight { _ = try? FileSystem.remove(name) }
    }

    @inline(never)
    package func append(_ bytes: [UInt8]) throws(SystemError) {
        let result = unsafe bytes.withUnsafeBytes { bytes in
            unsafe chalk_write_all(descriptor.number, bytes.baseAddress, bytes.count)
        }
        guard result == 0 else { throw .last("write to", name) }
    }

    package func finish() throws(SystemError) {
        // A pipe cannot be synced (EINVAL).
        guard fsync(descriptor.number) == 0 || chalk_errno() == EINVAL else { throw .last("write to", name) }
        if !file.isStraight { try FileSystem.rename(name, to: file.path) }
        isFinished = true
    }
}
