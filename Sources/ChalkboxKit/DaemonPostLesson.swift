internal import LinuxRuntime
internal import RecorderCore
internal import WebTransport

/// What becomes of lessons once they are saved: the text that they lack, and their way to the uploads.
extension Daemon {
    func transcribe(_ input: BackfillInput) {
        for effect in backfill.receive(input, now: Clock.now) { perform(effect) }
    }

    func deliver(_ input: OutboxInput) {
        for effect in outbox.receive(input, now: Clock.now) { perform(effect) }
    }

    func postLessonTick() {
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
        case .store(let command):
            toStore(.postLesson(command))
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
        case .store(let command):
            toStore(.postLesson(command))
        case .uplink(let command):
            if let event = toUplink(command) { transcribe(.uplink(event)) }
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
}
