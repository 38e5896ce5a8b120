internal import CLinux

/// One look-up of a host name, on a thread of its own: `getaddrinfo(3)` blocks while the resolver tries, which takes
/// many seconds with a dead name server, and can neither be polled nor cancelled.
package final class NameLookup {
    package enum Outcome: Equatable, Sendable {
        /// Numeric addresses in the order in which to try them (RFC 6724); never empty.
        case found([String])
        /// `getaddrinfo`'s EAI_* code.
        case failed(Int32)
    }

    package let name: String
    private let answer = BoundedQueue<Outcome>(capacity: 1)
    private let thread: Thread

    private static let addresses: Int32 = 8
    /// netinet/in.h: INET6_ADDRSTRLEN.
    private static let addressBytes = 46

    /// - Parameter done: called on the look-up's thread when there is an outcome.
    package init(_ name: String, done: @escaping @Sendable () -> Void) throws(SystemError) {
        self.name = name
        let answer = answer
        thread = try Thread(name: "resolver") {
            _ = answer.push(Self.resolve(name))
            done()
        }
    }

    /// Returns the outcome once, and joins the thread; nil while there is none.
    package func takeOutcome() -> Outcome? {
        guard let outcome = answer.takeAll().first else { return nil }
        thread.join()
        return outcome
    }

    private static func resolve(_ name: String) -> Outcome {
        var text = [CChar](repeating: 0, count: Int(addresses) * addressBytes)
        let count = unsafe text.withUnsafeMutableBufferPointer { buffer in
            unsafe chalk_resolve(name, buffer.baseAddress, addresses)
        }
        guard count > 0 else { return .failed(count) }
        let found = (0..<Int(count)).map { place in
            let bytes = text[(place * addressBytes)...].prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            return String(decoding: bytes, as: UTF8.self)
        }
        return .found(found)
    }
}
