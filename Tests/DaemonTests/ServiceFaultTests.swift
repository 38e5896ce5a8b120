import Foundation
import Testing

extension `The network`.`The service ends a session` {
    @Test func `three disconnects in one lesson`() async throws {
        try await NetworkLesson.run(seconds: 32, seed: 31) { lesson in
            for end in [7_000, 13_000, 20_000] {
                try lesson.record(toMilliseconds: end)
                let start = StampedLog.now
                try lesson.lab.perform("reset")
                let live = try lesson.live(since: start)
                try lesson.expect("live after a reset", milliseconds: live.milliseconds - start, atMost: 1_000)
            }
            try lesson.finish()
            let sessions = try lesson.lab.sessions()
            #expect(sessions.count == 4)
            // Replay is paced: 1.5 times real time, and never a burst over two seconds.
            #expect(sessions.allSatisfy { $0.worstBurstMilliseconds <= 2_200 })
        }
    }

    @Test func `a token that is refused after a loss is not tried again`() async throws {
        try await NetworkLesson.run(seconds: 22, seed: 32) { lesson in
            try lesson.record(toMilliseconds: 6_000)
            try lesson.lab.fault("token-status=401")
            var start = StampedLog.now
            // The key that was fetched in advance is still good.
            try lesson.lab.perform("reset")
            try lesson.live(since: start)
            try lesson.record(milliseconds: 4_000)
            start = StampedLog.now
            try lesson.lab.perform("reset")
            let failed = try lesson.phase("failed", since: start)
            #expect(failed.text.contains("401"), "\(failed.text)")
            try lesson.expect("red after 401", milliseconds: failed.milliseconds - start, atMost: 1_000)
            let lamps = try lesson.box.status()["led"] as? [String: Any] ?? [:]
            #expect(lamps["red"] as? String == "solid")
            try lesson.stop()
            #expect(lesson.lines("uplink connecting=", behind: failed).isEmpty, "\(lesson.box.log)")
            try lesson.compareSamples()
            try lesson.expectGapAtEnd(reason: "401")
        }
    }

    @Test func `keys that expire in mid-lesson are replaced`() async throws {
        try await NetworkLesson.run(seconds: 22, seed: 33) { lesson in
            try lesson.record(toMilliseconds: 8_000)
            let start = StampedLog.now
            // The running session's key, and the one that was fetched in advance.
            try lesson.lab.perform("expire-keys")
            let live = try lesson.live(since: start)
            try lesson.expect("live with a new key", milliseconds: live.milliseconds - start, atMost: 2_500)
            try lesson.finish()
        }
    }

    @Test func `keys that live for nine seconds`() async throws {
        try await NetworkLesson.run(seconds: 24, seed: 39, faults: ["key-lifetime-ms=9000"]) { lesson in
            try lesson.finish()
            let renewals = lesson.lines("renewal reason=")
            #expect(renewals.count >= 2, "\(lesson.box.log)")
            for renewal in renewals {
                let live = try lesson.live(since: renewal.milliseconds)
                try lesson.expect(
                    "live with a fresh key", milliseconds: live.milliseconds - renewal.milliseconds, atMost: 1_000)
            }
        }
    }

    @Test func `503 in mid-session begins another one at once`() async throws {
        try await NetworkLesson.run(seconds: 20, seed: 34) { lesson in
            try lesson.record(toMilliseconds: 8_000)
            let start = StampedLog.now
            try lesson.lab.perform("error-code=503")
            let live = try lesson.live(since: start)
            try lesson.expect("live after 503", milliseconds: live.milliseconds - start, atMost: 1_000)
            try lesson.finish()
        }
    }

    @Test func `503 is final when the configuration says so`() async throws {
        try await NetworkLesson.run(seconds: 14, seed: 35, settings: ["reconnect.on_503=fail"]) { lesson in
            try lesson.record(toMilliseconds: 8_000)
            let start = StampedLog.now
            try lesson.lab.perform("error-code=503")
            let failed = try lesson.phase("failed", since: start)
            try lesson.expect("red after 503", milliseconds: failed.milliseconds - start, atMost: 1_000)
            try lesson.stop()
            #expect(lesson.lines("uplink connecting=", behind: failed).isEmpty, "\(lesson.box.log)")
            try lesson.compareSamples()
            try lesson.expectGapAtEnd(reason: "503")
        }
    }

