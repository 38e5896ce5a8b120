import CloudKit
import Foundation
import OwnThread
import Testing

/// The shipped recorder while it ends, and beside a state directory that is not as it should be.
@Suite(.ownThread) struct `The end of the shipped recorder` {
    @Test func `START is refused while the recorder ends, and the doctor tells why nothing can be saved`() throws {
        let box = try Box()
        try box.startMicrophone(ToneLesson(.seconds(8), speakers: 1, seed: 35).samples)
        try box.writeConfiguration(device: "lesson", token: "https://school.example/t", authority: "")
        try box.startDaemon(device: "lesson", overrides: ["transcription.enabled=no"])
        let recordings = box.directory + "/state/recordings"
        // The socket is there before.
        try Box.wait("the store", seconds: 20) { FileManager.default.fileExists(atPath: recordings) }
        try FileManager.default.moveItem(atPath: recordings, toPath: recordings + "-away")
        try "a file".write(toFile: recordings, atomically: true, encoding: .utf8)
        let doctor = try box.chalkbox("doctor", "--leave-microphone")
        #expect(doctor.code == 1 && doctor.output.contains("WRONG  disk: "), "\(doctor.output)")

        #expect(try box.chalkbox("start", "--label", "lost").code == 0)
        try box.wait("the disk to refuse") { $0["phase"] as? String == "failed" }
        #expect(try box.chalkbox("stop", "--no-wait").code == 0)
        let mark = StampedLog.now
        let daemon = try #require(box.daemon)
        kill(daemon.pid, SIGTERM)
        #expect(box.lines.wait(since: mark, seconds: 20) { $0.contains("signal number=15") } != nil)
        // It still waits for the disk.
        let start = try box.chalkbox("start", "--label", "too late")
        #expect(start.code == 1 && start.output.contains("the recorder is ending"), "\(start.output)")
        #expect(daemon.wait() == 0)
        #expect(!box.log.contains("too late"), "\(box.log)")
        try FileManager.default.removeItem(atPath: box.directory)
    }

    @Test func `the doctor makes no directory, and a lamp that is not there is not lit`() throws {
        let box = try Box()
        try box.writeConfiguration(device: "null", token: "https://school.example/t", authority: "")
        let missing = box.directory + "/not-there/state"
        let doctor = try box.chalkbox("doctor", "--set", "box.state_directory=" + missing)
        #expect(doctor.output.contains(missing + " is missing; the recorder makes it"), "\(doctor.output)")
        #expect(!FileManager.default.fileExists(atPath: box.directory + "/not-there"))
        let lamp = try box.chalkbox("lamp", "red", "--set", "panel.driver=none")
        #expect(lamp.code == 1 && lamp.output.contains("no lamp to light"), "\(lamp)")
        try FileManager.default.removeItem(atPath: box.directory)
    }
}
