import LinuxRuntime
import PowerCut
import RecorderCore
import Testing

@testable import RecordingStore

/// A journal as older versions wrote it: the service's tokens, which are pieces of words.
struct OldJournal {
    let tokens: [Word]
    /// What those versions made of them: whether each token begins a word, and the words.
    private(set) var begins: [Bool] = []
    private(set) var words: [Word] = []

    /// A token that begins with a space, or comes from another speaker, begins a word; one that ends with a space, or
    /// is nothing but spaces, ends it.
    init(_ tokens: [Word]) {
        self.tokens = tokens
        var isOpen = false
        for token in tokens {
            let text = token.text.trimmingSpaces
            let goesOn = isOpen && !token.text.hasPrefix(" ") && words.last?.speaker == token.speaker
            begins.append(!text.isEmpty && !goesOn)
            if text.isEmpty {
                if !token.text.isEmpty { isOpen = false }
            } else if goesOn {
                words[words.count - 1].text += text
                words[words.count - 1].end = max(words[words.count - 1].end, token.end)
                words[words.count - 1].confidence = min(words[words.count - 1].confidence, token.confidence)
                isOpen = !token.text.hasSuffix(" ")
            } else {
                words.append(token)
                words[words.count - 1].text = text
                isOpen = !token.text.hasSuffix(" ")
            }
        }
    }

    /// Into the only recording of an index.
    func write(to directory: String) throws {
        let database = try Database(path: directory + "/index.sqlite", .write)
        let insert = try database.prepare(
            "INSERT INTO token SELECT (number << 24) + ?, ?, ?, ?, ?, ?, ?, ?, 0 FROM recording", doing: "write")
        for (place, token) in tokens.enumerated() {
            insert.bind(1, Int64(place))
            insert.bind(2, token.text)
            insert.bind(3, token.start.value)
            insert.bind(4, token.end.value)
            insert.bind(5, token.confidence)
            insert.bind(6, Int64(token.speaker))
            insert.bind(7, token.language)
            insert.bind(8, begins[place])
            try insert.run()
        }
        try database.execute(
            """
            UPDATE recording SET tokens = (SELECT count(*) FROM token),
                words = (SELECT count(*) FROM token WHERE begins_word),
                speakers = (SELECT count(DISTINCT speaker) FROM token WHERE speaker > 0)
            """, doing: "write")
    }

    static func random(_ seed: UInt64) -> OldJournal {
        var dice = Dice(seed: seed)
        var tokens: [Word] = []
        for part in 0..<dice.roll(5) {
            var place = Int64(dice.roll(38_000))
            for number in 0..<dice.roll(400) {
                let text = [" ", "", " ", "x ", " <&>", ", "][dice.roll(6)] + "w\(part)-\(number)"
                let speaker = dice.roll(60) == 0 ? dice.roll(4) : part
                tokens.append(word(dice.roll(20) == 0 ? "  " : text, place, speaker: speaker))
                place = min(38_000, place + Int64(dice.roll(3) * 20))
            }
        }
        return OldJournal(tokens)
    }
}

extension StoreTests {
    struct OldJournalTests {
        private let scratch = Scratch(in: TracedLesson.memory)
        private let said = OldJournal(
            [
                ("Hel", 1), ("lo", 1), (",", 1), (" world", 1), (".", 1), ("Yes", 2), (" ", 2), ("we", 2), ("", 2),
                (" can ", 2), ("do", 2), ("\u{a0}x", 0), (" ", 1), ("  ", 1), (" end", 1),
            ].enumerated().map { word($1.0, Int64($0) * 1_000, speaker: $1.1, confidence: 0.9 - Double($0) / 100) })

        /// A saved lesson with the old rows in its index.
        private func lesson(_ journal: OldJournal, gaps: [Gap] = []) throws -> RecordingID {
            let bench = try StoreBench(scratch.path)
            let id = try bench.lesson(1, samples: 40_000, [], covered: SampleIndex(40_000), gaps: gaps)
            bench.store.shutdown()
            try journal.write(to: scratch.path)
            return id
        }

        @Test func `pieces of words are read as the words that they were`() throws {
            let texts = ["Hello,", "world.", "Yes", "we", "can", "do", "\u{a0}x", "end"]
            #expect(said.words.map(\.text) == texts)
            let id = try lesson(said)
            let index = try RecordingIndex(directory: scratch.path)
            #expect(try index.words(id) == said.words)
            let summary = try #require(try index.summary(id))
            #expect(summary.words == said.words.count)
            let report = try Verification(directory: scratch.path).check(id) { _, _ in }
            #expect(report.problems.isEmpty && report.words == said.words.count)
            let document = try index.document(of: summary)
            #expect(document.plainText.contains("Speaker 1: Hello, world."))
        }

