import Foundation
import OwnThread
import PeerKit
import RecorderCore
import Testing
import WebTransport

@testable import AsyncTranscription

private let recording = RecordingID("01JD0000000000000000000000")!

private func read(_ request: TranscriptionRequest, _ status: Int, _ body: String) throws -> TranscriptionAnswer {
    TranscriptionResponses.read(
        HTTPResponse(status: status, body: Array(body.utf8)), to: request,
        at: try Endpoint("https://api.example/v1/x", name: "test", secure: "https", plain: "http"))
}

private func kind(_ answer: TranscriptionAnswer) -> UplinkFailure.Cause? {
    if case .failed(let failure) = answer { failure.cause } else { nil }
}

@Test func `the states of a transcription are told apart`() throws {
    let request = TranscriptionRequest.state(transcription: "t")
    #expect(try read(request, 200, #"{"id":"t","status":"queued"}"#) == .pending)
    #expect(try read(request, 200, #"{"id":"t","status":"processing"}"#) == .pending)
    #expect(try read(request, 200, #"{"id":"t","status":"completed"}"#) == .completed)
    #expect(try read(request, 200, #"{"status":"error","error_message":"bad\naudio"}"#) == .refused("bad audio"))
    for body in [#"{"status":"odd"}"#, "{}"] {
        #expect(kind(try read(request, 200, body)) == .service(.messageMalformed), "\(body)")
    }
    #expect(kind(try read(request, 404, "{}")) == .service(.httpStatus(404)))
    // Not the service's own words.
    for body in ["", "[]", "<html>", #"{"status":"#] {
        #expect(kind(try read(request, 200, body)) == .service(.intercepted(200)), "\(body)")
        #expect(kind(try read(request, 404, body)) == .service(.intercepted(404)), "\(body)")
    }
}

@Test func `an id that would change a path is none`() throws {
    #expect(try read(.uploadAudio(recording, path: "/x"), 201, #"{"id":"a-B_9"}"#) == .file("a-B_9"))
    for id in ["", "a/b", "..", "a b", "a?b", "é", String(repeating: "a", count: 129)] {
        let answer = try read(.create(recording, file: "f"), 201, "{\"id\":\"\(id)\"}")
        #expect(kind(answer) == .service(.messageMalformed), "\(id)")
    }
}

