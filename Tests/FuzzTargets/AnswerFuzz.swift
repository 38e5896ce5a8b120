import RecorderCore

@testable import AsyncTranscription
@testable import SchoolUpload
@testable import WebTransport

/// What the school's upload server and the service's asynchronous interface answer. The first line of the input is the
/// request (`create`, `offset` …) and the status; header lines follow, an empty line, and
/// the body.
enum AnswerFuzz {
    /// A few lines, and a manifest's response.
    static let maximumBytes = 16 << 10

    private static let recording = RecordingID("01JD0000000000000000000000")!
    private static let file = UploadPackageFile(
        name: "audio-0000.flac", contentType: "audio/flac", bytes: 100, sha256: "", url: "https://school.example/up/1")
    private static let uploads: [(name: String, request: UploadRequest)] = [
        ("create", .create(recording, file)), ("offset", .offset(recording, file)),
        ("send", .send(recording, file, from: 10, count: 50)), ("manifest", .manifest(recording)),
    ]
    private static let transcriptions: [(name: String, request: TranscriptionRequest)] = [
        ("file", .uploadAudio(recording, path: "a.flac")), ("job", .create(recording, file: "f")),
        ("state", .state(transcription: "t")), ("text", .transcript(transcription: "t")),
        ("delete", .deleteTranscription("t")),
    ]

    static func run(_ bytes: [UInt8]) throws {
        let (name, response) = input(bytes)
        let endpoint = try Endpoint("https://school.example/up/files?x=1", name: "test", secure: "https", plain: "http")
        for (word, request) in uploads where name == word {
            try check(TusResponses.read(response, to: request, at: endpoint), response, at: endpoint)
        }
        for (word, request) in transcriptions where name == word {
            try check(TranscriptionResponses.read(response, to: request, at: endpoint), response)
        }
    }

    private static func input(_ bytes: [UInt8]) -> (String, HTTPResponse) {
        var rest = bytes[...]
        func line() -> String {
            let end = rest.firstIndex(of: 0x0A) ?? rest.endIndex
            defer { rest = rest[min(end + 1, rest.endIndex)...] }
            return String(decoding: rest[..<end], as: UTF8.self)
        }
        let first = line().cut(at: " ")
        var response = HTTPResponse(status: first.flatMap { Int($0.after) } ?? 200)
        while !rest.isEmpty {
            guard let header = line().cut(at: ":") else { break }
            let value = header.after.trimmingSpaces
            switch header.before {
            case "Location": response.location = value
            case "Upload-Offset": response.uploadOffset = value
            case "Upload-Length": response.uploadLength = value
            default: break
            }
        }
        response.body = Array(rest)
        return (first?.before ?? "", response)
    }

    private static func check(_ result: UploadAnswer, _ response: HTTPResponse, at endpoint: Endpoint) throws {
        switch result {
        case .created(let url):
            let made = try Endpoint(url, name: "url", secure: "https", plain: "http")
            try expect(made.isTLS || Endpoint.isLoopback(made.host), "\(url) in the clear")
            try expect(made.path.isEvery { $0 > 0x20 && $0 < 0x7F }, "\(url) breaks its request")
        case .offset(let offset, let length):
            try expect(offset >= 0 && length ?? 0 >= 0, "\(offset) of \(length ?? 0)")
        case .sent(let offset):
            try expect(offset >= 0, "\(offset)")
        case .missing(let names):
            try expect((1...Limits.missingFiles).contains(names.count), "\(names.count) names")
            try expect(names.allSatisfy { (1...UploadLimits.fileNameBytes).contains($0.utf8.count) }, "\(names)")
        case .accepted: break
        case .failed(let failure): return try check(failure)
        }
        try expect(response.isSuccess || response.status == 409, "taken for a success")
    }

    private static func check(_ result: TranscriptionAnswer, _ response: HTTPResponse) throws {
        switch result {
        case .file(let name), .transcription(let name):
            try expect(name.isEvery { $0 > 0x20 && $0 < 0x7F && $0 != 0x2F }, "\(name) breaks its request")
            try expect((1...TranscriptionLimits.identifierBytes).contains(name.utf8.count), "\(name.utf8.count) bytes")
        case .refused(let reason):
            try expect((1...Limits.errorMessageBytes).contains(reason.utf8.count), "\(reason.utf8.count) bytes")
        case .text(let message):
            try expect(message.tokens.count <= Limits.transcriptTokens, "\(message.tokens.count) tokens")
            for token in message.tokens {
                try expect(token.isFinal && (0...1).contains(token.confidence), "\(token)")
                try expect(
                    0 <= token.startMilliseconds && token.startMilliseconds <= token.endMilliseconds
                        && token.endMilliseconds <= TransportLimits.serviceMilliseconds, "\(token)")
            }
        case .pending, .completed: break
        case .deleted: return try expect(response.isSuccess || response.status == 404, "taken for a success")
        case .failed(let failure): return try check(failure)
        }
        try expect(response.isSuccess, "taken for a success")
    }

    private static func check(_ failure: UplinkFailure) throws {
        try expect((1...2 * Limits.errorMessageBytes).contains(failure.detail.utf8.count), "\(failure)")
        guard case .service(.message(_, _, let request)) = failure.cause else { return }
        try expect(request.utf8.count <= TransportLimits.requestIDBytes, "\(failure)")
    }
}
