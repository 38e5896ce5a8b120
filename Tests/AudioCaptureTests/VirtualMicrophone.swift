import Foundation
import RecorderCore
import Testing

/// The sound server that `board/sim/virtual-microphone` starts, in a directory of its own. One for the process:
/// libasound keeps the configuration that it first read.
final class VirtualMicrophone {
    private static let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "board/sim/virtual-microphone").path

    static let directory: String = {
        let path = NSTemporaryDirectory() + "chalkbox-microphone-\(getpid())"
        try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let configuration = path + "/test.conf"
        try? """
        <\(path)/asound.conf>
        pcm.instant { type file slave.pcm "null" file "/dev/null" format "raw" infile "\(path)/instant.raw" }
        pcm.stereo {
            type multi
            slaves.a { pcm "null" channels 2 }
            bindings.0 { slave a channel 0 }
            bindings.1 { slave a channel 1 }
        }
        """.write(toFile: configuration, atomically: true, encoding: .utf8)
        setenv("ALSA_CONFIG_PATH", configuration, 1)
        setenv("XDG_RUNTIME_DIR", path, 1)
        try? run("configure")
        atexit { try? FileManager.default.removeItem(atPath: VirtualMicrophone.directory) }
        return path
    }()

    private var isRunning = false

    init() throws {
        try start()
    }

    deinit {
        kill()
    }

    func start() throws {
        _ = Self.directory
        try Self.run("start")
        isRunning = true
    }

    /// As a cable that is pulled: nothing is said to the clients before.
    func kill() {
        guard isRunning, let text = try? String(contentsOfFile: Self.directory + "/pulse.pid", encoding: .utf8),
            let pid = Int32(text.trimmingCharacters(in: .whitespacesAndNewlines))
        else { return }
        _ = Glibc.kill(pid, SIGKILL)
        isRunning = false
        // Reaped by whoever adopted it; gone when the kernel says so.
        while Glibc.kill(pid, 0) == 0, !Self.isZombie(pid) { usleep(1_000) }
        try? FileManager.default.removeItem(atPath: Self.directory + "/pulse.pid")
    }

    private static func isZombie(_ pid: Int32) -> Bool {
        let status = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
        return status.isEmpty || status.contains(") Z ")
    }

    /// What the device `lesson` says at its next opening.
    static func load(_ samples: [Int16]) throws { try write(samples, to: directory + "/lesson.raw") }

    /// What the device `instant` says at its next opening, as fast as it is read.
    static func loadInstant(_ samples: [Int16]) throws { try write(samples, to: directory + "/instant.raw") }

    private static func write(_ samples: [Int16], to path: String) throws {
        try samples.withUnsafeBytes { try Data($0).write(to: URL(filePath: path)) }
    }

    private static func run(_ verb: String) throws {
        let process = Process()
        process.executableURL = URL(filePath: script)
        process.arguments = [verb, NSTemporaryDirectory() + "chalkbox-microphone-\(getpid())"]
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
    }
}

/// Samples of which none is silence, and none equals its neighbours.
func numberedSamples(_ count: Int) -> [Int16] { (0..<count).map { Int16($0 % 30_000 + 1) } }
