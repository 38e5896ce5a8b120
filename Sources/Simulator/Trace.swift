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
        case .captureStopped(let end): "captureStopped at \(end.milliseconds) ms"
        case .captureSilence(let mark): "captureSilence \(span(mark.start..<mark.end)) \(mark.reason.name)"
        case .storeCommitted(let through): "storeCommitted through \(through.milliseconds) ms"
        case .token(let attempt, _): "token attempt=\(attempt)"
        case .tokenFailed(let attempt, let failure): "tokenFailed attempt=\(attempt): \(failure.detail)"
        case .sessionOpened(let session, let took): "sessionOpened \(session) after \(took) ms"
        case .sessionMessage(let session, let message): line(session, message)
        case .sessionClosed(let session, let failure): "sessionClosed \(session): \(failure?.detail ?? "by us")"
        case .captureStarted, .captureLost, .captureLevel, .captureBack, .storeOpened, .storeFailed, .storeRecovered,
            .storeClosed, .networkChanged, .networkLost, .tick:
            "\(input)"
        }
    }

    static func line(_ input: BackfillInput) -> String {
        switch input {
        case .text(let text):
            "text: \(text?.holes.count ?? 0) gaps, \(text?.recording.words.count ?? 0) words near them"
        case .token(let attempt, _): "token attempt=\(attempt)"
        case .sessionMessage(let session, let message): line(session, message)
        case .answer(.text(let tokens)): line(0, ServiceMessage(tokens: tokens, finished: true))
        case .saved, .lessonBegan, .lessonEnded, .networkChanged, .networkLost, .textLost, .settled, .retry,
            .tokenFailed, .sessionOpened, .sessionClosed, .clipMade, .clipFailed, .answer, .tick:
            "\(input)"
        }
    }

    private static func line(_ session: Int, _ message: ServiceMessage) -> String {
        let finals = message.tokens.filter(\.isFinal)
        let words = finals.map { "\($0.text)@\($0.startMilliseconds)/\($0.speaker)" }.joined()
        let times = "final=\(message.finalAudioMilliseconds) total=\(message.totalAudioMilliseconds)"
        return "sessionMessage \(session) \(times)" + (message.finished ? " finished" : "") + words
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
        case .storeTokens(let tokens, let covered, _):
            "storeTokens" + tokens.map { "\($0.text)@\($0.start.milliseconds)/\($0.speaker)" }.joined()
                + " covered=\(covered.milliseconds)"
        case .openSession(let request):
            "openSession \(request.number) base=\(request.base.milliseconds) end=\(request.end?.milliseconds ?? -1)"
                + " rate=\(request.catchUpRate)\(request.isPrefetchedKey ? " spare key" : "")"
        case .closeStore(let end, let gaps, _):
            "closeStore end=\(end.milliseconds) gaps=\(gaps.map { span($0.start..<$0.end) })"
        case .openStore: "openStore"
        case .reopenStore: "reopenStore"
        case .mergeSpeaker(let retired, let speaker): "mergeSpeaker \(retired) into \(speaker)"
        case .startCapture, .stopCapture, .storeSilence, .storeLevel, .storeStopped, .commitStore, .fetchToken,
            .cancelToken, .finishSession, .closeSession, .refused:
            "\(effect)"
        }
    }
}