@Test func `a transcript's tokens are final, and there are not too many`() throws {
    let request = TranscriptionRequest.transcript(transcription: "t")
    let answer = try read(
        request, 200,
        #"{"id":"t","text":"Hi","tokens":[{"text":"Hi","start_ms":10,"end_ms":20,"confidence":0.5,"#
            + #""speaker":"1","language":"en"}]}"#)
    #expect(
        answer
            == .text(
                ServiceMessage(tokens: [
                    ServiceToken(
                        text: "Hi", startMilliseconds: 10, endMilliseconds: 20, confidence: 0.5, isFinal: true,
                        speaker: "1", language: "en")
                ])))
    let many = Array(repeating: #"{"text":"a"}"#, count: Limits.transcriptTokens + 1).joined(separator: ",")
    #expect(kind(try read(request, 200, "{\"tokens\":[\(many)]}")) == .service(.messageTooLarge))
}

@Test func `a refusal carries its type, and names the setting of this interface`() throws {
    let answer = try read(
        .create(recording, file: "f"), 400,
        #"{"status_code":400,"error_type":"model_not_available","message":"no such model","request_id":"r"}"#)
    #expect(kind(answer) == .service(.httpStatus(400, type: .modelNotAvailable)))
    guard case .failed(let failure) = answer else { return }
    #expect(failure.detail.contains("no such model") && failure.detail.hasSuffix("see transcription.rest_model"))
}

@Test func `what is not there any more is deleted`() throws {
    for status in [200, 204] { #expect(try read(.deleteFile("f"), status, "") == .deleted) }
    #expect(try read(.deleteFile("f"), 404, #"{"message":"no such file"}"#) == .deleted)
    // A log-in page has deleted nothing.
    #expect(kind(try read(.deleteFile("f"), 200, "<html>")) == .service(.intercepted(200)))
    #expect(kind(try read(.deleteFile("f"), 404, "<html>")) == .service(.intercepted(404)))
    #expect(kind(try read(.deleteTranscription("t"), 500, "{}")) == .service(.httpStatus(500)))
}

/// What talks over sockets runs one after the other, so that the time limits hold on a loaded machine.
@Suite(.ownThread, .serialized) enum CallTests {}

extension CallTests {
    @Suite struct AsyncInterfaceTests {
        @Test func `audio goes up as a form's file, and is transcribed, fetched and deleted`() throws {
            let seen = Mailbox<(head: String, body: [UInt8])>()
            let answers = [
                #"{"id":"f1"}"#, #"{"id":"t1"}"#, #"{"status":"completed"}"#, #"{"tokens":[{"text":"Hi"}]}"#, "", "",
            ]
            let peer = try FakePeer { connection, number in
                let head = try connection.readHead()
                let length = Int(FakeConnection.header("content-length", in: head) ?? "") ?? 0
                seen.put((head, try connection.read(length)))
                try connection.answer("200 OK", answers[number])
            }
            let runner = try CallRunner(suite: "transcriptions")
            let settings = TranscriptionSettings(url: "http://127.0.0.1:\(peer.port)/", bearer: "key")
            func ask(_ request: TranscriptionRequest) -> TranscriptionAnswer? {
                let call = TranscriptionCall(request, settings)
                return runner.run(call) ? call.answer : nil
            }
            let path = NSTemporaryDirectory() + "chalkbox-audio-" + UUID().uuidString
            let audio = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
            try Data(audio).write(to: URL(filePath: path))
            defer { try? FileManager.default.removeItem(atPath: path) }
            #expect(ask(.uploadAudio(recording, path: path)) == .file("f1"))
            #expect(ask(.create(recording, file: "f1")) == .transcription("t1"))
            #expect(ask(.state(transcription: "t1")) == .completed)
            let token = ServiceToken(
                text: "Hi", startMilliseconds: 0, endMilliseconds: 0, confidence: 0, isFinal: true, speaker: "",
                language: "")
            // It came without times.
            var message = ServiceMessage(tokens: [token])
            message.oddTokens = 1
            #expect(ask(.transcript(transcription: "t1")) == .text(message))
            #expect(ask(.deleteTranscription("t1")) == .deleted)
            #expect(ask(.deleteFile("f1")) == .deleted)
            let form = try #require(seen.take())
            let boundary = "chalkbox-" + recording.text
            #expect(
                FakeConnection.header("content-type", in: form.head) == "multipart/form-data; boundary=" + boundary)
            let head = "--\(boundary)\r\ncontent-disposition: form-data; name=\"file\"; "
                + "filename=\"\(recording.text).flac\"\r\ncontent-type: audio/flac\r\n\r\n"
            #expect(form.body == Array(head.utf8) + audio + Array("\r\n--\(boundary)--\r\n".utf8))
            let wish = try #require(seen.take())
            #expect(
                String(decoding: wish.body, as: UTF8.self)
                    == #"{"model":"stt-async-v6","file_id":"f1","language_hints":["en","ar"],"#
                    + #""enable_speaker_diarization":true,"enable_language_identification":true,"#
                    + "\"client_reference_id\":\"\(recording.text)\"}")
            let lines = (0..<4).compactMap { _ in seen.take()?.head.components(separatedBy: "\r\n").first }
            #expect(
                lines == [
                    "GET /v1/transcriptions/t1 HTTP/1.1", "GET /v1/transcriptions/t1/transcript HTTP/1.1",
                    "DELETE /v1/transcriptions/t1 HTTP/1.1", "DELETE /v1/files/f1 HTTP/1.1",
                ])
            #expect(FakeConnection.header("authorization", in: form.head) == "Bearer key")
        }

        @Test func `a transcription is told the vocabulary and that the hints are strict`() throws {
            let bodies = Mailbox<String>()
            let peer = try FakePeer { connection, _ in
                let head = try connection.readHead()
                let length = Int(FakeConnection.header("content-length", in: head) ?? "") ?? 0
                bodies.put(String(decoding: try connection.read(length), as: UTF8.self))
                try connection.answer("200 OK", #"{"id":"t1"}"#)
            }
            let path = NSTemporaryDirectory() + "chalkbox-terms-" + UUID().uuidString
            defer { try? FileManager.default.removeItem(atPath: path) }
            try "Pythagoras\n".write(toFile: path, atomically: true, encoding: .utf8)
            let runner = try CallRunner(suite: "transcriptions")
            let settings = TranscriptionSettings(
                url: "http://127.0.0.1:\(peer.port)/", languageHintsStrict: true, termsFile: path)
            let call = TranscriptionCall(.create(recording, file: "f1"), settings)
            #expect(runner.run(call) && call.answer == .transcription("t1"))
            let body = try #require(bodies.take())
            #expect(
                body.contains(
                    #""language_hints":["en","ar"],"language_hints_strict":true,"context":{"terms":["Pythagoras"]}"#))
        }

        @Test func `without the interface's URL every request is a mistake in the configuration`() throws {
            let call = TranscriptionCall(.deleteFile("f"), TranscriptionSettings())
            #expect(try CallRunner(suite: "transcriptions").run(call))
            #expect(call.answer.flatMap(kind) == .local(.configuration))
        }
    }
}
