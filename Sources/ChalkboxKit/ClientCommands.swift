internal import Configuration
internal import LinuxRuntime
internal import RecorderCore
internal import WireJSON

/// A conversation with the daemon over its control socket.
final class DaemonClient {
    private let connection: ControlConnection
    private let path: String
    private var lines: [[UInt8]] = []

    init(path: String) throws(SystemError) {
        self.path = path
        connection = try ControlConnection(path: path)
    }

    func send(_ request: (inout JSONWriter) -> Void) {
        var writer = JSONWriter()
        writer.object(request)
        connection.send(writer.text)
    }

    var fileDescriptor: Int32 { connection.fileDescriptor }

    /// The next line; nil when the daemon is gone or the deadline passed.
    func line(until deadline: MonotonicTime? = nil) -> [UInt8]? {
        while lines.isEmpty {
            guard Poll.readable(connection.fileDescriptor, until: deadline) else { return nil }
            let inputs = connection.receive()
            for input in inputs {
                if case .line(let bytes) = input { lines.append(bytes) }
            }
            // Who is refused is told why before the request is read, and cannot send it any more.
            guard !inputs.isEmpty || !connection.isClosed else { return nil }
        }
        return lines.removeFirst()
    }

    func answer(until deadline: MonotonicTime? = nil) -> JSONValue? {
        guard let bytes = line(until: deadline) else { return nil }
        return try? JSONValue.parse(bytes, limitBytes: Limits.controlOutputBytes)
    }
}

/// `start`, `stop`, `status` and `transcript`: what the buttons do, and what the light says, in words.
enum ClientCommands {
    private static let answerMilliseconds: Int64 = 10_000

    static func start(_ arguments: Arguments) -> Outcome {
        withDaemon(arguments) { client in
            client.send { writer in
                writer.field("do", "start")
                if let label = arguments.last("--label") { writer.field("label", label) }
            }
            guard let answer = accepted(client, "start") else { return .failed }
            Console.line("recording \(answer.text("id"))")
            return .fine
        }
    }

    static func stop(_ arguments: Arguments) -> Outcome {
        withDaemon(arguments) { client in
            client.send { $0.field("do", "stop") }
            guard let answer = accepted(client, "stop") else { return .failed }
            let id = answer.text("id")
            guard !arguments.flags.contains("--no-wait") else {
                Console.line("finishing \(id)")
                return .fine
            }
            return awaitSaved(client, id)
        }
    }

    /// STOP is done when the last words and the last samples are on disk.
    private static func awaitSaved(_ client: DaemonClient, _ id: String) -> Outcome {
        let wait = Limits.captureStopMilliseconds + Limits.finishMilliseconds + Limits.storeCloseMilliseconds
        let deadline = Clock.now.adding(milliseconds: wait + answerMilliseconds)
        client.send { $0.field("do", "follow") }
        while let status = client.answer(until: deadline) {
            guard let finished = status["finished"], finished["id"]?.string == id else { continue }
            guard let problem = finished["problem"]?.string else {
                let sound = finished.text("sound")
                Console.line("saved " + id + (sound.isEmpty ? "" : ", but " + sound))
                return .fine
            }
            complain("stop: \(id) is not saved as a whole: \(problem); see `chalkbox doctor`")
            return .failed
        }
        complain("stop: the daemon did not say within \(wait / 1000) s that \(id) is saved; see `chalkbox status`")
        return .failed
    }

    static func status(_ arguments: Arguments) -> Outcome {
        let verb = arguments.flags.contains("--follow") ? "follow" : "status"
        return show(arguments, "status", verb, holds: "phase") { Console.output(StatusText.text(of: $0)) }
    }

    static func transcript(_ arguments: Arguments) -> Outcome {
        var speaker = ""
        let outcome = show(arguments, "transcript", "transcript", holds: "words") { part in
            show(part["words"]?.array ?? [], &speaker)
            if let retired = part["speaker"]?.string, let name = part["isSpeaker"]?.string {
                Console.output("\n" + "(Speaker \(retired) is Speaker \(name))".shown + "\n")
                speaker = ""
            }
        }
        if outcome == .fine, !arguments.flags.contains("--json") { Console.output("\n") }
        return outcome
    }

    /// Shows what the daemon answers: as it is with `--json`, else as `show` has it for people.
    @inline(never)
    private static func show(
        _ arguments: Arguments, _ what: String, _ verb: String, holds field: String, _ show: (JSONValue) -> Void
    ) -> Outcome {
        let json = arguments.flags.contains("--json")
        let follow = arguments.flags.contains("--follow")
        return withDaemon(arguments) { client in
            client.send { writer in
                writer.field("do", verb)
                if json, verb == "follow" { writer.field("meters", true) }
            }
            repeat {
                let line = client.line(until: follow ? nil : Clock.now.adding(milliseconds: answerMilliseconds))
                if json, let line { Console.output(line + [0x0A]) }
                guard let answer = accepted(line, what) else { return .failed }
                guard answer[field] != nil else {
                    complain("\(what): the daemon's answer has no \(field); is it another version?")
                    return .failed
                }
                if !json { show(answer) }
            } while follow
            return .fine
        }
    }

    private static func show(_ words: [JSONValue], _ speaker: inout String) {
        for word in words {
            let name = word.text("speaker")
            if name != speaker {
                Console.output((speaker.isEmpty ? "" : "\n") + "Speaker \(name.shown): ")
                speaker = name
            } else if word["joined"]?.bool != true {
                Console.output(" ")
            }
            Console.output((word.text("text")).shown)
        }
    }

    static func accepted(_ client: DaemonClient, _ what: String) -> JSONValue? {
        accepted(client.line(until: Clock.now.adding(milliseconds: answerMilliseconds)), what)
    }

    /// Nil after it was told why: no answer is one, nor is a refusal.
    private static func accepted(_ line: [UInt8]?, _ what: String) -> JSONValue? {
        guard let line, let answer = try? JSONValue.parse(line, limitBytes: Limits.controlOutputBytes) else {
            complain("\(what): the daemon did not answer; see `journalctl -u chalkbox`")
            return nil
        }
        guard answer["ok"]?.bool == true else {
            complain("\(what): \(answer["error"]?.string ?? "refused")")
            return nil
        }
        return answer
    }

    static func withDaemon(_ arguments: Arguments, _ body: (DaemonClient) -> Outcome) -> Outcome {
        do throws(SystemError) {
            return body(try connect(arguments))
        } catch {
            complain("\(error.message); is the daemon running? `systemctl status chalkbox`")
            return .notRunning
        }
    }

    @inline(never)
    static func connect(_ arguments: Arguments) throws(SystemError) -> DaemonClient {
        if let path = arguments.last("--socket") { return try DaemonClient(path: path) }
        return try connect(ConfigurationSource.read(arguments).settings)
    }

    /// The daemon listens at the usual place when it cannot at the configured one.
    static func connect(_ settings: Settings) throws(SystemError) -> DaemonClient {
        do throws(SystemError) {
            return try DaemonClient(path: settings.box.controlSocket)
        } catch {
            let standard = ConfigurationFile.standard.box.controlSocket
            guard standard != settings.box.controlSocket, let client = try? DaemonClient(path: standard) else {
                throw error
            }
            return client
        }
    }
}
