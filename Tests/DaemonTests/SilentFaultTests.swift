import Foundation
import Testing

extension `The network`.`The way to the service is broken without a word` {
    /// How soon a dead connection must be noticed: `reconnect.dead_after_ms`, and a second look.
    private static let deadMilliseconds: Int64 = 3_300

    /// A connection whose packets are swallowed shows no sign of life; a box that comes late to see it is told by the
    /// kernel that nothing was acknowledged (tcp(7), TCP_USER_TIMEOUT).
    private func givenUp(_ lesson: NetworkLesson, since start: Int64) throws -> StampedLine {
        let line = try lesson.log("attempt n=1 ", since: start)
        let reasons = ["no sign of life", "acknowledged nothing"]
        #expect(reasons.contains { line.text.contains($0) }, "\(line.text)")
        return line
    }

    @Test func `a black hole is noticed, and left as soon as it is lifted`() async throws {
        try await NetworkLesson.run(seconds: 34, seed: 21, settings: ["transcription.catch_up_rate=3"]) { lesson in
            try lesson.record(toMilliseconds: 8_000)
            let hole = try lesson.lab.blackHole(true)
            let dead = try givenUp(lesson, since: hole.before)
            try lesson.expect(
                "black hole is noticed", milliseconds: dead.milliseconds - hole.after, atMost: Self.deadMilliseconds)
            try lesson.record(milliseconds: 4_000)
            let lifted = try lesson.lab.blackHole(false)
            let live = try lesson.live(since: lifted.before)
            try lesson.expect("live after a black hole", milliseconds: live.milliseconds - lifted.after, atMost: 7_500)
            try lesson.finish()
        }
    }

    @Test func `the server's host vanishes behind the router`() async throws {
        try await NetworkLesson.run(seconds: 34, seed: 22, settings: ["transcription.catch_up_rate=3"]) { lesson in
            try lesson.record(toMilliseconds: 8_000)
            let gone = try lesson.lab.ip(.cloud, "link set eth0 down")
            let dead = try givenUp(lesson, since: gone.before)
            try lesson.expect(
                "vanished server is noticed", milliseconds: dead.milliseconds - gone.after,
                atMost: Self.deadMilliseconds)
            try lesson.record(milliseconds: 4_000)
            let back = try lesson.lab.ip(.cloud, "link set eth0 up\nroute replace default via 10.9.0.1")
            let live = try lesson.live(since: back.before)
            try lesson.expect(
                "live after the server is back", milliseconds: live.milliseconds - back.after, atMost: 7_500)
            try lesson.finish()
        }
    }

    @Test func `a connection that the service forgets`() async throws {
        try await NetworkLesson.run(seconds: 22, seed: 23) { lesson in
            try lesson.record(toMilliseconds: 8_000)
            let start = StampedLog.now
            try lesson.lab.fault("stall*1")
            let dead = try lesson.log("dead after_ms=", since: start)
            #expect(dead.text.contains("sign=silence"), "\(dead.text)")
            try lesson.expect(
                "stall is noticed", milliseconds: dead.milliseconds - start, atMost: Self.deadMilliseconds)
            let live = try lesson.live(since: dead.milliseconds)
            try lesson.expect("live after a stall", milliseconds: live.milliseconds - dead.milliseconds, atMost: 1_000)
            try lesson.finish()
        }
    }

    @Test func `a service that answers pings and recognises nothing`() async throws {
        try await NetworkLesson.run(seconds: 26, seed: 24, settings: ["transcription.catch_up_rate=3"]) { lesson in
            try lesson.record(toMilliseconds: 8_000)
            let start = StampedLog.now
            try lesson.lab.fault("freeze*1")
            let dead = try lesson.log("dead after_ms=", since: start)
            #expect(dead.text.contains("sign=progress"), "\(dead.text)")
            // A second of audio may be on its way to a service that counts in large steps.
            try lesson.expect(
                "no progress is noticed", milliseconds: dead.milliseconds - start,
                atMost: Self.deadMilliseconds + 1_200)
            let live = try lesson.live(since: dead.milliseconds)
            try lesson.expect(
                "live after no progress", milliseconds: live.milliseconds - dead.milliseconds, atMost: 1_000)
            try lesson.finish()
        }
    }

    @Test func `the name server is dead when the connection is lost`() async throws {
        try await NetworkLesson.run(seconds: 20, seed: 25) { lesson in
            try lesson.record(toMilliseconds: 8_000)
            try lesson.lab.setHosts("127.0.0.1 localhost\n")
            let start = StampedLog.now
            try lesson.lab.perform("reset")
            let live = try lesson.live(since: start)
            try lesson.expect("live by a remembered address", milliseconds: live.milliseconds - start, atMost: 2_000)
            try lesson.finish()
        }
    }
}
