internal import AudioCapture
internal import Configuration
internal import LinuxRuntime
internal import Panel
internal import RecorderCore
internal import RecordingStore
internal import SpeechUplink
internal import WebTransport
internal import WireJSON

/// `doctor`: each part of the box is tried once, and what is wrong is told with what to do about it.
struct Doctor {
    /// Where the settings are written.
    let file: String
    /// The recorder's; null: it gives none.
    var status = JSONValue.null
    private(set) var failures = 0

    static func run(_ arguments: Arguments) -> Outcome {
        let reading = ConfigurationSource.read(arguments)
        ConfigurationSource.useWritableDirectories(reading, arguments, makes: false)
        let settings = reading.settings
        var doctor = Doctor(file: arguments.last("--config") ?? ConfigurationSource.standardPath)
        let problem = doctor.askRecorder(settings)
        doctor.tellMistakes(reading.mistakes)
        doctor.tellRecorder(problem)
        doctor.checkBootPartition()
        doctor.checkSecrets(settings)
        doctor.checkDisk(settings)
        doctor.checkRecordings(settings)
        doctor.checkClock()
        doctor.checkMicrophone(settings, isLeft: arguments.flags.contains("--leave-microphone"))
        doctor.checkPanel(settings)
        doctor.checkService(settings)
        Console.line(doctor.failures == 0 ? "all fine" : "\(doctor.failures) to mend")
        return doctor.failures == 0 ? .fine : .failed
    }

    @inline(never)
    mutating func report(_ what: String, fine: Bool, _ detail: String) {
        if !fine { failures += 1 }
        Console.line((fine ? "fine   " : "WRONG  ") + what + ": " + detail)
    }

    /// What the image found wrong at its start with the files of the boot partition and with the card, a line each.
    private mutating func checkBootPartition() {
        let path = "/run/chalkbox-boot/network-problems"
        guard let bytes = try? FileSystem.readFile(path, limitBytes: Limits.networkProblemBytes) else { return }
        let lines = String(decoding: bytes, as: UTF8.self).parts(separatedBy: "\n").filter { !$0.isEmpty }
        for line in lines.prefix(Limits.networkProblems) {
            report("boot", fine: false, line.clipped(bytes: Limits.networkProblemLineBytes))
        }
    }

    private mutating func checkDisk(_ settings: Settings) {
        guard FileSystem.isThere(settings.box.stateDirectory) else {
            let missing = settings.box.stateDirectory + " is missing; the recorder makes it at its start"
            report("disk", fine: !isRunning, missing)
            return
        }
        do throws(SystemError) {
            let recordings = settings.box.stateDirectory + "/recordings"
            let probe = (FileSystem.isThere(recordings) ? recordings : settings.box.stateDirectory) + "/.doctor"
            try FileSystem.writeFile(probe, [0])
            try FileSystem.remove(probe)
        } catch {
            report("disk", fine: false, error.message + "; the daemon's user must own box.state_directory")
            return
        }
        let disk = DiskStatus(directory: settings.box.stateDirectory)
        if let refusal = disk.refusal(reserveMB: settings.box.reserveMegabytes) {
            report("disk", fine: false, refusal + "; free some space")
        } else if isRunning {
            // It has measured what a minute takes, and says so elsewhere.
            report("disk", fine: true, StatusText.disk(status))
        } else {
            // Before the first lesson there is no index.
            let rate = try? RecordingIndex(directory: settings.box.stateDirectory).bytesAMinute()
            let minutes = disk.minutesLeft(reserveMB: settings.box.reserveMegabytes, bytesAMinute: rate)
            report("disk", fine: true, DiskStatus.text(freeMB: disk.freeMegabytes, minutesLeft: minutes))
        }
    }

    /// Before the first lesson there is nothing to tell.
    private mutating func checkRecordings(_ settings: Settings) {
        let directory = settings.box.stateDirectory
        do throws(StoreError) {
            let missing = try RecordingIndex(directory: directory).withoutAudio()
            guard !missing.isEmpty else { return }
            let next = "; `chalkbox recordings` says of which; if there is a copy, put it back into "
            let lost = "the audio of \(missing.count) is missing" + next + directory + "/recordings"
            report("recordings", fine: false, lost)
        } catch {
            if case .noIndex = error { return }
            report("recordings", fine: false, error.message)
        }
    }

    private mutating func checkClock() {
        let now = Clock.wall.rfc3339
        // A clock that is not synchronised is told and marked in the recording, but nothing fails by it.
        report("clock", fine: true, now + (Clock.isSynchronised ? "" : " (not synchronised; is NTP reachable?)"))
    }

