internal import CLinux
package import RecorderCore

/// The daemon's loop thread: file descriptors, one timer, signals (epoll(7), timerfd_create(2), signalfd(2)).
package final class EventLoop {
    package enum Wake: Equatable, Sendable {
        case ready(token: UInt64, hangUp: Bool)
        case timer
        case signal(Int32)
    }

    private static let timerToken = UInt64.max
    private static let signalToken = UInt64.max - 1
    private static let eventsAWait = 32

    private let epoll: FileDescriptor
    private let timer: FileDescriptor
    private let signals: FileDescriptor
    private var armed: MonotonicTime?
    private var tokens = [UInt64](repeating: 0, count: eventsAWait)
    private var events = [UInt32](repeating: 0, count: eventsAWait)

    /// Create it before any other thread: threads inherit the blocked signals.
    package init() throws(SystemError) {
        let epollNumber = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epollNumber >= 0 else { throw .last("create", "an epoll instance") }
        let epoll = FileDescriptor(owning: epollNumber)
        let timerNumber = timerfd_create(CLOCK_MONOTONIC, Int32(TFD_CLOEXEC | TFD_NONBLOCK))
        guard timerNumber >= 0 else { throw .last("create", "a timerfd") }
        let timer = FileDescriptor(owning: timerNumber)
        let signalNumber = chalk_signal_descriptor()
        guard signalNumber >= 0 else { throw .last("create", "a signalfd") }
        let signals = FileDescriptor(owning: signalNumber)
        try Self.control(chalk_epoll_add(epoll.number, timer.number, Self.readable, Self.timerToken))
        try Self.control(chalk_epoll_add(epoll.number, signals.number, Self.readable, Self.signalToken))
        self.epoll = epoll
        self.timer = timer
        self.signals = signals
    }

    private static let readable: UInt32 = 1
    private static let writable: UInt32 = 4
    private static let failed: UInt32 = 8 | 16

    /// Watches a descriptor; `wait` returns its `token` when it is readable (or writable, when wanted), or hung up.
    package func add(_ descriptor: Int32, token: UInt64) throws(SystemError) {
        try Self.control(chalk_epoll_add(epoll.number, descriptor, Self.readable, token))
    }

    package func wantWritable(_ wanted: Bool, _ descriptor: Int32, token: UInt64) throws(SystemError) {
        let events = wanted ? Self.readable | Self.writable : Self.readable
        try Self.control(chalk_epoll_modify(epoll.number, descriptor, events, token))
    }

    /// Whether a signal asks the process to end; the other signals of the loop do not.
    package static func isEnd(_ signal: Int32) -> Bool { [SIGTERM, SIGINT, SIGQUIT].contains(signal) }

    /// Call it before the descriptor is closed.
    package func remove(_ descriptor: Int32) {
        _ = chalk_epoll_remove(epoll.number, descriptor)
    }

    /// Wakes with `.timer` at `deadline` or soon after; nil disarms. No system call when it is set already.
    package func setTimer(_ deadline: MonotonicTime?) throws(SystemError) {
        guard deadline != armed else { return }
        // 0 disarms a timerfd; what is long past is due at once.
        try Self.control(chalk_timer_set(timer.number, deadline.map { max(1, $0.milliseconds) } ?? 0))
        armed = deadline
    }

    /// Blocks until something happens, and returns what.
    package func wait() throws(SystemError) -> [Wake] {
        var count: Int32 = 0
        unsafe tokens.withUnsafeMutableBufferPointer { tokens in
            unsafe events.withUnsafeMutableBufferPointer { events in
                unsafe count = chalk_epoll_wait(
                    epoll.number, tokens.baseAddress, events.baseAddress, Int32(Self.eventsAWait))
            }
        }
        guard count >= 0 else {
            let error = SystemError.last("wait for", "events")
            guard error.number == EINTR else { throw error }
            return []
        }
        return (0..<Int(count)).compactMap { wake(token: tokens[$0], events: events[$0]) }
    }

    private func wake(token: UInt64, events: UInt32) -> Wake? {
        switch token {
        case Self.timerToken:
            var expirations: UInt64 = 0
            _ = unsafe read(timer.number, &expirations, 8)
            armed = nil
            return .timer
        case Self.signalToken:
            var information = signalfd_siginfo()
            let size = MemoryLayout<signalfd_siginfo>.size
            guard unsafe read(signals.number, &information, size) == size else { return nil }
            return .signal(Int32(information.ssi_signo))
        default:
            return .ready(token: token, hangUp: events & Self.failed != 0)
        }
    }

    private static func control(_ result: Int32) throws(SystemError) {
        guard result == 0 else { throw .last("watch", "a descriptor") }
    }
}
