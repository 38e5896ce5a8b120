internal import RecorderCore

/// Inputs and effects as lines for people.
enum Trace {
    static func span(_ range: Range<SampleIndex>) -> String {
        "\(range.lowerBound.milliseconds)–\(range.upperBound.milliseconds) ms"
    }

    static func line(_ input: RecorderInput) -> String {
        switch input {
        case .start: "START"
        case .resume(_, let place): "RESUME at \(place.milliseconds) ms"
        case .stop: "STOP"
        case .capture(.stopped(let end)): "captureStopped at \(end.milliseconds) ms"
        case .capture(.silence(let mark)): "captureSilence \(span(mark.start..<mark.end)) \(mark.reason.name)"
        case .store(.committed(let through)): "storeCommitted through \(through.milliseconds) ms"
        case .store(.closed(let summary)):
            "storeClosed \(summary.header.id.text) samples=\(summary.samples) words=\(summary.words)"
        case .uplink(.key(let attempt, _)): "key attempt=\(attempt.number)"
        case .uplink(.keyFailed(let attempt, let failure)): "keyFailed attempt=\(attempt.number): \(failure.detail)"
        case .uplink(.opened(let session, let took)): "sessionOpened \(session.rawValue) after \(took) ms"
        case .uplink(.message(let session, let message)): line(session, message)
        case .uplink(.closed(let session, let failure)):
            "sessionClosed \(session.rawValue): \(failure?.detail ?? "by us")"
        case .capture, .uplink, .store, .networkChanged, .networkLost, .tick:
            "\(input)"
        }
    }

    static func line(_ input: BackfillInput) -> String {
        switch input {
        case .store(.text(let text)):
            "text: \(text?.gaps.count ?? 0) gaps, \(text?.recording.words.count ?? 0) words near them"
        case .uplink(.key(let attempt, _)): "key attempt=\(attempt.number)"
        case .uplink(.message(let session, let message)): line(session, message)
        case .answer(.text(let message)): line(nil, message)
        case .saved, .lessonBegan, .lessonEnded, .networkChanged, .networkLost, .store, .retry, .uplink, .answer,
            .tick:
            "\(input)"
        }
    }

    private static func line(_ session: SessionID?, _ message: ServiceMessage) -> String {
        let finals = message.tokens.filter(\.isFinal)
        let words = finals.map { "\($0.text)@\($0.startMilliseconds)/\($0.speaker)" }.joined()
        let times = "final=\(message.finalAudioMilliseconds) total=\(message.totalAudioMilliseconds)"
        return "sessionMessage \(session?.rawValue ?? 0) \(times)" + (message.finished ? " finished" : "") + words
    }

    /// Whether it only logs a step of a session's machine: many small ones or few large ones are the same behaviour.
    static func isStep(_ effect: RecorderEffect) -> Bool {
        guard case .log(let entry) = effect else { return false }
        return entry.level == .debug && entry.line.hasPrefix("session name=")
    }

    /// Nil: not worth a line.
    static func line(_ effect: RecorderEffect) -> String? {
        switch effect {
        case .interim, .words: nil
        case .reached(let bound, let count): "limit \(bound.name) reached \(count) times"
        case .log(let entry): entry.level == .debug ? nil : "log: " + entry.line
        case .store(.words(let words, let covered, _)):
            "store words" + words.map { " \($0.text)@\($0.start.milliseconds)/\($0.speaker)" }.joined()
                + " covered=\(covered.milliseconds)"
        case .uplink(.open(let request)):
            "openSession \(request.id.rawValue) base=\(request.base.milliseconds)"
                + " end=\(request.end?.milliseconds ?? -1) rate=\(request.catchUpRate)"
                + (request.isPrefetchedKey ? " prefetched key" : "")
        case .store(.close(let end, let gaps, _)):
            "store close end=\(end.milliseconds) gaps=\(gaps.map { span($0.start..<$0.end) })"
        case .store(.open): "store open"
        case .capture, .store, .uplink, .refused:
            "\(effect)"
        }
    }
}
