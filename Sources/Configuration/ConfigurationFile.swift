internal import RecorderCore

/// Reads `chalkbox.conf` and collects its mistakes, not just the first.
package enum ConfigurationFile {
    package enum Result: Equatable, Sendable {
        case settings(Settings)
        case problems([ConfigurationProblem])
    }

    /// Every setting's default.
    package static var standard: Settings { ConfigurationReading().settings }

    /// - Parameters:
    ///   - file: the name for messages.
    ///   - defaults: what holds on this board where `text` says nothing, or something wrong.
    ///   - overrides: `section.key=value`, applied after the file.
    package static func read(
        text: [UInt8], file: String, defaults: (text: [UInt8], file: String)? = nil, overrides: [String] = []
    ) -> ConfigurationReading {
        let reading = ConfigurationReading()
        if let defaults { reading.defaults = reading.read(INIReader(defaults.text), of: defaults.file) }
        _ = reading.read(INIReader(text), of: file)
        for override in overrides { reading.override(override) }
        reading.checkWhole()
        return reading
    }

    /// The settings of a file without a mistake.
    package static func load(text: [UInt8], file: String, overrides: [String] = []) -> Result {
        let reading = read(text: text, file: file, overrides: overrides)
        return reading.problems.isEmpty ? .settings(reading.settings) : .problems(reading.problems)
    }

    /// What the file sets, a line each, without what may be a secret: for who helps from afar.
    package static func withoutSecrets(text: [UInt8]) -> String {
        var settings = Settings()
        var lines = ""
        for entry in INIReader(text).entries {
            guard let key = Schema.key(entry.section, entry.name), !entry.value.isEmpty,
                key.apply(&settings, entry.value) == nil
            else { continue }
            lines += key.path + " = " + (key.mayHoldSecret ? "(set)" : entry.value) + "\n"
        }
        return lines
    }

    /// Every key that is known, as `section.key`, with its default.
    package static var keys: [(path: String, standard: String)] {
        Schema.keys.map { ($0.path, $0.standard) }
    }

    /// The settings that matter at first sight, for `config check`.
    package static func describe(_ settings: Settings) -> String {
        var text = "box            \(settings.box.name), recordings in \(settings.box.stateDirectory)\n"
        text += "microphone     \(settings.audio.device)\n"
        let transcription = settings.transcription
        text += "transcription  " + (transcription.enabled ? transcription.tokenURL : "off: record only") + "\n"
        text += "upload         " + (settings.upload.url.isEmpty ? "off: keep locally" : settings.upload.url) + "\n"
        switch settings.panel.driver {
        case .gpio: text += "panel          start \(settings.panel.startLine), stop \(settings.panel.stopLine)\n"
        case .socket: text += "panel          over the control socket\n"
        case .none: text += "panel          none\n"
        }
        return text
    }
}