    private mutating func checkMicrophone(_ settings: Settings, isLeft: Bool) {
        let device = settings.audio.device
        let problem = microphoneProblem()
        guard problem.isEmpty else {
            report("microphone", fine: false, device + ": " + problem + "; audio.device in " + file + ", `arecord -L`")
            return
        }
        if let peak = status.at("microphone.peakDbfs").double {
            let note = status.text("microphone.note")
            let measured = ", a lesson is recorded with it, " + Self.peak(Int(peak)) + (note.isEmpty ? "" : "; " + note)
            report("microphone", fine: true, device + measured)
            return
        }
        if status.text("microphone.standby") == "open" {
            report("microphone", fine: true, device + ", it stands by; `chalkbox microphone test` measures it")
            return
        }
        guard !isRunning || !isLeft else {
            checkCard(device)
            return
        }
        do throws(CaptureError) {
            let result = try CaptureProbe.measure(settings.capture)
            let mixer = result.mixer.problem
            guard mixer.isEmpty else { return report("microphone", fine: false, device + ": " + mixer) }
            let quiet = result.level.rmsTenths < settings.audio.levelWarningDBFS * 10
            let measured = device + ", " + result.parameters.text + ", " + Self.peak(result.level.peakTenths / 10)
            let fault = result.faults.text(of: settings.audio.channel)
            let isFine = !quiet && (fault.isEmpty || settings.audio.channel == .mix)
            report("microphone", fine: isFine, measured + (quiet ? Self.isQuiet : fault.isEmpty ? "" : "; " + fault))
        } catch {
            report("microphone", fine: false, error.message)
        }
    }

    private static func peak(_ decibels: Int) -> String { String(decibels) + " dBFS peak" }

    /// Whether the device's card is there, without opening it: /proc/asound has a link of each card's name.
    private mutating func checkCard(_ device: String) {
        var card = ""
        for part in device.parts(separatedBy: ":").last?.parts(separatedBy: ",") ?? [] {
            card = part.remainder(after: "CARD=") ?? card
        }
        let isThere = card.isEmpty || (try? FileSystem.list("/proc/asound/" + card)) != nil
        let missing = ": there is no such sound card; is the microphone plugged in?"
        report("microphone", fine: isThere, device + (isThere ? ", not tried while the recorder runs" : missing))
    }

    private mutating func checkPanel(_ settings: Settings) {
        guard settings.panel.driver == .gpio else {
            report("panel", fine: true, "no GPIO is configured")
            return
        }
        if isRunning {
            let problem = status.text("panel.problem")
            report("panel", fine: problem.isEmpty, problem.isEmpty ? "in use by the daemon" : problem + "; see " + file)
            return
        }
        let slots = GPIOPanel.slots(settings.panelLines, at: Clock.now)
        for slot in slots { _ = slot.acquire(at: Clock.now) }
        for slot in slots { if let problem = slot.problem { report("panel", fine: false, problem) } }
        if !slots.contains(where: { !$0.isHeld }) {
            report("panel", fine: true, "the lines could be requested, libgpiod \(GPIOPanel.libraryVersion)")
        }
    }

    /// DNS, TLS, the token endpoint and the speech service, by opening a session and closing it again.
    private mutating func checkService(_ settings: Settings) {
        guard settings.transcription.enabled else {
            report("transcription", fine: true, "off: record only")
            return
        }
        let bearer: String?
        do throws(SystemError) {
            bearer = try SecretFile(path: settings.transcription.tokenBearerFile).read()
        } catch {
            report("token", fine: false, error.message)
            return
        }
        guard let notifier = try? EventNotifier() else {
            report("token", fine: false, "no eventfd can be had")
            return
        }
        do throws(TransportError) {
            let log = Log(threshold: .error)
            let transport = try TransportThread(caFile: settings.caFile, log: log)
            let uplink = SpeechClient(
                settings: settings.uplink(bearer: bearer), ring: SampleRing(capacity: 1 << 12), thread: transport,
                notifier: notifier, log: log)
            converse(uplink, notifier)
            transport.shutdown()
        } catch {
            report("transcription", fine: false, error.message)
        }
    }

    private mutating func converse(_ uplink: SpeechClient, _ notifier: EventNotifier) {
        _ = uplink.send(.requestKey(attempt: .lesson(1)))
        var deadline = Clock.now.adding(milliseconds: 2 * Limits.attemptMilliseconds)
        var opened: Int64?
        while Poll.readable(notifier.fileDescriptor, until: deadline) {
            notifier.drain()
            for event in uplink.takeEvents() {
                switch event {
                case .key(_, let key):
                    report("token", fine: true, "the endpoint gave a key")
                    let id = RecordingID(startedAt: Clock.wall, randomHigh: 0, randomLow: Process.random())
                    _ = uplink.send(.open(SessionRequest(id: .lesson(1), key: key, recording: id, base: .zero)))
                case .keyFailed(_, let failure):
                    report("token", fine: false, failure.detail)
                    return
                case .opened(_, let took):
                    // Of a model that is gone, or an empty account, the service tells only now.
                    opened = took
                    deadline = Clock.now.adding(milliseconds: Limits.refusalMilliseconds)
                case .closed(_, let failure):
                    report("speech service", fine: false, failure?.detail ?? "closed at once")
                    return
                case .message, .sent, .audioWanted:
                    break
                }
            }
        }
        if let opened { return report("speech service", fine: true, "a session was opened in \(opened) ms") }
        report("transcription", fine: false, "no answer in \(2 * Limits.attemptMilliseconds / 1_000) s")
    }
}
