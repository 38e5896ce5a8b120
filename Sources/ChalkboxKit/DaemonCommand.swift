internal import AudioCapture
internal import Configuration
internal import LinuxRuntime
internal import Panel
internal import RecorderCore
internal import RecordingStore
internal import SpeechUplink
internal import WebTransport

/// What the daemon is put together from.
struct DaemonDependencies {
    var settings: Settings
    /// What is wrong with the configuration, for people.
    var mistakes: [String]
    var log: Log
    var loop: EventLoop
    var notifier: EventNotifier
    var ring: SampleRing
    var capture: CaptureThread
    var store: StoreThread
    var transport: Transport
    var uploads: UploadDriver
    var panel: PanelDriver
    var listener: ControlListener
}

/// The transport thread and its clients, as far as there are any.
struct Transport {
    var thread: TransportThread?
    var uplink: SpeechClient?
    /// Why there is no thread.
    var problem: UplinkFailure?
    /// Why there can be no transcription although it is wanted.
    var uplinkProblem: UplinkFailure?
}

/// `daemon`: makes the adapters from the settings and runs the loop.
enum DaemonCommand {
    static func run(_ arguments: Arguments) -> Outcome {
        let reading = ConfigurationSource.read(arguments)
        if let path = arguments.last("--socket") { reading.settings.box.controlSocket = path }
        let log = Log(threshold: reading.settings.logLevel)
        ConfigurationSource.useWritableDirectories(reading, arguments, makes: true)
        tell(of: reading, log)
        guard let daemon = assemble(reading, log) else { return .failed }
        do throws(SystemError) {
            try daemon.run()
            return .fine
        } catch {
            log.write(.error, "loop reason=\(LogEntry.quoted(error.message))")
            return .failed
        }
    }

    private static func tell(of reading: ConfigurationReading, _ log: Log) {
        for problem in reading.problems {
            let line = problem.line.map { " line=\($0)" } ?? ""
            let place = "file=\(LogEntry.quoted(problem.file))\(line) key=\(LogEntry.quoted(problem.key))"
            log.write(.error, "configuration \(place) reason=\(LogEntry.quoted(problem.message))")
        }
        let further = reading.furtherProblems
        if further > 0 { log.write(.error, "configuration further=\(further)") }
    }

    /// Nil after the reason was logged.
    private static func assemble(_ reading: ConfigurationReading, _ log: Log) -> Daemon? {
        var settings = reading.settings
        // Not by the asynchronous interface either.
        if reading.transcriptionProblem != nil { settings.transcription.restURL = "" }
        do throws(SystemError) {
            // The loop comes first: it blocks the signals that later threads must not take.
            let loop = try EventLoop()
            let notifier = try EventNotifier()
            try FileSystem.makeDirectories(ConfigurationSource.parent(of: settings.box.controlSocket), mode: 0o755)
            let listener = try ControlListener(path: settings.box.controlSocket)
            let ring = SampleRing()
            guard let store = store(settings, ring, notifier, log),
                let capture = capture(settings, ring, notifier, log)
            else { return nil }
            var transport = transport(settings, ring, notifier, log)
            if let problem = reading.transcriptionProblem {
                transport.uplinkProblem = UplinkFailure(.configuration, problem)
            }
            return Daemon(
                DaemonDependencies(
                    settings: settings, mistakes: reading.mistakes, log: log, loop: loop, notifier: notifier,
                    ring: ring, capture: capture, store: store, transport: transport,
                    uploads: uploads(settings, transport, notifier, log),
                    panel: PanelDriver(settings, log: log, now: Clock.now), listener: listener))
        } catch {
            let hint = error.number == SystemError.addressInUse ? "; another daemon is running" : ""
            log.write(.error, "start-up reason=\(LogEntry.quoted(error.message + hint))")
            return nil
        }
    }

    private static func store(
        _ settings: Settings, _ ring: SampleRing, _ notifier: EventNotifier, _ log: Log
    ) -> StoreThread? {
        do throws(StoreError) {
            let store = try StoreThread(
                directory: settings.box.stateDirectory, ring: ring, notifier: notifier,
                resumes: settings.box.resumeSeconds > 0, retention: settings.retention, postLesson: settings.postLesson)
            tell(of: store, log)
            if let failure = store.recoveryFailure {
                log.write(.error, "recovery reason=\(LogEntry.quoted(failure.message))")
            }
            return store
        } catch {
            log.write(.error, "start-up reason=\(LogEntry.quoted(error.message))")
            return nil
        }
    }

