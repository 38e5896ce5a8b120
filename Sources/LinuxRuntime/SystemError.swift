internal import CLinux

/// A failed system call: what was being done, on what, and the kernel's reason.
package struct SystemError: Error, Equatable, Sendable {
    package var operation: String
    package var subject: String
    package var number: Int32

    package init(_ operation: String, _ subject: String, number: Int32) {
        self.operation = operation
        self.subject = subject
        self.number = number
    }

    /// Reads `errno`; call it right after the call that failed.
    package static func last(_ operation: String, _ subject: String) -> Self {
        Self(operation, subject, number: chalk_errno())
    }

    /// For example `cannot open /run/x: No such file or directory`.
    package var message: String { "cannot \(operation) \(subject): \(Self.text(of: number))" }

    /// The kernel's reason alone.
    package var reason: String { Self.text(of: number) }

    package static func text(of number: Int32) -> String {
        unsafe String(cString: chalk_error_text(number))
    }
}
