import CloudKit
import Foundation
import LinuxRuntime
import RecorderCore
import RecordingStore
import Testing

/// A school's server beside a box: the stand-in cloud with its objects on disk, or a tus server that others wrote.
final class School {
    let directory: String
    let lines = StampedLog()
    private var process: Child?
    private var port = 0
    /// What servers that were killed had received.
    private var receivedBefore = 0
    private var extra: [String] = []

    init(_ directory: String) throws {
        self.directory = directory
        try FileManager.default.createDirectory(atPath: objects, withIntermediateDirectories: true)
    }

    private var objects: String { directory + "/objects" }
    private var controlSocket: String { directory + "/cloud.sock" }
    private var readyFile: String { directory + "/ready.json" }
    var uploadURL: String { "http://127.0.0.1:\(port)/files/" }
    var settings: [String] {
        ["upload.url=\(uploadURL)", "upload.manifest_url=http://127.0.0.1:\(port)/api/lessons", "upload.chunk_mb=1"]
    }

    /// - Parameter arguments: of `chalkbox-cloud serve`.
    func open(_ arguments: [String] = []) throws {
        extra = arguments
        try? FileManager.default.removeItem(atPath: readyFile)
        let program = ProcessInfo.processInfo.environment["CHALKBOX_CLOUD"] ?? ""
        process = try Child.logging(
            [
                program, "serve", "--host", "127.0.0.1", "--port", "\(port)", "--objects", objects, "--control",
                controlSocket, "--ready-file", readyFile, "--upload-idle-ms", "2000",
            ] + arguments, to: lines, isError: false)
        try Box.wait("the school's server", seconds: 60) { FileManager.default.fileExists(atPath: self.readyFile) }
        let ready = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: readyFile)))
        port = (ready as? [String: Any])?["port"] as? Int ?? 0
    }

    /// SIGKILL, and another one on the same port and directory.
    func crash() throws {
        receivedBefore += (try? log().uploaded_bytes) ?? 0
        kill(process?.pid ?? 0, SIGKILL)
        process?.wait()
        try open(extra)
    }

    func close() { process?.end() }

    func fault(_ faults: String...) throws {
        _ = try ControlClient.request(socket: controlSocket, "POST", "/faults", lines: faults)
    }

    /// Those that have not struck yet.
    func faults() throws -> String { try ControlClient.request(socket: controlSocket, "GET", "/faults") }

    func log() throws -> NetworkLab.School {
        let text = try ControlClient.request(socket: controlSocket, "GET", "/log")
        return try JSONDecoder().decode(NetworkLab.School.self, from: Data(text.utf8))
    }

    var received: Int { receivedBefore + ((try? log().uploaded_bytes) ?? 0) }
}

/// Lessons that were recorded before the test begins, of noise, which no codec makes small.
enum Backlog {
    /// - Returns: what they weigh, without what is packed beside the audio.
    static func record(_ lessons: Int, bytesEach: Int, in directory: String) throws {
        let ring = SampleRing()
        let notifier = try EventNotifier()
        let store = try StoreThread(
            directory: directory, ring: ring, notifier: notifier,
            postLesson: PostLessonPolicy(transcribes: false, uploads: true))
        defer { store.shutdown() }
        let noise = noise(400_000)
        for number in 0..<lessons {
            let start = WallTime(milliseconds: 1_795_507_200_000 + Int64(number) * 3_600_000)
            let header = RecordingHeader(
                id: RecordingID(startedAt: start, randomHigh: 7, randomLow: UInt64(number)), label: "backlog",
                startedAt: start, clockSynchronised: true)
            ring.reset()
            try send(store, .open(header), notifier) { if case .opened = $0 { true } else { false } }
            while ring.head.value * 2 < bytesEach {
                let count = min(noise.count, bytesEach / 2 - Int(ring.head.value) + 1)
                noise[..<count].withUnsafeBufferPointer { ring.append($0) }
                let whole = (ring.head.value - 1) / Limits.flacBlockSamples * Limits.flacBlockSamples
                try send(store, .commit, notifier) {
                    if case .committed(let through) = $0 { through.value >= whole } else { false }
                }
            }
            try send(store, .close(end: ring.head, gaps: [], interrupted: false), notifier) {
                if case .closed = $0 { true } else { false }
            }
        }
    }

    private static func noise(_ count: Int) -> [Int16] {
        var random = SystemRandomNumberGenerator()
        return (0..<count).map { _ in Int16.random(in: .min ... .max, using: &random) }
    }

    private static func send(
        _ store: StoreThread, _ command: StoreCommand, _ notifier: EventNotifier, until matches: (StoreEvent) -> Bool
    ) throws {
        guard store.send(command) else { throw Box.Failure(description: "the store takes no command") }
        let deadline = Clock.now.adding(milliseconds: 60_000)
        while !store.takeEvents().contains(where: matches) {
            guard Poll.readable(notifier.fileDescriptor, until: deadline) else {
                throw Box.Failure(description: "the store does not answer")
            }
            notifier.drain()
        }
    }
}
