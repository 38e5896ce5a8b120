/// A change of what is on the disk, as a value. The store makes each of its changes as one of these: so a test can
/// note them in order, refuse or delay one, and work out what a power cut between any two leaves behind.
package enum StorageEffect: Equatable, Sendable {
    /// One directory; an error when it is there.
    case makeDirectory(String)
    /// Makes an empty file, unless there is one.
    case create(String)
    case write(String, offset: Int64, [UInt8])
    case truncate(String, bytes: Int64)
    /// What was written to the file is on the medium, with the size that is needed to read it.
    case sync(String)
    /// The names in the directory are on the medium as they are now.
    case syncDirectory(String)
    case rename(String, to: String)
    /// A file or an empty directory; no error when it is not there.
    case remove(String)
}
