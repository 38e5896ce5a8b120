import CloudKit
import Foundation
import OwnThread
import Testing

private func number(_ name: String) -> Int? { ProcessInfo.processInfo.environment[name].flatMap { Int($0) } }

/// Answers to each kind of request; 1,000 are a night's share.
private let answers = number("CHALKBOX_ANSWERS") ?? 40
/// Printed, so that a run that fails can be had again.
private let seed = UInt64(number("CHALKBOX_SEED") ?? Int.random(in: 1...999_999))

/// Any status with any body, in place of each answer that the box waits for: its audio is whole, and all goes on by
/// itself, unless the server's own word says that a person has to act.
@Suite(.ownThread, .serialized) struct `Odd answers` {
    private struct Answer: CustomStringConvertible {
        let kind: String
        let status: Int
        let body: String

        init(_ kinds: [String], _ random: inout SplitMix64) {
            kind = kinds.randomElement(using: &random) ?? ""
            // Mostly what there is in the wild.
            let known = [200, 204, 301, 302, 400, 401, 402, 403, 404, 407, 409, 410, 413, 423, 429, 451, 502, 503, 511]
            status = Bool.random(using: &random)
                ? known.randomElement(using: &random) ?? 200 : Int.random(in: 100...599, using: &random)
            body = ["none", "html", "json", "cut", "gzip"].randomElement(using: &random) ?? ""
        }

        var fault: String { "\(kind)-answer=\(status):\(body)*1" }
        var description: String { "\(kind) \(status) \(body)" }
        /// Refused by the server in its own words.
        var isOwnRefusal: Bool {
            body == "json" && (400..<500).contains(status) && ![407, 408, 425, 429, 451].contains(status)
        }
    }

    private func tell(_ what: String, _ needed: [Answer]) {
        let list = needed.map(\.description).sorted().joined(separator: ", ")
        print("odd answers: \(answers) \(what), seed \(seed); a person had to act after \(needed.count): \(list)")
    }

    // MARK: Live text

    @Test func `of token endpoint and handshake: text is live again within a slow probe`() async throws {
        let box = try Box()
        // So short that none is kept in advance: each session asks for a token.
        try await box.startCloud { $0.keyLifeSeconds = 50 }
        try box.startMicrophone(ToneLesson(.seconds(30), speakers: 2, seed: 3).samples)
        try box.startDaemon(
            device: "lesson",
            // Sessions follow each other so fast here that none proves stable.
            overrides: [
                "reconnect.slow_probe_seconds=1", "reconnect.jitter_ms=0", "reconnect.cap_seconds=1", "log.level=debug",
            ])
        let cloud = try #require(box.cloud)
        var random = SplitMix64(state: seed)
        var needed: [Answer] = []
        var worst: Int64 = 0
        var begun = try start(box)
        for _ in 0..<answers {
            let answer = Answer(["token", "handshake"], &random)
            let mark = box.lines.lines.count
            try await cloud.changeFaults(answer.fault)
            try await cloud.perform(.reset)
            let end = try await line(box, behind: mark, "after \(answer)") {
                cloud.faults.arguments.isEmpty && ($0.contains("live session=") || $0.contains("probe=never"))
            }
            if end.text.contains("probe=never") {
                #expect(answer.isOwnRefusal, "\(answer)")
                needed.append(answer)
                try stop(box, since: begun)
                begun = try start(box)
            } else {
                // The server was right again with the answer that was told last. Sometimes it was not the live text's,
                // but that of a key in advance or of a session that fills a gap.
                let lines = box.lines.lines[mark...].filter { $0.milliseconds <= end.milliseconds }
                let told = lines.last { $0.text.contains("attempt n=") || $0.text.contains("uplink state=failed") }
                #expect(!answer.isOwnRefusal || told?.text.contains("HTTP \(answer.status)") != true, "\(answer)")
                worst = max(worst, end.milliseconds - (told?.milliseconds ?? end.milliseconds))
            }
        }
        try stop(box, since: begun)
        tell("of token endpoint and handshake; live again after \(worst) ms at most", needed)
        // A slow probe is 1 to 1.1 s; the rest is for a busy machine.
        #expect(worst < 4_000)
        let verified = try box.chalkbox("recordings", "verify", "all")
        #expect(verified.code == 0, "\(verified.output)")
        #expect(!box.log.contains("cannot print value"))
        try await box.stop()
    }

    private func line(
        _ box: Box, behind mark: Int, _ what: String, _ matches: (String) -> Bool
    ) async throws -> StampedLine {
        let deadline = StampedLog.now + 60_000
        while StampedLog.now < deadline {
            if let found = box.lines.lines[mark...].first(where: { matches($0.text) }) { return found }
            // The cloud lives in this process.
            try await Task.sleep(for: .milliseconds(20))
        }
        throw Box.Failure(description: "no end \(what)\n\(box.log)")
    }

