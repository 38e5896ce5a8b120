import CloudKit
import Testing

@Suite struct TranscriptFaultTests {
    private let truth = ToneLesson(.seconds(20), speakers: 2, seed: 14)

    private func transcript(_ server: CloudServer) async throws -> [[String: Any]] {
        messages(try await lesson(server, truth.samples).frames)
    }

    private func finalTexts(_ messages: [[String: Any]]) -> [String] {
        tokens(messages).compactMap { $0["text"] as? String }
    }

    @Test func `duplicated finals are repeats in a later message`() async throws {
        try await withServer({ $0.faults.duplicateFinals = 3 }) { server in
            let messages = try await transcript(server)
            var seen: Set<String> = []
            var words = ""
            var repeats = 0
            for message in messages {
                let before = seen
                for token in tokens([message]) {
                    let name = "\(token["text"] ?? "")\(token["start_ms"] ?? "")"
                    if seen.insert(name).inserted {
                        words += token["text"] as? String ?? ""
                    } else {
                        repeats += 1
                        #expect(before.contains(name), "repeated within one message")
                    }
                }
            }
            #expect(words == " " + truth.text)
            #expect(repeats >= truth.words.count / 2)
        }
    }

    @Test func `late finals come after their time has passed, and none is lost`() async throws {
        try await withServer({ $0.faults.lateFinals = LateFinals(messages: 6, oneIn: 3) }) { server in
            let messages = try await transcript(server)
            var horizon = 0
            var late = 0
            for message in messages {
                for token in tokens([message]) where (token["end_ms"] as? Int ?? 0) < horizon - 400 { late += 1 }
                horizon = message["final_audio_proc_ms"] as? Int ?? horizon
            }
            #expect(late > truth.words.count / 3)
            #expect(finalTexts(messages).sorted() == words(of: truth).sorted())
        }
    }

    private func words(of lesson: ToneLesson) -> [String] {
        lesson.words.flatMap { word -> [String] in
            let text = Vocabulary.tokens(of: word.index)
            return [text.first, text.second]
        }
    }

    @Test func `each session numbers the speakers in its own way, one voice one label`() async throws {
        try await withServer { server in
            var maps: [[Int: String]] = []
            for permutes in [false, false, true, true] {
                server.faults.permuteSpeakers = permutes
                let labels = tokens(try await transcript(server)).compactMap { $0["speaker"] as? String }
                let voices = truth.words.flatMap { [$0.speaker, $0.speaker] }
                try #require(labels.count == voices.count)
                let map = Dictionary(zip(voices, labels)) { first, _ in first }
                #expect(labels == voices.map { map[$0] })
                maps.append(map)
            }
            let first = truth.words[0].speaker
            #expect(maps[0][first] == "1" && maps[0] == maps[1])
            #expect(Set(maps.dropFirst().map { "\($0[1] ?? "") \($0[2] ?? "")" }).count == 3)
        }
    }

    private func recognise(_ samples: [Int16], _ change: (inout ScriptHabits) -> Void) -> [RecognisedToken] {
        var habits = ScriptHabits()
        change(&habits)
        return ScriptRecogniser(habits: habits).transcribe(samples)
    }

    @Test func `a session that begins within a word has a wrong word only when asked to`() {
        let word = truth.words[3]
        let cut = Array(truth.samples[(word.startSample + 1_300)...])
        let rest = " " + truth.words.dropFirst(4).map(\.text).joined(separator: " ")
        #expect(recognise(cut) { _ in }.map(\.text).joined() == rest)
        let misheard = recognise(cut) { $0.mishearsCutWords = true }
        #expect(misheard.dropFirst().map(\.text).joined() == rest)
        #expect(misheard[0].startSample == 0)
        #expect((1_500...2_000).contains(misheard[0].endSample))
        #expect(Vocabulary.index(of: String(misheard[0].text.dropFirst())) == nil)
        #expect(recognise(cut) { ($0.mishearsCutWords, $0.session) = (true, 2) }[0] != misheard[0])
    }

    @Test func `a session that begins with a whole word or in a pause hears no wrong word`() {
        let word = truth.words[3]
        for start in [word.startSample, word.startSample - 100, word.endSample + 10] {
            let samples = Array(truth.samples[start...])
            #expect(recognise(samples) { $0.mishearsCutWords = true } == recognise(samples) { _ in }, "\(start)")
        }
        #expect(recognise([]) { $0.mishearsCutWords = true }.isEmpty)
    }

    @Test func `times count from the session's first sample`() {
        let start = truth.words[5].startSample - 20
        let found = recognise(Array(truth.samples[start...])) { _ in }
        #expect(found.first?.startSample == 20)
        #expect(found.count == 2 * (truth.words.count - 5))
    }

    @Test func `split tokens become final in the middle of a word`() {
        var habits = ScriptHabits()
        habits.splitsTokens = true
        let recogniser = ScriptRecogniser(habits: habits)
        var halves = 0
        var all: [RecognisedToken] = []
        for start in stride(from: 0, to: truth.samples.count, by: 960) {
            let result = recogniser.feed(Array(truth.samples[start..<min(start + 960, truth.samples.count)]))
            all += result.finals
            if let next = result.nonFinals.first, !next.text.hasPrefix(" ") {
                halves += 1
                #expect(result.finalSamples <= next.startSample)
            }
        }
        all += recogniser.finish().finals
        #expect(halves > truth.words.count / 2)
        #expect(all == recognise(truth.samples) { _ in })
    }

    @Test func `times jitter within the bound, by session and always alike`() {
        let exact = recognise(truth.samples) { _ in }
        let first = recognise(truth.samples) { $0.timeJitterSamples = 800 }
        let again = recognise(truth.samples) { $0.timeJitterSamples = 800 }
        let second = recognise(truth.samples) { ($0.timeJitterSamples, $0.session) = (800, 2) }
        #expect(first == again)
        #expect(first != second && first != exact)
        #expect(first.map(\.text) == exact.map(\.text))
        for (moved, still) in zip(first, exact) { #expect(abs(moved.startSample - still.startSample) <= 800) }
    }

    @Test func `the tail that is not final is as long as was said`() async throws {
        try await withServer({ $0.faults.finalDelayMilliseconds = 3_000 }) { server in
            let messages = try await transcript(server)
            for message in messages.dropLast(2) {
                let total = try #require(message["total_audio_proc_ms"] as? Int)
                let final = try #require(message["final_audio_proc_ms"] as? Int)
                #expect(final <= max(0, total - 3_000))
            }
            #expect(finalTexts(messages).joined() == " " + truth.text)
        }
    }
}
