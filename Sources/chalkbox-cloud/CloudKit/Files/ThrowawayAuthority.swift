internal import Foundation

/// A certificate authority made for one test or demonstration, and a server certificate it issued for
/// `localhost`, 127.0.0.1 and ::1. Its keys lie unprotected in the directory.
package struct ThrowawayAuthority: Sendable {
    /// PEM files.
    package let authorityFile: String
    package let certificateFile: String
    package let keyFile: String

    package enum Failure: Error, CustomStringConvertible {
        case openSSLFailed(arguments: [String], output: String)
        case notWritable(path: String, reason: String)

        package var description: String {
            switch self {
            case .openSSLFailed(let arguments, let output):
                "openssl \(arguments.joined(separator: " ")) failed: \(output)"
            case .notWritable(let path, let reason): "cannot write \(path): \(reason)"
            }
        }
    }

    /// Makes the files with the `openssl` command; they are valid for 30 days.
    ///
    /// - Parameter directory: must exist.
    /// - Parameter names: further DNS names and addresses, in OpenSSL's form (`DNS:cloud.test`, `IP:10.0.0.1`).
    package init(directory: String, names: [String] = []) throws {
        authorityFile = directory + "/ca.pem"
        certificateFile = directory + "/server.pem"
        keyFile = directory + "/server.key"
        try Self.openSSL(
            ["req", "-x509"] + Self.newKey + [
                "-days", "30", "-subj", "/CN=Throw-away test authority", "-keyout", directory + "/ca.key",
                "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out", authorityFile,
            ])
        try Self.openSSL(
            ["req", "-new"] + Self.newKey + [
                "-subj", "/CN=localhost", "-keyout", keyFile, "-out", directory + "/server.csr",
            ])
        let alternatives = (["DNS:localhost", "IP:127.0.0.1", "IP:::1"] + names).joined(separator: ",")
        let extensions = "subjectAltName=\(alternatives)\nextendedKeyUsage=serverAuth\n"
        let extensionsFile = directory + "/server.ext"
        do {
            try extensions.write(toFile: extensionsFile, atomically: true, encoding: .utf8)
        } catch {
            throw Failure.notWritable(path: extensionsFile, reason: error.localizedDescription)
        }
        try Self.openSSL([
            "x509", "-req", "-in", directory + "/server.csr", "-CA", authorityFile, "-CAkey", directory + "/ca.key",
            "-CAcreateserial", "-days", "30", "-extfile", extensionsFile, "-out", certificateFile,
        ])
    }

    /// A certificate for a client, and its key: PEM files.
    package func issueClient(directory: String, name: String) throws -> (certificateFile: String, keyFile: String) {
        let base = "\(directory)/\(name)"
        try Self.openSSL(
            ["req", "-new"] + Self.newKey + ["-subj", "/CN=\(name)", "-keyout", base + ".key", "-out", base + ".csr"])
        try "extendedKeyUsage=clientAuth\n".write(toFile: base + ".ext", atomically: true, encoding: .utf8)
        let authorityKey = String(authorityFile.dropLast(3)) + "key"
        try Self.openSSL([
            "x509", "-req", "-in", base + ".csr", "-CA", authorityFile, "-CAkey", authorityKey,
            "-CAcreateserial", "-days", "30", "-extfile", base + ".ext", "-out", base + ".pem",
        ])
        return (base + ".pem", base + ".key")
    }

    private static let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]

    private static func openSSL(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failure.openSSLFailed(arguments: arguments, output: String(decoding: text, as: UTF8.self))
        }
    }
}
