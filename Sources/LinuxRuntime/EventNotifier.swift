internal import CLinux

/// An eventfd with which one thread wakes another one's poll. Raising it takes no lock and never blocks, so the capture
/// thread may. Several raises before a drain count as one (eventfd(2), a counter).
package final class EventNotifier: Sendable {
    private let descriptor: FileDescriptor

    package init() throws(SystemError) {
        let number = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard number >= 0 else { throw .last("create", "an eventfd") }
        descriptor = FileDescriptor(owning: number)
    }

    /// Readable while raised.
    package var fileDescriptor: Int32 { descriptor.number }

    package func raise() {
        var one: UInt64 = 1
        _ = unsafe write(descriptor.number, &one, 8)
    }

    package func drain() {
        var count: UInt64 = 0
        _ = unsafe read(descriptor.number, &count, 8)
    }
}
