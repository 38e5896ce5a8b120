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
        guard isStraight else { return try FileSystem.writeFile(path, bytes) }
        let number = unsafe chalk_open(path, O_WRONLY | O_NOCTTY, 0)
        guard number >= 0 else { throw .last("open", path) }
        let descriptor = FileDescriptor(owning: number)
        let result = unsafe bytes.withUnsafeBytes { bytes in
            unsafe chalk_write_all(number, bytes.baseAddress, bytes.count)
        }
        // A pipe cannot be synced (EINVAL).
        guard result == 0, fsync(descriptor.number) == 0 || chalk_errno() == EINVAL else {
            throw .last("write to", path)
        }
    }
}
