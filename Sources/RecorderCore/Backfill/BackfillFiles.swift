/// Gaps sent as files to the service's asynchronous API: clipped, sent, transcribed, asked for, deleted there.
extension Backfill {
    /// What comes next for the file that the service has, or for what an earlier try left there.
    ///
    /// - Returns: false when there is nothing, and a new gap can be begun.
    mutating func stepFiles(_ job: inout Job, _ turn: inout Turn) -> Bool {
        guard let clip = job.clip else {
            guard !job.atService.isEmpty else { return false }
            delete(&job, &turn)
            return true
        }
        if clip.path.isEmpty {
            askForClip(clip, &job, &turn)
        } else if job.atService.file.isEmpty {
            exchange(.uploadAudio(job.id, path: clip.path), &job, &turn)
        } else if job.atService.transcription.isEmpty {
            exchange(.create(job.id, file: job.atService.file), &job, &turn)
        } else {
            exchange(.state(transcription: job.atService.transcription), &job, &turn)
        }
        return true
    }

    mutating func makeClip(of gap: Range<SampleIndex>, _ job: inout Job, _ turn: inout Turn) {
        let clip = Clip(gap: gap, range: span(of: gap, job))
        job.clip = clip
        askForClip(clip, &job, &turn)
    }

    private mutating func askForClip(_ clip: Clip, _ job: inout Job, _ turn: inout Turn) {
        job.step = .makingClip
        expectAnswer(within: Limits.storeWorkMilliseconds, turn)
        turn.emit(.store(.makeClip(job.id, clip.range)))
    }

    mutating func exchange(_ request: TranscriptionRequest, _ job: inout Job, _ turn: inout Turn) {
        var time = Limits.exchangeMilliseconds
        if case .uploadAudio = request { time = Limits.audioExchangeMilliseconds }
        expectAnswer(within: time, turn)
        job.step = .exchanging(request)
        turn.emit(.request(request))
    }

    mutating func clipMade(_ path: String, bytes: Int64, _ job: inout Job, _ turn: inout Turn) {
        guard case .makingClip = job.step else { return }
        guard bytes > 0 else {
            job.clip = nil
            failed(UplinkFailure(.journal, "the audio cannot be read from the journal"), &job, &turn)
            return
        }
        job.clip?.path = path
        job.attempt.backOff(until: turn.now, &turn)
    }

    mutating func receive(
        _ answer: TranscriptionAnswer, of request: TranscriptionRequest, _ job: inout Job, _ turn: inout Turn
    ) {
        switch answer {
        case .file(let name):
            job.atService.file = name
            turn.emit(.store(.noteJob(job.id, job.atService)))
            job.attempt.backOff(until: turn.now, &turn)
        case .transcription(let name):
            job.atService.transcription = name
            turn.emit(.store(.noteJob(job.id, job.atService)))
            job.polls = 0
            poll(&job, turn)
        case .pending:
            guard job.polls >= Limits.backfillPolls else {
                poll(&job, turn)
                return
            }
            drop(&job, &turn)
            failed(UplinkFailure(.timeout, "the service did not transcribe it in time"), &job, &turn)
        case .completed:
            exchange(.transcript(transcription: job.atService.transcription), &job, &turn)
        case .refused(let why):
            drop(&job, &turn)
            job.refusals += 1
            failed(
                UplinkFailure(.notTranscribed, "the service could not transcribe it: " + why),
                isFinal: job.refusals >= Limits.backfillRefusals, &job, &turn)
        case .text(let message):
            place(message, &job, &turn)
            job.refusals = 0
            drop(&job, &turn)
            job.attempt.backOff(until: turn.now, &turn)
        case .deleted:
            forget(request, &job, &turn)
        case .failed(let failure):
            fileFailed(failure, request, &job, &turn)
        }
    }

    /// 1, 2, 4 … 30 s: a file of some minutes takes seconds, one of an hour a minute or two.
    private func poll(_ job: inout Job, _ turn: Turn) {
        job.polls += 1
        let wait = Backoff(capMilliseconds: Limits.backfillPollMilliseconds).milliseconds(job.polls)
        job.step = .polling(at: turn.after(milliseconds: wait))
    }

    private mutating func place(_ text: ServiceMessage, _ job: inout Job, _ turn: inout Turn) {
        guard let clip = job.clip else { return }
        let session = SessionID.backfill(nextNumber())
        job.transcript.open(session: session.rawValue, base: clip.range.lowerBound, gap: clip.gap)
        let length = clip.range.upperBound.milliseconds - clip.range.lowerBound.milliseconds
        var message = text
        (message.finalAudioMilliseconds, message.totalAudioMilliseconds) = (length, length)
        message.finished = true
        take(message, session: session, &job, &turn)
        close(session: session, &job, &turn)
    }

    /// The file on the box has done its duty; what the service holds is deleted next.
    private func drop(_ job: inout Job, _ turn: inout Turn) {
        job.clip = nil
        turn.emit(.store(.removeClip(job.id)))
    }

    private mutating func delete(_ job: inout Job, _ turn: inout Turn) {
        let transcription = job.atService.transcription
        exchange(
            transcription.isEmpty ? .deleteFile(job.atService.file) : .deleteTranscription(transcription), &job,
            &turn)
    }

    private func forget(_ request: TranscriptionRequest, _ job: inout Job, _ turn: inout Turn) {
        switch request {
        case .deleteTranscription:
            job.atService.transcription = ""
            job.undeleted = 0
        case .deleteFile: job.atService.file = ""
        // The service does not know it any more: it is sent again.
        case .state, .transcript: job.atService.transcription = ""
        case .create: job.atService.file = ""
        case .uploadAudio: break
        }
        turn.emit(.store(.noteJob(job.id, job.atService)))
        job.attempt.backOff(until: turn.now, &turn)
    }

    private mutating func fileFailed(
        _ failure: UplinkFailure, _ request: TranscriptionRequest, _ job: inout Job, _ turn: inout Turn
    ) {
        switch request {
        case .deleteTranscription, .deleteFile:
            // The text is here: what cannot be deleted is left to the service's own end of it, 30 days (PROTOCOL,
            // Asynchronous API).
            job.undeleted += 1
            guard job.undeleted >= Limits.backfillRefusals else {
                failed(failure, &job, &turn)
                return
            }
            turn.log(.warning, "transcribe id=\(job.id.text) state=left-at-service")
            forget(request, &job, &turn)
        case .state, .transcript, .create:
            if case .service(.httpStatus(404, _, _)) = failure.cause { forget(request, &job, &turn) }
            failed(failure, &job, &turn)
        case .uploadAudio:
            failed(failure, &job, &turn)
        }
    }
}
