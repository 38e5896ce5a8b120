internal import CLinux

/// A file descriptor with one owner; closed when the owner is gone.
package struct FileDescriptor: ~Copyable, Sendable {
    package let number: Int32

    package init(owning number: Int32) {
        precondition(number >= 0)
        self.number = number
    }

    deinit {
        close(number)
    }
}
