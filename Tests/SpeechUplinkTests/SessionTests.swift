import LinuxRuntime
import PeerKit
import RecorderCore
import Testing
import WebTransport

@testable import SpeechUplink

extension NetworkTests {
    @Suite struct SessionTests {
        private func peer(
            _ script: @escaping @Sendable (FakeConnection) throws -> Void
        ) throws -> (peer: FakePeer, url: String) {
            let peer = try FakePeer { connection, _ in try script(connection) }
            return (peer, "ws://127.0.0.1:\(peer.port)/transcribe")
        }

        private func settings(deadAfter: Int64 = 10_000) -> UplinkSettings {
            UplinkSettings(tokenURL: "", languageHints: ["en", "ar"], deadAfterMilliseconds: deadAfter)
        }

        @Test func `a lesson goes out whole and comes back as messages`() throws {
            let head = Mailbox<String>()
            let lesson = Mailbox<(start: String, audio: [UInt8], texts: [String])>()
            let (peer, url) = try peer { connection in
                head.put(try connection.upgrade())
                lesson.put(try connection.takeLesson())
                try connection.send(
                    #"{"tokens":[{"text":" Hi","start_ms":10,"end_ms":20,"confidence":0.5,"is_final":true,"#
                        + #""speaker":"2","language":"en"}],"final_audio_proc_ms":100,"total_audio_proc_ms":120}"#)
                try connection.send(#"{"final_audio_proc_ms":130,"total_audio_proc_ms":130,"finished":true}"#)
                connection.drain()
            }
            let fixture = try UplinkFixture(settings())
            fixture.ring.reset(to: SampleIndex(5_000))
            fixture.record(8_000)
            #expect(fixture.uplink.send(.open(fixture.request(url: url, base: 6_000, secret: "key-7"))))
            #expect(fixture.opened())
            fixture.record(3_000)
            #expect(fixture.uplink.send(.finish(session: 1, end: SampleIndex(15_500))))
            #expect(fixture.closed() == .some(nil))

            let request = try #require(head.take())
            #expect(request.hasPrefix("GET /transcribe HTTP/1.1\r\n"))
            #expect(FakeConnection.header("authorization", in: request) == "Bearer key-7")
            #expect(FakeConnection.header("host", in: request) == "127.0.0.1:\(peer.port)")
            let sent = try #require(lesson.take())
            #expect(
                sent.start == #"{"model":"stt-rt-v6","audio_format":"pcm_s16le","sample_rate":16000,"num_channels":1,"#
                    + #""language_hints":["en","ar"],"enable_speaker_diarization":true,"#
                    + #""enable_language_identification":true,"enable_endpoint_detection":false,"#
                    + #""client_reference_id":"01JD0000000000000000000000"}"#)
            #expect(sent.audio == UplinkFixture.audio(6_000..<15_500))
            // As both official clients end the audio.
            #expect(sent.texts == [""])
            #expect(
                fixture.messages() == [
                    ServiceMessage(
                        tokens: [
                            ServiceToken(
                                text: " Hi", startMilliseconds: 10, endMilliseconds: 20, confidence: 0.5, isFinal: true,
                                speaker: "2", language: "en")
                        ], finalAudioMilliseconds: 100, totalAudioMilliseconds: 120),
                    ServiceMessage(finalAudioMilliseconds: 130, totalAudioMilliseconds: 130, finished: true),
                ])
            #expect(fixture.wait { if case .sent(1, SampleIndex(15_500)) = $0 { true } else { nil } } == true)
        }

        @Test func `two sessions live side by side`() throws {
            let (peer, url) = try peer { connection in
                try connection.upgrade()
                let lesson = try connection.takeLesson()
                try connection.send("{\"total_audio_proc_ms\":\(lesson.audio.count / 32),\"finished\":true}")
                connection.drain()
            }
            try withExtendedLifetime(peer) {
                let fixture = try UplinkFixture(settings())
                fixture.record(16_000)
                #expect(fixture.uplink.send(.open(fixture.request(1, url: url))))
                #expect(fixture.opened(1))
                #expect(fixture.uplink.send(.open(fixture.request(2, url: url, base: 8_000))))
                #expect(fixture.opened(2))
                #expect(fixture.uplink.send(.finish(session: 2, end: SampleIndex(16_000))))
                #expect(fixture.closed(2) == .some(nil))
                #expect(fixture.uplink.send(.finish(session: 1, end: SampleIndex(16_000))))
                #expect(fixture.closed(1) == .some(nil))
                #expect(fixture.messages(1).map { $0.totalAudioMilliseconds } == [1_000])
                #expect(fixture.messages(2).map { $0.totalAudioMilliseconds } == [500])
            }
        }

        @Test func `our own close says good-bye and is no failure`() throws {
            let goodbye = Mailbox<UInt8>()
            let (peer, url) = try peer { connection in
                try connection.upgrade()
                while true {
                    let frame = try connection.readFrame()
                    if frame.opcode == 8 {
                        goodbye.put(frame.opcode)
                        return
                    }
                }
            }
            try withExtendedLifetime(peer) {
                let fixture = try UplinkFixture(settings())
                #expect(fixture.uplink.send(.open(fixture.request(url: url))))
                #expect(fixture.opened())
                #expect(fixture.uplink.send(.close(session: 1)))
                #expect(fixture.closed() == .some(nil))
                #expect(goodbye.take() == 8)
                #expect(fixture.uplink.send(.close(session: 1)))
                #expect(fixture.uplink.send(.close(session: 9)))
            }
        }

        @Test func `closing a session that is still connecting is no failure`() throws {
            let accepted = Mailbox<Bool>()
            let (peer, url) = try peer { connection in
                _ = try connection.readHead()
                accepted.put(true)
                _ = try connection.read(1)
            }
            try withExtendedLifetime(peer) {
                let fixture = try UplinkFixture(settings())
                #expect(fixture.uplink.send(.open(fixture.request(url: url))))
                #expect(accepted.take() == true)
                #expect(fixture.uplink.send(.close(session: 1)))
                #expect(fixture.closed() == .some(nil))
            }
        }

        @Test func `pongs keep a session alive and give the round trip`() throws {
            let pinged = Mailbox<Bool>()
            let (peer, url) = try peer { connection in
                try connection.upgrade()
                var pings = 0
                while true {
                    let frame = try connection.readFrame()
                    guard frame.opcode == 9 else { continue }
                    try connection.send(frame.payload, opcode: 10)
                    pings += 1
                    if pings == 8 { pinged.put(true) }
                }
            }
            try withExtendedLifetime(peer) {
                let fixture = try UplinkFixture(settings(deadAfter: 900))
                #expect(fixture.uplink.send(.open(fixture.request(url: url))))
                #expect(fixture.opened())
                #expect(pinged.take() == true)
                #expect(fixture.events.count == 1)
                #expect(fixture.uplink.roundTripMilliseconds.map { $0 < 900 } == true)
            }
        }

        @Test(arguments: [401, 403, 429, 503, 302, 200])
        func `a refused handshake is its HTTP status`(status: Int) throws {
            let (peer, url) = try peer { connection in
                _ = try connection.readHead()
                let headers = "content-type: application/json\r\nretry-after: 5\r\nlocation: /x\r\n"
                try connection.answer("\(status) X", "{}", headers: headers)
                _ = try? connection.read(1)
            }
            try withExtendedLifetime(peer) {
                let fixture = try UplinkFixture(settings())
                #expect(fixture.uplink.send(.open(fixture.request(url: url))))
                let failure = fixture.closed()
                #expect(failure??.cause == .service(.httpStatus(status, retryAfterSeconds: 5)))
            }
        }

        @Test(arguments: [
            "", "garbage\r\n\r\n", "HTTP/1.1 101 X\r\n\r\n",
            "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n\r\n",
        ])
        func `an answer that is no handshake is a failure`(answer: String) throws {
            let (peer, url) = try peer { connection in
                _ = try connection.readHead()
                try connection.write(answer)
            }
            try withExtendedLifetime(peer) {
                let fixture = try UplinkFixture(settings())
                #expect(fixture.uplink.send(.open(fixture.request(url: url))))
                let kind = fixture.closed()??.cause
                let kinds: [UplinkFailure.Cause?] = [.service(.messageMalformed), .network(.closedEarly)]
                #expect(kinds.contains(kind), "\(String(describing: kind))")
            }
        }

        @Test func `a closed port is refused`() throws {
            let port = try FakePeer.closedPort()
            let fixture = try UplinkFixture(settings())
            #expect(fixture.uplink.send(.open(fixture.request(url: "ws://127.0.0.1:\(port)/"))))
            #expect(fixture.closed()??.cause == .network(.refused))
            #expect(fixture.uplink.send(.open(fixture.request(2, url: "ws://localhost:\(port)/"))))
            #expect(fixture.closed(2)??.cause == .network(.refused))
        }

        @Test func `the handshake has a time limit`() throws {
            let (peer, url) = try peer { connection in while true { _ = try connection.read(1) } }
            try withExtendedLifetime(peer) {
                let fixture = try UplinkFixture(settings())
                #expect(fixture.uplink.send(.open(fixture.request(url: url))))
                #expect(fixture.closed()??.cause == .network(.timeout))
            }
        }

        @Test(arguments: ["ws://school.example/", "http://127.0.0.1/", "wss://[::1]/", "wss://", "ws://10.0.0.1/", "x"])
        func `a URL that cannot work is a mistake in the configuration`(url: String) throws {
            let fixture = try UplinkFixture(UplinkSettings(tokenURL: "", webSocketURL: url))
            #expect(fixture.uplink.send(.open(fixture.request(url: "ws://127.0.0.1:1/"))))
            #expect(fixture.closed()??.cause == .local(.configuration))
        }

        @Test func `a key that would break the handshake is not sent`() throws {
            let fixture = try UplinkFixture(settings())
            #expect(fixture.uplink.send(.open(fixture.request(url: "ws://127.0.0.1:1/", secret: "a\r\nX: y"))))
            #expect(fixture.closed()??.cause == .service(.keyMalformed))
        }

        @Test func `audio that the ring has lost comes out of the journal, and then out of the ring`() throws {
            let lesson = Mailbox<[UInt8]>()
            let (peer, url) = try peer { connection in
                try connection.upgrade()
                lesson.put(try connection.takeLesson().audio)
                try connection.send(#"{"total_audio_proc_ms":1,"finished":true}"#)
                connection.drain()
            }
            try withExtendedLifetime(peer) {
                let fixture = try UplinkFixture(settings())
                fixture.record((1 << 17) + 5_000)
                var request = fixture.request(url: url)
                request.end = SampleIndex(12_000)
                #expect(fixture.uplink.send(.open(request)))
                for (from, end) in [(0, 3_000), (3_000, 5_100)] {
                    let place = SampleIndex(Int64(from))
                    #expect(fixture.wait { if case .audioWanted(1, place) = $0 { true } else { nil } } == true)
                    let samples = (from..<end).map { Int16(truncatingIfNeeded: $0) }
                    #expect(fixture.uplink.send(.audio(session: 1, from: place, samples)))
                }
                #expect(fixture.closed() == .some(nil))
                #expect(lesson.take() == UplinkFixture.audio(0..<12_000))
            }
        }

        @Test func `a journal that never answers does not keep a session waiting`() throws {
            let (peer, url) = try peer { connection in
                try connection.upgrade()
                connection.drain()
            }
            try withExtendedLifetime(peer) {
                let fixture = try UplinkFixture(settings(deadAfter: 60_000))
                fixture.record((1 << 17) + 5_000)
                #expect(fixture.uplink.send(.open(fixture.request(url: url))))
                let failure = try #require(fixture.closed() ?? nil)
                #expect(failure.cause == .local(.journal))
                #expect(failure.detail.contains("the journal gave no audio"), "\(failure.detail)")
            }
        }

        @Test func `a last word that nobody asked for is not the last word about the audio`() throws {
            let (peer, url) = try peer { connection in
                try connection.upgrade()
                _ = try (connection.readData(), connection.readData())
                try connection.send(#"{"total_audio_proc_ms":90,"finished":true}"#)
                connection.drain()
            }
            try withExtendedLifetime(peer) {
                let fixture = try UplinkFixture(settings())
                fixture.record(16_000)
                #expect(fixture.uplink.send(.open(fixture.request(url: url))))
                #expect(fixture.closed()??.cause == .network(.closedEarly))
                #expect(fixture.messages() == [ServiceMessage(totalAudioMilliseconds: 90)])
            }
        }

        @Test func `audio that nobody has any more is a clear failure`() throws {
            let (peer, url) = try peer { connection in
                try connection.upgrade()
                connection.drain()
            }
            try withExtendedLifetime(peer) {
                let fixture = try UplinkFixture(settings())
                fixture.ring.reset(to: SampleIndex(1 << 20))
                fixture.record(200_000)
                let base = SampleIndex(1 << 20)
                #expect(fixture.uplink.send(.open(fixture.request(url: url, base: base.value))))
                #expect(fixture.wait { if case .audioWanted(1, base) = $0 { true } else { nil } } == true)
                #expect(fixture.uplink.send(.audio(session: 1, from: base, [])))
                let failure = fixture.closed()
                #expect(failure??.cause == .local(.journal))
                #expect(failure??.detail.contains("journal") == true)
            }
        }

        @Test func `a peer that reads nothing does not make memory grow, and is noticed`() throws {
            let (peer, url) = try peer { connection in
                try connection.upgrade()
                _ = Mailbox<Bool>().take()
            }
            try withExtendedLifetime(peer) {
                let fixture = try UplinkFixture(settings(deadAfter: 1_200))
                fixture.record(100_000)
                #expect(fixture.uplink.send(.open(fixture.request(url: url))))
                #expect(fixture.closed()??.cause == .network(.stalled))
            }
        }

        @Test func `shutting down in the middle of everything ends soon`() throws {
            let (peer, url) = try peer { connection in
                try connection.upgrade()
                connection.drain()
            }
            try withExtendedLifetime(peer) {
                let fixture = try UplinkFixture(settings())
                fixture.record(16_000)
                #expect(fixture.uplink.send(.open(fixture.request(url: url))))
                #expect(fixture.opened())
                #expect(fixture.uplink.send(.open(fixture.request(2, url: url))))
                let before = Clock.now
                fixture.thread.shutdown()
                #expect(Clock.now.milliseconds(since: before) < 3_000)
                #expect(!fixture.uplink.send(.close(session: 1)))
            }
        }

        @Test func `commands beyond the queue are refused`() throws {
            let fixture = try UplinkFixture(settings())
            fixture.thread.shutdown()
            #expect(!fixture.uplink.send(.requestKey(attempt: 1)))
        }
    }
}