    private func start(_ box: Box) throws -> Int64 {
        #expect(try box.chalkbox("start").code == 0)
        let begun = StampedLog.now
        try box.waitForPhase("live")
        return begun
    }

    /// Every sample from START on is there.
    private func stop(_ box: Box, since begun: Int64) throws {
        let milliseconds = Int(StampedLog.now - begun)
        #expect(try box.chalkbox("stop").code == 0)
        let list = try JSONSerialization.jsonObject(
            with: Data(box.chalkbox("recordings", "--json").output.utf8)) as? [[String: Any]]
        let samples = list?.map { $0["samples"] as? Int ?? 0 } ?? []
        #expect(samples.contains { abs($0 / 16 - milliseconds) < 2_000 }, "\(samples) for \(milliseconds) ms")
    }

    // MARK: Uploads

    @Test func `of the school's servers: each lesson is there, whole`() throws {
        let directory = try Box.scratch()
        let school = try School(directory)
        let box = try Box()
        try box.writeConfiguration(device: "null", token: "https://school.example/t", authority: "")
        defer {
            box.endProcesses()
            school.close()
            try? FileManager.default.removeItem(atPath: directory)
            try? FileManager.default.removeItem(atPath: box.directory)
        }
        // Of many answers, each lesson takes dozens: those that are left have to go within the deadline below.
        try Backlog.record(min(30, max(4, answers / 6)), bytesEach: 2_500_000, in: box.directory + "/state")
        try school.open()
        let settings = ["transcription.enabled=no", "log.level=debug", "upload.limit_kbps=8000"] + school.settings
        try box.startDaemon(device: "null", overrides: settings)
        let given = try answerOddly(box, school)
        let refusals = given.filter(\.isOwnRefusal)
        try school.fault("none")
        try box.chalkbox("upload", "retry", "all")
        try Box.wait("all to be uploaded\n\(box.log)", seconds: 300) {
            // An odd answer may still have been on its way: the wait after it is a person's to cut short.
            let outbox = (try? box.status())?["outbox"] as? [String: Any]
            if outbox?["nextAttemptInMs"] as? Int ?? 0 > 2_000 { _ = try? box.chalkbox("upload", "retry", "all") }
            return (try? states(box).allSatisfy { $0 == "uploaded" }) == true
        }
        #expect(given.count > answers / 2)
        // Held or blocked only by the school's own word.
        let stops = box.lines.lines.map(\.text).filter { $0.contains("state=held") || $0.contains("state=blocked") }
        for stop in stops { #expect(refusals.contains { stop.contains("HTTP \($0.status)") }, "\(stop)") }
        let needed = refusals.filter { answer in stops.contains { $0.contains("HTTP \(answer.status)") } }
        tell("of the school's servers (\(given.count) were given)", needed)
        try compareAudio(box, school)
        #expect(!box.log.contains("cannot print value"))
    }

    /// - Returns: the answers that were given.
    private func answerOddly(_ box: Box, _ school: School) throws -> [Answer] {
        var random = SplitMix64(state: seed)
        var (waiting, given): ([Answer], [Answer]) = ([], [])
        while given.count < answers, try states(box).isEmpty || !states(box).allSatisfy({ $0 == "uploaded" }) {
            // Not each time, or nothing would ever come on; but a server is only asked for its offset after a failure.
            for kind in ["create", "head", "patch", "manifest"] where !waiting.contains(where: { $0.kind == kind }) {
                guard kind == "head" || Bool.random(using: &random) else { continue }
                waiting.append(Answer([kind], &random))
                try school.fault(waiting[waiting.count - 1].fault)
            }
            let left = try school.faults()
            given += waiting.filter { !left.contains($0.kind) }
            waiting.removeAll { !left.contains($0.kind) }
            // A person does not want to wait for the next try, or has mended what was refused.
            #expect(try box.chalkbox("upload", "retry", "all").code == 0)
        }
        return given
    }

    private func states(_ box: Box) throws -> [String] {
        let output = try box.chalkbox("recordings", "--json").output
        let list = try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [[String: Any]] ?? []
        return list.map { $0["state"] as? String ?? "" }
    }

    private func compareAudio(_ box: Box, _ school: School) throws {
        let objects = try school.log().objects
        let root = box.directory + "/state/recordings/"
        for id in try FileManager.default.contentsOfDirectory(atPath: root) {
            for name in try FileManager.default.contentsOfDirectory(atPath: root + id) where name.hasSuffix(".flac") {
                let object = try #require(objects.first { $0.name == "lessons/\(id)/\(name)" }, "\(id)/\(name)")
                #expect(try Child.run(["sha256sum", root + id + "/" + name]).output.hasPrefix(object.sha256))
            }
        }
    }
}
