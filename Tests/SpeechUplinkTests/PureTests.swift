import RecorderCore
import Testing
import WireJSON

@testable import SpeechUplink

private func endpoint(_ url: String) throws -> Endpoint {
    try Endpoint(url, name: "test", secure: "wss", plain: "ws")
}

private func kind(_ number: Int32) -> UplinkFailure.Kind { Diagnosis.connectFailure(number, peer: "p").kind }

private func diagnosis(
    _ reason: String = "", status: Int = 0, connect: Int32 = 0, certificate: Int32 = 0,
    elapsed: Int64 = 0
) -> UplinkFailure.Kind {
    Diagnosis(
        peer: "p", isTLS: true, reason: reason, status: status, retryAfterSeconds: nil, connectError: connect,
        certificateError: certificate, elapsedMilliseconds: elapsed, malformed: .messageMalformed
    ).failure.kind
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
}

@Test(arguments: [
    "", "wss:", "wss://", "wss:///x", "https://a/", "a", "wss://a b/", "wss://a:0/", "wss://a:65536/", "wss://a:x/",
    "wss://a:/", "wss://u@a/", "wss://u:p@a/", "wss://a/#f", "wss://é/", "wss://a\r\nb/", "wss://[::1", "wss://[zz]/",
    "wss://[::1]/", "ws://a/", "ws://127.0.0.1.example/", "ws://127.0.0/", "ws://127.0.0.256/", "ws://0.0.0.0/",
    "ws://localhost.example/", "ws://[::2]/", "wss://" + String(repeating: "a", count: 200) + "/",
    "wss://a/" + String(repeating: "a", count: 2_000), "wss://a/%\u{7F}", "ws://127.0.0.1@school.example/",
])
func `URLs that cannot work are refused`(url: String) {
    do throws(UplinkFailure) {
        _ = try Endpoint(url, name: "test", secure: "wss", plain: "ws")
        Issue.record("taken: \(url)")
    } catch {
        #expect(error.kind == .configuration)
        #expect(error.detail.hasPrefix("test: "))
    }
}

@Test func `errno becomes a kind of failure`() {
    #expect(kind(111) == .refused)
    #expect(kind(101) == .unreachable)
    #expect(kind(113) == .unreachable)
    #expect(kind(110) == .timeout)
    #expect(kind(104) == .reset)
}

@Test func `what the library says of a failed connection becomes a kind of failure`() {
    #expect(diagnosis("Unable to connect", connect: 111) == .refused)
    #expect(diagnosis("Unable to connect", connect: 113) == .unreachable)
    #expect(diagnosis("Unable to connect") == .timeout)
    #expect(diagnosis("", connect: 101) == .unreachable)
    #expect(diagnosis("connect SSL err 1: x", certificate: 10) == .tlsUntrusted)
    #expect(diagnosis("connect SSL err 1: x") == .tlsHandshake)
    #expect(diagnosis("connect SYSCALL 104") == .tlsHandshake)
    #expect(diagnosis("Timed out waiting SSL") == .tlsHandshake)
    #expect(diagnosis("HS: ws upgrade response not 101", status: 503) == .httpStatus(503))
    #expect(diagnosis("HS: ACCEPT missing", status: 101) == .messageMalformed)
    #expect(diagnosis("closed before established") == .closedEarly)
    #expect(diagnosis("closed before established", elapsed: 6_000) == .timeout)
}

@Test func `missing and odd fields of a message are made harmless`() throws {
    let value = try JSONValue.parse(
        #"{"tokens":[{"text":"a","start_ms":-5,"end_ms":-9},{"text":"b","start_ms":100.7,"end_ms":50,"confidence":7,"#
            + #""is_final":"yes","speaker":3,"language":4},{"text":"c"},{"text":"","start_ms":null,"confidence":-1}],"#
            + #""final_audio_proc_ms":"x","total_audio_proc_ms":-1,"finished":1,"unknown":{"x":[]}}"#,
        limitBytes: 10_000)
    let message = try ServiceMessageReader.read(value, peer: "p")
    #expect(message.tokens.map { $0.startMilliseconds } == [0, 100, 100, 100])
    #expect(message.tokens.map { $0.endMilliseconds } == [0, 100, 100, 100])
    #expect(message.tokens.map { $0.confidence } == [0, 1, 0, 0])
    #expect(message.tokens.map { $0.speaker } == ["", "3", "", ""])
    #expect(message.tokens.allSatisfy { !$0.isFinal && $0.language.isEmpty })
    #expect(message.finalAudioMilliseconds == 0 && message.totalAudioMilliseconds == 0 && !message.finished)
}

