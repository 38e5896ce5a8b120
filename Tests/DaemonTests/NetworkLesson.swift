import CloudKit
import Foundation
import Testing

/// A scripted lesson in a box whose network and service misbehave, and what must be true of it in the end.
final class NetworkLesson {
    /// A service with the habits that stitching has to cope with.
    static let habits = [
        "permute-speakers", "split-tokens", "time-jitter-ms=\(jitterMilliseconds)", "final-delay-ms=800",
    ]
    private static let jitterMilliseconds = 60

    let lab: NetworkLab
    let box: Box
    let script: ToneLesson
    /// Whether a time limit that is missed ends the lesson, which is done once more then.
    private let isRepeatable: Bool
    private var startedAt: String?
    /// How far from where it was said a word may be.
    var placeMilliseconds = 20 + jitterMilliseconds

    /// Something took too long. A machine that is busy with something else looks like this, but not each time.
    private struct Late: Error {}

    private static let tries = 3

    /// Runs `body` from the first live session on, or from START when the box is not online; STOP and the comparison
    /// are its own. A time limit counts as missed when it is missed in each of three lessons.
    static func run(
        seconds: Double, seed: UInt64, faults: [String] = [], settings: [String] = [], online: Bool = true,
        _ body: (NetworkLesson) throws -> Void
    ) async throws {
        let script = ToneLesson(.seconds(seconds), speakers: 2, seed: seed)
        for number in 1...tries {
            do {
                return try run(
                    script, faults: faults, settings: settings, online: online, isRepeatable: number < tries, body)
            } catch is Late {
                print("network: it took too long: the lesson is done once more")
            }
        }
    }

    private static func run(
        _ script: ToneLesson, faults: [String], settings: [String], online: Bool, isRepeatable: Bool,
        _ body: (NetworkLesson) throws -> Void
    ) throws {
        let lab = try NetworkLab()
        defer { lab.remove() }
        if !online { try lab.ip(.box, "link set eth0 down") }
        let box = try Box()
        defer {
            box.endProcesses()
            try? FileManager.default.removeItem(atPath: box.directory)
        }
        let lesson = NetworkLesson(lab: lab, box: box, script: script, isRepeatable: isRepeatable)
        do {
            try lesson.begin(faults: faults, settings: settings, online: online)
            try body(lesson)
        } catch let late as Late {
            throw late
        } catch {
            Issue.record("\(error)\n\(box.lines.timedText)")
        }
        #expect(box.isRunning, "the daemon died")
        let code = box.daemon?.end()
        #expect(code == 0, "the daemon's end")
        #expect(!box.log.contains("cannot print value"))
    }

    private init(lab: NetworkLab, box: Box, script: ToneLesson, isRepeatable: Bool) {
        self.lab = lab
        self.box = box
        self.script = script
        self.isRepeatable = isRepeatable
    }

    private func begin(faults: [String], settings: [String], online: Bool) throws {
        let authority = try lab.startCloud(directory: box.directory, faults: Self.habits + faults)
        try box.startMicrophone(script.samples)
        let host = "\(NetworkLab.cloudName):\(NetworkLab.port)"
        try box.writeConfiguration(device: "lesson", token: "https://\(host)/api/token", authority: authority)
        let speech = "transcription.websocket_url=wss://\(host)/transcribe-websocket"
        try box.startDaemon(
            device: "lesson", overrides: [speech, "log.level=debug"] + settings, launcher: lab.execute(.box))
        try #require(try box.chalkbox("start", "--label", "7B maths").code == 0)
        if online { try log("live session=1 ", since: 0) }
        startedAt = try recording()["startedAt"] as? String
        #expect(startedAt != nil)
    }

    // MARK: What happens