    @Test func `a model that is gone is told with its setting, and costs the lesson no audio`() async throws {
        try await NetworkLesson.run(seconds: 8, seed: 40, faults: ["no-model=stt-rt-v6"]) { lesson in
            let failed = try lesson.phase("failed", since: 0)
            #expect(failed.text.contains("model_not_available"), "\(failed.text)")
            #expect(failed.text.contains("transcription.model"), "\(failed.text)")
            try lesson.stop()
            try lesson.compareSamples()
            try lesson.expectGapAtEnd(reason: "model_not_available")
        }
    }

    @Test func `sessions that reach their longest time are renewed at once, and no error is shown`() async throws {
        try await NetworkLesson.run(seconds: 24, seed: 41, faults: ["max-session-ms=9000"]) { lesson in
            try lesson.finish()
            #expect(lesson.lines("renewal reason=").count >= 2, "\(lesson.box.log)")
            #expect(lesson.lines("attempt n=").isEmpty, "\(lesson.box.log)")
            for renewal in lesson.lines("renewal reason=") {
                let live = try lesson.live(since: renewal.milliseconds)
                try lesson.expect(
                    "live after 413", milliseconds: live.milliseconds - renewal.milliseconds, atMost: 1_000)
            }
        }
    }

    @Test func `a service without a place for another session blinks, and is tried until there is one`() async throws {
        try await NetworkLesson.run(seconds: 20, seed: 42) { lesson in
            try lesson.record(toMilliseconds: 5_000)
            try lesson.lab.fault("max-sessions=0")
            let start = StampedLog.now
            try lesson.lab.perform("reset")
            try lesson.log("max_concurrent_connections_reached", since: start)
            try lesson.record(milliseconds: 3_000)
            let status = try lesson.box.status()
            #expect(status["phase"] as? String == "reconnecting")
            #expect((status["led"] as? [String: Any])?["red"] as? String == "off")
            try lesson.lab.fault("max-sessions=off")
            try lesson.live(since: StampedLog.now)
            try lesson.finish()
        }
    }

    @Test func `the last words are asked for again when the service closes before it is finished`() async throws {
        // Behind the last word's delay, the first session has been sure of everything: STOP comes within it, also on a
        // machine under load.
        let faults = ["close-before-finished*1", "final-delay-ms=3000"]
        try await NetworkLesson.run(seconds: 14, seed: 36, faults: faults) { lesson in
            try lesson.finish()
            try lesson.expect(try lesson.lab.sessions().count == 2, "STOP came late, and nothing was to be asked for")
        }
    }

    @Test func `final words that come late or twice, across a reset`() async throws {
        try await NetworkLesson.run(seconds: 22, seed: 37, faults: ["duplicate-finals=3", "late-finals=2"]) { lesson in
            try lesson.record(toMilliseconds: 9_000)
            let start = StampedLog.now
            try lesson.lab.perform("reset")
            try lesson.live(since: start)
            try lesson.finish()
        }
    }

    @Test func `sessions are rolled over before their end, without a gap`() async throws {
        try await NetworkLesson.run(seconds: 48, seed: 38, settings: ["transcription.session_minutes=0.3"]) { lesson in
            try lesson.finish()
            #expect(lesson.lines("roll-over session=").count == 2, "\(lesson.box.log)")
            #expect(lesson.lines("phase from=live to=reconnecting").isEmpty, "\(lesson.box.log)")
            let sessions = try lesson.lab.sessions()
            #expect(sessions.count == 3)
            for (old, new) in zip(sessions, sessions.dropFirst()) {
                #expect(old.closedMilliseconds ?? .max >= new.openedMilliseconds, "they do not overlap")
            }
        }
    }
}
