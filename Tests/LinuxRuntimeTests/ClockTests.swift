import RecorderCore
import Testing

@testable import LinuxRuntime

struct ClockTests {
    @Test func `a hardware clock keeps the time when it says the same`() throws {
        let path = "/tmp/chalkbox-rtc-\(Process.random())"
        defer { _ = try? FileSystem.remove(path) }
        let now = LinuxRuntime.Clock.wall.milliseconds / 1_000
        for (text, agrees) in [
            ("\(now)\n", true), ("\(now - 2)\n", true), ("\(now - 60)\n", false), ("94\n", false), ("\(now)", false),
            ("\n", false), ("-9223372036854775808\n", false), ("9223372036854775807\n", false),
        ] {
            try FileSystem.writeFile(path, Array(text.utf8))
            #expect(LinuxRuntime.Clock.agreesWithRTC(at: path) == agrees, "\(text)")
        }
        #expect(!LinuxRuntime.Clock.agreesWithRTC(at: path + "-missing"))
    }
}
