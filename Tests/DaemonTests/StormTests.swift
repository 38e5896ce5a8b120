import CloudKit
import Foundation
import OwnThread
import Testing

/// Which storms: `CHALKBOX_STORMS=1,2,3`; the nightly run takes four.
private let storms = ProcessInfo.processInfo.environment["CHALKBOX_STORMS"]
    .map { $0.split(separator: ",").compactMap { UInt64($0) } } ?? (NetworkRun.isNightly ? [1, 2, 3, 4] : [1])

extension `The network` {
    @Suite struct `Everything at once` {}
}

extension `The network`.`Everything at once` {
    /// Faults that strike the open connections, as `chalkbox-cloud control --do` takes them.
    private static let actions = [
        "reset", "reset", "cut", "half-close", "close=1001", "close=1011", "error-code=500", "error-code=503",
        "error-code=408", "expire-keys",
    ]

    @Test(.tags(.long), arguments: storms) func `a storm of faults`(seed: UInt64) async throws {
        let settings = [
            "reconnect.attempts=20", "reconnect.cap_seconds=2", "transcription.catch_up_rate=4",
        ]
        let faults = ["cut-words"]
        // The storm ends after 42 s; then there is time for a session that may not hurry, and to catch up.
        try await NetworkLesson.run(seconds: 78, seed: 100 + seed, faults: faults, settings: settings) { lesson in
            var random = SplitMix64(state: seed)
            try lesson.lab.ip(.box, NetworkLab.up1)
            try lesson.record(toMilliseconds: 5_000)
            while lesson.recordedMilliseconds < 42_000 {
                try Self.strike(lesson, using: &random)
                try lesson.record(milliseconds: Int.random(in: 300...8_000, using: &random))
            }
            try lesson.lab.ip(.net, "link set far0 up")
            try lesson.box.waitForPhase("live", seconds: 20)
            try lesson.finish()
        }
    }

    private static func strike(_ lesson: NetworkLesson, using random: inout SplitMix64) throws {
        let what: String
        switch Int.random(in: 0..<10, using: &random) {
        case 0...5:
            what = actions.randomElement(using: &random) ?? ""
            try lesson.lab.perform(what)
        case 6:
            what = "cable out and in"
            try lesson.lab.ip(.net, "link set far0 down")
            try lesson.record(milliseconds: Int.random(in: 50...2_500, using: &random))
            try lesson.lab.ip(.net, "link set far0 up")
        case 7:
            what = "route moves"
            let metric = Bool.random(using: &random) ? 50 : 600
            try lesson.lab.ip(
                .box, "route flush default\nroute add default via 10.1.0.1 metric 100\n"
                    + "route add default via 10.2.0.1 metric \(metric)")
        case 8:
            what = "address changes"
            let address = Int.random(in: 20...200, using: &random)
            try lesson.lab.ip(
                .box, "address flush dev eth0\naddress add 10.1.0.\(address)/24 dev eth0\n"
                    + "route replace default via 10.1.0.1 metric 100")
        default:
            what = "stall"
            try lesson.lab.fault("stall*1")
        }
        lesson.note(what)
    }
}
