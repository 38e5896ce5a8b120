import Foundation
import OwnThread
import Testing

/// Cuts of the uploads, and lessons that they hit: a few in each check, many with `CHALKBOX_UPLOAD_CUTS=200`.
private let cuts = Int(ProcessInfo.processInfo.environment["CHALKBOX_UPLOAD_CUTS"] ?? "") ?? 12

/// The way of saved lessons to the school, by the shipped binary.
@Suite(.ownThread, .serialized) struct `The school` {
    private static let recordOnly = ["transcription.enabled=no", "log.level=debug"]

    private func box() throws -> Box {
        let box = try Box()
        try box.writeConfiguration(device: "null", token: "https://school.example/t", authority: "")
        return box
    }

    private func run(
        lessons: Int, bytesEach: Int, settings: [String] = [], serve: [String] = [],
        _ body: (Box, School, [String]) throws -> Void
    ) throws {
        let directory = try Box.scratch()
        let school = try School(directory)
        let box = try box()
        defer {
            box.endProcesses()
            school.close()
            try? FileManager.default.removeItem(atPath: directory)
            try? FileManager.default.removeItem(atPath: box.directory)
        }
        try Backlog.record(lessons, bytesEach: bytesEach, in: box.directory + "/state")
        try school.open(serve)
        let settings = Self.recordOnly + school.settings + settings
        do {
            try box.startDaemon(device: "null", overrides: settings)
            try body(box, school, settings)
        } catch {
            Issue.record("\(error)\n\(box.lines.timedText)")
        }
        #expect(!box.log.contains("cannot print value"))
    }

    func states(_ box: Box) throws -> [String] {
        let output = try box.chalkbox("recordings", "--json").output
        let list = try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [[String: Any]] ?? []
        return list.map { $0["state"] as? String ?? "" }
    }

    private func outbox(_ box: Box) throws -> [String: Any] { try box.status()["outbox"] as? [String: Any] ?? [:] }

    func uploaded(_ box: Box, seconds: Double = 120) throws {
        try Box.wait("all to be uploaded", seconds: seconds) {
            (try? self.states(box).allSatisfy { $0 == "uploaded" }) == true
        }
    }

    /// Every file of every lesson is an object, once, with the box's digest.
    /// - Returns: the bytes of all.
    private func compare(_ box: Box, _ school: School) throws -> Int {
        let objects = try school.log().objects
        let root = box.directory + "/state/recordings/"
        var names: [String] = []
        for id in try FileManager.default.contentsOfDirectory(atPath: root) {
            for name in try FileManager.default.contentsOfDirectory(atPath: root + id) { names.append(id + "/" + name) }
        }
        #expect(objects.map(\.name).sorted() == names.map { "lessons/" + $0 }.sorted())
        for object in objects {
            #expect(object.times_completed == 1, "\(object.name)")
            let file = root + object.name.dropFirst("lessons/".count)
            #expect(try Child.run(["sha256sum", file]).output.hasPrefix(object.sha256), "\(object.name)")
        }
        return objects.reduce(0) { $0 + $1.bytes }
    }

    @Test func `connections, the daemon and the server are cut at any moment: each lesson is there, once`() throws {
        let many = cuts > 50
        let limit = ["upload.limit_kbps=\(many ? 16_000 : 40_000)"]
        try run(lessons: many ? 20 : 5, bytesEach: many ? 6_000_000 : 3_000_000, settings: limit) {
            box, school, settings in
            var done = 0
            for number in 1...cuts {
                // Some bytes later, or when there are none any more.
                let next = school.received + Int.random(in: 0...900_000)
                try Box.wait("bytes at the school", seconds: 60) {
                    school.received >= next || (try? self.states(box).allSatisfy { $0 == "uploaded" }) == true
                }
                guard try !states(box).allSatisfy({ $0 == "uploaded" }) else { break }
                switch number % 3 {
                case 0: try school.crash()
                case 1:
                    kill(box.daemon?.pid ?? 0, SIGKILL)
                    box.daemon?.wait()
                    try box.restartDaemon(device: "null", overrides: settings)
                default:
                    let kinds = ["patch-cut*1", "patch-reset*1", "patch-lost*1", "create-lost*1", "patch-status=503*1"]
                    try school.fault(kinds[Int.random(in: 0..<kinds.count)])
                }
                done = number
            }
            try box.chalkbox("upload", "retry", "all")
            try uploaded(box, seconds: 600)
            let payload = try compare(box, school)
            let received = school.received
            let ratio = Double(received * 1_000 / payload) / 1_000
            print("upload: \(done) cuts, \(received) bytes received for \(payload), sent/payload \(ratio)")
            #expect(received <= payload + done * 1_048_576)
        }
    }

