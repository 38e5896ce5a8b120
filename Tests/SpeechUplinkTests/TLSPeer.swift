import Foundation
import Glibc

/// Certificates made for one test by `openssl`, in a directory of their own.
final class Authority {
    let directory: String
    var caFile: String { directory + "/ca.pem" }

    init() throws {
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
    func issue(_ names: String, days: Int = 1) throws -> String {
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
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw PeerError.tool("openssl \(arguments[0])") }
    }
}

/// A TLS server: `openssl s_server`, whose standard input and output are the connection's inside.
final class TLSPeer {
    let port: UInt16
    private let process = Process()

    /// - Parameter script: runs on a thread of its own; its connection begins when a client has come.
    init(certificate: String, _ script: @escaping @Sendable (FakeConnection) throws -> Void) throws {
        port = try FakePeer.closedPort()
        let (input, output) = (Pipe(), Pipe())
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl", "s_server", "-accept", "127.0.0.1:\(port)", "-cert", certificate, "-quiet"]
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        try waitUntilListening()
        let reading = dup(output.fileHandleForReading.fileDescriptor)
        let writing = dup(input.fileHandleForWriting.fileDescriptor)
        Foundation.Thread.detachNewThread {
            let connection = FakeConnection(reading: reading, writing: writing)
            try? script(connection)
            connection.close()
        }
    }

    deinit {
        process.terminate()
        process.waitUntilExit()
    }

    /// A socket in state LISTEN (0A) on our port, as the kernel lists them (proc_net_tcp): connecting to find out
    /// would be s_server's one client.
    private func waitUntilListening() throws {
        let wanted = String(format: ":%04X 00000000:0000 0A", Int(port))
        for _ in 0..<1_000 {
            if try String(contentsOfFile: "/proc/net/tcp", encoding: .utf8).contains(wanted) { return }
            guard process.isRunning else { break }
            poll(nil, 0, 20)
        }
        throw PeerError.tool("openssl s_server does not listen")
    }
}
