/// What is waited for has a deadline: an answer that is lost, or never given, stops nothing for good.
extension Backfill {
    /// What is known of a lesson beside its text.
    struct Kept {
        let id: RecordingID
        let failures: Int
        let unreadable: Int
        let skipped: [SampleIndex]
        let lastError: String

        init(_ job: Job) {
            id = job.id
            failures = job.failures
            unreadable = job.unreadable
            skipped = job.skipped
            lastError = job.lastError
        }

        func give(to job: inout Job) {
            guard job.id == id else { return }
            job.failures = failures
            job.unreadable = unreadable
            job.skipped = skipped
            job.lastError = lastError
        }
    }

    /// Whoever is asked something, or comes on, has all his time again.
    mutating func expectAnswer(within milliseconds: Int64) {
        answerDue = now.adding(milliseconds: milliseconds)
    }

    mutating func answerMissing(_ effects: inout [BackfillEffect]) {
        // During a lesson the store has other things to do.
        guard !isPaused, answerDue <= now else { return }
        switch work {
        case .none:
            return
        case .asked:
            work = .none
            askAt = now
        case .lesson(var job):
            switch job.step {
            case .waiting, .requesting, .connecting, .polling, .done:
                return
            case .cutting:
                job.cut = nil
                failed(UplinkFailure(.stalled, "the audio was not cut in time"), &job, now, &effects)
            case .exchanging:
                effects.append(.cancelRequest)
                failed(UplinkFailure(.timeout, "the service gave no answer"), &job, now, &effects)
            case .live(let request):
                effects.append(.closeSession(request.number))
                close(session: request.number, &job, &effects)
                failed(UplinkFailure(.stalled, "the speech service said nothing any more"), &job, now, &effects)
            case .settling:
                // What the store has of it is where it goes on.
                work = .none
                askAt = now
            }
            if case .lesson = work { work = .lesson(job) }
        }
        effects.append(.log(LogEntry(.error, "transcribe state=stuck")))
    }

    /// What is there may end each session: after the second time it is left, for the sake of the others.
    func noteUnreadable(_ failure: UplinkFailure, _ job: inout Job, _ effects: inout [BackfillEffect]) {
        guard failure.kind == .messageMalformed || failure.kind == .messageTooLarge else {
            job.unreadable = 0
            return
        }
        job.unreadable += 1
        guard job.unreadable > 1, let hole = nextHole(job) else { return }
        job.unreadable = 0
        job.skipped.append(hole.lowerBound)
        let line = "hole state=left id=\(job.id.text) from_ms=\(hole.lowerBound.milliseconds)"
        effects.append(.log(LogEntry(.error, line + " reason=\(LogEntry.quoted(failure.detail))")))
    }
}
