internal import Glibc
internal import NIOCore

/// A TCP port that stays ours while nobody listens on it: a bound socket that does not listen. Linux lets another
/// socket with SO_REUSEADDR listen beside it, and refuses connections when none does.
final class PortReservation: Sendable {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    let port: Int
    private let descriptor: Int32

    /// - Parameter port: 0: the system chooses.
    init(host: String, port: Int) throws {
        let address = try SocketAddress.makeAddressResolvingHost(host, port: port)
        let family = address.protocol == .inet6 ? AF_INET6 : AF_INET
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var yes: Int32 = 1
        // Large enough for either family.
        var name = [UInt8](repeating: 0, count: 64)
        var length = socklen_t(name.count)
        let result = address.withSockAddr { address, size in
            setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size)) == 0
                ? bind(descriptor, address, socklen_t(size)) : -1
        }
        let named = name.withUnsafeMutableBytes {
            getsockname(descriptor, $0.assumingMemoryBound(to: sockaddr.self).baseAddress, &length)
        }
        guard result == 0, named == 0 else {
            let reason = String(cString: strerror(errno))
            Glibc.close(descriptor)
            throw Failure(description: "cannot bind \(host) port \(port): \(reason)")
        }
        // The port lies at the same place in sockaddr_in and sockaddr_in6.
        self.port = Int(name[2]) << 8 | Int(name[3])
        self.descriptor = descriptor
    }

    deinit { Glibc.close(descriptor) }
}

/// Listens or does not, as the plan has it. Used on the event loop only.
final class Listener: @unchecked Sendable {
    private let state: CloudState
    private let bind: @Sendable () -> EventLoopFuture<any Channel>
    private var channel: (any Channel)?
    /// The change under way; the next one waits for it.
    private var last: EventLoopFuture<Void>

    init(state: CloudState, loop: any EventLoop, bind: @escaping @Sendable () -> EventLoopFuture<any Channel>) {
        self.state = state
        self.bind = bind
        last = loop.makeSucceededVoidFuture()
    }

    /// Done when connections are refused or accepted as the plan says.
    func follow() -> EventLoopFuture<Void> {
        last = last.flatMapError { [last] _ in last.eventLoop.makeSucceededVoidFuture() }.flatMap { [self] in step() }
        return last
    }

    private func step() -> EventLoopFuture<Void> {
        switch (state.faults.plan.refuse, channel) {
        case (true, .some(let open)):
            channel = nil
            return open.close()
        case (false, nil): return bind().map { [self] in channel = $0 }
        case (true, nil), (false, .some): return last.eventLoop.makeSucceededVoidFuture()
        }
    }
}
