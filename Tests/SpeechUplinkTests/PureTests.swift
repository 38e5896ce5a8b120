import RecorderCore
import Testing
import WireJSON

@testable import SpeechUplink

@Test func `missing and odd fields of a message are made harmless`() throws {
    let value = try JSONValue.parse(
        #"{"tokens":[{"text":"a","start_ms":-5,"end_ms":-9},{"text":"b","start_ms":100.7,"end_ms":50,"confidence":7,"#
            + #""is_final":"yes","speaker":3,"language":4},{"text":"c"},{"text":"","start_ms":null,"confidence":-1}],"#
            + #""final_audio_proc_ms":"x","total_audio_proc_ms":-1,"finished":1,"unknown":{"x":[]}}"#,
        limitBytes: 10_000)
    let message = try ServiceMessageReader.read(value, after: 0, peer: "p")
    #expect(message.tokens.map { $0.startMilliseconds } == [0, 100, 100, 100])
    #expect(message.tokens.map { $0.endMilliseconds } == [100, 100, 100, 100])
    #expect(message.oddTokens == 4)
    #expect(message.tokens.map { $0.confidence } == [0, 1, 0, 0])
    #expect(message.tokens.map { $0.speaker } == ["", "3", "", ""])
    #expect(message.tokens.allSatisfy { !$0.isFinal && $0.language.isEmpty })
    #expect(message.finalAudioMilliseconds == 0 && message.totalAudioMilliseconds == 0 && !message.finished)
}

/// What each token is, as `text start–end`, of a message that comes when there were words up to `spoken`.
private func places(_ tokens: String, _ positions: String = "", after spoken: Int64) throws -> [String] {
    let value = try JSONValue.parse(#"{"tokens":[\#(tokens)]\#(positions)}"#, limitBytes: 10_000)
    let message = try ServiceMessageReader.read(value, after: spoken, peer: "p")
    #expect(message.oddTokens == message.tokens.count { $0.text.hasSuffix("?") })
    return message.tokens.map { "\($0.text) \($0.startMilliseconds)–\($0.endMilliseconds)" }
}

@Test func `a token without times is placed between its neighbours, next to the one that it belongs to`() throws {
    let timed = #"{"text":" b","start_ms":9000,"end_ms":9200,"is_final":true}"#
    // Where the words before ended; what goes on with a word stands beside it.
    #expect(try places(#"{"text":" a?"},"# + timed, after: 8_800) == [" a? 8800–9000", " b 9000–9200"])
    #expect(try places(#"{"text":" a?"},"# + timed, after: 4_000) == [" a? 4000–4300", " b 9000–9200"])
    #expect(try places(#"{"text":",?"},"# + timed, after: 4_000) == [",? 4000–4300", " b 9000–9200"])
    let rest = #"{"text":"b","start_ms":9000,"end_ms":9200}"#
    #expect(try places(#"{"text":" a?"},"# + rest, after: 4_000) == [" a? 8700–9000", "b 9000–9200"])
    // The session's first token: nothing was said at 0:00:00.
    #expect(try places(#"{"text":" a?"},"# + timed, after: 0) == [" a? 8700–9000", " b 9000–9200"])
    // Several share the time; one with a beginning keeps it.
    let two = #"{"text":" a?"},{"text":" c?"},"#
    #expect(try places(two + timed, after: 8_800) == [" a? 8800–8900", " c? 8900–9000", " b 9000–9200"])
    let begun = #"{"text":" a?","start_ms":8000},"#
    #expect(try places(begun + timed, after: 4_000) == [" a? 8000–8300", " b 9000–9200"])
}

@Test func `the last token of a message, without times, ends where the message says that it reaches`() throws {
    let timed = #"{"text":" b","start_ms":9000,"end_ms":9200,"is_final":true},"#
    let final = #","final_audio_proc_ms":12000,"total_audio_proc_ms":14000"#
    #expect(
        try places(timed + #"{"text":" a?","is_final":true}"#, final, after: 0) == [
            " b 9000–9200", " a? 11700–12000",
        ])
    #expect(try places(timed + #"{"text":" a?"}"#, final, after: 0) == [" b 9000–9200", " a? 13700–14000"])
    #expect(try places(timed + #"{"text":".?"}"#, final, after: 0) == [" b 9000–9200", ".? 9200–9500"])
    #expect(try places(#"{"text":" a?"}"#, after: 700) == [" a? 700–700"])
}

