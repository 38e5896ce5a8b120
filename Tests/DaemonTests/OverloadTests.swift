import Foundation
import Testing

extension `The network`.`The service ends a session` {
    @Test func `the first token of each message comes without times`() async throws {
        try await NetworkLesson.run(seconds: 16, seed: 51, faults: ["first-untimed"]) { lesson in
            // A token is half a word, and what is not known of it is within a token's length.
            lesson.placeMilliseconds = 400
            try lesson.finish()
            let limits = try lesson.box.status()["limits"] as? [[String: Any]] ?? []
            #expect(limits.contains { $0["name"] as? String == "service-tokens" }, "\(limits)")
        }
    }
}
