internal import Configuration
internal import LinuxRuntime
internal import RecorderCore
internal import RecordingStore

/// `recordings` and `export`: they read the journal themselves, so they work while the daemon records, and without it.
enum RecordingCommands {
    static func list(_ arguments: Arguments) -> Outcome {
        let settings = ConfigurationSource.load(arguments)
        do throws(StoreError) {
            let index = try RecordingIndex(directory: RecorderDirectory.tell(settings, arguments))
            let recordings = try index.recordings()
            let transcribes = settings.transcription.enabled
            let strays = try index.strays()
            let withoutAudio = try index.withoutAudio()
            let print = arguments.flags.contains("--json") ? json : table
            Console.output(print(recordings, strays, withoutAudio, transcribes))
            tellOfDamage(index, "recordings")
            return .fine
        } catch {
            complain("recordings: " + error.message)
            return .failed
        }
    }

    /// The state as people see it: of a saved recording, what is still done for it.
    private static func state(_ recording: RecordingSummary, _ transcribes: Bool) -> String {
        recording.state == .saved && transcribes && !recording.isTextSettled && recording.gaps > 0
            ? "transcribing" : recording.state.name
    }

    @inline(never)
    private static func clock(_ samples: Int64) -> String {
        StatusText.Duration.clock(SampleIndex(samples).milliseconds / 1_000)
    }

    private static func detail(_ recording: RecordingSummary, _ state: String) -> String {
        if state == "transcribing" {
            let length = clock(recording.gapSamples)
            return " (\(recording.gaps) \(recording.gaps == 1 ? "gap" : "gaps"), \(length))"
        }
        guard recording.state == .uploading else { return "" }
        return " (\(recording.sentBytes >> 20) of \(recording.packageBytes >> 20) MB)"
    }

    private typealias Strays = [(id: RecordingID, isReadable: Bool)]

    private static func table(
        _ recordings: [RecordingSummary], _ strays: Strays, _ withoutAudio: [RecordingID], _ transcribes: Bool
    ) -> String {
        guard !recordings.isEmpty || !strays.isEmpty else { return "no recordings yet\n" }
        var text = ""
        for recording in recordings {
            text += "\(recording.header.id.text)  \(recording.header.startedAt.rfc3339)  "
            text += clock(recording.samples)
            text += "  \(recording.words) words, \(recording.speakers) speakers"
            let sound = SoundText.problem(recording.sound, of: recording.samples)
            if !sound.isEmpty { text += ", " + sound }
            text += ", \(recording.coveredPercent)% transcribed"
            let state = state(recording, transcribes)
            text += "  " + state + detail(recording, state) + (recording.interrupted ? " (interrupted)" : "")
            if withoutAudio.contains(recording.header.id) { text += ", audio is missing" }
            text += recording.header.label.isEmpty ? "\n" : "  \(recording.header.label.shown)\n"
        }
        for stray in strays {
            text += stray.id.text + (stray.isReadable
                ? "  not in the index; the recorder enters it at its next start\n"
                : "  not readable, kept: no file has a readable header\n")
        }
        return text
    }

    private static func json(
        _ recordings: [RecordingSummary], _ strays: Strays, _ withoutAudio: [RecordingID], _ transcribes: Bool
    ) -> String {
        var writer = JSONWriter()
        writer.array { writer in
            for recording in recordings {
                writer.object { writer in
                    writer.field("id", recording.header.id.text)
                    writer.field("label", recording.header.label)
                    writer.field("startedAt", recording.header.startedAt.rfc3339)
                    writer.field("clockSynchronised", recording.header.clockSynchronised)
                    writer.field("state", state(recording, transcribes))
                    writer.field("samples", recording.samples)
                    writer.field("durationMs", SampleIndex(recording.samples).milliseconds)
                    writer.field("words", recording.words)
                    writer.field("speakers", recording.speakers)
                    writer.field("coveredMs", SampleIndex(recording.coveredSound).milliseconds)
                    writer.fields(of: recording.sound)
                    writer.field("gaps", recording.gaps)
                    writer.field("gapsMs", SampleIndex(recording.gapSamples).milliseconds)
                    writer.field("bytes", recording.packageBytes)
                    writer.field("bytesSent", recording.sentBytes)
                    writer.field("interrupted", recording.interrupted)
                    writer.field("audioMissing", withoutAudio.contains(recording.header.id))
                }
            }
            for stray in strays {
                writer.object { writer in
                    writer.field("id", stray.id.text)
                    writer.field("state", stray.isReadable ? "not in the index" : "not readable")
                }
            }
        }
        return writer.text + "\n"
    }

    private static let formats = ["txt", "srt", "vtt", "json", "html", "flac"]

