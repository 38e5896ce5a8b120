internal import LinuxRuntime
internal import RecorderCore
internal import RecordingStore
internal import WebTransport

/// What becomes of lessons once they are saved: the text that they lack, and their way to the uploads.
extension Daemon {
    func transcribe(_ input: BackfillInput) {
        for effect in backfill.receive(input, now: Clock.now) { perform(effect) }
    }

    func deliver(_ input: OutboxInput) {
        for effect in outbox.receive(input, now: Clock.now) { perform(effect) }
    }

    func laterTick() {
        transcribe(.tick)
        if outbox.isAuthorizationBlocked, uploads.renewSecret(now: Clock.now) { deliver(.bearerChanged) }
        deliver(.tick)
    }

    /// Begins and ends of lessons: saved ones wait meanwhile.
    func noteLesson() {
        guard recorder.isRecording != hadLesson else { return }
        hadLesson = recorder.isRecording
        transcribe(hadLesson ? .lessonBegan : .lessonEnded)
        deliver(hadLesson ? .lessonBegan : .lessonEnded)
        guard !hadLesson else { return }
        transcribe(.saved)
        deliver(.saved)
    }

    func noteNetwork(_ input: RecorderInput) {
        switch input {
        case .networkChanged:
            transcribe(.networkChanged)
            deliver(.networkChanged)
        case .networkLost:
            transcribe(.networkLost)
            deliver(.networkLost)
        default: break
        }
    }

    /// What the school's servers and the service's asynchronous interface have said.
    func takeAnswers() {
        counted(.uploadCommands, total: uploads.refusals)
        for event in uploads.takeEvents() {
            switch event {
            case .progress(let call, let bytes):
                if uploads.isUpload(call) { deliver(.progress(bytes: bytes)) }
            case .ended(let call):
                if let answer = uploads.uploadAnswer(call) { deliver(.answer(answer)) }
                if let answer = uploads.transcriptionAnswer(call) { transcribe(.answer(answer)) }
            }
        }
    }

    /// A person does not want to wait.
    func retryUploads(_ id: RecordingID?) {
        _ = uploads.renewSecret(now: Clock.now)
        transcribe(.retry)
        deliver(.retry(id))
    }

    private func perform(_ effect: OutboxEffect) {
        switch effect {
        case .askPackage(let skipped):
            toStore(.saved(.nextPackage(skipping: skipped)))
        case .note(let id, let name, let url, let isSent):
            toStore(.saved(.packageFile(id, name: name, url: url, isSent: isSent)))
        case .done(let id):
            toStore(.saved(.packageDone(id)))
        case .request(let request):
            uploads.send(request)
        case .cancelRequest:
            uploads.cancelUpload()
        case .log(let entry):
            log.write(entry)
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
        case .uplink(let command):
            if let event = toUplink(command) { transcribe(.uplink(event)) }
        case .makeClip(let id, let range):
            toStore(.saved(.makeClip(id, range)))
        case .removeClip(let id):
            toStore(.saved(.removeClip(id)))
        case .noteJob(let id, let job):
            toStore(.saved(.noteJob(id, fileID: job.file, transcriptionID: job.transcription)))
        case .request(let request):
            uploads.send(request)
        case .cancelRequest:
            uploads.cancelTranscription()
        case .reached(let bound, let count):
            reached(bound, count: count)
        case .log(let entry):
            log.write(entry)
        }
    }

    func receive(_ event: SavedEvent) {
        switch event {
        case .text(let text): transcribe(.text(text))
        case .textSettled(let id):
            transcribe(.settled(id))
            deliver(.saved)
        case .package(let package, let waiting, let bytesLeft):
            deliver(.package(package, waiting: waiting, bytesLeft: bytesLeft))
        case .packageNoted(let id, let name): deliver(.noted(id, name))
        case .textLost(let id): transcribe(.textLost(id))
        case .clipMade(let id, let path, let bytes):
            let failure = "the audio cannot be read from the journal"
            transcribe(bytes > 0 ? .clipMade(id, path: path) : .clipFailed(id, failure))
        case .failed(let error):
            log.write(.error, "store what=saved reason=\(LogEntry.quoted(error.message))")
        }
    }
}
