internal import RecorderCore

/// Reads `chalkbox.conf` and collects every mistake in it, not just the first.
package enum ConfigurationFile {
    package enum Result: Equatable, Sendable {
        case settings(Settings)
        case problems([ConfigurationProblem])
    }

    /// - Parameters:
    ///   - file: the name for messages.
    ///   - overrides: `section.key=value`, applied after the file.
    package static func load(text: [UInt8], file: String, overrides: [String] = []) -> Result {
        var loader = Loader(file: file)
        loader.read(INIReader(text))
        for override in overrides { loader.override(override) }
        loader.checkWhole()
        return loader.problems.isEmpty ? .settings(loader.settings) : .problems(loader.problems)
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

private struct Loader {
    let file: String
    var settings = Settings()
    var problems: [ConfigurationProblem] = []
    private var seen: [(path: String, line: Int)] = []

    init(file: String) {
        self.file = file
        for key in Schema.keys {
            let problem = key.apply(&settings, key.standard)
            assert(problem == nil, key.path)
        }
    }

    mutating func read(_ reader: INIReader) {
        for problem in reader.problems { report(problem.line, "", problem.message) }
        for section in reader.sections where !Schema.sections.contains(section.name) {
            report(section.line, "", "unknown section [\(section.name)]" + suggestion(section.name, Schema.sections))
        }
        for entry in reader.entries where entry.section.isEmpty || Schema.sections.contains(entry.section) {
            let path = entry.section.isEmpty ? entry.name : entry.section + "." + entry.name
            if let first = seen.first(where: { $0.path == path })?.line {
                report(entry.line, path, "given twice: line \(first) has it already")
                continue
            }
            seen.append((path, entry.line))
            apply(entry.section, entry.name, entry.value, line: entry.line)
        }
        problems = problems.ordered { ($0.line ?? .max) < ($1.line ?? .max) }
    }

    mutating func override(_ text: String) {
        guard let (path, value) = text.cut(at: "="), let (section, name) = path.cut(at: ".") else {
            problems.append(
                ConfigurationProblem(file: "--set", line: nil, key: "", message: "\(text) is not section.key=value"))
            return
        }
        apply(section, name, value, line: nil)
    }

    private mutating func apply(_ section: String, _ name: String, _ value: String, line: Int?) {
        let path = section.isEmpty ? name : section + "." + name
        guard let key = Schema.keys.first(where: { $0.section == section && $0.name == name }) else {
            let message = section.isEmpty ? "a key before the first [section]" : "unknown key"
            report(line, path, message + suggestion(path, Schema.keys.map { $0.path }))
            return
        }
        // An empty value means the default, as it does in the example.
        if let accepted = key.apply(&settings, value.isEmpty ? key.standard : value) {
            report(line, path, "`\(value)` is not accepted; accepted: \(accepted)")
        }
    }

    /// What no single key can tell.
    mutating func checkWhole() {
        if settings.transcription.enabled, settings.transcription.tokenURL.isEmpty {
            let message = "missing; give the token endpoint's address, or transcription.enabled = no to record only"
            report(nil, "transcription.token_url", message)
        }
        checkUpload()
        guard settings.panel.driver == .gpio else { return }
        if settings.panel.startLine.isEmpty {
            report(nil, "panel.start_line", "missing; panel.driver = gpio needs a button")
        }
        if settings.panel.greenLine.isEmpty, settings.panel.redLine.isEmpty {
            report(nil, "panel.green_line", "missing; panel.driver = gpio needs a light")
        }
    }

    private mutating func checkUpload() {
        let upload = settings.upload
        if upload.url.isEmpty, !upload.manifestURL.isEmpty {
            report(nil, "upload.url", "missing; upload.manifest_url alone uploads nothing")
        }
        guard upload.certificateFile.isEmpty != upload.keyFile.isEmpty else { return }
        let missing = upload.keyFile.isEmpty ? "upload.key_file" : "upload.certificate_file"
        report(nil, missing, "missing; a certificate and its key are given together")
    }

    private func suggestion(_ name: String, _ names: [String]) -> String {
        Suggestion.nearest(to: name, among: names).map { "; did you mean \($0)?" } ?? ""
    }

    private mutating func report(_ line: Int?, _ key: String, _ message: String) {
        problems.append(ConfigurationProblem(file: file, line: line, key: key, message: message))
    }
}