    @Test func `a large lesson goes through the box's memory in pieces`() throws {
        let bytes = cuts > 50 ? 1_000_000_000 : 100_000_000
        try run(lessons: 1, bytesEach: bytes) { box, school, _ in
            let pid = try #require(box.daemon?.pid)
            func kilobytes() -> Int {
                let text = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
                let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") } ?? ""
                return Int(line.split(separator: " ").dropFirst().first ?? "") ?? 0
            }
            try Box.wait("the first bytes", seconds: 120) { school.received > 2_000_000 }
            let begin = kilobytes()
            var peak = begin
            try Box.wait("the upload", seconds: 900) {
                peak = max(peak, kilobytes())
                return (try? self.states(box)) == ["uploaded"]
            }
            print("upload: \(bytes >> 20) MB, RSS \(begin) KB at its beginning, \(peak) KB at most")
            #expect(peak - begin <= 1_024)
            _ = try compare(box, school)
        }
    }

    @Test func `a secret that others may read is refused, and used as soon as they may not`() throws {
        let secret = "tell-nobody-5b3d"
        let directory = try Box.scratch()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let file = directory + "/upload.secret"
        try "\(secret)\n".write(toFile: file, atomically: true, encoding: .utf8)
        chmod(file, 0o644)
        let settings = ["upload.bearer_file=\(file)"]
        try run(lessons: 1, bytesEach: 200_000, settings: settings, serve: ["--upload-bearer", secret]) {
            box, school, _ in
            try box.wait("the reason in status") {
                (($0["outbox"] as? [String: Any])?["lastError"] as? String ?? "").contains("chmod 0600")
            }
            #expect(try school.log().uploaded_bytes == 0)
            chmod(file, 0o600)
            try uploaded(box, seconds: 40)
            #expect(!box.log.contains(secret))
            #expect(try !box.chalkbox("status", "--json").output.contains(secret))
        }
    }

    @Test func `a school that does not know the box is asked again with another secret`() throws {
        let directory = try Box.scratch()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let file = directory + "/upload.secret"
        func write(_ secret: String) throws {
            try secret.write(toFile: file, atomically: true, encoding: .utf8)
            chmod(file, 0o600)
        }
        try write("old")
        let settings = ["upload.bearer_file=\(file)"]
        try run(lessons: 1, bytesEach: 200_000, settings: settings, serve: ["--upload-bearer", "new"]) { box, _, _ in
            try box.wait("the reason in status") {
                (($0["outbox"] as? [String: Any])?["lastError"] as? String ?? "").contains("401")
            }
            #expect(box.log.contains("state=held"))
            try write("new")
            try uploaded(box, seconds: 40)
        }
    }

    @Test func `what the school refuses waits for a person, and green pulses while something goes`() throws {
        let settings = ["upload.limit_kbps=4000"]
        let serve = ["--fault", "create-status=413*1"]
        try run(lessons: 1, bytesEach: 2_000_000, settings: settings, serve: serve) { box, _, _ in
            try box.wait("the blocked lesson in status") {
                (($0["outbox"] as? [String: Any])?["blocked"] as? [Any])?.count == 1
            }
            let text = try box.chalkbox("status").output
            #expect(text.contains("blocked: ") && text.contains("413"), "\(text)")
            #expect(try box.chalkbox("upload", "retry", "last").code == 0)
            try box.wait("a slow pulse") { ($0["led"] as? [String: Any])?["green"] as? String == "slow-pulse" }
            try uploaded(box)
            try box.wait("the lamp to go out") { ($0["led"] as? [String: Any])?["green"] as? String == "off" }
            #expect(try box.chalkbox("upload", "retry").code == 2)
            #expect(try box.chalkbox("upload", "retry", "01ZZZZ").code == 1)
        }
    }
}
