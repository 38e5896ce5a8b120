import Foundation

/// A line of a program's, and when it came.
struct StampedLine: Equatable {
    let milliseconds: Int64
    let text: String

    /// The number after `key=`.
    func number(_ key: String) -> Int? {
        guard let start = text.range(of: " \(key)=") else { return nil }
        return Int(text[start.upperBound...].prefix { $0.isNumber })
    }
}

/// What a program writes, line by line, stamped on arrival with the clock of the test's own actions.
final class StampedLog: @unchecked Sendable {
    private let condition = NSCondition()
    private var all: [StampedLine] = []
    private var rest: [UInt8] = []

    /// Monotonic milliseconds.
    static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }

    var lines: [StampedLine] { condition.withLock { all } }
    var text: String { lines.map { $0.text + "\n" }.joined() }
    /// For failures: each line with its time.
    var timedText: String { lines.map { "\($0.milliseconds) \($0.text)\n" }.joined() }

    /// Reads until the other end is closed, on a thread of its own.
    func read(_ descriptor: Int32) {
        let thread = Thread {
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = Glibc.read(descriptor, &buffer, buffer.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { break }
                self.take(buffer.prefix(count))
            }
            close(descriptor)
        }
        thread.start()
    }

    private func take(_ bytes: ArraySlice<UInt8>) {
        let now = Self.now
        condition.withLock {
            rest += bytes
            while let end = rest.firstIndex(of: 0x0A) {
                all.append(StampedLine(milliseconds: now, text: String(decoding: rest[..<end], as: UTF8.self)))
                rest.removeSubrange(...end)
            }
            condition.broadcast()
        }
    }

    /// A line of the test's own.
    func note(_ text: String) {
        condition.withLock { all.append(StampedLine(milliseconds: Self.now, text: text)) }
    }

    /// The first line since `start` that satisfies the condition; nil when none came in time.
    func wait(since start: Int64 = 0, seconds: Double, _ isWanted: (String) -> Bool) -> StampedLine? {
        let deadline = Date(timeIntervalSinceNow: seconds)
        var looked = 0
        return condition.withLock {
            while true {
                let found = all[looked...].first { $0.milliseconds >= start && isWanted($0.text) }
                if let found { return found }
                looked = all.count
                guard condition.wait(until: deadline) else { return nil }
            }
        }
    }
}

/// A program that runs beside the test. `Process` is not used: its `waitUntilExit` needs a run loop of the thread that
/// calls it, and two suites at once have been seen to wait for ever.
final class Child {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    let pid: pid_t
    private var status: Int32?

    /// - Parameter arguments: the first is the program, looked for in `PATH`.
    /// - Parameter environment: nil: the test's own.
    init(_ arguments: [String], environment: [String: String]? = nil, output: Int32, error: Int32) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, error, 2)
        // Whatever this process has open besides, such as the sockets of a cloud inside it; a descriptor that is gone
        // by then is no error.
        for name in try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
            if let descriptor = Int32(name), descriptor > 2 {
                posix_spawn_file_actions_addclose(&actions, descriptor)
            }
        }
        // The threads that tests run on block signals, and a child would as well.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let variables = environment ?? ProcessInfo.processInfo.environment
        var argv = arguments.map { strdup($0) } + [nil]
        var envp = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { (argv + envp).forEach { free($0) } }
        var pid: pid_t = 0
        let code = posix_spawnp(&pid, arguments[0], &actions, &attributes, &argv, &envp)
        guard code == 0 else {
            throw Failure(description: "\(arguments[0]): \(String(cString: strerror(code)))")
        }
        self.pid = pid
    }

    var isRunning: Bool {
        if status != nil { return false }
        var result: Int32 = 0
        guard waitpid(pid, &result, WNOHANG) == pid else { return true }
        status = result
        return false
    }

    /// - Returns: the exit code; 128 and the signal's number when a signal ended it.
    @discardableResult
    func wait() -> Int32 {
        var result = status ?? 0
        while status == nil {
            if waitpid(pid, &result, 0) == pid { status = result } else if errno != EINTR { return -1 }
        }
        return result & 0x7F == 0 ? result >> 8 & 0xFF : 128 + (result & 0x7F)
    }

    /// SIGTERM, and SIGKILL for one that does not end by it. The daemon ends its lesson first, and waits for the last
    /// words (`Limits.finishMilliseconds`).
    @discardableResult
    func end(seconds: Double = 40) -> Int32 {
        if isRunning { kill(pid, SIGTERM) }
        let deadline = Date(timeIntervalSinceNow: seconds)
        while isRunning, Date() < deadline { _ = poll(nil, 0, 20) }
        if isRunning { kill(pid, SIGKILL) }
        return wait()
    }

    /// A program whose output goes into a log of stamped lines.
    static func logging(
        _ arguments: [String], environment: [String: String]? = nil, to log: StampedLog, isError: Bool = true
    ) throws -> Child {
        var ends: [Int32] = [-1, -1]
        // Not inherited by the children of other tests, or its end would not be seen; pipe2(2) is not imported.
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw Failure(description: "socketpair: \(errno)") }
        defer { close(ends[1]) }
        let null = open("/dev/null", O_WRONLY | O_CLOEXEC)
        defer { close(null) }
        log.read(ends[0])
        return try Child(
            arguments, environment: environment, output: isError ? null : ends[1], error: ends[1])
    }

    /// Runs a program to its end: its exit code and both outputs.
    static func run(
        _ arguments: [String], checked: Bool = true
    ) throws -> (code: Int32, output: String) {
        // A file, not a pipe: a sound server that is started here keeps its output open.
        let path = NSTemporaryDirectory() + "output-\(UUID().uuidString)"
        let file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Failure(description: "\(path): \(String(cString: strerror(errno)))") }
        defer { close(file) }
        unlink(path)
        let code = try Child(arguments, output: file, error: file).wait()
        var bytes = [UInt8](repeating: 0, count: Int(lseek(file, 0, SEEK_END)))
        let count = pread(file, &bytes, bytes.count, 0)
        let output = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
        if checked, code != 0 { throw Failure(description: "\(arguments): \(code)\n\(output)") }
        return (code, output)
    }
}
