import Foundation
import Testing

/// How many reconnects the daemon must survive without growing.
private let reconnects = Int(ProcessInfo.processInfo.environment["CHALKBOX_RECONNECTS"] ?? "")
    ?? (NetworkRun.isNightly ? 500 : 40)

extension `The network`.`Long outages and many` {
    /// 40 s are more than the six attempts take.
    @Test func `six attempts, red, and nothing is missing once the link is back`() async throws {
        // At the default rate it takes a minute more to catch up.
        let rate = NetworkRun.isNightly ? "1.5" : "4"
        let seconds = NetworkRun.isNightly ? 100.0 : 62
        let settings = ["transcription.catch_up_rate=\(rate)"]
        try await NetworkLesson.run(seconds: seconds, seed: 16, settings: settings) { lesson in
            try lesson.record(toMilliseconds: 6_000)
            let down = try lesson.lab.ip(.box, "link set eth0 down")
            let failed = try lesson.phase("failed", since: down.before, seconds: 60)
            try lesson.expectSixAttempts(since: down.before)
            try lesson.expect("six attempts", milliseconds: failed.milliseconds - down.after, atMost: 34_500)
            let lamps = try lesson.box.status()["led"] as? [String: Any] ?? [:]
            #expect(lamps["red"] as? String == "solid")
            let recorded = lesson.recordedMilliseconds
            try lesson.record(toMilliseconds: max(recorded + 1_000, 46_000))
            let up = try lesson.lab.ip(.box, NetworkLab.up0)
            let live = try lesson.live(since: up.before)
            try lesson.expect("live after 40 s", milliseconds: live.milliseconds - up.after, atMost: 1_000)
            try lesson.finish()
        }
    }

    /// Longer than the ring holds, and than what is replayed before the live words.
    @Test(.enabled(if: NetworkRun.isNightly, "takes three minutes"))
    func `an outage of 75 s: live words first, then the gap is filled from the journal`() async throws {
        try await NetworkLesson.run(seconds: 160, seed: 41) { lesson in
            try lesson.record(toMilliseconds: 8_000)
            let down = try lesson.lab.ip(.box, "link set eth0 down")
            try lesson.record(milliseconds: 75_000)
            #expect(try lesson.box.status()["phase"] as? String == "failed")
            let up = try lesson.lab.ip(.box, NetworkLab.up0)
            let live = try lesson.live(since: up.before)
            try lesson.expect("live after 75 s", milliseconds: live.milliseconds - up.after, atMost: 1_000)
            let filled = try lesson.log("gap state=filled", since: down.before, seconds: 120)
            try lesson.expect("75 s filled", milliseconds: filled.milliseconds - up.after, atMost: 80_000)
            // The live session began beyond all that was heard before, with new numbers for its voices.
            _ = try lesson.log("speaker merge session=", since: up.before)
            try lesson.finish()
        }
    }

    /// The next session keeps to real time, as it may be the hurry that the service minds; but not for ever.
    @Test func `an error while catching up does not keep the transcript behind until the end`() async throws {
        let settings = ["transcription.catch_up_rate=4"]
        try await NetworkLesson.run(seconds: 62, seed: 43, settings: settings) { lesson in
            try lesson.record(toMilliseconds: 5_000)
            let out = try lesson.lab.ip(.net, "link set far0 down")
            try lesson.record(milliseconds: 26_000)
            try lesson.lab.ip(.net, "link set far0 up")
            let live = try lesson.live(since: out.before)
            try lesson.record(milliseconds: 1_000)
            try lesson.lab.perform("error-code=500")
            try lesson.live(since: live.milliseconds + 1)
            let hurry = try lesson.log("roll-over session=", since: live.milliseconds)
            try lesson.live(since: hurry.milliseconds)
            try lesson.finish()
        }
    }

    @Test func `many reconnects take neither memory nor descriptors`() async throws {
        let settings = [
            "reconnect.attempts=20", "reconnect.cap_seconds=1", "reconnect.jitter_ms=0", "log.level=info",
        ]
        try await NetworkLesson.run(seconds: 10, seed: 42, settings: settings) { lesson in
            let pid = try #require(lesson.box.daemon?.pid)
            var begin: (kilobytes: Int, descriptors: Int)?
            var live = try lesson.live(since: 0)
            for number in 1...reconnects {
                try lesson.lab.perform("reset")
                live = try lesson.live(since: live.milliseconds + 1)
                // Sessions that are reset right away count as attempts that failed; a stable one begins anew.
                while number % 15 == 0, StampedLog.now - live.milliseconds < 3_500 {
                    try lesson.record(milliseconds: 200)
                }
                guard number == max(1, reconnects / 10) else { continue }
                // Where growth is looked for over a long time, buffers and caches have filled once first.
                if NetworkRun.isNightly || reconnects > 100 { try lesson.record(toMilliseconds: 90_000) }
                begin = try Self.usage(of: pid, lesson)
            }
            try lesson.box.wait("the transcript to catch up", seconds: 90 + Double(reconnects)) {
                // The newest seconds are always on their way; a gap before them is filled beside the live session.
                let gaps = ($0["recording"] as? [String: Any])?["gaps"] as? [Any] ?? []
                return gaps.count <= 1 && ($0["uplink"] as? [String: Any])?["bufferedMs"] as? Int ?? .max < 4_000
            }
            let (first, last) = (try #require(begin), try Self.usage(of: pid, lesson))
            print("network: \(reconnects) reconnects: \(first) to \(last)")
            // Over ten minutes the first replay from the journal takes its buffer (128 KiB), and the second audio file
            // its encoder (220 KiB): neither grows again.
            let once = reconnects > 100 ? 348 : 0
            #expect(last.kilobytes - first.kilobytes <= 256 + once, "\(first) to \(last)")
            // One may be open for a moment, for the next key; one that leaked is never closed.
            try lesson.box.wait("no more descriptors than \(first.descriptors): \(Self.descriptors(of: pid))") { _ in
                Self.descriptors(of: pid).count <= first.descriptors
            }
            try lesson.finish()
        }
    }

    /// Resident memory and open descriptors: proc(5).
    private static func usage(of pid: pid_t, _ lesson: NetworkLesson) throws -> (kilobytes: Int, descriptors: Int) {
        // Until the next key has been fetched too.
        try lesson.record(milliseconds: 1_500)
        let status = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
        let resident = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") } ?? ""
        return (Int(resident.filter(\.isNumber)) ?? 0, descriptors(of: pid).count)
    }

    private static func descriptors(of pid: pid_t) -> [String] {
        let directory = "/proc/\(pid)/fd"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        let targets = names.compactMap {
            try? FileManager.default.destinationOfSymbolicLink(atPath: "\(directory)/\($0)")
        }
        // Audio files roll, and one is open for reading while a gap is filled.
        return targets.filter { !$0.contains("/recordings/") }
    }
}