    /// The first line of the daemon's log that contains `text`, since a time.
    @discardableResult
    func log(_ text: String, since start: Int64, seconds: Double = 30) throws -> StampedLine {
        guard let line = box.lines.wait(since: start, seconds: seconds, { $0.contains(text) }) else {
            throw Box.Failure(description: "no \(text) in the log within \(seconds) s since \(start)")
        }
        return line
    }

    /// The next time that a session is live; not the one that fills a gap.
    @discardableResult
    func live(since start: Int64, seconds: Double = 30) throws -> StampedLine {
        try log(">live session=", since: start, seconds: seconds)
    }

    func phase(_ name: String, since start: Int64, seconds: Double = 30) throws -> StampedLine {
        try log(" to=\(name)", since: start, seconds: seconds)
    }

    func lines(_ text: String, since start: Int64 = 0) -> [StampedLine] {
        box.lines.lines.filter { $0.milliseconds >= start && $0.text.contains(text) }
    }

    /// The lines behind this one: what came in the same millisecond before it is not among them.
    func lines(_ text: String, behind line: StampedLine) -> [StampedLine] {
        let lines = box.lines.lines
        guard let place = lines.firstIndex(of: line) else { return [] }
        return lines[(place + 1)...].filter { $0.text.contains(text) }
    }

    private func recording() throws -> [String: Any] { try box.status()["recording"] as? [String: Any] ?? [:] }

    var recordedMilliseconds: Int { (try? recording()["durationMs"] as? Int) ?? 0 }

    /// Lets the lesson go on until so much of it is recorded.
    func record(toMilliseconds end: Int) throws { try box.waitForSamples(end * 16, seconds: 200) }

    /// Lets the lesson go on for so long.
    func record(milliseconds: Int) throws { try record(toMilliseconds: recordedMilliseconds + milliseconds) }

    /// What the test did, for the log of a failure.
    func note(_ what: String) { box.lines.note("== \(what)") }

    /// The limit on how long something took; what it took is told in any case.
    func expect(
        _ what: String, milliseconds: Int64, atMost limit: Int64, at location: SourceLocation = #_sourceLocation
    ) throws {
        print("network: \(what): \(milliseconds) ms (at most \(limit))")
        try expect(milliseconds <= limit, "\(what) took \(milliseconds) ms", at: location)
    }

    /// Something that depends on the time it takes.
    func expect(_ isTrue: Bool, _ failure: String, at location: SourceLocation = #_sourceLocation) throws {
        guard !isTrue else { return }
        guard !isRepeatable else { throw Late() }
        Issue.record("\(failure)\n\(box.lines.timedText)", sourceLocation: location)
    }

    // MARK: The end

    /// STOP once all of the script has been said, and nothing is missing or twice.
    func finish() throws {
        try stop()
        try compareSamples()
        try compareText()
    }

    /// Every word once, by its speaker, and no gap.
    ///
    /// - Parameter id: of the recording; the newest one when left out.
    func compareText(of id: String = "last") throws {
        let document = try box.document(id)
        #expect((document["gaps"] as? [Any])?.isEmpty == true, "\(document["gaps"] ?? "")\n\(box.lines.timedText)")
        compare(Heard.words(document), script.words)
    }

    func recordings() throws -> [[String: Any]] {
        let output = try box.chalkbox("recordings", "--json").output
        return try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [[String: Any]] ?? []
    }

    /// STOP once all of the script has been said.
    func stop() throws {
        try box.waitForSamples(script.samples.count, seconds: Double(script.samples.count) / 16_000 + 60)
        #expect(try recording()["startedAt"] as? String == startedAt, "startedAt has changed")
        let stop = try box.chalkbox("stop")
        #expect(stop.code == 0, "\(stop.output)\n\(box.lines.timedText)")
    }

    /// The recording is the script, then the silence until STOP; document and samples tell the same length and start.
    func compareSamples() throws {
        let recorded = try box.recordedSamples()
        #expect(script.isHeard(in: recorded), "samples differ from the played")
        let document = try box.document()
        #expect(document["startedAt"] as? String == startedAt)
        let duration = document["durationMs"] as? Int ?? 0
        #expect(abs(duration - recorded.count / 16) <= 20)
        #expect((document["silences"] as? [Any])?.isEmpty == true, "\(document["silences"] ?? "")")
    }

