import CloudKit
import Foundation
import Testing

/// A lesson of real text in a box whose service hears each part of it otherwise each time, while connections break and
/// the recorder is killed; and what must be true of its text in the end.
final class SpokenLesson {
    /// How a connection comes to its end.
    enum Drop: CaseIterable {
        case reset, swallowed, unavailable, cut, refusedTwice, away, closed, halfClosed, stalled, longAway
    }

    /// Each session places a token up to so much beside its place, and spells some otherwise.
    private static let habits = ["permute-speakers", "spell-otherwise", "time-jitter-ms=120"]
    /// How far the journal may be behind what the service has said finally.
    static let mostBehindMilliseconds: Int64 = 2_000
    /// One token in so many may be later, as other programs of the machine have their turn too; but not by a second.
    private static let lateTokens = 100
    private static let python = ProcessInfo.processInfo.environment["CHALKBOX_PYTHON"] ?? "python3"

    let language: String
    let lesson: TextLesson
    private let samples: [Int16]
    let box: Box
    let cloud: CloudServer
    private let settings: [String]
    private let rows = StampedLog()
    private var reader: Child?
    /// Where the service could not be reached, in `StampedLog`'s time.
    private var disturbed: [ClosedRange<Int64>] = []
    private var notes: [String] = []
    /// The recording's sample at which all has been said.
    private var end: Int
    private(set) var killed: Int64?

    /// Real text of a language, which two speakers say by turns.
    static func lesson(_ language: String, seconds: Int) throws -> TextLesson {
        // Letters in a second; the text tells how fast it is said.
        let letters = seconds * (["ja", "zh", "th"].contains(language) ? 6 : 14)
        let directory = Box.root + "/Tests/DaemonTests/"
        let text = try Child.run([python, directory + "lesson_text.py", language, "\(letters)"]).output
        let sentences = text.split(separator: "\n").map(String.init)
        let turns = stride(from: 0, to: sentences.count, by: 5).map { place in
            TextLesson.Turn(
                speaker: place / 5 % 2 + 1, language: language,
                sentences: Array(sentences[place..<min(place + 5, sentences.count)]))
        }
        let lesson = TextLesson(turns, seconds: Double(seconds))
        try #require((lesson.pieces.last?.endSample ?? 0) > (seconds - 12) * 16_000, "too little text in \(language)")
        return lesson
    }

    init(_ language: String, seconds: Int, settings: [String] = []) async throws {
        self.language = language
        lesson = try Self.lesson(language, seconds: seconds)
        samples = lesson.samples
        end = samples.count
        box = try Box()
        let lesson = lesson
        let faults = try FaultPlan(arguments: Self.habits)
        try box.startMicrophone(samples)
        try await box.startCloud {
            $0.recogniser = .text(lesson)
            $0.faults = faults
        }
        self.settings = settings
        try box.startDaemon(device: "lesson", overrides: settings)
        cloud = try #require(box.cloud)
        try #require(box.chalkbox("start", "--label", language).code == 0)
        try live(since: 0)
        reader = try Child.logging(
            [Self.python, "-u", Box.root + "/Tests/DaemonTests/journal_rows.py", box.directory + "/state/index.sqlite"],
            to: rows, isError: false)
    }

    func end() async throws {
        #expect(box.isRunning, "the daemon died")
        #expect(!box.log.contains("cannot print value"))
        if let reader { kill(reader.pid, SIGKILL) }
        reader?.wait()
        try await box.stop()
    }

    // MARK: What happens

    func record(toMilliseconds end: Int) throws { try box.waitForSamples(end * 16, seconds: Double(end) / 1_000 + 60) }

    @discardableResult
    func live(since start: Int64) throws -> StampedLine {
        guard let line = box.lines.wait(since: start, seconds: 90, { $0.contains(">live session=") }) else {
            throw Box.Failure(description: "not live within 90 s since \(start)\n\(box.lines.timedText)")
        }
        return line
    }

    /// Ends the connection in that way, and comes back when the box is live again.
    func drop(_ kind: Drop) async throws {
        let start = StampedLog.now
        box.lines.note("== \(kind)")
        switch kind {
        case .reset: try await cloud.perform(.reset)
        case .swallowed: try await outage("black-hole", milliseconds: 6_000)
        case .unavailable: try await cloud.perform(.typedError(.serviceUnavailable))
        case .cut: try await cloud.perform(.cut)
        case .refusedTwice:
            try await cloud.changeFaults("handshake-status=503*2")
            try await cloud.perform(.reset)
        case .away, .longAway:
            try await cloud.changeFaults("refuse")
            try await cloud.perform(.reset)
            try await outage("refuse", milliseconds: kind == .away ? 5_000 : 25_000)
        case .closed: try await cloud.perform(.close(code: 1_011))
        case .halfClosed: try await cloud.perform(.halfClose)
        case .stalled: try await cloud.changeFaults("stall*1")
        }
        let line = try live(since: start + 1)
        disturbed.append(start...line.milliseconds)
        notes.append("\(kind) \(line.milliseconds - start) ms")
    }

