internal import LinuxRuntime
internal import RecorderCore
internal import WireJSON

/// The control socket's requests: one JSON object a line each way.
extension Daemon {
    func acceptClient() {
        guard let connection = clients.listener.accept() else { return }
        guard connection.peerMayCommand else {
            log.write(.warning, "refused what=control why=\"not root and not in group \(ControlListener.group)\"")
            connection.send(Answer.error("only root and members of group chalkbox may command the box", "denied"))
            return
        }
        guard let token = clients.add(connection) else {
            connection.send(Answer.error("\(Limits.controlClients) clients are connected already", "busy"))
            return
        }
        do throws(SystemError) {
            try loop.add(connection.fileDescriptor, token: token)
        } catch {
            log.write(.error, "control reason=\(LogEntry.quoted(error.message))")
            clients.remove(token, loop: loop)
        }
    }

    func serveClient(_ token: UInt64, hangUp: Bool) {
        guard let client = clients[token] else { return }
        client.connection.flush()
        for input in client.connection.receive() {
            switch input {
            case .line(let bytes):
                serve(bytes, client)
            case .tooLong:
                client.connection.send(Answer.error("a line over \(Limits.controlLineBytes) bytes", "bad-request"))
            }
        }
        clients.update(token, loop: loop)
    }

    private func serve(_ line: [UInt8], _ client: ControlClients.Client) {
        let request: JSONValue
        do throws(JSONError) {
            request = try JSONValue.parse(line, limitBytes: Limits.controlLineBytes)
        } catch {
            client.connection.send(Answer.error(error.message, "bad-request"))
            return
        }
        switch request["do"]?.string {
        case "start": client.connection.send(start(request))
        case "stop": client.connection.send(command(.stop))
        case "status": client.connection.send(statusLine())
        case "follow":
            client.followsStatus = true
            client.connection.send(statusLine())
        case "transcript":
            client.followsTranscript = true
            let transcript = recorder.lesson?.transcript
            client.connection.send(
                TranscriptLine.json(words: transcript?.recent ?? [], interim: transcript?.interim ?? ""))
        case "press": client.connection.send(button(request, pressed: true))
        case "release": client.connection.send(button(request, pressed: false))
        case .some(let verb):
            let known = "start, stop, status, follow, transcript, press, release"
            client.connection.send(Answer.error("unknown verb \(verb); known: \(known)", "bad-request"))
        case .none:
            client.connection.send(Answer.error("\"do\" is missing: {\"do\":\"status\"}", "bad-request"))
        }
    }

    private func start(_ request: JSONValue) -> String {
        let label = request["label"]?.string ?? ""
        guard label.utf8.count <= Limits.labelBytes else {
            return Answer.error("label: over \(Limits.labelBytes) bytes", "bad-request")
        }
        return command(.start(startRequest(label: label)))
    }

    /// Carries out a command and answers with the recording's name, or with why not.
    private func command(_ input: RecorderInput) -> String {
        refusal = nil
        receive(input)
        if let refusal { return Answer.error(refusal.why, refusal.code.name) }
        var writer = JSONWriter()
        writer.object { writer in
            writer.field("ok", true)
            writer.field("id", recorder.lesson?.header.id.text ?? "")
        }
        return writer.text
    }

    private func button(_ request: JSONValue, pressed: Bool) -> String {
        guard panel.acceptsSocketButtons else {
            return Answer.error("panel.driver is not socket: buttons are not pressed this way", "bad-request")
        }
        guard let name = request["button"]?.string, name == "start" || name == "stop" else {
            return Answer.error("button: accepted are start and stop", "bad-request")
        }
        for press in panel.edge(start: name == "start", pressed: pressed, now: Clock.now) { self.pressed(press) }
        return Answer.fine
    }
}

/// The short answers of the control socket.
enum Answer {
    static let fine = "{\"ok\":true}"

    static func error(_ why: String, _ code: String) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.field("ok", false)
            writer.field("error", why)
            writer.field("code", code)
        }
        return writer.text
    }
}