    private func compare(_ heard: [Heard], _ truth: [ToneWord]) {
        let (texts, wanted) = (heard.map(\.text), truth.map(\.text))
        #expect(texts == wanted, "\(difference(texts, wanted))\n\(box.lines.timedText)")
        guard texts == wanted else { return }
        let speakers = Heard.numbered(truth.map { "\($0.speaker)" })
        let wrong = zip(heard, speakers).enumerated().filter { $1.0.speaker != $1.1 }
            .map { "\($1.0.text) at \($1.0.startMs) ms: \($1.0.speaker), not \($1.1)" }
        #expect(wrong.isEmpty, "\(wrong)\n\(box.lines.timedText)")
        for (word, truth) in zip(heard, truth) {
            let distance = abs(word.startMs - truth.startSample / 16)
            #expect(distance <= placeMilliseconds, "\(word.text) at \(word.startMs) ms")
        }
    }

    private func difference(_ heard: [String], _ wanted: [String]) -> String {
        let changes = heard.difference(from: wanted).map { change in
            switch change {
            case .insert(let offset, let word, _): "+\(word) (\(offset))"
            case .remove(let offset, let word, _): "-\(word) (\(offset), \(script.words[offset].startSample / 16) ms)"
            }
        }
        return "\(changes)"
    }
}

extension NetworkLesson {
    /// The words before the gap are there; the gap has its reason.
    func expectGapAtEnd(reason: String) throws {
        let document = try box.document()
        let gaps = document["gaps"] as? [[String: Any]] ?? []
        #expect(gaps.count == 1, "\(gaps)")
        let told = gaps.last?["reason"] as? String ?? ""
        #expect(reason.isEmpty || told.contains(reason), "\(gaps)")
        let start = gaps.last?["startMs"] as? Int ?? 0
        var heard = Heard.words(document).map(\.text)
        // Words at the very edge may be on either side.
        let certain = script.words.filter { $0.startSample / 16 + 1_000 < start }.map(\.text)
        #expect(heard.starts(with: certain) && heard.count <= certain.count + 4, "\(heard) \(certain)")
        let all = script.words.map(\.text)
        // The service may have been sure of the first half of a word only.
        if let last = heard.last, heard.count <= all.count, all[heard.count - 1].hasPrefix(last) {
            heard[heard.count - 1] = all[heard.count - 1]
        }
        #expect(all.starts(with: heard), "\(heard)")
    }

    func expectSixAttempts(since start: Int64) throws {
        let attempts = lines("attempt n=", since: start)
        #expect(attempts.map { $0.number("n") ?? 0 } == [1, 2, 3, 4, 5, 6], "\(box.lines.timedText)")
        for (attempt, wait) in zip(attempts, [0, 1_000, 2_000, 4_000, 8_000, 16_000]) {
            let told = attempt.number("in_ms") ?? -1
            let accepted = wait...(wait == 0 ? 0 : wait + 500)
            #expect(accepted.contains(told), "\(attempt.text)")
        }
        for (attempt, next) in zip(attempts, attempts.dropFirst()) {
            let late = next.milliseconds - attempt.milliseconds - Int64(attempt.number("in_ms") ?? 0)
            #expect(late >= -5, "\(attempt.text): \(-late) ms early")
            try expect("attempt \(next.number("n") ?? 0) late by", milliseconds: late, atMost: 300)
        }
    }
}

/// Which of the network's tests run.
enum NetworkRun {
    /// `CHALKBOX_NETWORK=all` adds those that take a minute and more.
    static let isNightly = ProcessInfo.processInfo.environment["CHALKBOX_NETWORK"] == "all"
}
