import Foundation
import OwnThread
import Testing

/// The service manager's end of sd_notify(3).
private final class Manager {
    let path: String
    private let socket: Int32

    init(directory: String) throws {
        path = directory + "/notify.sock"
        socket = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let path = path
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else { throw Box.Failure(description: "\(path): \(errno)") }
    }

    deinit { close(socket) }

    /// The next message; nil when none comes in time.
    func next(seconds: Int32) -> String? {
        var entry = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, seconds * 1_000) == 1 else { return nil }
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let count = recv(socket, &bytes, bytes.count, 0)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }

    /// Takes what has come up to now.
    func drain() { while next(seconds: 0) != nil {} }
}

@Suite(.ownThread, .serialized) struct `The watchdog of the shipped binary` {
    @Test func `is fed while no descriptor is left`() async throws {
        let box = try Box()
        try box.writeConfiguration(device: "null", token: "https://127.0.0.1:9/t", authority: "")
        let manager = try Manager(directory: box.directory)
        try box.startDaemon(
            device: "null", overrides: ["transcription.enabled=no"],
            launcher: ["/usr/bin/env", "NOTIFY_SOCKET=\(manager.path)", "WATCHDOG_USEC=2000000"])
        try #require(manager.next(seconds: 20)?.hasPrefix("READY=1") == true)
        let pid = try #require(box.daemon).pid
        let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").compactMap { Int($0) }
        let limit = (open.max() ?? 0) + 1
        _ = try Box.run("/usr/bin/prlimit", ["--pid", "\(pid)", "--nofile=\(limit):"])
        manager.drain()
        for _ in 0..<3 { #expect(manager.next(seconds: 4) == "WATCHDOG=1") }
        try await box.stop()
    }
}
