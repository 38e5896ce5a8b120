import LinuxRuntime
import PeerKit
import RecorderCore
import Testing

@testable import SpeechUplink

extension NetworkTests {
    @Suite struct ServiceMessageTests {
        /// How a session to a peer that answers the end of the audio with `script` ends.
        private func end(
            deadAfter: Int64 = 10_000, _ script: @escaping @Sendable (FakeConnection) throws -> Void
        ) throws -> (failure: UplinkFailure??, messages: [ServiceMessage]) {
            let peer = try FakePeer { connection, _ in
                try connection.upgrade()
                _ = try connection.takeLesson()
                try script(connection)
            }
            return try withExtendedLifetime(peer) {
                let fixture = try UplinkFixture(UplinkSettings(tokenURL: "", deadAfterMilliseconds: deadAfter))
                fixture.record(1_600)
                var request = fixture.request(url: "ws://127.0.0.1:\(peer.port)/")
                request.end = SampleIndex(1_600)
                #expect(fixture.uplink.send(.open(request)))
                let failure = fixture.closed()
                return (failure, fixture.messages())
            }
        }

        @Test func `a message in fragments of any size is one message`() throws {
            let result = try end { connection in
                let bytes = Array(#"{"tokens":[{"text":"é😀"}],"finished":true}"#.utf8)
                try connection.send([bytes[0]], opcode: 1, isFinal: false)
                try connection.send([], opcode: 9)
                for byte in bytes[1..<bytes.count - 1] { try connection.send([byte], opcode: 0, isFinal: false) }
                try connection.send([bytes[bytes.count - 1]], opcode: 0)
                connection.drain()
            }
            #expect(result.failure == .some(nil))
            #expect(result.messages.first?.tokens.first?.text == "é😀")
        }

        @Test func `a message of 900 KiB is taken`() throws {
            let result = try end { connection in
                let word = String(repeating: "word ", count: 180_000)
                try connection.send(#"{"tokens":[{"text":"\#(word)"}]}"#)
                try connection.send(#"{"finished":true}"#)
                connection.drain()
            }
            #expect(result.failure == .some(nil))
            #expect(result.messages.first?.tokens.first?.text.utf8.count == 900_000)
        }

        @Test func `a message of 10 MB is refused while it comes`() throws {
            let result = try end { connection in
                let filler = [UInt8](repeating: 0x20, count: 10 << 20)
                try connection.send(Array("{".utf8) + filler + Array("}".utf8), opcode: 1)
                connection.drain()
            }
            #expect(result.failure??.cause == .service(.messageTooLarge))
        }

        @Test(arguments: [
            ("[1]", "not an object"), ("", "ends too early"), ("{", "ends too early"), ("{\"tokens\":[}", "not JSON"),
            ("not JSON", "not JSON"), (#"{"tokens":5}"#, "not a list"), ("{} {}", "goes on"),
            (#"{"total_audio_proc_ms":NaN}"#, "not JSON"),
        ])
        func `a malformed message ends the session`(text: String, detail: String) throws {
            let result = try end { connection in
                try connection.send(text)
                connection.drain()
            }
            #expect(result.failure??.cause == .service(.messageMalformed))
            #expect(result.failure??.detail.contains(detail) == true, "\(String(describing: result.failure))")
        }

        @Test func `binary garbage ends the session`() throws {
            let result = try end { connection in
                try connection.send((0..<4_096).map { UInt8(truncatingIfNeeded: $0 &* 31) }, opcode: 2)
                connection.drain()
            }
            #expect(result.failure??.cause == .service(.messageMalformed))
        }

        @Test func `garbage below the WebSocket level ends the session`() throws {
            let result = try end { connection in
                try connection.write((0..<4_096).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 3) })
                connection.drain()
            }
            #expect(result.failure??.cause != nil)
        }

        /// Who hears that second again would be told the same: words are worth more than form.
        @Test func `odd tokens and odd text are repaired and counted, and the session goes on`() throws {
            let result = try end { connection in
                let odd = Array(#"{"tokens":[5,{"start_ms":5},{"text":" lone \ud83d","start_ms":0,"end_ms":10},"#.utf8)
                    + Array(#"{"text":" bad "#.utf8) + [0xFF, 0xC3] + Array(#"","start_ms":1e300,"end_ms":20},"#.utf8)
                    + Array(#"{"text":" back","start_ms":40,"end_ms":30},"#.utf8)
                    + Array(#"{"text":" neg","start_ms":-7,"end_ms":50},"#.utf8)
                    + Array(#"{"text":" none"},{"text":" word","start_ms":"x","end_ms":1e999},"#.utf8)
                    + Array(#"{"text":" fine","start_ms":60,"end_ms":70}],"total_audio_proc_ms":100}"#.utf8)
                try connection.send(odd, opcode: 1)
                try connection.send(#"{"finished":true}"#)
                connection.drain()
            }
            #expect(result.failure == .some(nil))
            let message = try #require(result.messages.first)
            #expect(message.tokens.map { SurrogateHalf.mended($0.text) } == [
                " lone \u{FFFD}", " bad \u{FFFD}\u{FFFD}", " back", " neg", " none", " word", " fine",
            ])
            #expect(message.tokens.map(\.startMilliseconds) == [0, 10, 40, 40, 50, 55, 60])
            #expect(message.tokens.map(\.endMilliseconds) == [10, 20, 40, 50, 55, 60, 70])
            // Two left out, two texts, five times; one number beyond a Double.
            #expect(message.oddTokens == 10)
        }

        @Test func `halves of a pair are what the core joins`() throws {
            let result = try end { connection in
                try connection.send(#"{"tokens":[{"text":" \ud83d"},{"text":"\ude00"}],"finished":true}"#)
                connection.drain()
            }
            let texts = result.messages.first?.tokens.map(\.text) ?? []
            #expect(SurrogateHalf.mended(texts.joined()) == " 😀")
            #expect(texts.map(SurrogateHalf.mended) == [" \u{FFFD}", "\u{FFFD}"])
        }

        /// 100 ms were sent.
        @Test(arguments: [360_000_000, 3_600_000, 5_000, 351])
        func `a service that is ahead of its audio is not believed`(ahead: Int) throws {
            let result = try end { connection in
                try connection.send(
                    #"{"tokens":[{"text":" a","start_ms":10,"end_ms":40,"is_final":true},"#
                        + #"{"text":" b","start_ms":\#(ahead),"end_ms":\#(ahead),"is_final":true}],"#
                        + #""final_audio_proc_ms":\#(ahead),"total_audio_proc_ms":\#(ahead)}"#)
                try connection.send(#"{"final_audio_proc_ms":90,"total_audio_proc_ms":100}"#)
                try connection.send(#"{"finished":true}"#)
                connection.drain()
            }
            let messages = result.messages
            #expect(messages[0].tokens.allSatisfy { $0.endMilliseconds <= 100 })
            // Only up to the word that was there; not even later, when the numbers could be true.
            #expect(messages[0].finalAudioMilliseconds <= 40)
            #expect(messages[0].totalAudioMilliseconds <= 100)
            #expect(messages[0].oddPositions + messages[0].oddTokens >= 3)
            #expect(messages[1].finalAudioMilliseconds <= 40)
        }

        @Test func `a service that claims more final than it has heard is not believed`() throws {
            let result = try end { connection in
                try connection.send(#"{"final_audio_proc_ms":100,"total_audio_proc_ms":100}"#)
                try connection.send(#"{"finished":true}"#)
                connection.drain()
            }
            #expect(result.messages.first?.finalAudioMilliseconds == 100)
            var validator = PositionValidator()
            var message = ServiceMessage(finalAudioMilliseconds: 9_000, totalAudioMilliseconds: 5_000)
            validator.check(&message, sent: 10_000)
            #expect(message.finalAudioMilliseconds == 0 && message.oddPositions == 1)
        }

        @Test func `an error of the service carries its code, text and request`() throws {
            let long = String(repeating: "é", count: 1_000)
            let result = try end { connection in
                try connection.send(
                    #"{"error_code":402,"error_type":"quota","error_message":"\#(long)","request_id":"r-1"}"#)
                connection.drain()
            }
            let failure = try #require(result.failure ?? nil)
            #expect(failure.cause == .service(.message(code: 402, request: "r-1")))
            #expect(failure.detail.utf8.count < Limits.errorMessageBytes + 100)
        }

        @Test(arguments: [
            (#""error_code":400,"error_type":"model_not_available","error_message":"gone""#, 400,
                ServiceErrorType.modelNotAvailable,
                "answered error 400 model_not_available: gone; it does not have that model (any more): see "
                    + "transcription.model"),
            (#""error_type":"organization_balance_exhausted""#, 0, .balanceExhausted, "balance there is used up"),
            (#""error_code":429,"error_type":"a_later_one","error_message":"wait""#, 429, nil, "a_later_one: wait"),
            (#""error_code":413,"error_type":null"#, 413, nil, "error 413"),
        ] as [(String, Int, ServiceErrorType?, String)])
        func `an error of the service carries its type, and says what to do`(
            fields: String, code: Int, type: ServiceErrorType?, words: String
        ) throws {
            let result = try end { connection in
                try connection.send("{\(fields)}")
                connection.drain()
            }
            let failure = try #require(result.failure ?? nil)
            #expect(failure.cause == .service(.message(code: code, type: type)))
            #expect(failure.detail.hasSuffix(words) || failure.detail.contains(words), "\(failure.detail)")
        }

        @Test func `translations are counted and are no speech, markers are no text`() throws {
            let result = try end { connection in
                let spoken = #""start_ms":0,"end_ms":50,"is_final":true"#
                try connection.send(
                    #"{"tokens":[{"text":" hello","translation_status":"original",\#(spoken)},"#
                        + #"{"text":" hola","translation_status":"translation","source_language":"en","#
                        + #""is_final":true},{"text":" amén.<end>","translation_status":"none",\#(spoken)},"#
                        + #"{"text":"<END>",\#(spoken)},{"text":"<Fin>"},{"text":" a <b> c",\#(spoken)}],"#
                        + #""total_audio_proc_ms":100}"#)
                try connection.send(#"{"finished":true}"#)
                connection.drain()
            }
            let message = try #require(result.messages.first)
            #expect(message.tokens.map(\.text) == [" hello", " amén.", " a <b> c"])
            #expect(message.translatedTokens == 1)
            #expect(message.oddTokens == 0)
        }

        @Test func `a close before finished names its code`() throws {
            let result = try end { connection in
                try connection.send([0x03, 0xF3] + Array("restart".utf8), opcode: 8)
                connection.drain()
            }
            #expect(result.failure??.cause == .network(.closedEarly))
            #expect(result.failure??.detail.contains("1011") == true)
        }

        @Test func `a connection that just ends closed early`() throws {
            let result = try end { _ in }
            #expect(result.failure??.cause == .network(.closedEarly) || result.failure??.cause == .network(.reset))
        }

        @Test func `an RST is a reset`() throws {
            let result = try end { connection in connection.reset() }
            #expect(result.failure??.cause == .network(.reset))
        }

        @Test func `a peer that falls silent is noticed`() throws {
            let before = Clock.now
            let result = try end(deadAfter: 1_500) { connection in
                while true { _ = try connection.read(1) }
            }
            #expect(result.failure??.cause == .network(.stalled))
            #expect(Clock.now.milliseconds(since: before) >= 1_500)
        }
    }
}