    static func export(_ arguments: Arguments) throws(Arguments.UsageError) -> Outcome {
        guard let name = arguments.positional.first else {
            let hint = "`chalkbox recordings` lists them; `last` is the newest"
            throw Arguments.UsageError(message: "which recording? " + hint)
        }
        guard arguments.positional.count == 1 else {
            throw Arguments.UsageError(message: "unexpected \(arguments.positional[1])")
        }
        guard let format = arguments.last("--format"), formats.contains(format) else {
            throw Arguments.UsageError(message: "--format takes one of " + formats.joined(separator: ", "))
        }
        guard let version = (arguments.last("--json-version") ?? "2").decimal(upTo: 2),
            let version = TranscriptWriter.Version(rawValue: version)
        else { throw Arguments.UsageError(message: "--json-version takes 1 or 2") }
        guard let output = arguments.last("-o") ?? arguments.last("--output") else {
            throw Arguments.UsageError(message: "-o FILE is missing (`-` is standard output)")
        }
        let settings = ConfigurationSource.load(arguments)
        do throws(StoreError) {
            let replaces = arguments.flags.contains("--force")
            let file = output == "-" ? nil : try system { () throws(SystemError) in
                try OutputFile(output, replaces: replaces)
            }
            return try export(name, format, version, file, directory: RecorderDirectory.tell(settings, arguments))
        } catch {
            complain("export: " + error.message)
            return .failed
        }
    }

    private static func system<Value>(_ body: () throws(SystemError) -> Value) throws(StoreError) -> Value {
        do throws(SystemError) {
            return try body()
        } catch {
            throw .file(error)
        }
    }

    /// - Parameter file: nil for standard output.
    private static func export(
        _ name: String, _ format: String, _ version: TranscriptWriter.Version, _ file: OutputFile?, directory: String
    ) throws(StoreError) -> Outcome {
        let index = try RecordingIndex(directory: directory)
        let recordings = try index.recordings()
        guard let id = find(name, recordings.map { $0.header.id }, for: "export"),
            let recording = recordings.first(where: { $0.header.id == id })
        else { return .failed }
        guard format != "flac" else {
            guard let file, !file.isStraight else {
                complain("export: flac needs a regular file: its header is written last; give one with -o FILE")
                return .usage
            }
            let samples = try AudioExport.flac(id, directory: directory, to: file.path)
            Console.error("\(file.path.shown): \(clock(samples))\n")
            return .fine
        }
        let page = format == "html" ? try template() : (before: "", after: "")
        guard let page else { return .failed }
        let export = try TranscriptExport(index, of: recording, format: format, version: version)
        try write(page.before, export, page.after, to: file)
        tellOfDamage(index, "export")
        tellOfSpeed(export.cues)
        return .fine
    }

    /// What stands around the lesson in its page.
    private static func template() throws(StoreError) -> (before: String, after: String)? {
        let path = Process.installed("/share/chalkbox/transcript.html")
        let bytes = try system { () throws(SystemError) in
            try FileSystem.readFile(path, limitBytes: Limits.templateBytes)
        }
        let parts = String(decoding: bytes, as: UTF8.self).cut(around: TranscriptPage.place)
        if parts == nil { complain("export: \(path) is no page for a lesson: install the package again") }
        return parts
    }

    private static func write(
        _ before: String, _ export: TranscriptExport, _ after: String, to file: OutputFile?
    ) throws(StoreError) {
        let writer: OutputWriter?
        if let file {
            writer = try system { () throws(SystemError) in try OutputWriter(file) }
        } else {
            writer = nil
        }
        var piece: String? = before
        var pending: [UInt8] = []
        while let text = piece {
            pending += Array(text.utf8)
            piece = try export.next()
            if piece == nil { pending += Array(after.utf8) }
            guard piece == nil || pending.count >= Limits.pieceBytes else { continue }
            if let writer {
                try system { () throws(SystemError) in try writer.append(pending) }
            } else {
                Console.output(pending)
            }
            pending = []
        }
        try system { () throws(SystemError) in try writer?.finish() }
    }

    private static func tellOfSpeed(_ cues: (all: Int, fast: Int)) {
        guard cues.fast > 0 else { return }
        let pace = "\(Cue.columnsPerSecond) letters a second"
        Console.error("\(cues.fast) of \(cues.all) subtitles pass faster than people read (\(pace))\n")
    }

    /// What is there is given out all the same.
    private static func tellOfDamage(_ index: RecordingIndex, _ command: String) {
        guard index.skippedRows > 0 else { return }
        let hint = "`chalkbox recordings verify` says of which recording"
        complain("\(command): \(index.skippedRows) damaged rows of the index were left out; \(hint)")
    }

    /// A name, the beginning of one, or `last`.
    static func find(_ name: String, _ recordings: [RecordingID], for command: String) -> RecordingID? {
        if name == "last" {
            // Names begin with the time of the start.
            if let newest = recordings.max(by: { $0.text < $1.text }) { return newest }
            complain(command + ": nothing has been recorded yet")
            return nil
        }
        let matches = recordings.filter { $0.text.begins(with: name) }
        guard matches.count == 1 else {
            let what = matches.isEmpty ? "no recording is named" : "\(matches.count) recordings begin with"
            complain("\(command): \(what) \(name); `chalkbox recordings` lists them")
            return nil
        }
        return matches[0]
    }
}
