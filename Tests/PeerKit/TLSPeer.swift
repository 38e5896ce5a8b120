import Foundation
import Glibc

/// Certificates made for one test by `openssl`, in a directory of their own.
package final class Authority {
    package let directory: String
    package var caFile: String { directory + "/ca.pem" }

    package init() throws {
        directory = NSTemporaryDirectory() + "chalkbox-uplink-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try Authority.openssl(
            ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
                + ["-subj", "/CN=Test Authority", "-keyout", directory + "/ca.key", "-out", caFile])
    }

    deinit {
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// - Parameters:
    ///   - names: for example `DNS:localhost`.
    ///   - days: how long it is valid from now on; negative: it has expired.
    /// - Returns: certificate and key in one file.
    package func issue(_ names: String, days: Int = 1) throws -> String {
        let base = directory + "/" + UUID().uuidString
        try "subjectAltName=\(names)\n".write(toFile: base + ".ext", atomically: true, encoding: .utf8)
        try Authority.openssl(
            ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=peer"]
                + ["-keyout", base + ".key", "-out", base + ".csr"])
        try Authority.openssl(
            ["x509", "-req", "-in", base + ".csr", "-CA", caFile, "-CAkey", directory + "/ca.key", "-CAcreateserial"]
                + ["-days", "\(days)", "-extfile", base + ".ext", "-out", base + ".crt"])
        let both = try String(contentsOfFile: base + ".crt", encoding: .utf8)
            + String(contentsOfFile: base + ".key", encoding: .utf8)
        try both.write(toFile: base + ".pem", atomically: true, encoding: .utf8)
        return base + ".pem"
    }

    private static func openssl(_ arguments: [String]) throws {
        let child = try Child(["openssl"] + arguments, input: -1, output: -1)
        guard child.wait() == 0 else { throw PeerError.tool("openssl \(arguments[0])") }
    }
}

/// A child process; its standard descriptors are given ones or /dev/null.
package final class Child {
    private var process: pid_t = 0

    package init(_ arguments: [String], input: Int32, output: Int32) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (number, given) in [(Int32(0), input), (1, output), (2, -1)] {
            if given < 0 {
                posix_spawn_file_actions_addopen(&actions, number, "/dev/null", O_RDWR, 0)
            } else {
                posix_spawn_file_actions_adddup2(&actions, given, number)
            }
        }
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        let result = posix_spawnp(&process, arguments[0], &actions, nil, &words, environ)
        guard result == 0 else { throw PeerError.system(result) }
    }

    /// The exit status; 128 and more for a signal.
    package func wait() -> Int32 {
        var status: Int32 = 0
        guard process > 0, waitpid(process, &status, 0) == process else { return -1 }
        process = 0
        return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
    }

    package func kill() {
        guard process > 0 else { return }
        Glibc.kill(process, SIGKILL)
        _ = wait()
    }

    deinit {
        kill()
    }
}

/// A TLS server: `openssl s_server`, whose standard input and output are the connection's inside.
package final class TLSPeer {
    package let port: UInt16
    private let server: Child

    /// - Parameter script: runs on a thread of its own; its connection begins when a client has come.
    /// - Parameter clientAuthority: what clients must have their certificates from; nil: they need none.
    package init(
        certificate: String, clientAuthority: String? = nil,
        _ script: @escaping @Sendable (FakeConnection) throws -> Void
    ) throws {
        port = try FakePeer.closedPort()
        var input: [Int32] = [-1, -1]
        var output: [Int32] = [-1, -1]
        guard pipe(&input) == 0, pipe(&output) == 0 else { throw PeerError.system(errno) }
        for descriptor in input + output { closeOnExec(descriptor) }
        defer {
            close(input[0])
            close(output[1])
        }
        server = try Child(
            ["openssl", "s_server", "-accept", "127.0.0.1:\(port)", "-cert", certificate, "-quiet"]
                + (clientAuthority.map { ["-CAfile", $0, "-Verify", "1", "-verify_return_error"] } ?? []),
            input: input[0], output: output[1])
        let (reading, writing) = (output[0], input[1])
        Foundation.Thread.detachNewThread {
            let connection = FakeConnection(reading: reading, writing: writing)
            try? script(connection)
            connection.close()
        }
        try waitUntilListening()
    }

    deinit {
        server.kill()
    }

    /// A socket in state LISTEN (0A) on our port, as the kernel lists them (proc_net_tcp): connecting to find out
    /// would be s_server's one client.
    private func waitUntilListening() throws {
        let wanted = String(format: ":%04X 00000000:0000 0A", Int(port))
        for _ in 0..<1_000 {
            if try String(contentsOfFile: "/proc/net/tcp", encoding: .utf8).contains(wanted) { return }
            poll(nil, 0, 20)
        }
        throw PeerError.tool("openssl s_server does not listen")
    }
}
