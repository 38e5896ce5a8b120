internal import LinuxRuntime
internal import RecorderCore

/// Those who are connected to the control socket, and what each of them follows.
final class ControlClients {
    final class Client {
        let token: UInt64
        let connection: ControlConnection
        var followsStatus = false
        var followsMeters = false
        var followsTranscript = false
        /// The first sample of the lesson that it was not sent; nil: it does not listen.
        var hears: SampleIndex?
        /// It wants to open the microphone itself, between lessons.
        var borrows = false
        var copying = USBExportState.none
        var waitsWritable = false

        init(_ token: UInt64, _ connection: ControlConnection) {
            self.token = token
            self.connection = connection
        }
    }

    let listener: ControlListener
    private(set) var clients: [Client] = []
    private var places = ControlPlaces()
    private var nextToken = Daemon.Token.firstClient
    /// No descriptor was left for who comes: nobody is taken in until then.
    private var pausedUntil: MonotonicTime?
    /// When those who listen are sent the next samples.
    var feedAt: MonotonicTime?
    private var publishedKey: StatusKey?
    private var publishedPeriods: Int64 = 0

    init(_ listener: ControlListener) {
        self.listener = listener
    }

    var copying: USBExportState {
        if clients.contains(where: { $0.copying == .running }) { return .running }
        return clients.contains { $0.copying == .failed } ? .failed : .none
    }

    var hasBorrower: Bool { clients.contains { $0.borrows } }

    subscript(token: UInt64) -> Client? { clients.first { $0.token == token } }

    /// - Returns: whether another one had to go for it.
    func add(_ connection: ControlConnection, loop: EventLoop) throws(SystemError) -> Bool {
        nextToken += 1
        try loop.add(connection.fileDescriptor, token: nextToken)
        clients.append(Client(nextToken, connection))
        guard let leaving = places.add(nextToken, now: Clock.now) else { return false }
        dismiss(leaving, loop: loop)
        return true
    }

    func remove(_ token: UInt64, loop: EventLoop) {
        guard let place = clients.firstIndex(where: { $0.token == token }) else { return }
        let client = clients.remove(at: place)
        places.remove(token)
        loop.remove(client.connection.fileDescriptor)
        // Its descriptor is free in a moment.
        if pausedUntil != nil { pausedUntil = Clock.now }
    }

    func heard(_ client: Client, stays: Bool) {
        places.heard(client.token, now: Clock.now)
        if stays { places.keep(client.token) }
    }

    private func dismiss(_ token: UInt64, loop: EventLoop) {
        let why = "others came, or nothing was asked for \(Limits.controlIdleMilliseconds / 1_000) s"
        self[token]?.connection.send(Answer.error(why, "busy"))
        remove(token, loop: loop)
    }

    /// The listener would wake the loop again and again for a caller who cannot be taken in.
    func pause(loop: EventLoop) {
        loop.remove(listener.fileDescriptor)
        pausedUntil = Clock.now.adding(milliseconds: Limits.controlPauseMilliseconds)
    }

    var nextDeadline: MonotonicTime? { [pausedUntil, places.nextDeadline, feedAt].compactMap { $0 }.min() }

    func elapsed(now: MonotonicTime, loop: EventLoop) {
        while let token = places.expired(now: now) { dismiss(token, loop: loop) }
        guard let until = pausedUntil, now >= until, (try? listen(loop: loop)) != nil else { return }
        pausedUntil = nil
    }

    func listen(loop: EventLoop) throws(SystemError) {
        try loop.add(listener.fileDescriptor, token: Daemon.Token.listener)
    }

    /// Whether somebody wants to see the microphone's meters.
    var isMetered: Bool { clients.contains { $0.followsMeters } }

    /// Tells the followers of `status`, when something of it changed, or the meters have for those who watch them.
    /// - Parameter periods: of sound in this lesson.
    func publish(status line: () -> String, key: StatusKey, periods: Int64, loop: EventLoop) {
        let (isChanged, isMetered) = (key != publishedKey, periods != publishedPeriods)
        guard isChanged || isMetered else { return }
        publishedKey = key
        publishedPeriods = periods
        let isTold: (Client) -> Bool = { isChanged && $0.followsStatus || isMetered && $0.followsMeters }
        guard clients.contains(where: isTold) else { return }
        send(line(), loop: loop, where: isTold)
    }

    /// Tells the followers of the transcript.
    func publish(words: [Word], loop: EventLoop) {
        guard clients.contains(where: { $0.followsTranscript }) else { return }
        send(TranscriptLine.json(words: words, interim: ""), loop: loop) { $0.followsTranscript }
    }

    func publish(interim: String, loop: EventLoop) {
        guard clients.contains(where: { $0.followsTranscript }) else { return }
        send(TranscriptLine.json(words: [], interim: interim), loop: loop) { $0.followsTranscript }
    }

    func publish(merged retired: Int, into speaker: Int, loop: EventLoop) {
        guard clients.contains(where: { $0.followsTranscript }) else { return }
        send(TranscriptLine.json(merged: retired, into: speaker), loop: loop) { $0.followsTranscript }
    }

    private func send(_ line: String, loop: EventLoop, where wanted: (Client) -> Bool) {
        for client in clients where wanted(client) {
            client.connection.send(line)
            update(client.token, loop: loop)
        }
    }

    /// Watches for room to write while something is queued; drops who is gone or does not read.
    func update(_ token: UInt64, loop: EventLoop) {
        guard let client = self[token] else { return }
        guard !client.connection.isClosed else {
            remove(token, loop: loop)
            return
        }
        let wanted = client.connection.wantsWritable
        guard wanted != client.waitsWritable else { return }
        client.waitsWritable = wanted
        do throws(SystemError) {
            try loop.wantWritable(wanted, client.connection.fileDescriptor, token: token)
        } catch {
            remove(token, loop: loop)
        }
    }
}

/// What followers of the transcript are sent: final words once each, and what may still change.
enum TranscriptLine {
    static func json(words: [Word], interim: String) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.field("ok", true)
            writer.array("words") { writer in
                for word in words {
                    writer.object { writer in
                        writer.field("speaker", word.speaker > 0 ? String(word.speaker) : "")
                        writer.field("text", word.text)
                        writer.field("joined", word.link != .spaced)
                        writer.field("startMs", word.start.milliseconds)
                        writer.field("endMs", word.end.milliseconds)
                    }
                }
            }
            writer.field("interim", interim)
        }
        return writer.text
    }

    /// Words that were sent with the speaker's number are another's.
    static func json(merged retired: Int, into speaker: Int) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.field("ok", true)
            writer.array("words") { _ in }
            writer.field("speaker", String(retired))
            writer.field("isSpeaker", String(speaker))
        }
        return writer.text
    }
}
