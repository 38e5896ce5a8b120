import RecorderCore
import Testing

@testable import WebTransport

private func endpoint(_ url: String) throws -> Endpoint {
    try Endpoint(url, name: "test", secure: "wss", plain: "ws")
}

private func kind(_ number: Int32) -> UplinkFailure.Cause { Diagnosis.connectFailure(number, peer: "p").cause }

private func diagnosis(
    _ reason: String = "", status: Int = 0, connect: Int32 = 0, certificate: Int32 = 0,
    elapsed: Int64 = 0
) -> UplinkFailure.Cause {
    Diagnosis(
        peer: "p", isTLS: true, reason: reason, status: status, retryAfterSeconds: nil, connectError: connect,
        certificateError: certificate, elapsedMilliseconds: elapsed
    ).failure.cause
}

@Test func `URLs are taken apart`() throws {
    let plain = try endpoint("WSS://Stt-rt.example.com/a/b?c=d&e")
    #expect(plain.host == "Stt-rt.example.com" && plain.port == 443 && plain.isTLS && plain.path == "/a/b?c=d&e")
    #expect(plain.authority == "Stt-rt.example.com")
    #expect(try endpoint("wss://a:8443").authority == "a:8443")
    #expect(try endpoint("wss://a?x=1").path == "/?x=1")
    let six = try endpoint("ws://[::1]:8080/x")
    #expect(six.host == "::1" && six.port == 8_080 && !six.isTLS && six.authority == "[::1]:8080")
    #expect(try endpoint("ws://127.1.2.3/").port == 80)
    #expect(try endpoint("ws://LocalHost/").host == "LocalHost")
    #expect(try endpoint("wss://school.example./").host == "school.example.")
    #expect(try endpoint("wss://10.0.0.255/").isAddress)
}

@Test(arguments: [
    "", "wss:", "wss://", "wss:///x", "https://a/", "a", "wss://a b/", "wss://a:0/", "wss://a:65536/", "wss://a:x/",
    "wss://a:/", "wss://u@a/", "wss://u:p@a/", "wss://a/#f", "wss://é/", "wss://a\r\nb/", "wss://[::1", "wss://[zz]/",
    "wss://[::1]/", "ws://a/", "ws://127.0.0.1.example/", "ws://127.0.0/", "ws://127.0.0.256/", "ws://0.0.0.0/",
    "ws://localhost.example/", "ws://[::2]/", "wss://" + String(repeating: "a", count: 200) + "/",
    "wss://a/" + String(repeating: "a", count: 2_000), "wss://a/%\u{7F}", "ws://127.0.0.1@school.example/",
    "wss://.school.example/", "wss://./", "wss://256.1.1.1/", "wss://1.2.3/", "wss://1.2.3.4.5/", "wss://1..2.3/",
    "wss://1.2.3.4./", "wss://a:99999/",
])
func `URLs that cannot work are refused`(url: String) {
    do throws(UplinkFailure) {
        _ = try Endpoint(url, name: "test", secure: "wss", plain: "ws")
        Issue.record("taken: \(url)")
    } catch {
        #expect(error.cause == .local(.configuration))
        #expect(error.detail.hasPrefix("test: "))
    }
}

@Test func `errno becomes a kind of failure`() {
    #expect(kind(111) == .network(.refused))
    #expect(kind(101) == .network(.unreachable))
    #expect(kind(113) == .network(.unreachable))
    #expect(kind(110) == .network(.timeout))
    #expect(kind(104) == .network(.reset))
}

@Test func `what the library says of a failed connection becomes a kind of failure`() {
    #expect(diagnosis("Unable to connect", connect: 111) == .network(.refused))
    #expect(diagnosis("Unable to connect", connect: 113) == .network(.unreachable))
    #expect(diagnosis("Unable to connect") == .network(.timeout))
    #expect(diagnosis("", connect: 101) == .network(.unreachable))
    #expect(diagnosis("connect SSL err 1: x", certificate: 10) == .network(.tlsUntrusted))
    #expect(diagnosis("connect SSL err 1: x") == .network(.tlsHandshake))
    #expect(diagnosis("connect SYSCALL 104") == .network(.tlsHandshake))
    #expect(diagnosis("Timed out waiting SSL") == .network(.tlsHandshake))
    #expect(diagnosis("HS: ws upgrade response not 101", status: 503) == .service(.intercepted(503)))
    #expect(diagnosis("HS: ACCEPT missing", status: 101) == .service(.messageMalformed))
    #expect(diagnosis("closed before established") == .network(.closedEarly))
    #expect(diagnosis("closed before established", elapsed: 6_000) == .network(.timeout))
}
