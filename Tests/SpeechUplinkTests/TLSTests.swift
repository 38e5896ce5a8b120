import Foundation
import LinuxRuntime
import PeerKit
import RecorderCore
import Testing

@testable import SpeechUplink

extension NetworkTests {
    @Suite struct TLSTests {
        /// How a session with `names` on the certificate, reached as `host`, ends.
        private func end(
            names: String, host: String, days: Int = 1, trusted: Bool = true, caFile: String? = nil
        ) throws -> UplinkFailure?? {
            let authority = try Authority()
            let peer = try TLSPeer(certificate: try authority.issue(names, days: days)) { connection in
                try connection.upgrade()
                _ = try connection.takeLesson()
                try connection.send(#"{"finished":true}"#)
                connection.drain()
            }
            return try withExtendedLifetime(peer) {
                let fixture = try UplinkFixture(
                    UplinkSettings(tokenURL: "", deadAfterMilliseconds: 10_000),
                    caFile: trusted ? authority.caFile : caFile ?? "")
                fixture.record(3_200)
                #expect(fixture.uplink.send(.open(fixture.request(url: "wss://\(host):\(peer.port)/x"))))
                #expect(fixture.uplink.send(.finish(session: 1, end: SampleIndex(3_200))))
                return fixture.closed()
            }
        }

        @Test(arguments: [("DNS:localhost", "localhost"), ("IP:127.0.0.1", "127.0.0.1")])
        func `a trusted certificate for the name carries a lesson`(names: String, host: String) throws {
            #expect(try end(names: names, host: host) == .some(nil))
        }

        @Test func `an authority that is not in the system's store is not trusted`() throws {
            let failure = try end(names: "DNS:localhost", host: "localhost", trusted: false)
            #expect(failure??.cause == .network(.tlsUntrusted))
            #expect(failure??.detail.contains("authority that this box does not know") == true)
        }

        @Test func `with a CA file of its own nobody else is trusted`() throws {
            let other = try Authority()
            let failure = try end(names: "DNS:localhost", host: "localhost", trusted: false, caFile: other.caFile)
            #expect(failure??.cause == .network(.tlsUntrusted))
        }

        @Test(arguments: [
            ("DNS:other.example", "localhost"), ("DNS:localhost", "127.0.0.1"), ("IP:127.0.0.2", "127.0.0.1"),
        ])
        func `a certificate for another name is not trusted`(names: String, host: String) throws {
            let failure = try end(names: names, host: host)
            #expect(failure??.cause == .network(.tlsUntrusted))
            #expect(failure??.detail.contains("another name") == true)
        }

        @Test func `an expired certificate is not trusted`() throws {
            let failure = try end(names: "DNS:localhost", host: "localhost", days: -1)
            #expect(failure??.cause == .network(.tlsUntrusted))
            #expect(failure??.detail.contains("expired") == true)
        }

        @Test func `a token comes over TLS`() throws {
            let authority = try Authority()
            let peer = try TLSPeer(certificate: try authority.issue("DNS:localhost")) { connection in
                _ = try connection.readRequest()
                try connection.answer("200 OK", #"{"apiKey":"k"}"#)
                _ = try connection.read(1)
            }
            try withExtendedLifetime(peer) {
                let fixture = try UplinkFixture(
                    UplinkSettings(tokenURL: "https://localhost:\(peer.port)/token"), caFile: authority.caFile)
                #expect(fixture.uplink.send(.requestKey(attempt: 1)))
                #expect(fixture.key() == .success(SessionKey(secret: "k", webSocketURL: "")))
            }
        }

        @Test func `a peer that does not speak TLS fails the handshake`() throws {
            let peer = try FakePeer { connection, _ in
                try connection.write("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
                connection.drain()
            }
            try withExtendedLifetime(peer) {
                let fixture = try UplinkFixture(UplinkSettings(tokenURL: ""))
                #expect(fixture.uplink.send(.open(fixture.request(url: "wss://127.0.0.1:\(peer.port)/"))))
                #expect(fixture.closed()??.cause == .network(.tlsHandshake))
            }
        }

        @Test(arguments: [true, false])
        func `a TLS handshake that is cut or never answered fails`(isCut: Bool) throws {
            let peer = try FakePeer { connection, _ in
                _ = try connection.read(20)
                if !isCut { while true { _ = try connection.read(1) } }
            }
            try withExtendedLifetime(peer) {
                let fixture = try UplinkFixture(UplinkSettings(tokenURL: ""))
                #expect(fixture.uplink.send(.open(fixture.request(url: "wss://127.0.0.1:\(peer.port)/"))))
                let failure = fixture.closed()
                #expect(failure??.cause == .network(.tlsHandshake), "\(String(describing: failure))")
            }
        }
    }
}
