import Configuration
import Foundation
import LinuxRuntime
import RecorderCore
import RecordingStore
import Testing
import WireJSON

@testable import ChalkboxKit

private func json(_ text: String) throws -> JSONValue { try JSONValue.parse(Array(text.utf8), limitBytes: 65_536) }

@Suite struct `Status for people` {
    @Test func `says what the box does, line by line`() throws {
        let status = try json(
            """
            {"phase":"reconnecting","attempt":2,"attempts":6,"reason":"no route","mistakes":["a.conf: x"],
             "network":{"online":true,"interface":"wlan0","address":"10.0.0.2","ssid":"school"},
             "recording":{"id":"01J","label":"7B","startedAt":"2026-11-24T08:00:00Z","durationMs":65000,
              "coveredMs":60000,"finalWords":12,"speakers":2,"xruns":1,"lostMs":40},
             "led":{"green":"off","amber":"blinking","red":"off"},"microphone":{"peakDbfs":-70.4,"level":"quiet"},
             "disk":{"freeMB":2048,"minutesLeft":125},"outbox":{"enabled":true,"waiting":2}}
            """)
        let lines = StatusText.text(of: status).split(separator: "\n").map(String.init)
        for line in [
            "phase      Reconnecting (2/6)", "reason     no route", "mistake    a.conf: x",
            "network    wlan0 10.0.0.2, WiFi school", "recording  01J (7B)", "since      2026-11-24T08:00:00Z, 1:05",
            "transcript 12 words, 2 speakers, 1:00 final", "lost       40 ms in 1 overruns",
            "lamps      green off, amber blinking, red off",
            "disk       2048 MB free, room for about 2 h of recording", "upload     2 waiting",
        ] { #expect(lines.contains(line), "\(line): \(lines)") }
        #expect(lines.contains { $0.hasPrefix("microphone peak -70 dBFS; very quiet") })
    }

    @Test func `of an idle box without a network is short`() throws {
        let text = StatusText.text(of: try json("{\"phase\":\"idle\",\"network\":{\"online\":false}}"))
        #expect(text.contains("phase      idle\n") && text.contains("network    offline: no link is up\n"))
        #expect(!text.contains("recording") || !text.contains("since"))
    }

    @Test func `tells of a finished lesson's sound until the next one begins`() throws {
        let finished = "\"finished\":{\"id\":\"01J\",\"sound\":\"quiet for 0:38\"}"
        #expect(StatusText.silent(try json("{\(finished),\"recording\":null}")) == "01J: saved, but quiet for 0:38")
        #expect(StatusText.silent(try json("{\(finished),\"recording\":{\"id\":\"01K\"}}")) == nil)
    }

    @Test(arguments: [(0, "0:00"), (65, "1:05"), (3_599, "59:59"), (3_909, "1:05:09")] as [(Int64, String)])
    func `writes lengths as people do`(seconds: Int64, text: String) {
        #expect(StatusText.Duration.clock(seconds) == text)
    }
}

@Suite struct `The words for sound and disk` {
    @Test func `name each thing that is wrong with the sound`() {
        var sound = RecordedSound()
        #expect(SoundText.problem(sound, of: 0) == "nothing was recorded")
        #expect(SoundText.problem(sound, of: 16_000) == "")
        sound.silenceSamples = 1_920
        sound.quietSamples = 38 * 16_000
        sound.clippedSamples = 16_000
        let text = "no sound for 120 ms of 1:00, quiet for 0:38, clipping for 0:01"
        #expect(SoundText.problem(sound, of: 60 * 16_000) == text)
    }

    @Test func `say how long a disk lasts, and when it is too full`() {
        let disk = DiskStatus(directory: FileManager.default.temporaryDirectory.path)
        #expect(disk.freeMegabytes > 0 && disk.refusal(reserveMB: 0) == nil)
        #expect(disk.minutesLeft(reserveMB: 0, bytesAMinute: 1) == disk.freeBytes)
        #expect(disk.minutesLeft(reserveMB: Int(disk.freeMegabytes) + 1_000, bytesAMinute: nil) == 0)
        #expect(disk.refusal(reserveMB: Int(disk.freeMegabytes) + 1_000)?.contains("box.reserve_mb") == true)
        #expect(DiskStatus.text(freeMB: 900, minutesLeft: 59) == "900 MB free, room for about 0 h of recording")
        let none = DiskStatus(directory: "/no/such/directory")
        #expect(none.freeBytes == nil && none.refusal(reserveMB: 0)?.contains("/no/such/directory") == true)
    }
}

@Suite struct `The settings in each part's words` {
    private var settings: Settings { ConfigurationFile.standard }

    @Test func `have the units of the part`() {
        var settings = settings
        settings.reconnect.capSeconds = 16
        settings.transcription.sessionMinutes = 0.5
        settings.box.reserveMegabytes = 512
        settings.upload.chunkMegabytes = 6
        #expect(settings.recorder.sessionMilliseconds == 30_000)
        #expect(settings.recorder.reconnect.capMilliseconds == 16_000)
        #expect(settings.retention.reserveBytes == 512 << 20)
        #expect(settings.outbox.chunkBytes == 6 << 20)
    }

    @Test func `upload only where there is an address, and transcribe later only when transcribing`() {
        var settings = settings
        #expect(!settings.outbox.isOn && !settings.postLesson.uploads)
        settings.upload.url = "https://school.example/files"
        #expect(settings.outbox.isOn && settings.postLesson.uploads && !settings.outbox.hasManifest)
        settings.transcription.enabled = false
        #expect(!settings.postLesson.transcribes && !settings.recorder.transcription)
    }

    @Test func `take the other secret only when the asynchronous interface has none of its own`() {
        var settings = settings
        settings.transcription.tokenBearerFile = "/token"
        #expect(settings.restBearerFile == "/token")
        settings.transcription.restBearerFile = "/rest"
        #expect(settings.restBearerFile == "/rest")
    }
}

@Suite struct `The doctor's findings` {
    private func doctor(_ status: String) throws -> Doctor {
        Doctor(file: "/etc/chalkbox/chalkbox.conf", status: try json(status))
    }

    @Test func `are about the recorder only when it says how it is`() throws {
        #expect(try doctor("{\"phase\":\"idle\"}").isRunning)
        #expect(try !doctor("{\"error\":\"refused\"}").isRunning)
    }

    @Test func `tell of the microphone what the recorder says`() throws {
        let lost = "{\"reason\":\"microphone: hw:1: No such device\",\"microphone\":{\"device\":\"hw:1\"}}"
        #expect(try doctor(lost).microphoneProblem() == "No such device")
        let quiet = try doctor("{\"microphone\":{\"level\":\"quiet\"}}").microphoneProblem()
        #expect(quiet == "quiet" + Doctor.isQuiet)
        #expect(try doctor("{\"recording\":{\"lostMs\":40}}").microphoneProblem().hasPrefix("40 ms of this lesson"))
        #expect(try doctor("{\"reason\":\"no route\"}").microphoneProblem() == "")
    }
}

@Suite struct `The directory that the recorder uses` {
    @Test func `is told by the mistake that it found`() {
        let told = "/c.conf: box.state_directory: cannot write to /x: Permission denied; using /var/lib/chalkbox"
        #expect(RecorderDirectory.isFallback(told, to: "/var/lib/chalkbox"))
        #expect(!RecorderDirectory.isFallback(told, to: "/var/lib/chalk"))
        #expect(!RecorderDirectory.isFallback("; using /var/lib/chalkbox", to: "/var/lib/chalkbox"))
        #expect(!RecorderDirectory.isFallback("", to: "/var/lib/chalkbox"))
    }
}
