import CloudKit
import Foundation
import Testing

/// The shipped binary, a stand-in cloud and a virtual microphone, in a directory of their own.
final class Box {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    static let binary = ProcessInfo.processInfo.environment["CHALKBOX_BINARY"] ?? ""
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    let directory: String
    private(set) var cloud: CloudServer?
    private(set) var daemon: Child?
    /// What the daemon writes to its standard error.
    let lines = StampedLog()
    private var microphoneRuns = false

    init() throws {
        guard FileManager.default.isExecutableFile(atPath: Self.binary) else {
            throw Failure(description: "CHALKBOX_BINARY names no binary: run Tests/run, or board/build and export it")
        }
        directory = try Self.scratch()
    }

    /// A directory of its own.
    static func scratch() throws -> String {
        let directory = NSTemporaryDirectory() + "box-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        return directory
    }

    var log: String { lines.text }
    var configurationFile: String { directory + "/chalkbox.conf" }
    private var socketPath: String { directory + "/control.sock" }

    /// Everything, with the microphone saying `samples` from the recording's first sample on.
    func start(samples: [Int16], _ configure: (inout CloudConfiguration) -> Void = { _ in }) async throws {
        try startMicrophone(samples)
        try await startCloud(configure)
        try startDaemon(device: "lesson")
    }

    func startMicrophone(_ samples: [Int16]) throws {
        try AudioFile.wave(samples).write(to: URL(filePath: directory + "/lesson.wav"))
        let microphone = Self.root + "/board/sim/virtual-microphone"
        _ = try Self.run(microphone, ["start", directory + "/mic"])
        microphoneRuns = true
        _ = try Self.run(microphone, ["load", directory + "/mic", directory + "/lesson.wav"])
    }

    /// What it says when it is opened the next time.
    func loadMicrophone(_ samples: [Int16]) throws {
        let path = directory + "/rest.raw"
        try samples.withUnsafeBytes { Data($0) }.write(to: URL(filePath: path))
        _ = try Self.run(Self.root + "/board/sim/virtual-microphone", ["load", directory + "/mic", path])
    }

    func startCloud(_ configure: (inout CloudConfiguration) -> Void = { _ in }) async throws {
        let authority = try ThrowawayAuthority(directory: directory)
        var configuration = CloudConfiguration()
        configuration.tls = .init(certificateFile: authority.certificateFile, keyFile: authority.keyFile)
        configure(&configuration)
        let cloud = try await CloudServer.start(configuration)
        self.cloud = cloud
        try writeConfiguration(device: "lesson", token: cloud.tokenURL, authority: authority.authorityFile)
    }

    func writeConfiguration(device: String, token: String, authority: String, more: String = "") throws {
        try """
        [box]
        name = test
        state_directory = \(directory)/state
        control_socket = \(socketPath)
        reserve_mb = 1
        [audio]
        device = \(device)
        [transcription]
        token_url = \(token)
        [panel]
        driver = socket
        [tls]
        ca_file = \(authority)
        \(more)
        """.write(toFile: configurationFile, atomically: true, encoding: .utf8)
    }

    /// - Parameter launcher: a command that runs another one, with its arguments.
    func startDaemon(device: String, overrides: [String] = [], launcher: [String] = []) throws {
        let arguments = launcher + [
            Self.binary, "daemon", "--config", configurationFile, "--set", "audio.device=\(device)",
        ]
        daemon = try Child.logging(
            arguments + overrides.flatMap { ["--set", $0] as [String] },
            environment: [
                "ALSA_CONFIG_PATH": directory + "/mic/asound.conf", "XDG_RUNTIME_DIR": directory + "/mic",
                "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            ], to: lines)
        do {
            try Self.wait("control socket", seconds: 20) { FileManager.default.fileExists(atPath: self.socketPath) }
        } catch {
            throw Failure(description: "\(error)\n\(log)")
        }
    }

    /// After a kill, which leaves the socket's file: the new daemon is there when it answers.
    func restartDaemon(device: String, overrides: [String] = []) throws {
        try startDaemon(device: device, overrides: overrides)
        try Self.wait("the daemon's answer", seconds: 20) { (try? self.chalkbox("status").code) == 0 }
    }

    func stop() async throws {
        endProcesses()
        try await cloud?.stop()
        try FileManager.default.removeItem(atPath: directory)
    }

    func endProcesses() {
        daemon?.end()
        if microphoneRuns {
            _ = try? Self.run(Self.root + "/board/sim/virtual-microphone", ["stop", directory + "/mic"])
        }
    }

    var isRunning: Bool { daemon?.isRunning == true }

    /// A command of the same binary: its exit code and both outputs.
    @discardableResult
    func chalkbox(_ arguments: String...) throws -> (code: Int32, output: String) {
        try Self.run(Self.binary, arguments + ["--config", configurationFile], checked: false)
    }

    func status() throws -> [String: Any] {
        let output = try chalkbox("status", "--json").output
        let object = try JSONSerialization.jsonObject(with: Data(output.utf8))
        guard let status = object as? [String: Any] else { throw Failure(description: output) }
        return status
    }

    /// Waits until `status` satisfies the condition; the daemon's log is told when it never does.
    func wait(_ what: String, seconds: Double = 60, _ condition: ([String: Any]) -> Bool) throws {
        do {
            try Self.wait(what, seconds: seconds) { (try? self.status()).map(condition) ?? false }
        } catch {
            throw Failure(description: "\(error)\n\(log)")
        }
    }

    func waitForPhase(_ phase: String, seconds: Double = 60) throws {
        try wait("phase \(phase)", seconds: seconds) { $0["phase"] as? String == phase }
    }

    func waitForSamples(_ samples: Int, seconds: Double) throws {
        try wait("\(samples) samples", seconds: seconds) {
            (($0["recording"] as? [String: Any])?["samples"] as? Int ?? 0) >= samples
        }
    }

    /// A recording's transcript document; the newest one's when none is named.
    func document(_ id: String = "last") throws -> [String: Any] {
        let output = try chalkbox("export", id, "--format", "json", "-o", "-").output
        return try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any] ?? [:]
    }

    /// The newest recording's samples, through `export` and the `flac` tool.
    func recordedSamples() throws -> [Int16] {
        let flac = directory + "/export.flac"
        try #require(chalkbox("export", "last", "--format", "flac", "-o", flac, "--force").code == 0)
        _ = try Self.run("/usr/bin/flac", ["-t", "-s", flac])
        _ = try Self.run("/usr/bin/flac", ["-d", "-s", "-f", "-o", directory + "/export.wav", flac])
        return try AudioFile.samples(path: directory + "/export.wav")
    }

    /// Polls a condition that has no descriptor of its own to wait on.
    static func wait(_ what: String, seconds: Double, _ condition: () -> Bool) throws {
        let deadline = Date(timeIntervalSinceNow: seconds)
        while !condition() {
            guard Date() < deadline else { throw Failure(description: "no \(what) within \(seconds) s") }
            _ = poll(nil, 0, 50)
        }
    }

    static func run(
        _ program: String, _ arguments: [String], checked: Bool = true
    ) throws -> (code: Int32, output: String) {
        try Child.run([program] + arguments, checked: checked)
    }
}
