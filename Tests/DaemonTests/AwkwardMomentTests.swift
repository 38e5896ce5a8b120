import Foundation
import Testing

extension `The network` {
    @Suite struct `Awkward moments` {}
}

extension `The network`.`Awkward moments` {
    @Test func `START without a network: nothing is missing once there is one`() async throws {
        let settings = ["transcription.catch_up_rate=3"]
        try await NetworkLesson.run(seconds: 20, seed: 51, settings: settings, online: false) { lesson in
            try lesson.record(toMilliseconds: 6_000)
            let up = try lesson.lab.ip(.box, NetworkLab.up0)
            let live = try lesson.live(since: up.before)
            try lesson.expect("first live session", milliseconds: live.milliseconds - up.after, atMost: 1_000)
            try lesson.finish()
        }
    }

    @Test func `the other link leads nowhere: the session stays where it is`() async throws {
        try await NetworkLesson.run(seconds: 28, seed: 52) { lesson in
            try lesson.lab.ip(.box, NetworkLab.up1)
            try lesson.lab.blackHole(true, for: "10.2.0.2")
            try lesson.record(toMilliseconds: 8_000)
            let moved = try lesson.lab.ip(.box, "route replace default via 10.2.0.1 metric 50")
            try lesson.log("side attempt=", since: moved.before)
            #expect(try lesson.box.status()["phase"] as? String == "live")
            try lesson.record(milliseconds: 4_000)
            try lesson.finish()
            #expect(lesson.lines("phase from=live to=reconnecting").isEmpty, "\(lesson.box.log)")
        }
    }

    @Test func `STOP in a black hole that is not noticed yet`() async throws {
        try await NetworkLesson.run(seconds: 10, seed: 53) { lesson in
            try lesson.record(toMilliseconds: 9_000)
            try lesson.lab.blackHole(true)
            let pressed = StampedLog.now
            #expect(try lesson.box.chalkbox("stop").code == 0)
            // As long as the last words are waited for (`Limits.finishMilliseconds`).
            try lesson.expect("STOP in a black hole", milliseconds: StampedLog.now - pressed, atMost: 21_000)
            try lesson.compareSamples()
            try lesson.expectGapAtEnd(reason: "")
        }
    }

    @Test func `STOP just before the cable is out for two seconds`() async throws {
        try await NetworkLesson.run(seconds: 12, seed: 54) { lesson in
            try lesson.record(toMilliseconds: 12_000)
            try lesson.lab.ip(.net, "link set far0 down")
            let pressed = StampedLog.now
            #expect(try lesson.box.chalkbox("stop").code == 0)
            try lesson.expect("STOP without cable", milliseconds: StampedLog.now - pressed, atMost: 21_000)
            try lesson.compareSamples()
        }
    }

    @Test func `a token endpoint that hangs does not outlast a new address`() async throws {
        try await NetworkLesson.run(seconds: 24, seed: 55) { lesson in
            try lesson.record(toMilliseconds: 6_000)
            try lesson.lab.fault("token-hang")
            var start = StampedLog.now
            // The first reset takes the key that was fetched in advance.
            try lesson.lab.perform("reset")
            try lesson.live(since: start)
            start = StampedLog.now
            try lesson.lab.perform("reset")
            _ = try lesson.phase("reconnecting", since: start)
            try lesson.record(milliseconds: 2_500)
            try lesson.lab.fault("token-hang=off")
            let moved = try lesson.lab.ip(
                .box,
                """
                address flush dev eth0
                address add 10.1.0.3/24 dev eth0
                route replace default via 10.1.0.1 metric 100
                """)
            let live = try lesson.live(since: moved.before)
            try lesson.expect("live past a hanging token", milliseconds: live.milliseconds - moved.after, atMost: 1_000)
            try lesson.finish()
        }
    }

    @Test func `too many requests: red for as long as the endpoint says, then live`() async throws {
        try await NetworkLesson.run(seconds: 26, seed: 56, faults: ["retry-after=3"]) { lesson in
            try lesson.record(toMilliseconds: 6_000)
            try lesson.lab.fault("token-status=429")
            var start = StampedLog.now
            try lesson.lab.perform("reset")
            try lesson.live(since: start)
            try lesson.record(milliseconds: 500)
            start = StampedLog.now
            try lesson.lab.perform("reset")
            let failed = try lesson.phase("failed", since: start)
            try lesson.lab.fault("token-status=off")
            let live = try lesson.live(since: failed.milliseconds)
            let wait = live.milliseconds - failed.milliseconds
            #expect(wait >= 2_990, "Retry-After was not kept: \(wait) ms")
            try lesson.expect("live after 429", milliseconds: wait, atMost: 4_000)
            try lesson.finish()
        }
    }

    @Test func `a slow way to the service, and a reset`() async throws {
        try await NetworkLesson.run(seconds: 24, seed: 57, faults: ["slow=600"]) { lesson in
            try lesson.record(toMilliseconds: 9_000)
            let start = StampedLog.now
            try lesson.lab.perform("reset")
            let live = try lesson.live(since: start)
            try lesson.expect("live on a slow way", milliseconds: live.milliseconds - start, atMost: 4_000)
            try lesson.finish()
        }
    }
}