@Test func `too many tokens are too large a message`() throws {
    let tokens = Array(repeating: #"{"text":"a"}"#, count: Limits.serviceMessageTokens + 1).joined(separator: ",")
    let value = try JSONValue.parse("{\"tokens\":[\(tokens)]}", limitBytes: 1 << 20)
    do throws(UplinkFailure) {
        _ = try ServiceMessageReader.read(value, peer: "p")
        Issue.record("taken")
    } catch {
        #expect(error.kind == .messageTooLarge)
    }
}

@Test func `a text of the service is clipped between characters and on one line`() {
    #expect(ServiceMessageReader.clipped("aéb", bytes: 2) == "a")
    #expect(ServiceMessageReader.clipped("aéb", bytes: 3) == "aé")
    #expect(ServiceMessageReader.clipped("a\nb\u{0}", bytes: 9) == "a b ")
}

@Test func `a pulse pings in silence, looks twice, and then calls the peer dead`() {
    let pulse = Pulse(deadAfterMilliseconds: 3_000)
    func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(milliseconds: milliseconds) }
    var vitals = Vitals(now: at(0))
    #expect(pulse.pingAt(vitals) == at(1_000))
    vitals.pingedAt = at(1_000)
    #expect(pulse.pingAt(vitals) == at(2_000))
    #expect(pulse.death(of: &vitals, now: at(2_999)) == nil)
    #expect(pulse.death(of: &vitals, now: at(3_000)) == nil)
    #expect(pulse.deadAt(vitals) == at(3_100))
    #expect(pulse.death(of: &vitals, now: at(3_100))?.sign == .silence)
    vitals.heard(at(3_100))
    #expect(pulse.death(of: &vitals, now: at(3_200)) == nil)
    #expect(pulse.deadAt(vitals) == at(6_100))
    for second in 4...11 { vitals.heard(at(Int64(second) * 1_000 + 900)) }
    #expect(pulse.pingAt(vitals) == at(11_000))
}

@Test func `a peer that answers pings but works on nothing is dead as well`() {
    let pulse = Pulse(deadAfterMilliseconds: 3_000)
    func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(milliseconds: milliseconds) }
    var vitals = Vitals(now: at(0))
    vitals.sent(1_500, now: at(100))
    vitals.done(1_200, now: at(200))
    for tick in 1...50 {
        vitals.heard(at(Int64(tick) * 100))
        #expect(pulse.death(of: &vitals, now: at(Int64(tick) * 100)) == nil, "what it owes is less than its step")
    }
    vitals.sent(4_000, now: at(5_000))
    for tick in 51...80 {
        vitals.heard(at(Int64(tick) * 100))
        #expect(pulse.death(of: &vitals, now: at(Int64(tick) * 100)) == nil)
    }
    #expect(pulse.death(of: &vitals, now: at(8_100))?.sign == .progress)
    vitals.done(3_900, now: at(8_150))
    #expect(pulse.death(of: &vitals, now: at(8_200)) == nil)
}

@Test func `samples out of the journal are handed on in the frames that are wanted`() {
    var buffer = ReplayBuffer()
    func range(_ start: Int64, _ end: Int64) -> Range<SampleIndex> { SampleIndex(start)..<SampleIndex(end) }
    #expect(buffer.part(of: range(0, 10)) == nil)
    buffer.await()
    #expect(buffer.isAwaited)
    buffer.take([1, 2, 3, 4, 5], from: SampleIndex(100))
    #expect(!buffer.isAwaited)
    #expect(buffer.part(of: range(101, 103)).map(Array.init) == [2, 3])
    #expect(buffer.part(of: range(104, 110)).map(Array.init) == [5])
    #expect(buffer.part(of: range(105, 110)) == nil)
    #expect(buffer.part(of: range(99, 110)) == nil)
}