    private static func tell(of store: StoreThread, _ log: Log) {
        if let rebuilt = store.rebuilt { tell(of: rebuilt, log) }
        for id in store.unreadable {
            log.write(.warning, "unreadable id=\(id.text) reason=\"no file has a readable header; it is kept\"")
        }
        if let first = store.withoutAudio.first {
            let count = "recordings=\(store.withoutAudio.count) oldest=\(first.text)"
            log.write(.error, "audio state=missing \(count) reason=\"they are listed, and no audio file is there\"")
        }
        if store.skippedRows > 0 {
            log.write(.error, "index state=damaged skipped_rows=\(store.skippedRows)")
        }
        func recovered(_ id: RecordingID, bytes: Int64, lost: Int64, kept: Int64, damaged: Int) {
            let (lost, kept) = (SampleIndex(lost).milliseconds, SampleIndex(kept).milliseconds)
            let files = damaged > 0 ? " damaged_files=\(damaged)" : ""
            log.write(
                .warning, "recovered id=\(id.text) truncated_bytes=\(bytes) lost_ms=\(lost) kept_ms=\(kept)\(files)")
        }
        for one in store.recovered {
            recovered(
                one.summary.header.id, bytes: one.truncatedBytes, lost: one.lostSamples, kept: one.summary.samples,
                damaged: one.damagedFiles)
        }
        if let one = store.interruption {
            recovered(
                one.recording.header.id, bytes: one.truncatedBytes, lost: one.lostSamples,
                kept: one.recording.saved.value, damaged: one.damagedFiles)
        }
    }

    static func tell(of rebuilt: RebuiltIndex, _ log: Log) {
        let counts = "recordings=\(rebuilt.recordings) words=\(rebuilt.words)"
        let reason = rebuilt.reason.isEmpty ? "" : " reason=" + LogEntry.quoted(rebuilt.reason)
        let state = rebuilt.isTakenUp ? "taken-up" : "rebuilt"
        let note = rebuilt.unmarked == 0
            ? "" : " unmarked=\(rebuilt.unmarked) note=\"silence that the box put into these counts as sound\""
        log.write(.warning, "index state=\(state) kept=\(rebuilt.kept ?? "none")\(reason) \(counts)\(note)")
    }

    private static func capture(
        _ settings: Settings, _ ring: SampleRing, _ notifier: EventNotifier, _ log: Log
    ) -> CaptureThread? {
        do throws(CaptureError) {
            return try CaptureThread(settings: settings.capture, ring: ring, notifier: notifier)
        } catch {
            log.write(.error, "start-up reason=\(LogEntry.quoted(error.message))")
            return nil
        }
    }

    /// Without connections the box still records: what is wrong is shown in red at START.
    private static func transport(
        _ settings: Settings, _ ring: SampleRing, _ notifier: EventNotifier, _ log: Log
    ) -> Transport {
        var transport = Transport()
        guard settings.transcription.enabled || !settings.upload.url.isEmpty else { return transport }
        do throws(TransportError) {
            transport.thread = try TransportThread(caFile: settings.caFile, boxName: settings.box.name, log: log)
        } catch {
            log.write(.error, "uplink reason=\(LogEntry.quoted(error.message))")
            transport.problem = UplinkFailure(.configuration, error.message)
            transport.uplinkProblem = transport.problem
        }
        if settings.transcription.enabled, let thread = transport.thread {
            do throws(SystemError) {
                let bearer = try SecretFile(path: settings.transcription.tokenBearerFile).read()
                transport.uplink = SpeechClient(
                    settings: settings.uplink(bearer: bearer), ring: ring, thread: thread, notifier: notifier,
                    log: log)
            } catch {
                log.write(.error, "uplink reason=\(LogEntry.quoted(error.message))")
                transport.uplinkProblem = UplinkFailure(.configuration, error.message)
            }
        }
        return transport
    }

    private static func uploads(
        _ settings: Settings, _ transport: Transport, _ notifier: EventNotifier, _ log: Log
    ) -> UploadDriver {
        let file = SecretFile(path: settings.upload.bearerFile)
        let restFile = SecretFile(path: settings.restBearerFile)
        var bearer: String?
        var problem = transport.problem
        do throws(SystemError) {
            bearer = try file.read()
        } catch {
            log.write(.error, "upload reason=\(LogEntry.quoted(error.message))")
            problem = problem ?? UplinkFailure(.configuration, error.message)
        }
        let client = transport.thread.map { HTTPClient(thread: $0, notifier: notifier) }
        return UploadDriver(
            client, settings.uploads(bearer: bearer), settings.transcriptions, bearerFile: file,
            restBearerFile: restFile, problem: problem, log: log)
    }
}
