import Foundation
import LinuxRuntime
import PeerKit
import RecorderCore
import Testing

@testable import WebTransport

extension ExchangeTests {
    @Suite struct IdentityTests {
        /// What a peer that knows clients by their certificates makes of one request, and of one before it to another.
        private func outcome(
            _ authority: Authority, serverAuthority: Authority? = nil, identity: ClientIdentity?
        ) throws -> HTTPOutcome? {
            let certificate = try (serverAuthority ?? authority).issue("DNS:localhost")
            let peer = try TLSPeer(certificate: certificate, clientAuthority: authority.caFile) { connection in
                let head = try connection.readHead()
                _ = try connection.read(Int(FakeConnection.header("content-length", in: head) ?? "") ?? 0)
                try connection.answer("204 No Content", headers: "Upload-Offset: 100000\r\n")
                _ = try connection.read(1)
            }
            let file = try TestFile(100_000)
            return try withExtendedLifetime((peer, file)) {
                let endpoint = try Endpoint(
                    "https://localhost:\(peer.port)/", name: "test", secure: "https", plain: "http")
                return try Asker(caFile: authority.caFile).ask(
                    HTTPRequest(
                        .patch, endpoint, body: .file(file.path, from: 0, count: 100_000), identity: identity))
            }
        }

        private func identity(_ authority: Authority) throws -> ClientIdentity {
            let file = try authority.issue("DNS:box")
            return ClientIdentity(certificateFile: file, keyFile: file)
        }

        @Test func `a box that shows its certificate is let in`() throws {
            let authority = try Authority()
            let outcome = try outcome(authority, identity: try identity(authority))
            #expect(outcome?.response?.uploadOffset == "100000", "\(String(describing: outcome))")
        }

        @Test func `a box without one is not`() throws {
            let outcome = try outcome(try Authority(), identity: nil)
            #expect(outcome?.failure != nil, "\(String(describing: outcome))")
        }

        @Test func `the server's certificate is verified as ever`() throws {
            let authority = try Authority()
            let outcome = try outcome(authority, serverAuthority: try Authority(), identity: try identity(authority))
            #expect(outcome?.failure?.cause == .network(.tlsUntrusted), "\(String(describing: outcome))")
        }

        @Test func `files that are no certificate and key are named`() throws {
            for path in ["/nonexistent/x.pem", "/proc/version"] {
                let identity = ClientIdentity(certificateFile: path, keyFile: path)
                let outcome = try outcome(try Authority(), identity: identity)
                #expect(outcome?.failure?.cause == .local(.configuration))
                #expect(outcome?.failure?.detail.contains(path) == true)
            }
        }
    }
}
