import CloudKit
import Foundation
import Testing

/// What the service has come to say and to take since its first models.
@Suite struct ServiceOfTodayTests {
    private let lesson = ToneLesson(.seconds(12), speakers: 2, seed: 51)

    private func error(_ frames: [RawClient.Frame]) -> (code: Int?, type: String?) {
        let last = messages(frames).last ?? [:]
        return (last["error_code"] as? Int, last["error_type"] as? String)
    }

    @Test(arguments: ErrorType.allCases)
    func `each error type can be had, with its number or another`(type: ErrorType) async throws {
        let faults = try FaultPlan(arguments: ["error-type=\(type.rawValue)@500*1"])
        try await withServer({ $0.faults = faults }) { server in
            let end = error(try await CloudTests.lesson(server, lesson.samples).frames)
            #expect(end.code == type.code && end.type == type.rawValue)
            try await server.changeFaults("error-number=418")
            let second = try await openSession(server)
            try await server.perform(.typedError(type))
            let other = try await blocking { error(try drain(second.value).frames) }
            #expect(other.code == 418 && other.type == type.rawValue)
        }
    }

    @Test func `a session that has lasted its time ends with 413`() async throws {
        try await withServer({ $0.faults.maximumSessionMilliseconds = 200 }) { server in
            let client = try await openSession(server)
            let end = try await blocking { error(try drain(client.value).frames) }
            #expect(end.code == 413 && end.type == "max_duration_reached")
        }
    }

    @Test func `a model that is gone is refused by both interfaces`() async throws {
        try await withServer({ $0.faults.goneModel = "stt-rt-v6" }) { server in
            let client = try await openSession(server)
            let end = try await blocking { error(try drain(client.value).frames) }
            #expect(end.code == 400 && end.type == "model_not_available")
            try await server.changeFaults("no-model=stt-async-v6")
            let port = server.port
            let answer = try await blocking {
                try RawClient.request(
                    port: port, path: "/v1/transcriptions", headers: ["Authorization: Bearer key"],
                    body: #"{"model":"stt-async-v6","file_id":"f"}"#)
            }
            #expect(answer.status == 400)
            #expect(answer.body.contains(#""error_type":"model_not_available""#))
        }
    }

    @Test func `keys of another region are refused`() async throws {
        try await withServer({ $0.faults.otherRegion = true }) { server in
            let key = try await freshKey(server).key
            let end = error(try await CloudTests.lesson(server, [0], key: key).frames)
            #expect(end.code == 401 && end.type == "unauthenticated")
            try await server.changeFaults("other-region=off")
            let good = try await freshKey(server).key
            #expect(error(try await CloudTests.lesson(server, [0], key: good).frames).code == nil)
        }
    }

    @Test func `a busy answer may name no time`() async throws {
        let faults = try FaultPlan(arguments: ["token-status=429", "no-retry-after"])
        try await withServer({ $0.faults = faults }) { server in
            let port = server.port
            let answer = try await blocking { try RawClient.request(port: port, path: "/api/token") }
            #expect(answer.status == 429)
            #expect(!answer.head.lowercased().contains("retry-after"))
        }
    }

    @Test func `Chinese words have no spaces, and each session cuts them in its own way`() async throws {
        let truth = lesson.words.map { Vocabulary.han(of: $0.index) }.joined()
        try await withServer({ $0.faults.hanWords = true }) { server in
            var cuts: [[Int]] = []
            for _ in 0..<2 {
                let heard = tokens(messages(try await CloudTests.lesson(server, lesson.samples).frames))
                #expect(text(heard) == truth)
                #expect(heard.allSatisfy { $0["language"] as? String == "zh" })
                cuts.append(heard.map { ($0["text"] as? String ?? "").count })
                for (token, next) in zip(heard, heard.dropFirst()) {
                    #expect((token["end_ms"] as? Int ?? 0) <= (next["start_ms"] as? Int ?? 0))
                }
            }
            #expect(Set(cuts.joined()) == [1, 2, 3])
            #expect(cuts[0] != cuts[1])
        }
    }

    @Test func `every Chinese word is another one`() {
        let words = (0...UInt16.max).map(Vocabulary.han(of:))
        #expect(Set(words).count == 65_536)
        #expect(words.allSatisfy { $0.count == 3 })
    }

    @Test func `translations have no times, and say that they are some`() async throws {
        try await withServer({ $0.faults.translations = true }) { server in
            let heard = tokens(messages(try await CloudTests.lesson(server, lesson.samples).frames))
            let kinds = Dictionary(grouping: heard) { $0["translation_status"] as? String ?? "" }
            #expect(Set(kinds.keys) == ["original", "translation"])
            #expect(text(kinds["original"] ?? []) == " " + lesson.text)
            #expect(kinds["translation"]?.allSatisfy { $0["start_ms"] == nil && $0["end_ms"] == nil } == true)
        }
    }

    @Test func `a context that is too long is refused, and one that is not is taken`() async throws {
        try await withServer { server in
            let port = server.port
            for (terms, code) in [(["Pythagoras", "ε"], nil), ([String(repeating: "a", count: 10_001)], 400 as Int?)] {
                let context = String(decoding: try JSONEncoder().encode(["terms": terms]), as: UTF8.self)
                let first = request.dropLast() + #","language_hints_strict":true,"context":\#(context)}"#
                let frames = try await blocking {
                    let client = try RawClient.webSocket(port: port, key: "key")
                    try client.send(text: String(first))
                    try client.send(text: "")
                    return try drain(client).frames
                }
                #expect(error(frames).code == code)
            }
            #expect(try await closedSession(server).configuration?.contains("Pythagoras") == true)
        }
    }

    @Test(arguments: ["", #"{"type":"finish"}"#])
    func `audio ends by an empty text message, and by the older word`(end: String) async throws {
        try await withServer { server in
            let port = server.port
            let isFinished = try await blocking {
                let client = try RawClient.webSocket(port: port, key: "key")
                try client.send(text: request)
                try client.send(samples: [0])
                try client.send(text: end)
                return try client.messagesUntilClose().last?["finished"] as? Bool
            }
            #expect(isFinished == true)
        }
    }
}
