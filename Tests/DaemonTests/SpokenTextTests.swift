import Foundation
import OwnThread
import Testing

/// How long the lessons of real text are; the nightly run has one of ten minutes in each script.
private let nightlySeconds = Int(ProcessInfo.processInfo.environment["CHALKBOX_TEXT_SECONDS"] ?? "")

/// Real text in many scripts, through the shipped binary and a service that hears each part of it otherwise each time.
@Suite(.ownThread(sideBySide: 9)) struct `Text of many scripts` {
    static let languages = nightlySeconds == nil ? ["ja", "ar"] : ["ja", "zh", "th", "ar", "hi", "ko", "en", "ru"]

    /// One drop a minute, of every kind, and a kill in the middle.
    @Test(.tags(.long), arguments: languages)
    func `nothing is lost, doubled or moved by drops and a kill`(language: String) async throws {
        let seconds = nightlySeconds ?? 55
        let drops = max(3, seconds / 60)
        // Of a short lesson three kinds of drops, in each script others.
        let first = seconds / 60 < 3 ? Self.languages.firstIndex(of: language)! * 3 : 0
        // At the default rate a minute of faults takes another one to catch up.
        let settings = nightlySeconds == nil ? ["transcription.catch_up_rate=4"] : []
        let spoken = try await SpokenLesson(language, seconds: seconds, settings: settings)
        do {
            for number in 1...drops {
                try spoken.record(toMilliseconds: number * seconds * 1_000 / (drops + 2))
                let kinds = SpokenLesson.Drop.allCases
                try await spoken.drop(kinds[(first + number - 1) % kinds.count])
                if number == (drops + 1) / 2 {
                    try spoken.record(toMilliseconds: (2 * number + 1) * seconds * 500 / (drops + 2))
                    try await spoken.killAndRestart()
                }
            }
            try spoken.stop()
            try spoken.compare()
        } catch {
            Issue.record("\(error)\n\(spoken.box.lines.timedText)")
        }
        try await spoken.end()
    }

    @Test(.tags(.long), arguments: ["zh", "ja"])
    func `two drops in text without spaces: it is whole at STOP`(language: String) async throws {
        let spoken = try await SpokenLesson(language, seconds: 55)
        do {
            for seconds in [20, 40] {
                try spoken.record(toMilliseconds: seconds * 1_000)
                try await spoken.drop(.reset)
            }
            try spoken.stop()
            try spoken.compare()
        } catch {
            Issue.record("\(error)\n\(spoken.box.lines.timedText)")
        }
        try await spoken.end()
    }

    @Test(.tags(.long), arguments: ["zh"])
    func `a kill without the service afterwards loses nothing that was final`(language: String) async throws {
        let spoken = try await SpokenLesson(language, seconds: 55)
        do {
            try spoken.record(toMilliseconds: 40_000)
            try await spoken.killAndRestart(online: false)
            try spoken.expectAllThatWasFinal()
        } catch {
            Issue.record("\(error)\n\(spoken.box.lines.timedText)")
        }
        try await spoken.end()
    }
}