    private func outage(_ fault: String, milliseconds: Int32) async throws {
        try await cloud.changeFaults(fault)
        _ = poll(nil, 0, milliseconds)
        try await cloud.changeFaults(fault + "=off")
    }

    /// SIGKILL, in mid-sentence. The lesson goes on by itself, and the microphone with the next whole sentence.
    /// - Parameter online: the service answers afterwards.
    func killAndRestart(online: Bool = true) async throws {
        let start = StampedLog.now
        let said = recordedSamples
        let daemon = try #require(box.daemon)
        kill(daemon.pid, SIGKILL)
        daemon.wait()
        killed = StampedLog.now
        if !online { try await cloud.changeFaults("refuse") }
        let rest = Array(samples[(lesson.sentence(after: said) ?? samples.count)...])
        try box.loadMicrophone(rest)
        try box.restartDaemon(device: "lesson", overrides: settings)
        let line = box.lines.wait(since: start, seconds: 20) { $0.contains("resume id=") }
        end = try #require(line?.number("at_ms"), "\(box.log)") * 16 + rest.count
        guard online else { return }
        let live = try live(since: start)
        disturbed.append(start...live.milliseconds)
        notes.append("killed \(live.milliseconds - start) ms")
    }

    private var recordedSamples: Int { ((try? box.status())?["recording"] as? [String: Any])?["samples"] as? Int ?? 0 }

    // MARK: The end

    /// STOP once all has been said; five seconds later the text is there.
    func stop() throws {
        try box.waitForSamples(end, seconds: Double(end) / 16_000 + 60)
        let pressed = StampedLog.now
        let stop = try box.chalkbox("stop")
        #expect(stop.code == 0, "\(stop.output)\n\(box.lines.timedText)")
        notes.append("STOP \(StampedLog.now - pressed) ms")
        _ = poll(nil, 0, Int32(max(0, pressed + 5_000 - StampedLog.now)))
    }

