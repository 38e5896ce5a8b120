import RecorderCore

@testable import Configuration

/// `chalkbox.conf`: settings within their bounds, or problems that can be told.
enum ConfigurationFuzz {
    static func run(_ bytes: [UInt8]) throws {
        // What is used whatever is wrong.
        let reading = ConfigurationFile.read(text: bytes, file: "file")
        try check(reading.settings)
        try expect(reading.problems.count <= Limits.configurationProblems, "\(reading.problems.count) problems")
        if reading.settings.transcription.enabled, reading.settings.transcription.tokenURL.isEmpty {
            try expect(reading.transcriptionProblem != nil, "no token URL")
        }
        let lines = bytes.count { $0 == 0x0A } + 1
        switch ConfigurationFile.load(text: bytes, file: "file") {
        case .settings(let settings):
            try expect(settings == reading.settings, "two ways to read it")
            try expect(reading.transcriptionProblem == nil, reading.transcriptionProblem ?? "")
            _ = ConfigurationFile.describe(settings)
        case .problems(let problems):
            try expect(!problems.isEmpty, "neither settings nor problems")
            for problem in problems {
                try expect((1...lines).contains(problem.line ?? 1), "line \(problem.line ?? 0) of \(lines)")
                try expect(problem.text.begins(with: "file:") && !problem.message.isEmpty, problem.text)
            }
        }
    }

    private static func check(_ settings: Settings) throws {
        try expect((1...20).contains(settings.reconnect.attempts), "\(settings.reconnect)")
        try expect((0.1...300).contains(settings.transcription.sessionMinutes), "\(settings.transcription)")
        try expect((1...4).contains(settings.transcription.catchUpRate), "\(settings.transcription)")
        try expect(settings.transcription.languageHints.count <= Limits.languageHints, "\(settings.transcription)")
        try expect(settings.box.stateDirectory.utf8.first == 0x2F, "\(settings.box)")
        try expect((1...107).contains(settings.box.controlSocket.utf8.count), "\(settings.box)")
        for text in [settings.box.name, settings.audio.device, settings.transcription.model] {
            try expect(text.isEvery { $0 >= 0x20 && $0 != 0x7F }, "unprintable: \(text)")
        }
    }
}
