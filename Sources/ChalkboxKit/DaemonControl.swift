internal import Configuration
internal import ControlProtocol
internal import LinuxRuntime
internal import RecorderCore
internal import WireJSON

/// The control socket's requests: one JSON object a line each way.
extension Daemon {
    func acceptClient() {
        do throws(SystemError) {
            guard let connection = try clients.listener.accept() else { return }
            guard connection.peerMayCommand else {
                log.write(.warning, "refused what=control why=\"not root and not in group \(ControlListener.group)\"")
                connection.send(Answer.error("only root and members of group chalkbox may command the box", "denied"))
                return
            }
            if try clients.add(connection, loop: loop) { reached(.controlClients) }
        } catch {
            reached(.descriptors)
            clients.pause(loop: loop)
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
        let bounds = ControlRequest.Bounds(lineBytes: Limits.controlLineBytes, labelBytes: Limits.labelBytes)
        let request: ControlRequest
        do throws(ControlRequest.Refusal) {
            request = try ControlRequest(line, bounds)
        } catch {
            client.connection.send(Answer.error(error.message, "bad-request"))
            return
        }
        clients.heard(client, stays: request.stays)
        client.connection.send(answer(request, client))
    }

    private func answer(_ request: ControlRequest, _ client: ControlClients.Client) -> String {
        switch request {
        case .start(let label):
            if let mistake = label.labelMistake { return Answer.error(mistake, "bad-request") }
            if stopping { return Answer.error(Self.isEnding, "ending") }
            return command(.start(startRequest(label: label)))
        case .stop:
            return command(.stop)
        case .status:
            return statusLine()
        case .follow(let meters):
            client.followsStatus = true
            client.followsMeters = meters
            return statusLine()
        case .transcript:
            client.followsTranscript = true
            let transcript = recorder.lesson?.transcript
            return TranscriptLine.json(words: transcript?.recent ?? [], interim: transcript?.interim ?? "")
        case .listen:
            return listen(client)
        case .button(let button, let isPressed):
            return press(button, isPressed)
        case .copying(let hasFailed):
            client.copying = hasFailed ? .failed : .running
            return Answer.fine
        case .uploadRetry(let id):
            guard !settings.upload.url.isEmpty else {
                return Answer.error("nothing is uploaded by this box: upload.url is empty", "not-configured")
            }
            retryUploads(id.flatMap { RecordingID($0) })
            return Answer.fine
        }
    }

    /// Carries out a command and answers with the recording's name, or with why not.
    private func command(_ input: RecorderInput) -> String {
        refusal = nil
        receive(input)
        if let refusal { return Answer.error(refusal.why, refusal.code.name) }
        var writer = JSONWriter()
        writer.object { writer in
            writer.field("ok", true)
            writer.field("id", recorder.newestRecording?.text ?? "")
        }
        return writer.text
    }

    private func press(_ button: ControlRequest.Button, _ isPressed: Bool) -> String {
        guard panel.acceptsSocketButtons else {
            return Answer.error("panel.driver is not socket: buttons are not pressed this way", "bad-request")
        }
        panel.edge(button == .start ? .start : .stop, pressed: isPressed, now: Clock.now) { pressed($0) }
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
