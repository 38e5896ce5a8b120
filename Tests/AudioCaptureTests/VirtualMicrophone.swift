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
        pcm.card { type plug slave { pcm "instant" rate 48000 channels 2 format S32_LE } }
        pcm.card44 { type plug slave { pcm "instant" rate 44100 channels 4 format S24_3LE } }
        pcm.mixed { type pulse device "classroom.monitor" server "unix:\(path)/pulse.sock" }
        ctl.mixed { type pulse server "unix:\(path)/pulse.sock" source "classroom.monitor" }
        pcm.alaw { type plug slave { pcm "null" rate 8000 channels 1 format A_LAW } }
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

    /// Turns the capture switch of the device `mixed` off.
    static func mute() throws { try run("/usr/bin/amixer", ["-q", "-D", "mixed", "sset", "Capture", "nocap"]) }

    private static func run(_ verb: String) throws {
        try run(script, [verb, NSTemporaryDirectory() + "chalkbox-microphone-\(getpid())"])
    }

    private static func run(_ program: String, _ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
    }
}

/// Samples of which none is silence, and none equals its neighbours; their mean is next to nothing.
func numberedSample(_ index: Int) -> Int16 { Int16(index % 30_000 + 1) * (index % 2 == 0 ? 1 : -1) }
func numberedSamples(_ count: Int) -> [Int16] { (0..<count).map(numberedSample) }
