import Foundation
import PeerKit
import RecorderCore
import Testing
import WebTransport

@testable import SchoolUpload

private let recording = UploadFixture.recording

private func endpoint(_ url: String = "https://school.example/up/files?x=1") throws -> Endpoint {
    try Endpoint(url, name: "test", secure: "https", plain: "http")
}

private func location(_ text: String) throws -> String? {
    let file = UploadPackageFile(name: "a", contentType: "b", bytes: 1, sha256: "")
    let answer = TusResponses.read(
        HTTPResponse(status: 201, location: text), to: .create(recording, file), at: try endpoint())
    if case .created(let url) = answer { return url }
    return nil
}

@Test func `a Location is resolved against the request`() throws {
    #expect(try location("https://other.example/1") == "https://other.example/1")
    #expect(try location("/files/1?a=b:c") == "https://school.example/files/1?a=b:c")
    #expect(try location("//other.example/1") == "https://other.example/1")
    #expect(try location("1") == "https://school.example/up/1")
    #expect(try location("http://127.0.0.1:9/1") == "http://127.0.0.1:9/1")
}

@Test(arguments: [
    "", "http://school.example/1", "ftp://x/1", "/a b", "/a#b", "https://u@h/1", "/é", "https://", "javascript:x y",
    "/" + String(repeating: "a", count: 1_100),
])
func `a Location that leads astray is none`(text: String) throws {
    #expect(try location(text) == nil)
}

@Test(arguments: ["", "-1", "+1", "1.0", " 1", "0x1", "9999999999999999999", "1,1", "１"])
func `an offset that cannot be one is malformed`(text: String) throws {
    let file = UploadPackageFile(name: "a", contentType: "b", bytes: 100, sha256: "", url: "https://h/1")
    let answer = HTTPResponse(status: 200, uploadOffset: text)
    for request in [UploadRequest.offset(recording, file), .send(recording, file, from: 10, count: 90)] {
        let failure = TusResponses.read(answer, to: request, at: try endpoint()).failure
        #expect(failure?.cause == .service(.messageMalformed))
    }
}

/// The outbox judges them, and begins a file anew after some.
@Test(arguments: [9, 61, 101]) func `an offset that cannot be is told as it was answered`(offset: Int64) throws {
    let file = UploadPackageFile(name: "a", contentType: "b", bytes: 100, sha256: "", url: "https://h/1")
    let answer = HTTPResponse(status: 200, uploadOffset: "\(offset)", uploadLength: "100")
    let sent = TusResponses.read(answer, to: .send(recording, file, from: 10, count: 50), at: try endpoint())
    #expect(sent == .sent(offset: offset))
    #expect(TusResponses.read(answer, to: .offset(recording, file), at: try endpoint()) == .offset(offset, length: 100))
}