@Test func `too many tokens are too large a message`() throws {
    let tokens = Array(repeating: #"{"text":"a"}"#, count: Limits.serviceMessageTokens + 1).joined(separator: ",")
    let value = try JSONValue.parse("{\"tokens\":[\(tokens)]}", limitBytes: 1 << 20)
    do throws(UplinkFailure) {
        _ = try ServiceMessageReader.read(value, after: 0, peer: "p")
        Issue.record("taken")
    } catch {
        #expect(error.cause == .service(.messageTooLarge))
    }
}

@Test func `a text of the service is clipped between characters and on one line`() {
    #expect("aéb".clipped(bytes: 2) == "a")
    #expect("aéb".clipped(bytes: 3) == "aé")
    #expect("a\nb\u{0}".clipped(bytes: 9) == "a b ")
}

@Test func `a silent peer is pinged, checked twice, and then counts as lost`() {
    let liveness = LivenessPolicy(deadAfterMilliseconds: 3_000)
    func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(milliseconds: milliseconds) }
    var activity = PeerActivity(now: at(0))
    #expect(liveness.pingAt(activity) == at(1_000))
    activity.pingedAt = at(1_000)
    #expect(liveness.pingAt(activity) == at(2_000))
    #expect(liveness.loss(of: &activity, now: at(2_999)) == nil)
    #expect(liveness.loss(of: &activity, now: at(3_000)) == nil)
    #expect(liveness.deadAt(activity) == at(3_100))
    #expect(liveness.loss(of: &activity, now: at(3_100))?.signal == .traffic)
    activity.heard(at(3_100))
    #expect(liveness.loss(of: &activity, now: at(3_200)) == nil)
    #expect(liveness.deadAt(activity) == at(6_100))
    for second in 4...11 { activity.heard(at(Int64(second) * 1_000 + 900)) }
    #expect(liveness.pingAt(activity) == at(11_000))
}

@Test func `a peer that answers pings but processes nothing counts as lost too`() {
    let liveness = LivenessPolicy(deadAfterMilliseconds: 3_000)
    func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(milliseconds: milliseconds) }
    var activity = PeerActivity(now: at(0))
    activity.sent(1_500, now: at(100))
    activity.processed(1_200, now: at(200))
    for tick in 1...50 {
        activity.heard(at(Int64(tick) * 100))
        #expect(liveness.loss(of: &activity, now: at(Int64(tick) * 100)) == nil, "what it owes is less than its step")
    }
    activity.sent(4_000, now: at(5_000))
    for tick in 51...80 {
        activity.heard(at(Int64(tick) * 100))
        #expect(liveness.loss(of: &activity, now: at(Int64(tick) * 100)) == nil)
    }
    #expect(liveness.loss(of: &activity, now: at(8_100))?.signal == .progress)
    activity.processed(3_900, now: at(8_150))
    #expect(liveness.loss(of: &activity, now: at(8_200)) == nil)
}

@Test func `samples out of the journal are handed on in the frames that are wanted`() {
    var buffer = ReplayBuffer()
    func range(_ start: Int64, _ end: Int64) -> Range<SampleIndex> { SampleIndex(start)..<SampleIndex(end) }
    #expect(buffer.part(of: range(0, 10)) == nil)
    buffer.await(now: MonotonicTime(milliseconds: 1_000))
    #expect(buffer.isAwaited)
    buffer.store([1, 2, 3, 4, 5], from: SampleIndex(100))
    #expect(!buffer.isAwaited)
    #expect(buffer.part(of: range(101, 103)).map(Array.init) == [2, 3])
    #expect(buffer.part(of: range(104, 110)).map(Array.init) == [5])
    #expect(buffer.part(of: range(105, 110)) == nil)
    #expect(buffer.part(of: range(99, 110)) == nil)
}

@Test func `what ends something finds room where what begins something finds none`() {
    let key = SessionKey(secret: "k", webSocketURL: "")
    let request = SessionRequest(
        id: 1, key: key, recording: RecordingID("01JD0000000000000000000000")!, base: .zero)
    for command in [UplinkCommand.requestKey(attempt: 1), .open(request), .audio(session: 1, from: .zero, [])] {
        #expect(command.reservedPlaces == Limits.uplinkCommands / 4 * 3)
    }
    for command in [UplinkCommand.cancelKey(attempt: 1), .close(session: 1), .finish(session: 1, end: .zero)] {
        #expect(command.reservedPlaces == 0)
    }
}
