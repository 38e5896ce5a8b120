import Foundation
import OwnThread
import Testing

/// Real processes in network namespaces: the shipped binary, and the stand-in cloud behind a router.
///
/// A lesson takes its time but hardly any work, so nine run side by side: about three minutes for what CI runs, which
/// is all but an outage of 75 s. `CHALKBOX_NETWORK=all` runs that too, the long ones at the usual pace of catching up,
/// 500 reconnects in place of 40 (`CHALKBOX_RECONNECTS`) and four storms in place of one (`CHALKBOX_STORMS`).
@Suite(.ownThread(sideBySide: 9), .enabled(if: NetworkLab.isAvailable, "needs root for network namespaces"))
struct `The network` {}

extension `The network` {
    @Suite struct `The link goes and comes` {}
    @Suite struct `The way to the service is broken without a word` {}
    @Suite struct `The service ends a session` {}
    @Suite struct `Long outages and many` {}
    @Suite struct `What follows a lesson` {}
}

extension `The network`.`The link goes and comes` {
    @Test func `the route moves to another link: the new session is live before the old one ends`() async throws {
        try await NetworkLesson.run(seconds: 20, seed: 11) { lesson in
            try lesson.lab.ip(.box, NetworkLab.up1)
            try lesson.record(toMilliseconds: 8_000)
            let moved = try lesson.lab.ip(.box, "route replace default via 10.2.0.1 metric 50")
            let change = try lesson.log("network change=", since: moved.before)
            #expect(change.text.contains("default route moved from eth0 to eth1"), "\(change.text)")
            let live = try lesson.live(since: moved.before)
            try lesson.expect("switched to another link", milliseconds: live.milliseconds - moved.after, atMost: 2_000)
            try lesson.finish()
            #expect(lesson.lines("phase from=live to=reconnecting").isEmpty, "\(lesson.box.log)")
            let sessions = try lesson.lab.sessions()
            #expect(sessions.count == 2)
            #expect(sessions[0].closedMilliseconds ?? .max >= sessions[1].openedMilliseconds)
        }
    }

    @Test func `one interface goes down, another comes up`() async throws {
        try await NetworkLesson.run(seconds: 20, seed: 12) { lesson in
            try lesson.record(toMilliseconds: 8_000)
            let down = try lesson.lab.ip(.box, "link set eth0 down")
            _ = try lesson.phase("reconnecting", since: down.before)
            let up = try lesson.lab.ip(.box, NetworkLab.up1)
            let live = try lesson.live(since: up.before)
            try lesson.expect("live over the other link", milliseconds: live.milliseconds - up.after, atMost: 1_000)
            try lesson.finish()
        }
    }

    /// 2.6 s: what was sent without cable has the kernel ask for the router's address for 3 s, and what is sent when it
    /// is back waits for the next question (`board/sysctl.conf`).
    @Test(arguments: [2_000, 2_600]) func `the cable is out for two seconds`(milliseconds: Int) async throws {
        try await NetworkLesson.run(seconds: 22, seed: 13) { lesson in
            try lesson.record(toMilliseconds: 8_000)
            let out = try lesson.lab.ip(.net, "link set far0 down")
            let phase = try lesson.phase("reconnecting", since: out.before)
            try lesson.expect("cable out is seen", milliseconds: phase.milliseconds - out.after, atMost: 500)
            #expect(try lesson.box.status()["phase"] as? String == "reconnecting")
            try lesson.record(milliseconds: milliseconds)
            let back = try lesson.lab.ip(.net, "link set far0 up")
            let live = try lesson.live(since: back.before)
            try lesson.expect(
                "live after the cable is back", milliseconds: live.milliseconds - back.after, atMost: 1_000)
            try lesson.finish()
        }
    }

    @Test func `the link comes back while the fourth attempt is waited for`() async throws {
        try await NetworkLesson.run(seconds: 26, seed: 14) { lesson in
            try lesson.record(toMilliseconds: 8_000)
            let down = try lesson.lab.ip(.box, "link set eth0 down")
            let attempt = try lesson.log("attempt n=4 of=6", since: down.before)
            let wait = attempt.number("in_ms") ?? 0
            #expect((4_000...4_500).contains(wait), "\(attempt.text)")
            try lesson.record(milliseconds: 500)
            let up = try lesson.lab.ip(.box, NetworkLab.up0)
            let live = try lesson.live(since: up.before)
            try lesson.expect("live in the 4 s delay", milliseconds: live.milliseconds - up.after, atMost: 1_000)
            try lesson.finish()
        }
    }

    @Test func `STOP while reconnecting ends it at once`() async throws {
        try await NetworkLesson.run(seconds: 14, seed: 15) { lesson in
            try lesson.record(toMilliseconds: 8_000)
            let down = try lesson.lab.ip(.box, "link set eth0 down")
            try lesson.log("attempt n=3 of=6", since: down.before)
            let pressed = StampedLog.now
            #expect(try lesson.box.chalkbox("stop").code == 0)
            try lesson.expect("STOP while reconnecting", milliseconds: StampedLog.now - pressed, atMost: 2_000)
            try lesson.compareSamples()
            try lesson.expectGapAtEnd(reason: "eth0")
        }
    }

    @Test func `a lesson that ends offline is saved with its gap`() async throws {
        try await NetworkLesson.run(seconds: 16, seed: 17, settings: ["reconnect.attempts=3"]) { lesson in
            try lesson.record(toMilliseconds: 8_000)
            let down = try lesson.lab.ip(.box, "link set eth0 down")
            _ = try lesson.phase("failed", since: down.before)
            try lesson.stop()
            try lesson.compareSamples()
            try lesson.expectGapAtEnd(reason: "eth0")
        }
    }

    @Test func `another address on the same link`() async throws {
        try await NetworkLesson.run(seconds: 20, seed: 18) { lesson in
            try lesson.record(toMilliseconds: 8_000)
            let moved = try lesson.lab.ip(
                .box,
                """
                address flush dev eth0
                address add 10.1.0.3/24 dev eth0
                route replace default via 10.1.0.1 metric 100
                """)
            let live = try lesson.live(since: moved.before)
            try lesson.expect("live with another address", milliseconds: live.milliseconds - moved.after, atMost: 2_000)
            try lesson.finish()
        }
    }

    @Test func `a link that flaps at 5 Hz makes no storm, and its end is noticed`() async throws {
        try await NetworkLesson.run(seconds: 46, seed: 19, settings: ["transcription.catch_up_rate=4"]) { lesson in
            try lesson.record(toMilliseconds: 6_000)
            let start = StampedLog.now
            var up = start
            for flap in 1...200 {
                let times = try lesson.lab.ip(.net, "link set far0 " + (flap % 2 == 1 ? "down" : "up"))
                up = times.after
                let next = start + Int64(flap) * 100
                _ = poll(nil, 0, Int32(max(0, next - StampedLog.now)))
            }
            // A session that was live already when the link came up for the last time stays.
            try lesson.box.wait("live after the last link-up", seconds: 10) { $0["phase"] as? String == "live" }
            try lesson.expect("live after flapping", milliseconds: StampedLog.now - up, atMost: 2_000)
            let connections = lesson.lines("uplink connecting=", since: start).count
            print("network: \(connections) connections in \(StampedLog.now - start) ms of flapping")
            // A key, a session and the next key for each attempt.
            #expect(connections <= 3 * (1 + Int(StampedLog.now - start) / 250))
            try lesson.finish()
        }
    }
}