/// Settings that can be used in any case: what is wrong or unknown has its default. A class, since copies of so many
/// values cost kilobytes.
package final class ConfigurationReading {
    /// That is being read, or was last.
    private var file = ""
    /// The board's own.
    fileprivate var defaults: [INIReader.Entry] = []
    package var settings = Settings()
    /// The first `Limits.configurationProblems` mistakes.
    package private(set) var problems: [ConfigurationProblem] = []
    /// How many more there are.
    package private(set) var furtherProblems = 0
    /// The mistake that keeps the box from transcribing: where the audio goes, or whether it may, is not known.
    package private(set) var transcriptionProblem: String?

    fileprivate init() {
        for key in Schema.keys {
            let problem = key.apply(&settings, key.standard)
            assert(problem == nil, key.path)
        }
    }

    package var mistakeCount: Int { problems.count + furtherProblems }

    /// For people, a line each.
    package var mistakes: [String] {
        problems.map { $0.text } + (furtherProblems > 0 ? ["and \(furtherProblems) more"] : [])
    }

    /// What the text cannot tell: of a file that cannot be read, or a setting that shows it only in use.
    package func add(_ message: String, file: String = "", key: String = "") {
        problems.insert(ConfigurationProblem(file: file, line: nil, key: key, message: message), at: 0)
    }

    /// The entries that count.
    fileprivate func read(_ reader: INIReader, of file: String) -> [INIReader.Entry] {
        self.file = file
        var seen: [(path: String, line: Int)] = []
        var accepted: [INIReader.Entry] = []
        for problem in reader.problems { report(problem.line, "", problem.message) }
        for section in reader.sections where !Schema.sections.contains(section.name) {
            let hint = Self.suggestion(section.name, Schema.sections)
            report(section.line, "", "unknown section [\(section.name)]" + hint)
        }
        for entry in reader.entries where entry.section.isEmpty || Schema.sections.contains(entry.section) {
            if let key = Schema.key(entry.section, entry.name) {
                if let first = seen.first(where: { $0.path == key.path })?.line {
                    report(entry.line, key.path, "given twice: line \(first) has it already")
                    continue
                }
                seen.append((key.path, entry.line))
            }
            if apply(entry.section, entry.name, entry.value, line: entry.line) { accepted.append(entry) }
        }
        problems = problems.ordered { ($0.line ?? .max) < ($1.line ?? .max) }
        return accepted
    }

    fileprivate func override(_ text: String) {
        guard let (path, value) = text.cut(at: "="), let (section, name) = path.cut(at: ".") else {
            let message = "\(text) is not section.key=value"
            report(nil, "", in: "--set", message)
            return
        }
        _ = apply(section, name, value, line: nil)
    }

    /// An empty value means the default, as it does in the example.
    private func standard(_ key: SchemaKey) -> String {
        defaults.first { $0.section == key.section && $0.name == key.name && !$0.value.isEmpty }?.value ?? key.standard
    }

    /// Whether it counts.
    private func apply(_ section: String, _ name: String, _ value: String, line: Int?) -> Bool {
        let path = section.isEmpty ? name : section + "." + name
        guard let key = Schema.key(section, name) else {
            let message = section.isEmpty ? "a key before the first [section]" : "unknown key"
            let shown = Schema.isName(name) ? path : section
            report(line, shown, message + Self.suggestion(path, Schema.keys.map { $0.path }))
            return false
        }
        let before = settings
        guard let accepted = key.apply(&settings, value.isEmpty ? standard(key) : value) else { return true }
        settings = before
        let what = key.mayHoldSecret ? "what is given" : "`\(value)`"
        report(line, path, "\(what) is not accepted; accepted: \(accepted)")
        return false
    }

    /// What no single key can tell.
    fileprivate func checkWhole() {
        if settings.transcription.enabled, settings.transcription.tokenURL.isEmpty,
            !problems.contains(where: { $0.key == "transcription.token_url" })
        {
            let message = "missing; give the token endpoint's address, or transcription.enabled = no to record only"
            report(nil, "transcription.token_url", message)
        }
        checkUpload()
        guard settings.panel.driver == .gpio else { return }
        checkLamps()
        if settings.panel.startLine.isEmpty {
            report(nil, "panel.start_line", "missing; panel.driver = gpio needs a button")
        }
        if settings.panel.greenLine.isEmpty, settings.panel.redLine.isEmpty {
            report(nil, "panel.green_line", "missing; panel.driver = gpio needs a light")
        }
    }

    /// A line does one thing, but for one button that is both; a lamp is driven by no other's line.
    private func checkLamps() {
        var taken = [settings.panel.startLine, settings.panel.stopLine]
        checkLamp("panel.green_line", &settings.panel.greenLine, &taken)
        checkLamp("panel.amber_line", &settings.panel.amberLine, &taken)
        checkLamp("panel.red_line", &settings.panel.redLine, &taken)
    }

    @inline(never)
    private func checkLamp(_ key: String, _ line: inout String, _ taken: inout [String]) {
        guard !line.isEmpty, taken.contains(line) else { return taken.append(line) }
        report(nil, key, "\(line) is a button's line, or another lamp's; this lamp is not used")
        line = ""
    }

    private func checkUpload() {
        let upload = settings.upload
        if upload.url.isEmpty, !upload.manifestURL.isEmpty {
            report(nil, "upload.url", "missing; upload.manifest_url alone uploads nothing")
        }
        guard upload.certificateFile.isEmpty != upload.keyFile.isEmpty else { return }
        let missing = upload.keyFile.isEmpty ? "upload.key_file" : "upload.certificate_file"
        report(nil, missing, "missing; a certificate and its key are given together")
        (settings.upload.certificateFile, settings.upload.keyFile) = ("", "")
    }

    private static func suggestion(_ name: String, _ names: [String]) -> String {
        SpellingHint.nearest(to: name, among: names).map { "; did you mean \($0)?" } ?? ""
    }

    /// - Parameter message: worked out only when it is told: a file may be nothing but mistakes.
    private func report(
        _ line: Int?, _ key: String, in file: String? = nil, _ message: @autoclosure () -> String
    ) {
        let bars = transcriptionProblem == nil && Schema.barringTranscription.contains(key)
        let isTold = problems.count < Limits.configurationProblems
        if !isTold { furtherProblems += 1 }
        guard bars || isTold else { return }
        let problem = ConfigurationProblem(file: file ?? self.file, line: line, key: key, message: message())
        if bars { transcriptionProblem = problem.text }
        if isTold { problems.append(problem) }
    }
}