    /// Every letter once, in its place, as one of the sessions wrote it; and each was soon in the journal.
    func compare() throws {
        let heard = lesson.heard(in: try box.recordedSamples())
        let document = try box.document()
        let segments = (document["segments"] as? [[String: Any]] ?? []).map { $0["text"] as? String ?? "" }
        let comparison = SpokenComparison(lesson, heard: heard, segments: segments)
        let lags = comparison.isSame ? try lags(heard.map(\.piece)) : []
        let late = lags.filter { $0.milliseconds > Self.mostBehindMilliseconds }
        let worst = lags.last?.milliseconds ?? -1
        let median = lags.isEmpty ? -1 : lags[lags.count / 2].milliseconds
        print(
            "text: \(language): \(comparison.count) letters: \(comparison.lost.count) lost, \(comparison.doubled.count)"
                + " doubled, \(comparison.moved.count) moved, \(comparison.misspelt.count) misspelt; journal behind the"
                + " service by at most \(worst) ms (median \(median), over 2 s \(late.count) of \(lags.count) tokens);"
                + " \(cloud.log.sessions.count) sessions: \(notes.joined(separator: ", "))")
        #expect(
            comparison.isSame,
            """
            \(language): lost \(comparison.lost), doubled \(comparison.doubled), moved \(comparison.moved), \
            misspelt \(comparison.misspelt)
            \(box.lines.timedText)
            """)
        let gaps = document["gaps"] as? [Any] ?? []
        #expect(gaps.isEmpty, "\(gaps)\n\(box.lines.timedText)")
        #expect(
            late.count * Self.lateTokens <= lags.count && worst <= Self.mostBehindMilliseconds + 1_000,
            "\(language): \(late.count) of \(lags.count): \(late.suffix(30))\n\(box.lines.timedText)")
    }

    /// What was final two seconds before the kill is in the transcript of the box that came back, though the service
    /// is away.
    func expectAllThatWasFinal() throws {
        let killed = try #require(killed) - (StampedLog.now - Int64(cloud.milliseconds))
        var final: Set<Int> = []
        var late: Set<Int> = []
        for said in cloud.log.sessions.flatMap(\.said) {
            let age = killed - Int64(said.atMilliseconds)
            if age >= Self.mostBehindMilliseconds { final.formUnion(said.pieces) } else { late.formUnion(said.pieces) }
        }
        _ = try box.chalkbox("stop")
        let document = try box.document()
        let segments = (document["segments"] as? [[String: Any]] ?? []).map { $0["text"] as? String ?? "" }
        // The rest may be there or not, but only from its beginning on.
        let letters = SpokenComparison.letters(segments).count
        let heard = (final.union(late)).sorted().filter { lesson.pieces[$0].kind != .punctuation }
        let sure = final.filter { lesson.pieces[$0].kind != .punctuation }.count
        print(
            "text: \(language): killed with \(sure) letters final for 2 s and \(heard.count - sure) for less:"
                + " \(letters) are there")
        #expect(letters >= sure, "\(box.lines.timedText)")
        let comparison = SpokenComparison(
            lesson, heard: heard.prefix(letters).map { ($0, lesson.pieces[$0].startSample) }, segments: segments)
        #expect(
            comparison.lost.isEmpty && comparison.doubled.isEmpty && comparison.moved.isEmpty,
            "lost \(comparison.lost), doubled \(comparison.doubled), moved \(comparison.moved)")
    }

    /// How long after the service had said a token finally another process could read it in the journal, shortest
    /// first. A token that was on its way when the connection broke counts from when it was said again; one of a word,
    /// from when the word was said to its end (decision words-are-journalled).
    private func lags(_ heard: [Int]) throws -> [Lag] {
        let readable = try readable(heard)
        let offset = StampedLog.now - Int64(cloud.milliseconds)
        var lags: [Int: Lag] = [:]
        for session in cloud.log.sessions {
            // A session that ends in mid-word leaves none.
            var wordEnd: Int64?
            for said in session.said.reversed() {
                let time = goesOn(said.pieces.upperBound) ? wordEnd : offset + Int64(said.atMilliseconds)
                wordEnd = time
                guard let time else { continue }
                let settled = time + Self.mostBehindMilliseconds
                guard !disturbed.contains(where: { $0.overlaps(time...settled) }),
                    let read = said.pieces.compactMap({ readable[$0] }).max()
                else { continue }
                // What was heard a second time had been there before.
                let lag = Lag(
                    milliseconds: max(0, read - time), text: lesson.pieces[said.pieces].map(\.text).joined(),
                    session: session.number, said: time)
                if lag.milliseconds >= lags[said.pieces.lowerBound]?.milliseconds ?? 0 {
                    lags[said.pieces.lowerBound] = lag
                }
            }
        }
        return lags.values.sorted { $0.milliseconds < $1.milliseconds }
    }

    /// Whether this piece belongs to the word before it.
    private func goesOn(_ place: Int) -> Bool {
        guard lesson.pieces.indices.contains(place) else { return false }
        let piece = lesson.pieces[place]
        return piece.kind == .letter && !piece.isSpaced && lesson.pieces[place - 1].kind == .letter
    }

    /// How far the journal was behind what a session said, and when that was.
    private struct Lag {
        var milliseconds: Int64
        var text: String
        var session: Int
        var said: Int64
    }

    /// When each piece but punctuation was in the journal. Rows have the text in the order of their first samples.
    private func readable(_ heard: [Int]) throws -> [Int: Int64] {
        var all: [Row] = []
        for line in rows.lines { all.append(try Row(line)) }
        all.sort { ($0.start, $0.place) < ($1.start, $1.place) }
        let stamps = all.flatMap { row in repeatElement(row.milliseconds, count: Row.scalars(row.text)) }
        var readable: [Int: Int64] = [:]
        var place = 0
        for piece in heard where lesson.pieces[piece].kind != .punctuation {
            place += Row.scalars(lesson.pieces[piece].text)
            guard place <= stamps.count else { break }
            readable[piece] = stamps[place - 1]
        }
        #expect(place == stamps.count, "the rows that were read do not have the text")
        return readable
    }

    /// A row of the journal, and when another process could read it.
    private struct Row: Decodable {
        let place: Int
        let start: Int
        let text: String
        var milliseconds: Int64 = 0

        private enum CodingKeys: CodingKey {
            case place, start, text
        }

        init(_ line: StampedLine) throws {
            self = try JSONDecoder().decode(Row.self, from: Data(line.text.utf8))
            milliseconds = line.milliseconds
        }

        /// Of its letters. A row of what is written without a space begins with a word joiner.
        static func scalars(_ text: String) -> Int {
            text.filter { !$0.isPunctuation && !$0.isWhitespace && $0 != "\u{2060}" }.unicodeScalars.count
        }
    }
}
