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

    /// The next line; nil when the daemon is gone or the deadline passed.
    func line(until deadline: MonotonicTime? = nil) -> [UInt8]? {
        while lines.isEmpty {
            guard !connection.isClosed, Poll.readable(connection.fileDescriptor, until: deadline) else { return nil }
            for input in connection.receive() {
                if case .line(let bytes) = input { lines.append(bytes) }
            }
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
            Console.output("recording \(answer["id"]?.string ?? "")\n")
            return .fine
        }
    }

    static func stop(_ arguments: Arguments) -> Outcome {
        withDaemon(arguments) { client in
            client.send { $0.field("do", "stop") }
            guard let answer = accepted(client, "stop") else { return .failed }
            let id = answer["id"]?.string ?? ""
            guard !arguments.flags.contains("--no-wait") else {
                Console.output("finishing \(id)\n")
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
                Console.output("saved \(id)\n")
                return .fine
            }
            complain("stop: \(id) is not saved as a whole: \(problem); see `chalkbox doctor`")
            return .failed
        }
        complain("stop: the daemon did not say within \(wait / 1000) s that \(id) is saved; see `chalkbox status`")
        return .failed
    }

    static func status(_ arguments: Arguments) -> Outcome {
        let json = arguments.flags.contains("--json")
        let follow = arguments.flags.contains("--follow")
        return withDaemon(arguments) { client in
            client.send { $0.field("do", follow ? "follow" : "status") }
            repeat {
                let deadline = follow ? nil : Clock.now.adding(milliseconds: answerMilliseconds)
                guard let line = client.line(until: deadline) else {
                    complain("status: the daemon closed the connection; see `journalctl -u chalkbox`")
                    return .failed
                }
                if json {
                    Console.output(line + [0x0A])
                } else if let status = try? JSONValue.parse(line, limitBytes: Limits.controlOutputBytes) {
                    Console.output(StatusText.text(of: status))
                }
            } while follow
            return .fine
        }
    }

    static func transcript(_ arguments: Arguments) -> Outcome {
        let json = arguments.flags.contains("--json")
        let follow = arguments.flags.contains("--follow")
        return withDaemon(arguments) { client in
            client.send { $0.field("do", "transcript") }
            var speaker = ""
            repeat {
                let deadline = follow ? nil : Clock.now.adding(milliseconds: answerMilliseconds)
                guard let line = client.line(until: deadline) else {
                    complain("transcript: the daemon closed the connection; see `journalctl -u chalkbox`")
                    return .failed
                }
                if json {
                    Console.output(line + [0x0A])
                } else if let part = try? JSONValue.parse(line, limitBytes: Limits.controlOutputBytes) {
                    show(part["words"]?.array ?? [], &speaker)
                    if let retired = part["speaker"]?.string, let name = part["isSpeaker"]?.string {
                        Console.output("\n(Speaker \(retired) is Speaker \(name))\n")
                        speaker = ""
                    }
                }
            } while follow
            if !json { Console.output("\n") }
            return .fine
        }
    }

    private static func show(_ words: [JSONValue], _ speaker: inout String) {
        for word in words {
            let name = word["speaker"]?.string ?? ""
            if name != speaker {
                Console.output((speaker.isEmpty ? "" : "\n") + "Speaker \(name):")
                speaker = name
            }
            Console.output(" " + (word["text"]?.string ?? ""))
        }
    }

    static func accepted(_ client: DaemonClient, _ what: String) -> JSONValue? {
        guard let answer = client.answer(until: Clock.now.adding(milliseconds: answerMilliseconds)) else {
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

    private static func connect(_ arguments: Arguments) throws(SystemError) -> DaemonClient {
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
