/// Holes sent as files to the service's asynchronous API: cut, sent, transcribed, asked for, deleted there.
extension Backfill {
    /// What comes next for the file that the service has, or for what an earlier try left there.
    ///
    /// - Returns: false when there is nothing, and a new hole can be begun.
    mutating func stepFiles(_ job: inout Job, _ now: MonotonicTime, _ effects: inout [BackfillEffect]) -> Bool {
        guard let cut = job.cut else {
            guard !job.atService.isEmpty else { return false }
            delete(&job, &effects)
            return true
        }
        if cut.path.isEmpty {
            cutAudio(cut, &job, &effects)
        } else if job.atService.file.isEmpty {
            exchange(.uploadAudio(job.id, path: cut.path), &job, &effects)
        } else if job.atService.transcription.isEmpty {
            exchange(.create(job.id, file: job.atService.file), &job, &effects)
        } else {
            exchange(.state(transcription: job.atService.transcription), &job, &effects)
        }
        return true
    }

    mutating func cut(_ hole: Range<SampleIndex>, _ job: inout Job, _ effects: inout [BackfillEffect]) {
        let cut = Cut(hole: hole, range: span(of: hole, job))
        job.cut = cut
        cutAudio(cut, &job, &effects)
    }

    private mutating func cutAudio(_ cut: Cut, _ job: inout Job, _ effects: inout [BackfillEffect]) {
        job.step = .cutting
        expectAnswer(within: Limits.storeWorkMilliseconds)
        effects.append(.cutAudio(job.id, cut.range))
    }

    mutating func exchange(_ request: TranscriptionRequest, _ job: inout Job, _ effects: inout [BackfillEffect]) {
        var time = Limits.exchangeMilliseconds
        if case .uploadAudio = request { time = Limits.audioExchangeMilliseconds }
        expectAnswer(within: time)
        job.step = .exchanging(request)
        effects.append(.request(request))
    }

    mutating func receiveFiles(
        _ input: BackfillInput, _ job: inout Job, _ now: MonotonicTime, _ effects: inout [BackfillEffect]
    ) {
        switch input {
        case .audioCut(job.id, let path) where job.step == .cutting:
            job.cut?.path = path
            job.step = .waiting(until: now)
        case .cutFailed(job.id, let reason) where job.step == .cutting:
            job.cut = nil
            failed(UplinkFailure(.stalled, reason), &job, now, &effects)
        case .answer(let answer):
            guard case .exchanging(let request) = job.step else { return }
            receive(answer, of: request, &job, now, &effects)
        default:
            break
        }
    }

    private mutating func receive(
        _ answer: TranscriptionAnswer, of request: TranscriptionRequest, _ job: inout Job, _ now: MonotonicTime,
        _ effects: inout [BackfillEffect]
    ) {
        switch answer {
        case .file(let name):
            job.atService.file = name
            effects.append(.noteJob(job.id, job.atService))
            job.step = .waiting(until: now)
        case .transcription(let name):
            job.atService.transcription = name
            effects.append(.noteJob(job.id, job.atService))
            job.polls = 0
            poll(&job, now)
        case .pending:
            guard job.polls >= Limits.backfillPolls else {
                poll(&job, now)
                return
            }
            drop(&job, &effects)
            failed(UplinkFailure(.timeout, "the service did not transcribe it in time"), &job, now, &effects)
        case .completed:
            exchange(.transcript(transcription: job.atService.transcription), &job, &effects)
        case .refused(let why):
            drop(&job, &effects)
            job.refusals += 1
            failed(
                UplinkFailure(.stalled, "the service could not transcribe it: " + why),
                isFinal: job.refusals >= Limits.backfillRefusals, &job, now, &effects)
        case .text(let tokens):
            place(tokens, &job, &effects)
            job.refusals = 0
            drop(&job, &effects)
            job.step = .waiting(until: now)
        case .deleted:
            forget(request, &job, now, &effects)
        case .failed(let failure):
            fileFailed(failure, request, &job, now, &effects)
        }
    }

    /// 1, 2, 4 … 30 s: a file of some minutes takes seconds, one of an hour a minute or two.
    private func poll(_ job: inout Job, _ now: MonotonicTime) {
        job.polls += 1
        let wait = min(Int64(1_000) << Int64(min(job.polls - 1, 10)), Limits.backfillPollMilliseconds)
        job.step = .polling(at: now.adding(milliseconds: wait))
    }

    private mutating func place(
        _ tokens: [ServiceToken], _ job: inout Job, _ effects: inout [BackfillEffect]
    ) {
        guard let cut = job.cut else { return }
        let session = nextNumber()
        job.transcript.open(session: session, base: cut.range.lowerBound, hole: cut.hole)
        let length = cut.range.upperBound.milliseconds - cut.range.lowerBound.milliseconds
        let message = ServiceMessage(
            tokens: tokens, finalAudioMilliseconds: length, totalAudioMilliseconds: length, finished: true)
        take(message, session: session, &job, &effects)
        close(session: session, &job, &effects)
    }

    /// The file on the box has done its duty; what the service holds is deleted next.
    private func drop(_ job: inout Job, _ effects: inout [BackfillEffect]) {
        job.cut = nil
        effects.append(.removeCut(job.id))
    }

    private mutating func delete(_ job: inout Job, _ effects: inout [BackfillEffect]) {
        let transcription = job.atService.transcription
        exchange(
            transcription.isEmpty ? .deleteFile(job.atService.file) : .deleteTranscription(transcription), &job,
            &effects)
    }

    private func forget(
        _ request: TranscriptionRequest, _ job: inout Job, _ now: MonotonicTime, _ effects: inout [BackfillEffect]
    ) {
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
        effects.append(.noteJob(job.id, job.atService))
        job.step = .waiting(until: now)
    }

    private mutating func fileFailed(
        _ failure: UplinkFailure, _ request: TranscriptionRequest, _ job: inout Job, _ now: MonotonicTime,
        _ effects: inout [BackfillEffect]
    ) {
        switch (request, failure.kind) {
        case (.state, .httpStatus(404)), (.transcript, .httpStatus(404)), (.create, .httpStatus(404)):
            forget(request, &job, now, &effects)
            failed(failure, &job, now, &effects)
        case (.deleteTranscription, _), (.deleteFile, _):
            // The text is here: what cannot be deleted is left to the service's own end of it, 30 days (PROTOCOL,
            // Asynchronous API).
            job.undeleted += 1
            guard job.undeleted >= Limits.backfillRefusals else {
                failed(failure, &job, now, &effects)
                return
            }
            effects.append(.log(LogEntry(.warning, "transcribe id=\(job.id.text) state=left-at-service")))
            forget(request, &job, now, &effects)
        default:
            failed(failure, &job, now, &effects)
        }
    }
}
