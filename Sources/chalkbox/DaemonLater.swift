internal import LinuxRuntime
internal import RecorderCore
internal import RecordingStore
internal import SpeechUplink

/// What becomes of lessons once they are saved: the text that they lack.
extension Daemon {
    func later(_ input: BackfillInput) {
        for effect in backfill.receive(input, now: Clock.now) { perform(effect) }
    }

    /// Begins and ends of lessons: saved ones wait meanwhile.
    func noteLesson() {
        guard recorder.isRecording != hadLesson else { return }
        hadLesson = recorder.isRecording
        later(hadLesson ? .lessonBegan : .lessonEnded)
        if !hadLesson { later(.saved) }
    }

    func noteNetwork(_ input: RecorderInput) {
        switch input {
        case .networkChanged: later(.networkChanged)
        case .networkLost: later(.networkLost)
        default: break
        }
    }

    private func perform(_ effect: BackfillEffect) {
        switch effect {
        case .askText:
            toStore(.saved(.nextText(skipping: [])))
        case .storeTokens(let id, let tokens, let covered, let holes):
            toStore(.saved(.textTokens(id, tokens, covered: covered, holes: holes)))
        case .mergeSpeaker(let id, let retired, let speaker):
            toStore(.saved(.mergeSpeaker(id, retired, into: speaker)))
        case .settle(let id, let reason):
            toStore(.saved(.settleText(id, reason: reason)))
        case .fetchToken(let attempt):
            if let problem = fetchToken(attempt) { later(.tokenFailed(attempt: attempt, problem)) }
        case .cancelToken(let attempt):
            toUplink(.cancelToken(attempt: attempt))
        case .openSession(let request):
            toUplink(.open(request))
        case .closeSession(let session):
            toUplink(.close(session: session))
        case .cutAudio(let id, let range):
            toStore(.saved(.cutAudio(id, range)))
        case .removeCut(let id):
            toStore(.saved(.removeCut(id)))
        case .noteJob(let id, let job):
            toStore(.saved(.noteJob(id, fileID: job.file, transcriptionID: job.transcription)))
        case .request, .cancelRequest:
            break
        case .log(let entry):
            log.write(entry)
        }
    }

    func receive(_ event: SavedEvent) {
        switch event {
        case .text(let text): later(.text(text))
        case .textSettled(let id): later(.settled(id))
        case .textLost(let id): later(.textLost(id))
        case .audioCut(let id, let path, let bytes):
            later(bytes > 0 ? .audioCut(id, path: path) : .cutFailed(id, "the audio cannot be read from the journal"))
        case .failed(let error):
            log.write(.error, "store what=saved reason=\(LogEntry.quoted(error.message))")
        case .parcel, .parcelNoted, .jobNoted:
            break
        }
    }
}

extension BackfillInput {
    /// Sessions and requests with numbers below zero are the backfill's.
    init?(_ event: UplinkEvent) {
        switch event {
        case .token(let attempt, let key) where attempt < 0: self = .token(attempt: attempt, key)
        case .tokenFailed(let attempt, let failure) where attempt < 0:
            self = .tokenFailed(attempt: attempt, failure)
        case .opened(let session, _) where session < 0: self = .sessionOpened(session: session)
        case .message(let session, let message) where session < 0:
            self = .sessionMessage(session: session, message)
        case .closed(let session, let failure) where session < 0: self = .sessionClosed(session: session, failure)
        case .token, .tokenFailed, .opened, .message, .sent, .audioWanted, .closed: return nil
        }
    }
}