@Test func `a manifest's answer names what is missing, or is a refusal`() throws {
    func read(_ status: Int, _ body: String) throws -> UploadAnswer {
        TusResponses.read(
            HTTPResponse(status: status, body: Array(body.utf8)), to: .manifest(recording), at: try endpoint())
    }
    #expect(try read(200, "") == .accepted)
    #expect(try read(201, "\u{FEFF}{\"ok\":true}") == .accepted)
    // A page that says 200, as of a portal, is not the school's word that it has the lesson.
    for body in ["whatever", "<html>", #"{"ok":"#, "\u{1F}\u{8B}"] {
        #expect(try read(200, body).failure?.cause == .service(.intercepted(200)), "\(body)")
    }
    #expect(try read(409, #"{"missing":["a","b"]}"#) == .missing(["a", "b"]))
    for body in ["{}", #"{"missing":[]}"#, #"{"missing":[1]}"#, #"{"missing":[""]}"#, #"{"missing":"a"}"#] {
        #expect(try read(409, body).failure?.cause == .service(.httpStatus(409)))
    }
    for body in ["", "["] { #expect(try read(409, body).failure?.cause == .service(.intercepted(409))) }
    #expect(try read(302, "").failure?.detail.contains("redirects") == true)
    let refusal = try read(422, #"{"message":"no\nsuch \#(String(repeating: "x", count: 5_000))"}"#).failure
    #expect(refusal?.detail.hasPrefix("school.example answered HTTP 422: no such xxx") == true)
    #expect((refusal?.detail.utf8.count ?? 0) <= Limits.errorMessageBytes + 64)
}

extension UploadTests {
    @Suite struct TusTests {
        @Test func `a file is created, asked for and sent as tus wants it`() throws {
            let heads = Mailbox<String>()
            let bodies = Mailbox<[UInt8]>()
            let peer = try FakePeer { connection, number in
                let head = try connection.readHead()
                heads.put(head)
                bodies.put(try connection.read(Int(FakeConnection.header("content-length", in: head) ?? "") ?? 0))
                let headers = ["Location: /files/1\r\n", "Upload-Offset: 7\r\nUpload-Length: 100000\r\n"]
                try connection.answer(
                    number == 0 ? "201 Created" : "204 No Content",
                    headers: number == 2 ? "Upload-Offset: 50007\r\n" : headers[number])
            }
            let base = "http://127.0.0.1:\(peer.port)"
            let fixture = try UploadFixture {
                $0.url = base + "/files/"
                $0.bearer = "box-secret"
            }
            let url = base + "/files/1"
            #expect(fixture.ask(.create(recording, fixture.file())) == .created(url: url))
            #expect(fixture.ask(.offset(recording, fixture.file(url))) == .offset(7, length: 100_000))
            let sent = fixture.ask(.send(recording, fixture.file(url), from: 7, count: 50_000))
            #expect(sent == .sent(offset: 50_007))
            let created = heads.take() ?? ""
            #expect(created.hasPrefix("POST /files/ HTTP/1.1\r\n"))
            #expect(FakeConnection.header("upload-length", in: created) == "100000")
            let object = Data("\(recording.text)/audio-0000.flac".utf8).base64EncodedString()
            #expect(
                FakeConnection.header("upload-metadata", in: created)
                    == "bucketName bGVzc29ucw==,objectName \(object),contentType YXVkaW8vZmxhYw==,"
                    + "filename YXVkaW8tMDAwMC5mbGFj,filetype YXVkaW8vZmxhYw==")
            #expect(FakeConnection.header("x-upsert", in: created) == "true")
            #expect(heads.take()?.hasPrefix("HEAD /files/1 HTTP/1.1\r\n") == true)
            let patch = heads.take() ?? ""
            #expect(patch.hasPrefix("PATCH /files/1 HTTP/1.1\r\n"))
            #expect(FakeConnection.header("content-type", in: patch) == "application/offset+octet-stream")
            #expect(FakeConnection.header("upload-offset", in: patch) == "7")
            for head in [created, patch] {
                #expect(FakeConnection.header("tus-resumable", in: head) == "1.0.0")
                #expect(FakeConnection.header("authorization", in: head) == "Bearer box-secret")
            }
            _ = (bodies.take(), bodies.take())
            #expect(bodies.take() == Array(fixture.audio[7..<50_007]))
        }

        @Test func `the manifest goes with the recording's name as its key`() throws {
            let seen = Mailbox<(head: String, body: String)>()
            let peer = try FakePeer { connection, _ in
                seen.put(try connection.readRequest())
                try connection.answer("409 Conflict", #"{"missing":["audio-0000.flac"]}"#)
            }
            let fixture = try UploadFixture { $0.manifestURL = "http://127.0.0.1:\(peer.port)/lessons" }
            #expect(fixture.ask(.manifest(recording)) == .missing(["audio-0000.flac"]))
            let request = seen.take()
            #expect(request?.body == #"{"files":[]}"#)
            #expect(request.flatMap { FakeConnection.header("idempotency-key", in: $0.head) } == recording.text)
        }

        @Test func `another server than the configured one gets no secret`() throws {
            let seen = Mailbox<String>()
            let peer = try FakePeer { connection, _ in
                seen.put(try connection.readHead())
                try connection.answer("200 OK", headers: "Upload-Offset: 0\r\n")
            }
            let fixture = try UploadFixture {
                $0.url = "https://school.example/files"
                $0.bearer = "box-secret"
            }
            let file = fixture.file("http://127.0.0.1:\(peer.port)/1")
            #expect(fixture.ask(.offset(recording, file)) == .offset(0, length: nil))
            #expect(seen.take().flatMap { FakeConnection.header("authorization", in: $0) } == nil)
        }

        @Test func `a server that quotes the secret does not bring it into the log`() throws {
            let peer = try FakePeer { connection, _ in
                _ = try connection.readHead()
                try connection.answer("403 Forbidden", #"{"message":"Bearer box-secret is not known: box-secret"}"#)
            }
            let url = "http://127.0.0.1:\(peer.port)/"
            let fixture = try UploadFixture {
                $0.url = url
                $0.bearer = "box-secret"
            }
            let detail = fixture.ask(.create(recording, fixture.file()))?.failure?.detail ?? ""
            #expect(detail.hasSuffix("answered HTTP 403: Bearer ********** is not known: **********"), "\(detail)")
        }

        @Test func `a new secret is used from then on, and a bad one is named`() throws {
            let seen = Mailbox<String>()
            let peer = try FakePeer { connection, _ in
                seen.put(try connection.readHead())
                try connection.answer("401 Unauthorized", "{}", headers: "Retry-After: 4\r\n")
            }
            let fixture = try UploadFixture { $0.url = "http://127.0.0.1:\(peer.port)/" }
            fixture.settings.bearer = "new"
            let failure = fixture.ask(.create(recording, fixture.file()))?.failure
            #expect(failure?.cause == .service(.httpStatus(401, retryAfterSeconds: 4)))
            #expect(seen.take().flatMap { FakeConnection.header("authorization", in: $0) } == "Bearer new")
            fixture.settings.bearer = "a b"
            #expect(fixture.ask(.create(recording, fixture.file()))?.failure?.detail.contains("bearer_file") == true)
        }

        /// tus 1.0 puts its version into each answer; JSON is no log-in page either.
        @Test(arguments: [
            ("", false), ("content-type: text/html\r\n", false), ("content-type: text/plain\r\n", false),
            ("tus-resumable: 1.0.0\r\n", true), ("content-type: application/json\r\n", true),
        ])
        func `only the server itself can have forgotten an upload`(headers: String, isOwn: Bool) throws {
            let peer = try FakePeer { connection, _ in
                _ = try connection.readHead()
                try connection.answer("404 Not Found", headers: headers)
            }
            let base = "http://127.0.0.1:\(peer.port)/"
            let fixture = try UploadFixture { $0.url = base }
            let failure = fixture.ask(.offset(recording, fixture.file(base)))?.failure
            #expect(failure?.cause == (isOwn ? .service(.httpStatus(404)) : .service(.intercepted(404))))
        }

        @Test func `a cancelled request is not answered, and its place is free`() throws {
            let peer = try FakePeer { connection, number in
                _ = try connection.readHead()
                while number < 2 { _ = try connection.read(1) }
                try connection.answer("200 OK", headers: "Upload-Offset: 3\r\n")
            }
            let base = "http://127.0.0.1:\(peer.port)/"
            let fixture = try UploadFixture { $0.url = base }
            let request = UploadRequest.offset(recording, fixture.file(base))
            let (first, second) = (fixture.begin(request), fixture.begin(request))
            #expect(fixture.ask(request)?.failure?.cause == .local(.busy))
            #expect(fixture.runner.client.cancel(first) && fixture.runner.client.cancel(second))
            #expect(fixture.ask(request) != nil)
            let ended = fixture.runner.events.filter {
                if case .ended(let call) = $0 { call === first || call === second } else { false }
            }
            #expect(ended.isEmpty && first.answer == nil && second.answer == nil)
        }

        @Test(arguments: ["../x", "a/b", "", "..", "a b"])
        func `a name that leaves its directory is refused`(name: String) throws {
            let fixture = try UploadFixture { $0.url = "http://127.0.0.1:1/" }
            var file = fixture.file("http://127.0.0.1:1/")
            file.name = name
            let answer = fixture.ask(.send(recording, file, from: 0, count: 1))
            #expect(answer?.failure?.cause == .local(.configuration))
        }
    }
}