        @Test func `units without a space come back as they were, and so they are exported`() throws {
            let said: [(text: String, link: WordLink, language: String)] = [
                ("CPU", .spaced, "en"), ("应用", .joined, "zh"), ("，", .part, "zh"), ("它", .joined, "zh"),
                ("runs", .spaced, "en"), (".", .part, "en"),
            ]
            let words = said.enumerated().map { place, unit in
                var word = word(unit.text, Int64(place) * 2_000, language: unit.language)
                word.link = unit.link
                return word
            }
            let bench = try StoreBench(scratch.path, postLesson: PostLessonPolicy(uploads: true))
            let id = try bench.lesson(1, samples: 40_000, words, covered: SampleIndex(40_000))
            let index = try RecordingIndex(directory: scratch.path)
            #expect(try index.words(id) == words)
            let summary = try #require(try index.summary(id))
            #expect(summary.words == 4, "punctuation is no word")
            let document = try index.document(of: summary)
            #expect(document.plainText.contains("Speaker 1: CPU应用，它 runs."))
            #expect(document.json(version: .one).contains(#""text":"CPU应用，它","startMs":0,"endMs":437"#))
            for version in [TranscriptWriter.Version.one, .two] {
                let export = try TranscriptExport(index, of: summary, format: "json", version: version)
                var text = ""
                while let piece = try export.next() { text += piece }
                #expect(text == document.json(version: version) + "\n")
            }
            let package = try #require(try bench.nextPackage().package)
            try SavedFiles(directory: scratch.path).expectPackage(package)
        }

        @Test func `an export is that of whole words, byte for byte`() throws {
            for seed: UInt64 in 1...20 {
                let journal = OldJournal.random(seed)
                let (old, new) = (Scratch(in: TracedLesson.memory), Scratch(in: TracedLesson.memory))
                for (scratch, words) in [(old, []), (new, journal.words)] {
                    let bench = try StoreBench(scratch.path)
                    try bench.lesson(1, samples: 40_000, words, covered: SampleIndex(40_000))
                    bench.store.shutdown()
                }
                try journal.write(to: old.path)
                var exports: [[String]] = []
                for scratch in [old, new] {
                    let bench = try StoreBench(scratch.path, postLesson: PostLessonPolicy(uploads: true))
                    let package = try #require(try bench.nextPackage().package)
                    let files = SavedFiles(directory: scratch.path)
                    try files.expectPackage(package)
                    let document = try files.export(package.recording)
                    exports.append([document.json, document.webVTT, document.subRip, document.plainText])
                }
                #expect(exports[0] == exports[1], "seed \(seed)")
            }
        }

        @Test(arguments: 1...10) func `an index that is made anew has the words, whole`(seed: UInt64) throws {
            let journal = OldJournal.random(seed)
            let id = try lesson(journal)
            #expect(run("sqlite3 '\(scratch.path)/index.sqlite' 'DROP TABLE gap'"))
            let bench = try StoreBench(scratch.path)
            #expect(bench.store.rebuilt?.words == journal.words.count)
            let index = try RecordingIndex(directory: scratch.path)
            #expect(try index.words(id) == journal.words)
            let begin = try Database(path: scratch.path + "/index.sqlite", .read).integer(
                "SELECT count(*) FROM token WHERE begins_word AND text GLOB ' [^ ]*'", doing: "count")
            #expect(begin == Int64(journal.words.count), "as this version writes them")
        }

        @Test func `gaps among pieces of words are filled with words`() throws {
            let gap = Gap(start: SampleIndex(20_000), end: SampleIndex(30_000), reason: "offline")
            let id = try lesson(said, gaps: [gap])
            let bench = try StoreBench(scratch.path, postLesson: PostLessonPolicy(transcribes: true))
            let text = try #require(try bench.nextText())
            #expect(text.recording.wordCount == said.words.count && text.recording.words == said.words)
            let more = [word("late", 25_000)]
            #expect(bench.store.send(.postLesson(.words(id, more, covered: SampleIndex(40_000), gaps: []))))
            try bench.settle(id)
            let index = try RecordingIndex(directory: scratch.path)
            #expect(try index.words(id) == said.words + more)
            #expect(try index.summary(id)?.words == said.words.count + 1)
        }

        @Test func `a lesson that was interrupted goes on after pieces of words`() throws {
            let first = try StoreBench(scratch.path, resumes: true)
            let id = try first.open()
            first.feed(40_000)
            try first.commit()
            run("cp -a '\(scratch.path)' '\(scratch.path)-cut'")
            defer { run("rm -rf '\(scratch.path)-cut'") }
            try said.write(to: scratch.path + "-cut")
            let bench = try StoreBench(scratch.path + "-cut", resumes: true)
            let recording = try #require(bench.store.interruption?.recording)
            #expect(recording.header.id == id && recording.words == said.words.ordered { $0.start < $1.start })
            bench.ring.reset(to: SampleIndex(60_000))
            #expect(bench.store.send(.reopen(at: SampleIndex(60_000))))
            bench.feed(20_000)
            let next = [word("next", 62_000)]
            _ = bench.store.send(.words(next, covered: SampleIndex(70_000)))
            let summary = try bench.close()
            #expect(summary.words == said.words.count + 1)
            #expect(try RecordingIndex(directory: scratch.path + "-cut").words(id) == said.words + next)
        }
    }
}
